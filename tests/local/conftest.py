"""One running installation for the tests of a module."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.local.installation import Installation


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Not in pytest's own folder: every new session shuts that to other users, and as root PostgreSQL's is one."""
    with TemporaryDirectory(prefix="twoway-test-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """Not started yet; whatever is left of it is ended."""
    found = Installation(tmp_path)
    yield found
    if found.process is not None and found.processes():
        found.kill()
