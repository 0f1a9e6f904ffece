"""Lives whose histories are kept in `tests/histories/`, to be replayed by every later version of the workflows.

`python -m tests.workflows.scenarios` records the ones that are missing, under the version of the program. A recorded
history is never recorded anew: it stands for a lead that was under way when that version was replaced.
"""

import asyncio
import re
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.testing import WorkflowEnvironment

from models.lifecycle import ContactChannel, ContactOutcome, DispositionOutcome, Known, Role
from models.messages import Contact, Disposition, Release
from models.policy import Policy
from tests.engines import skipping
from tests.workflows.errands import ERRANDS, run
from tests.workflows.world import Lead, World, born, claim, start, user, worker
from workflows.lead import LeadWorkflow

HISTORIES = Path(__file__).parent.parent / "histories"
VERSION = "0.1"
PLAIN = Policy.model_validate({"review": {"when": []}, "nurture": {"quiet_hours": None}})
HIGH, MEDIUM, LOW = (Known(points=points, company=True) for points in (130, 60, 0))
Scenario = Callable[[WorkflowEnvironment, World, Lead], Awaitable[None]]


async def claimed_contacted_qualified_won(env: WorkflowEnvironment, world: World, lead: Lead) -> None:
    rep = world.reps[0]
    await claim(lead, rep)
    call = Contact(rep=rep, channel=ContactChannel.CALL, outcome=ContactOutcome.REACHED)
    await lead.execute_update(LeadWorkflow.contact, call)
    criteria: dict[str, float | bool] = {"budget_usd": 50_000, "authority": True, "need": True}
    qualified = Disposition(actor=rep, outcome=DispositionOutcome.QUALIFIED, criteria=criteria)
    await lead.execute_update(LeadWorkflow.disposition, qualified)
    await lead.execute_update(LeadWorkflow.disposition, Disposition(actor=rep, outcome=DispositionOutcome.WON, amount_usd=9))
    await lead.result()


async def high_assigned_twice_then_marketings(env: WorkflowEnvironment, world: World, lead: Lead) -> None:
    await env.sleep(timedelta(hours=49))


async def medium_nurtured_then_promoted(env: WorkflowEnvironment, world: World, lead: Lead) -> None:
    await env.sleep(timedelta(hours=5))
    world.known = HIGH
    await lead.signal("engage", {"stirring": True})
    await env.sleep(timedelta(hours=1))


async def low_let_go_with_nobody_doing_anything(env: WorkflowEnvironment, world: World, lead: Lead) -> None:
    await lead.result()


async def claimed_by_signal_then_handed_back(env: WorkflowEnvironment, world: World, lead: Lead) -> None:
    rep = world.reps[0]
    await lead.signal("claim", {"rep": rep})
    await env.sleep(timedelta(minutes=1))
    await lead.execute_update(LeadWorkflow.release, Release(rep=rep, note=user()))
    await env.sleep(timedelta(minutes=1))


async def retimed_by_a_new_policy(env: WorkflowEnvironment, world: World, lead: Lead) -> None:
    await claim(lead, world.reps[0])
    shorter = Policy.model_validate({"deadlines": {"contact": "2h"}})
    await lead.signal("policy_changed", {"version": 7, "document": shorter.model_dump_json()})
    await env.sleep(timedelta(hours=3))


async def ledger_away_for_a_while(env: WorkflowEnvironment, world: World, lead: Lead) -> None:
    world.away["commit"] = 8
    await lead.signal("claim", {"rep": world.reps[0]})
    await env.sleep(timedelta(hours=1))


SCENARIOS: dict[str, tuple[Scenario, Known]] = {
    scenario.__name__: (scenario, known)
    for scenario, known in (
        (claimed_contacted_qualified_won, MEDIUM),
        (high_assigned_twice_then_marketings, HIGH),
        (medium_nurtured_then_promoted, MEDIUM),
        (low_let_go_with_nobody_doing_anything, LOW),
        (claimed_by_signal_then_handed_back, MEDIUM),
        (retimed_by_a_new_policy, MEDIUM),
        (ledger_away_for_a_while, MEDIUM),
    )
}


NAMES = (*SCENARIOS, *ERRANDS)


async def play(name: str) -> WorkflowHistory:
    """Live a scenario, or run an errand, on a server of its own."""
    if name in ERRANDS:
        return await run(name)
    scenario, known = SCENARIOS[name]
    reps = tuple(user() for _ in range(3))
    world = World(PLAIN, known=known, reps=reps, roles=dict.fromkeys(reps, (Role.REP,)))
    async with skipping() as env, worker(env.client, world) as queue:
        lead = await start(env.client, queue, born(PLAIN, await env.get_current_time(), known=known), PLAIN)
        while "score" not in world.asked:
            await env.sleep(timedelta(seconds=1))
        await env.sleep(timedelta(seconds=1))  # until what was scored is written down, so that the next message finds the lead at rest
        await scenario(env, world, lead)
        return await lead.fetch_history()


_COMMANDS = {
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
    EventType.EVENT_TYPE_TIMER_STARTED,
    EventType.EVENT_TYPE_TIMER_CANCELED,
    EventType.EVENT_TYPE_MARKER_RECORDED,
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED,
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
}


def commands(history: WorkflowHistory) -> list[str]:
    """What the workflow asked of the engine, in order: what must not change under a lead that is under way."""
    asked = []
    for event in history.events:
        if event.event_type in _COMMANDS:
            what = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").lower()
            activity = event.activity_task_scheduled_event_attributes.activity_type.name
            asked.append(f"{what} {activity}".strip())
    return asked


def _without_places(history: str) -> str:
    """Stack traces and worker names say where a history was recorded, which concerns nobody."""
    return re.sub(r'"(stackTrace|identity)": "(?:[^"\\]|\\.)*"', r'"\1": ""', history)


async def record() -> None:
    """Record the scenarios and errands that have no history yet."""
    HISTORIES.mkdir(exist_ok=True)
    for name in NAMES:
        path = HISTORIES / f"{VERSION}-{name}.json"
        if not path.exists():
            path.write_text(_without_places((await play(name)).to_json()) + "\n", "utf-8")
            sys.stdout.write(f"recorded {path.name}\n")


if __name__ == "__main__":
    asyncio.run(record())
    time.sleep(0.05)  # lets the engine's own threads end before the interpreter does
