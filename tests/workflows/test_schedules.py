"""What happens by the clock is there once, however often workers start, and stays paused where somebody paused it."""

from uuid import uuid4

from temporalio.client import Client

from workflows.schedules import ensure, schedules


async def test_schedules_are_made_once_brought_up_to_date_and_left_paused(temporal: Client) -> None:
    queue = f"test-{uuid4().hex}"
    await ensure(temporal, schedules(queue))
    handles = [temporal.get_schedule_handle(f"{queue}-{name}") for name in ("model-care", "nightly-rescore")]
    try:
        await handles[0].pause(note="not now")
        await ensure(temporal, schedules(queue))
        found = [await handle.describe() for handle in handles]
        assert [one.schedule.state.paused for one in found] == [True, False]
        assert found[0].schedule.spec.intervals[0].every.total_seconds() == 3600
        assert [hour.start for hour in found[1].schedule.spec.calendars[0].hour] == [2]
    finally:
        for handle in handles:
            await handle.delete()
