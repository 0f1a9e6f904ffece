"""One section, measured in a process of its own: `python -m bench.section claims` prints its numbers as JSON.

A process of its own can be ended when it takes too long, whatever it is busy with, and takes nothing from the next one.
"""

import argparse
import asyncio
import json
import signal
import sys
import time
from collections.abc import Awaitable
from importlib import import_module
from typing import Protocol, cast

from bench.measure import Result

SECTIONS = (
    "claims",
    "arrivals",
    "history",
    "decide",
    "imports",
    "lists",
    "boards",
    "insights",
    "agreement",
    "engagements",
    "tracking",
    "enrichment",
    "rescore",
    "routing",
    "nurture",
    "train",
    "whatif",
    "train_speed",
    "train_tables",
)
"""What can be measured; each is a module beside this one, with a `run`."""


class Section(Protocol):
    """What each of those modules offers."""

    def __call__(self, *, quick: bool) -> Awaitable[list[Result]]:
        """Measure; `quick` with fewer samples, to see that it works."""


async def measure(name: str, *, quick: bool) -> list[Result]:
    """Measure a section. SIGTERM ends it as Ctrl-C does, so that nothing is left running."""
    this = asyncio.current_task()
    if this is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    run = cast("Section", import_module(f"bench.{name}").run)
    return await run(quick=quick)


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.section", description="Measure one section and print its numbers as JSON.")
    parser.add_argument("name", choices=SECTIONS)
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    results = asyncio.run(measure(asked.name, quick=asked.quick))
    print(json.dumps([result.document() for result in results]))  # noqa: T201 - it is what this program is for


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit("ended before it was done")
    finally:
        time.sleep(0.05)  # Temporal's threads may abort the interpreter's exit unless they get it once more (sdk-python issue 300)
