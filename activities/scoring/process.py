"""The process in which models are trained and looked at."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

_MODULE = "activities.scoring.learned"
_ROOT = Path(__file__).parents[2]
_LONGEST_LINE = 1 << 29
_LAST_WORDS = 400


class Impossible(Exception):  # noqa: N818 - said as it is read
    """The job cannot be done with what there is; the text says why, to a person."""


class Died(Exception):  # noqa: N818 - said as it is read
    """The process ended without an answer, as when it was killed or ran out of memory."""


async def run(job: Mapping[str, Any], tell: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Have a job done. When the caller is cancelled, the process ends with it.

    Args:
        job: as `activities.scoring.learned.learning` takes it, with `do` saying which.
        tell: told what is done next.

    Raises:
        Impossible: when it cannot be done with what there is.
        Died: when the process ended without an answer.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", _MODULE, stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=_LONGEST_LINE, cwd=_ROOT
    )
    try:
        _, found, words = await asyncio.gather(_hand_over(process, job), _listen(process, tell), _last_words(process))
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if "problem" in found:
        raise Impossible(found["problem"])
    if "done" not in found:
        raise Died(f"it ended with {code}: {words}" if words else f"it ended with {code}")
    done: dict[str, Any] = found["done"]
    return done


async def _hand_over(process: Process, job: Mapping[str, Any]) -> None:
    if process.stdin is None:
        raise Died("no pipe")
    with suppress(BrokenPipeError, ConnectionResetError):  # it ended before it read everything; what it said tells why
        process.stdin.write(await asyncio.to_thread(lambda: json.dumps(job).encode()))
        await process.stdin.drain()
        process.stdin.close()
        await process.stdin.wait_closed()


async def _listen(process: Process, tell: Callable[[str], None]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if process.stdout is not None:
        async for line in process.stdout:
            said = json.loads(line)
            if "progress" in said:
                tell(said["progress"])
            found |= said
    return found


async def _last_words(process: Process) -> str:
    """The end of what it wrote to its error output: the kind of a fault, without its message, which may quote a lead."""
    if process.stderr is None:
        return ""
    written = (await process.stderr.read()).decode(errors="replace").strip()
    return written.rsplit("\n", 1)[-1].partition(":")[0][:_LAST_WORDS]
