"""The real engines the tests run against, each started by the tests themselves on a free port and in a temporary folder."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from workflows.attributes import TYPES

BIN = Path(sys.executable).parent


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@asynccontextmanager
async def skipping() -> AsyncIterator[WorkflowEnvironment]:
    """Temporal's time-skipping test server: 48 hours pass in milliseconds, schedules and continue-as-new advice are missing."""
    binary = str(BIN / "temporal-test-server")
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=binary, data_converter=pydantic_data_converter
    ) as env:
        await env.client.operator_service.add_search_attributes(AddSearchAttributesRequest(namespace="default", search_attributes=TYPES))
        yield env


@asynccontextmanager
async def dev_server(*options: str, port: int | None = None) -> AsyncIterator[Client]:
    """Temporal's development server, in memory: everything the real one does, in real time.

    Args:
        options: further command-line options, for example a lower threshold for continue-as-new.
        port: where it listens, a free one when left out.
    """
    port = port or free_port()
    attributes = [f"--search-attribute={name}={'Datetime' if name == 'LeadDeadline' else 'Keyword'}" for name in TYPES]
    process = await asyncio.create_subprocess_exec(
        str(BIN / "temporal"), "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(port),
        "--http-port", str(free_port()), "--log-level", "never", *attributes, *options,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield await _connect(f"127.0.0.1:{port}")
    finally:
        process.terminate()
        await process.wait()


async def _connect(address: str) -> Client:
    for _ in range(300):
        try:
            client = await Client.connect(address, data_converter=pydantic_data_converter)
            await client.count_workflows()
        except (RPCError, RuntimeError) as err:  # not listening yet, or listening and not healthy yet
            if isinstance(err, RuntimeError) and "client connect" not in str(err):
                raise
            await asyncio.sleep(0.1)
        else:
            return client
    raise TimeoutError(f"no Temporal server at {address}")
