"""The folder one local installation lives in: its lock, its secrets, its logs, and where others find it running.

Whatever is written here is written whole: to a file beside it, synced, then renamed over it.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local import Trouble

DEFAULT = Path("data")
_LOG_LIMIT = 10 * 1024 * 1024


class Folder:
    """One installation's data.

    Args:
        root: where; made when it is prepared.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().absolute()
        self.postgres = self.root / "postgres"
        self.temporal = self.root / "temporal.db"
        self.admin_token = self.root / "admin-token"
        self.demo_policy = self.root / "demo-policy.yaml"
        self._connection = self.root / "connection.json"

    def prepare(self) -> None:
        """Make the folder, for its owner only.

        Raises:
            Trouble: when it cannot be made or written.
        """
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for part in ("logs", "run"):
                (self.root / part).mkdir(mode=0o700, exist_ok=True)
        except OSError as err:
            raise Trouble(f"{self.root} cannot be used as the data folder: {err.strerror}. Name another one with --data.") from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process alone; the system lets go of it when the process ends, however it ends.

        Raises:
            Trouble: when another process holds it.
        """
        path = self.root / "lock"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as err:
            raise Trouble(f"{path} cannot be written: {err.strerror}. Is the folder another user's? Name another with --data.") from None
        with os.fdopen(descriptor, "r+", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = file.read().strip() or "unknown"
                raise Trouble(
                    f"{self.root} is in use by another `twoway up` (process {holder}). Stop that one, or name another folder with --data."
                ) from None
            file.truncate()
            file.write(str(os.getpid()))
            file.flush()
            yield

    def log(self, name: str) -> Path:
        """A program's log file; the one before it is kept once it has grown past 10 MiB."""
        path = self.root / "logs" / f"{name}.log"
        if path.exists() and path.stat().st_size > _LOG_LIMIT:
            path.replace(path.with_suffix(".log.1"))
        return path

    def pid(self, name: str) -> Path:
        """Where it is noted which process a program runs as."""
        return self.root / "run" / f"{name}.json"

    def secret(self, name: str) -> str:
        """A secret of the installation's own, made up once and readable by its owner only."""
        path = self.root / name
        if not path.exists():
            write_private(path, secrets.token_urlsafe(32) + "\n")
        return path.read_text("ascii").strip()

    def announce(self, environment: Mapping[str, str]) -> None:
        """Let other commands find the running programs.

        Args:
            environment: the settings they need.
        """
        write_private(self._connection, json.dumps(dict(environment), indent=2) + "\n")

    def withdraw(self) -> None:
        """Nothing runs here any more."""
        self._connection.unlink(missing_ok=True)

    def announced(self) -> dict[str, str] | None:
        """The settings by which to reach what runs here; None when nothing does. A power cut leaves them behind.

        Raises:
            Trouble: when they cannot be read.
        """
        try:
            found: dict[str, str] = json.loads(self._connection.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as err:
            raise Trouble(f"{self._connection} cannot be read: {err}") from None
        return found


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, indented for reading; says so when there are none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16384))
            found = file.read().decode("utf-8", "replace").splitlines()[-lines:]
    except OSError:
        found = []
    return "\n".join(f"  | {line}" for line in found) or "  | (its log is empty)"


def use_running(data: Path | None) -> None:
    """Point this process's settings at a running installation.

    `--data DIR` is that folder's; otherwise settings in the environment win; otherwise `./data`'s, where something runs.

    Args:
        data: what `--data` said.

    Raises:
        Trouble: when nothing runs in the folder that was named, or nothing says where the database is.
    """
    if data is None and os.environ.get("TWOWAY_DATABASE_URL"):
        return
    folder = Folder(data or DEFAULT)
    found = folder.announced()
    if found is None:
        raise Trouble(
            f"Nothing runs in {folder.root}. Start it with `twoway up`, name its folder with --data, "
            "or set TWOWAY_DATABASE_URL and TEMPORAL_ADDRESS to reach one that runs elsewhere."
        )
    for name in [name for name in os.environ if name.startswith("TEMPORAL_")]:
        del os.environ[name]  # they name another Temporal
    os.environ.update(found)
