"""The bare engine: the least a Temporal workflow can do, and a worker that does nothing else.

Started as a script with Temporal's address it is that worker, in a process of its own as ours is.
"""

import asyncio
import signal
import sys
import time

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker

QUEUE = "bare"


@workflow.defn(name="Bare")
class Bare:
    """Waits until it is told to end, and takes one-line updates."""

    def __init__(self) -> None:
        self._value = ""
        self._over = False

    @workflow.run
    async def run(self) -> None:
        """Live until told otherwise."""
        await workflow.wait_condition(lambda: self._over)

    @workflow.update(name="set")
    def on_set(self, value: str) -> str:
        """Take a value."""
        self._value = value
        return self._value

    @workflow.signal(name="end")
    def end(self) -> None:
        """Come to an end."""
        self._over = True


async def work(address: str) -> None:
    """Run a worker until SIGTERM."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    async with Worker(await Client.connect(address), task_queue=QUEUE, workflows=[Bare]):
        await told.wait()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))
    time.sleep(0.05)  # Temporal's threads may abort the interpreter's exit unless they get it once more (sdk-python issue 300)
