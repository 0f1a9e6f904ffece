"""Engines for the workflow tests."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from tests.engines import dev_server, skipping


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
