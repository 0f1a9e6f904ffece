"""`twoway up` as a user starts it: a process of its own, talked to over HTTP and the command line."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import httpx
import psutil
from rich.console import Console

import cli
from local import Trouble
from tests.engines import free_port

ROOT = Path(__file__).parents[2]
TWOWAY = [sys.executable, str(ROOT / "cli.py")]
POLICY = """
deadlines: {claim_window: {high: 6s, medium: 6s, low: 6s}, score_by: 3s, contact: 10s, tree: 60s}
review: {when: []}
nurture: {quiet_hours: null}
"""


def twoway(*arguments: str, cwd: Path = ROOT, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    return subprocess.run(
        [*TWOWAY, *arguments], capture_output=True, text=True, timeout=90, cwd=cwd, env=clean_environment() | environment, check=False
    )


@dataclass
class Ended:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def here(*arguments: str) -> Ended:
    """Run a command in this process, which spares it loading everything anew."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    printing = mock.patch.multiple(cli, _out=Console(file=out, soft_wrap=True), _err=Console(file=err, soft_wrap=True))
    with printing, mock.patch.dict(os.environ, clean_environment(), clear=True):
        try:
            code = cli.app(arguments, standalone_mode=False) or 0
        except Trouble as trouble:
            err.write(str(trouble))
            code = trouble.exit_code
    return Ended(code, out.getvalue(), err.getvalue())


def clean_environment() -> dict[str, str]:
    """This environment without settings of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("TWOWAY_", "TEMPORAL_"))}


class Installation:
    """One data folder and the `up` on it.

    Args:
        folder: holds the data folder, the policy and what `up` prints.
    """

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.policy = folder / "policy.yaml"
        self.policy.write_text(POLICY)
        self.printed = folder / "up.out"
        self.port, self.temporal_port, self.ui_port = free_port(), free_port(), free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def options(self) -> list[str]:
        ports = ["--port", str(self.port), "--temporal-port", str(self.temporal_port), "--ui-port", str(self.ui_port)]
        return ["--data", str(self.data), *ports]

    def launch(self, *how: str) -> "subprocess.Popen[bytes]":
        """Start without waiting, by a fast policy unless said otherwise."""
        with self.printed.open("wb") as out:
            self.process = subprocess.Popen(
                [*TWOWAY, "up", *self.options, *(how or ("--policy", str(self.policy)))],
                stdout=out,
                stderr=out,
                env=clean_environment(),
                start_new_session=True,
            )
        return self.process

    def start(self, *how: str) -> None:
        """Start and wait until it says that it is up."""
        process = self.launch(*how)
        eventually(lambda: process.poll() is not None or "Twoway is up" in self.printed.read_text(), within=100)
        assert process.poll() is None, self.printed.read_text()

    def interrupt(self) -> int:
        """Ctrl-C."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(25)

    def kill(self) -> None:
        """kill -9 of everything, as a power cut would."""
        assert self.process is not None
        found = self.processes()
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for process in found:
            with suppress(psutil.Error):
                process.kill()
        self.process.wait()
        psutil.wait_procs(found, timeout=10)

    def processes(self) -> list[psutil.Process]:
        """Everything that runs for this installation."""
        assert self.process is not None
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
                if str(self.data) in " ".join([*process.cmdline(), process.cwd()]) or os.getpgid(process.pid) == self.process.pid:
                    found.append(process)
        return found

    def client(self) -> httpx.Client:
        """Signed in as the admin."""
        token = (self.data / "admin-token").read_text().strip()
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers={"Authorization": f"Bearer {token}"}, timeout=30)


def eventually(true: Callable[[], object], within: float = 20, every: float = 0.05) -> None:
    """Wait until something holds, looking at it every so many seconds."""
    until = time.monotonic() + within
    while not true():
        assert time.monotonic() < until, f"not within {within} s"
        time.sleep(every)
