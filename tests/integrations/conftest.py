"""What these tests share: the whole program, and the world outside as one server."""

from collections.abc import AsyncIterator

import pytest

from models.settings import Settings
from tests.integrations.world import World, world_outside
from tests.stack import address, api, people, stack

__all__ = ["address", "api", "people", "stack"]


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[World]:
    """The world outside; one server for all tests."""
    async with world_outside() as found:
        yield found


@pytest.fixture
def outside(server: World) -> World:
    """The world outside, well and as yet unasked."""
    server.forget()
    return server


@pytest.fixture
def settings(settings: Settings, outside: World) -> Settings:
    """Settings under which this machine counts as outside; nothing moves by itself while a test looks."""
    return settings.model_copy(update={"outward_loopback": True, "webhook_timeout": 2.0})
