import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from local import Trouble
from local.folder import Folder
from local.processes import Child, end_leftover
from tests.local.installation import eventually

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"


def _child(tmp_path: Path, code: str, said: list[str]) -> Child:
    folder = Folder(tmp_path / "data")
    folder.prepare()
    return Child("thing", [sys.executable, "-c", code], folder, environment=dict(os.environ), say=said.append)


async def _until(child: Child, text: str) -> None:
    async with asyncio.timeout(10):
        while text not in child.log.read_text():
            await asyncio.sleep(0.02)


async def test_one_that_ends_while_starting_tells_its_last_words(tmp_path: Path) -> None:
    child = _child(tmp_path, "print('cannot find my hat'); raise SystemExit(3)", [])
    await child.start()
    with pytest.raises(Trouble, match=r"exit code 3.*\n.*cannot find my hat"):
        async with asyncio.timeout(10):
            while True:
                child.check()
                await asyncio.sleep(0.02)
    await child.stop(1)


async def test_one_that_does_not_stop_is_ended_by_force(tmp_path: Path) -> None:
    said: list[str] = []
    child = _child(tmp_path, STUBBORN, said)
    await child.start()
    await _until(child, "deaf")
    await child.stop(0.2)
    assert said == ["thing did not stop within 0.2 s and is ended by force."]
    assert not [process for process in psutil.Process().children() if STUBBORN in process.cmdline()]


async def test_one_that_was_never_started_stops(tmp_path: Path) -> None:
    await _child(tmp_path, "", []).stop(1)


async def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.prepare()
    with pytest.raises(Trouble, match="/no/such cannot be started"):
        await Child("thing", ["/no/such"], folder, environment={}, say=print).start()


def test_a_leftover_is_ended_and_a_stranger_with_its_number_is_not(tmp_path: Path) -> None:
    said: list[str] = []
    note = tmp_path / "thing.json"
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        found = psutil.Process(process.pid)
        eventually(lambda: "time.sleep" in " ".join(found.cmdline()))
        started, command = found.create_time(), found.cmdline()
        for pid, at, words in ((process.pid, started - 100, command), (process.pid, started, ["other"])):
            note.write_text(_note(pid, at, words))
            end_leftover(note, said.append)
        assert process.poll() is None
        note.write_text("half a no")
        end_leftover(note, said.append)
        assert said == []
        note.write_text(_note(process.pid, started, command))
        end_leftover(note, said.append)
        assert not found.is_running()
    assert "Ending thing" in said[0]


def _note(pid: int, started: float, command: list[str]) -> str:
    return json.dumps({"pid": pid, "started": started, "command": command})
