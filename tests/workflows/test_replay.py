"""Leads that were under way when an earlier version was replaced go on under this one."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from tests.workflows.scenarios import HISTORIES, SCENARIOS, VERSION, commands, play
from workflows.client import TYPED
from workflows.lead import LeadWorkflow

STORED = sorted(HISTORIES.glob("*.json"))


def stored(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(f"lead-{path.stem}", path.read_text("utf-8"))


def test_there_is_a_history_of_every_scenario() -> None:
    assert {f"{VERSION}-{name}.json" for name in SCENARIOS} <= {path.name for path in STORED}


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
async def test_every_stored_history_replays(path: Path) -> None:
    await Replayer(workflows=[LeadWorkflow], plugins=[TYPED]).replay_workflow(stored(path))


@pytest.mark.parametrize("name", SCENARIOS)
async def test_the_workflow_asks_the_engine_for_what_it_asked_before(name: str) -> None:
    before = commands(stored(HISTORIES / f"{VERSION}-{name}.json"))
    for _ in range(4):  # on a busy machine two things may become known in one workflow task that usually are told one by one
        now = commands(await play(name))
        if now == before:
            break
    assert now == before, (
        "The workflow now issues other commands than when this history was recorded, so leads under way would stop with a "
        "nondeterminism error. Put the change behind workflow.patched('name-of-the-change'), keep the old branch until no "
        "lead started before it is left, then raise VERSION in tests/workflows/scenarios.py and record the new histories "
        "beside the old ones."
    )
