"""Programs kept running beside this process: started, watched, started again when they end, ended with it."""

import asyncio
import ctypes
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from local import Trouble
from local.folder import Folder, tail, write_private

Say = Callable[[str], None]
"""Tells the person at the terminal something."""

_PR_SET_PDEATHSIG = 1
_FIRST_PAUSE, _LONGEST_PAUSE, _STEADY = 0.5, 30.0, 60.0
_SAME_START = 2.0
"""Seconds by which the start of one and the same process may seem to differ after the system's clock was set."""


def check_port(port: int, option: str, what: str) -> None:
    """Make sure that nobody listens on a local port.

    Raises:
        Trouble: naming the port and the option that changes it.
    """
    with socket.socket() as found:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind(("127.0.0.1", port))
        except OSError as err:
            raise Trouble(f"Port {port}, wanted for {what}, cannot be used ({err.strerror}). Choose another with {option}.") from None


def end_leftover(pid_file: Path, say: Say) -> None:
    """End the process a pid file names, if it is still the one that was started: what a killed `up` left behind."""
    try:
        noted = json.loads(pid_file.read_text("utf-8"))
        process = psutil.Process(noted["pid"])
        same = abs(process.create_time() - noted["started"]) < _SAME_START and process.cmdline() == noted["command"]
    except (OSError, ValueError, psutil.Error):
        return
    if same:
        say(f"Ending {pid_file.stem} (process {process.pid}), left by an `up` that was killed.")
        with suppress(psutil.Error):
            process.terminate()
            try:
                process.wait(5)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(5)


class Child:
    """A program that runs as long as this process does.

    Args:
        name: names its log and its pid file.
        command: the program and its arguments.
        folder: where log and pid file are.
        environment: all of its environment.
        say: told when it ends by itself.
        own_group: keep the terminal's Ctrl-C from it, for a program that others need while they stop.
    """

    def __init__(
        self, name: str, command: Sequence[str], folder: Folder, *, environment: Mapping[str, str], say: Say, own_group: bool = False
    ) -> None:
        self.name = name
        self.log = folder.log(name)
        self._command = list(command)
        self._pid_file = folder.pid(name)
        self._environment = dict(environment)
        self._say = say
        self._own_group = own_group
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it.

        Raises:
            Trouble: when there is no such program.
        """
        with self.log.open("ab") as log:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=self._environment,
                    process_group=0 if self._own_group else None,
                    preexec_fn=_end_with(os.getpid()),
                )
            except OSError as err:
                raise Trouble(f"{self._command[0]} cannot be started: {err.strerror}.") from None
        with suppress(psutil.Error):  # it may have ended already
            started = psutil.Process(self._process.pid).create_time()
            note = {"pid": self._process.pid, "started": started, "command": self._command}
            write_private(self._pid_file, json.dumps(note))

    @property
    def pid(self) -> int:
        """Its process's number.

        Raises:
            Trouble: when it was not started.
        """
        if self._process is None:
            raise Trouble(f"{self.name} was not started.")
        return self._process.pid

    def check(self) -> None:
        """See that it runs.

        Raises:
            Trouble: when it has ended, with its last words.
        """
        if self._process is not None and self._process.returncode is not None:
            raise Trouble(f"{self.name} ended while starting ({_ended(self._process.returncode)}). {self._last_words()}")

    def keep(self) -> None:
        """From now on, start it again whenever it ends."""
        self._keeper = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        pause = _FIRST_PAUSE
        while self._process is not None:
            since = time.monotonic()
            code = await self._process.wait()
            if time.monotonic() - since > _STEADY:
                pause = _FIRST_PAUSE
            await asyncio.sleep(pause)  # a Ctrl-C ends it and us together: ours comes meanwhile, and nothing is said
            self._say(f"{self.name} ended ({_ended(code)}) and is started again. {self._last_words()}")
            try:
                await self.start()
            except Trouble as trouble:
                self._say(str(trouble))
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def stop(self, grace: float) -> None:
        """Ask it to end; end it by force after `grace` seconds. Does nothing to one that was never started."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), grace)
        except TimeoutError:
            self._say(f"{self.name} did not stop within {grace:g} s and is ended by force.")
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        self._pid_file.unlink(missing_ok=True)

    def _last_words(self) -> str:
        return f"Its last words, all of them in {self.log}:\n{tail(self.log)}"


def _ended(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _end_with(parent: int) -> Callable[[], None] | None:
    """What a child does before it becomes its program: ask Linux to be ended when its parent is, even by kill -9.

    Elsewhere the pid file lets the next `up` end it.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)

    def arrange() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it was killed before it could be asked
            os._exit(1)

    return arrange
