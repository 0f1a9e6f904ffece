"""What happens by the clock, whoever asks for it.

The model is looked after, scores fade at night, what is out of date about companies is asked again, the weekly digest leaves.
Every worker sees to it when it starts; a schedule that is there already is brought up to date, so that a new version's plan takes effect.
"""

from collections.abc import Mapping
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from models.crm import CrmName
from models.jobs import RescoreChunk
from workflows.crm import CrmSync, schedule_id
from workflows.digest import DigestWorkflow
from workflows.refreshing import RefreshWorkflow
from workflows.scoring import LAST, ModelCareWorkflow, RescoringWorkflow

_NIGHT = 2
_MINUTE = 17
_LATE = timedelta(hours=6)
_MONDAY = timedelta(days=2)
"""A Monday that Temporal slept through is made up for until Wednesday."""


def schedules(
    task_queue: str,
    *,
    zone: str = "UTC",
    digest: str = "",
    refresh: timedelta | None = None,
    crms: Mapping[CrmName, timedelta] | None = None,
) -> dict[str, Schedule | None]:
    """The schedules by their ids, None for one that is not wanted. Each task queue has its own, for it is an installation of its own.

    Args:
        task_queue: where workers listen.
        zone: the policy's, by whose clock the digest leaves.
        digest: when it leaves, as crontab has it; empty for never.
        refresh: how often what is known of companies is looked at; None for never.
        crms: how often each CRM that is configured is synced.
    """
    care = ScheduleActionStartWorkflow(
        ModelCareWorkflow.run, id=f"{task_queue}-model-care", task_queue=task_queue, priority=LAST, static_summary="Look after the model"
    )
    fading = ScheduleActionStartWorkflow(
        RescoringWorkflow.run,
        RescoreChunk(decayed=True),
        id=f"{task_queue}-nightly-rescore",
        task_queue=task_queue,
        priority=LAST,
        static_summary="Score again what fades",
    )
    refreshing = ScheduleActionStartWorkflow(
        RefreshWorkflow.run, id=f"{task_queue}-refresh-run", task_queue=task_queue, static_summary="Ask again what is out of date"
    )
    telling = ScheduleActionStartWorkflow(
        DigestWorkflow.run, id=f"digest-{task_queue}", task_queue=task_queue, static_summary="Weekly digest by e-mail"
    )
    hourly = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(hours=1), offset=timedelta(minutes=_MINUTE))])
    nightly = ScheduleSpec(calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(_NIGHT)], minute=[ScheduleRange(_MINUTE)])])
    refreshed = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=refresh)]) if refresh else None
    weekly = ScheduleSpec(cron_expressions=[digest], time_zone_name=zone) if digest else None
    return {
        f"{task_queue}-model-care": _schedule(care, hourly),
        f"{task_queue}-nightly-rescore": _schedule(fading, nightly),
        f"{task_queue}-refresh": _schedule(refreshing, refreshed) if refreshed else None,
        f"digest-{task_queue}": _schedule(telling, weekly, _MONDAY) if weekly else None,
        **{schedule_id(crm): _sync(crm, task_queue, (crms or {}).get(crm)) for crm in CrmName},
    }


def _sync(crm: CrmName, task_queue: str, every: timedelta | None) -> Schedule | None:
    if every is None:
        return None
    name = schedule_id(crm)
    action = ScheduleActionStartWorkflow(CrmSync.run, crm, id=name, task_queue=task_queue, static_summary=f"Sync with {crm}", priority=LAST)
    return _schedule(action, ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]), every)


def _schedule(action: ScheduleActionStartWorkflow, spec: ScheduleSpec, late: timedelta = _LATE) -> Schedule:
    return Schedule(action=action, spec=spec, policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=late))


async def ensure(client: Client, wanted: Mapping[str, Schedule | None]) -> None:
    """Make sure that schedules are there as this version wants them. Whoever paused one finds it paused; one that is not wanted goes.

    Args:
        client: to Temporal.
        wanted: as `schedules` has them.

    Raises:
        temporalio.service.RPCError: when Temporal is out of reach, or takes no such schedule.
    """
    for name, schedule in wanted.items():
        if schedule is None:
            await _drop(client, name)
            continue
        try:
            await client.create_schedule(name, schedule)
        except ScheduleAlreadyRunningError:

            async def renewed(found: ScheduleUpdateInput, wanted: Schedule = schedule) -> ScheduleUpdate:
                wanted.state = found.description.schedule.state
                return ScheduleUpdate(schedule=wanted)

            await client.get_schedule_handle(name).update(renewed)


async def _drop(client: Client, name: str) -> None:
    try:
        await client.get_schedule_handle(name).delete()
    except RPCError as err:
        if err.status is not RPCStatusCode.NOT_FOUND:
            raise
