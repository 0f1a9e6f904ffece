"""`python -m bench`: measures everything, or what `--only` names, prints one table and writes `bench/results.json`.

A bar that is missed is marked and is no failure; a section that could not be measured is one. The table says so, and the others
are measured and written all the same. None takes longer than three minutes.
"""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.measure import Result
from bench.section import SECTIONS

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).with_name("results.json")
LONGEST = 155.0
"""Seconds a section may take."""
GRACE = 20.0
"""Seconds it then has to stop what it started."""


class Failed(Exception):  # noqa: N818 - its message stands in the table
    """A section could not be measured."""


async def measured(name: str, *, quick: bool, longest: float = LONGEST) -> list[Result]:
    """Measure one section in a process of its own.

    Args:
        name: of `SECTIONS`.
        quick: with fewer samples.
        longest: seconds it may take.

    Raises:
        Failed: when it took too long or did not work; the message says why.
    """
    words = [sys.executable, "-m", "bench.section", name, *(["--quick"] if quick else [])]
    section = await asyncio.create_subprocess_exec(*words, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    talking = asyncio.create_task(section.communicate())
    try:
        async with asyncio.timeout(longest):
            said, complaint = await asyncio.shield(talking)
    except TimeoutError:
        raise Failed(f"not done after {longest:g} s") from None
    finally:
        await _ended(section, talking)
    if section.returncode:
        raise Failed((complaint.decode().strip().splitlines() or [f"ended with {section.returncode}"])[-1])
    return [Result(**found) for found in json.loads(said.splitlines()[-1])]


async def _ended(section: asyncio.subprocess.Process, talking: asyncio.Task[tuple[bytes, bytes]]) -> None:
    """See to it that a section's process is gone: told to stop first, so that its servers are stopped too."""
    if talking.done():
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            section.send_signal(number)
        done, _ = await asyncio.wait({talking}, timeout=GRACE)
        if done:
            return


async def measure(names: Iterable[str], *, quick: bool) -> tuple[list[Result], dict[str, str]]:
    """Measure sections one after the other: the numbers, and why which of them has none. SIGTERM ends it as Ctrl-C does."""
    this = asyncio.current_task()
    if this is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    found: list[Result] = []
    failed: dict[str, str] = {}
    progress = Console(stderr=True)
    for name in names:
        with progress.status(f"measuring {name}"):
            try:
                found += await measured(name, quick=quick)
            except Failed as err:
                failed[name] = str(err)
    return found, failed


def table(results: Iterable[Result], failed: Mapping[str, str]) -> Table:
    """The numbers as people read them, and which could not be measured."""
    shown = Table("what", "value", "unit", "bar", "", title="Twoway, measured")
    for column in (1, 3):
        shown.columns[column].justify = "right"
    for result in results:
        bar = "" if result.bar is None else f"{'<=' if result.better == 'lower' else '>='} {result.bar:,g}"
        verdict = "" if result.bar is None else "[bold red]MISSED" if result.missed else "[green]ok"
        shown.add_row(result.name, _number(result.value), result.unit, bar, verdict)
    for name, why in failed.items():
        shown.add_row(name, "", escape(why), "", "[bold red]NOT MEASURED")
    return shown


def _number(value: float) -> str:
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.4f}" if value < 1 else f"{value:.2f}"


def main() -> int:
    """Run what was asked for.

    Returns:
        0 when everything was measured, whatever came out, 1 when something could not be.
    """
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure what is fast, beside the bare engine.")
    parser.add_argument("--only", choices=SECTIONS, help="measure only this")
    parser.add_argument("--quick", action="store_true", help="few samples: to see that everything works, not how fast it is")
    asked = parser.parse_args()
    results, failed = asyncio.run(measure([asked.only] if asked.only else SECTIONS, quick=asked.quick))
    RESULTS.write_text(json.dumps([result.document() for result in results], indent=2) + "\n", "utf-8")
    Console().print(table(results, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit("The measurements were ended before they were done; nothing was written.")
