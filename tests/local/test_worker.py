import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from temporalio.client import Client

from models.settings import Settings
from tests.local.installation import ROOT, clean_environment, eventually

WORKER = [sys.executable, str(ROOT / "worker.py")]


@contextmanager
def running(settings: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that is gone afterwards, however the test went."""
    with log.open("w") as file, subprocess.Popen(WORKER, stderr=file, env=clean_environment() | settings) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_worker_without_a_database_says_so() -> None:
    ended = subprocess.run(WORKER, capture_output=True, text=True, env=clean_environment(), timeout=60, check=False)
    assert ended.returncode == 2
    assert "TWOWAY_DATABASE_URL is not set" in ended.stderr


def test_a_worker_waits_and_says_for_what(tmp_path: Path) -> None:
    away = {"TWOWAY_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "TEMPORAL_ADDRESS": "127.0.0.1:1"}
    log = tmp_path / "log"
    with running(away, log) as process:
        eventually(lambda: "waiting for PostgreSQL" in log.read_text(), within=60)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_a_worker_works_until_it_is_told_to_stop(temporal: Client, settings: Settings, tmp_path: Path) -> None:
    there = {
        "TWOWAY_DATABASE_URL": settings.database_url,
        "TEMPORAL_ADDRESS": os.environ["TEMPORAL_ADDRESS"],
        "TWOWAY_LOG_FORMAT": "json",
        "TWOWAY_TASK_QUEUE": settings.task_queue,
    }
    log = tmp_path / "log"
    with running(there, log) as process:
        eventually(lambda: '"event": "working"' in log.read_text(), within=60)
        process.terminate()
        assert process.wait(60) == 0
    assert '"event": "stopping"' in log.read_text()
