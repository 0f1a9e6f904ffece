"""A sync with one CRM, as a workflow on a schedule: read what changed there, write what changed here. Ids, counts and enums only."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.client import Client, ScheduleOverlapPolicy
from temporalio.common import Priority, RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.crm import CrmActivities
    from models.crm import CrmMoved, CrmName, CrmOrder, CrmSynced, Stream

_PATIENT = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_interval=timedelta(minutes=1), maximum_attempts=5)
_ATTEMPT, _ALTOGETHER = timedelta(minutes=3), timedelta(minutes=20)
_STEPS = 200
"""Steps of one kind in one sync; what is left then the next one does."""
_LAST = Priority(priority_key=5)
"""After everything that leads wait for."""


@workflow.defn(name="CrmSync")
class CrmSync:
    """One sync. It begins where the last one ended, so nothing is lost when it fails: the schedule starts the next."""

    @workflow.run
    async def run(self, crm: CrmName) -> CrmSynced:
        """Sync once: in first, so that what people did in the CRM is known before anything is written there."""
        pulled = 0
        for stream in (Stream.PEOPLE, Stream.DEALS):
            pulled += await self._through(CrmActivities.pull, crm, stream)
        forgotten = await self._through(CrmActivities.forget, crm, Stream.LEADS)
        pushed = await self._through(CrmActivities.push, crm, Stream.LEADS)
        return CrmSynced(pulled=pulled, pushed=pushed, forgotten=forgotten)

    async def _through(self, step: Callable[[CrmActivities, CrmOrder], Awaitable[CrmMoved]], crm: CrmName, stream: Stream) -> int:
        count = 0
        for number in range(_STEPS):
            moved = await workflow.execute_activity_method(
                step,
                CrmOrder(crm=crm, stream=stream, first=number == 0),
                start_to_close_timeout=_ATTEMPT,
                schedule_to_close_timeout=_ALTOGETHER,
                retry_policy=_PATIENT,
                priority=_LAST,
            )
            count += moved.count
            if not moved.more:
                break
        return count


def schedule_id(crm: CrmName) -> str:
    """The id of a CRM's schedule; its workflows begin with the same."""
    return f"crm-{crm}"


async def hasten(client: Client, crm: CrmName) -> None:
    """Sync soon: at once, or when the sync under way is over.

    Raises:
        temporalio.service.RPCError: when Temporal is out of reach, or the CRM has no schedule.
    """
    await client.get_schedule_handle(schedule_id(crm)).trigger(overlap=ScheduleOverlapPolicy.BUFFER_ONE)
