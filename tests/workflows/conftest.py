"""Engines for the workflow tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from tests.engines import dev_server, skipping


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of this folder have a second and a third chance where they waited in vain, and only then.

    On a busy machine the time-skipping server now and then refuses what a worker did ("invalid history builder state for
    action") and forgets the workflow task: one in ten lives of hundreds of days, with eight processes at two cores.
    """
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(45))
            item.add_marker(pytest.mark.flaky(reruns=3, only_rerun=["TimeoutError"]))


@pytest.fixture
async def env() -> AsyncIterator[WorkflowEnvironment]:
    """The time-skipping server, one a test: a lead left with an activity under way would keep time from being skipped for all."""
    async with skipping() as found:
        yield found


@pytest.fixture(scope="session")
async def restless() -> AsyncIterator[Client]:
    """A development server that advises continue-as-new after a few dozen events."""
    async with dev_server("--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=60") as found:
        yield found
