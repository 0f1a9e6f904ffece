"""Files that are there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from activities.scoring.table.problems import TableProblem


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to, which takes its place at the end; when anything fails it is removed and `path` stays as it was.

    A place that is no file, like a pipe or `/dev/stdout`, is written to as it is.

    Raises:
        TableProblem: when it cannot be written.
    """
    if path.exists() and not path.is_file():
        yield _usable(path)
        return
    part = _beside(path)
    try:
        yield part
        part.replace(path)
    except OSError as err:
        raise TableProblem(f"{path} cannot be written: {err.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)


def _usable(path: Path) -> Path:
    if path.is_dir():
        raise TableProblem(f"{path} cannot be written: it is a folder.")
    return path


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.part")
