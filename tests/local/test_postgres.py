import os
import signal
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from local import Trouble
from local.folder import Folder
from local.postgres import Postgres


def _server(root: Path, said: list[str] | None = None) -> Postgres:
    folder = Folder(root)
    folder.prepare()
    return Postgres(folder, (said if said is not None else []).append)


def _workers(root: Path) -> list[int]:
    found = []
    for process in psutil.process_iter(["name"]):
        with suppress(psutil.Error):
            if process.info["name"] == "postgres" and Path(process.cwd()).is_relative_to(root):
                found.append(process.pid)
    return found


def _commanded(pid: int) -> str:
    """How a process was started; nothing when it has ended meanwhile, as PostgreSQL's own helpers do at any time."""
    with suppress(psutil.Error):
        return " ".join(psutil.Process(pid).cmdline())
    return ""


def test_what_was_written_survives_a_kill_and_a_second_start_takes_over(tmp_path: Path) -> None:
    server = _server(tmp_path / "data")
    try:
        address = server.start()
        with psycopg.connect(address) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
            connection.execute("CREATE TABLE kept (n int)")
            connection.execute("INSERT INTO kept VALUES (1)")
        (postmaster,) = (pid for pid in _workers(tmp_path) if str(tmp_path) in _commanded(pid))
        os.kill(postmaster, signal.SIGKILL)

        assert _server(tmp_path / "data").start() == address
        with psycopg.connect(address) as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (1,)
        running = _workers(tmp_path)
        assert _server(tmp_path / "data").start() == address
        assert set(running) & set(_workers(tmp_path))
    finally:
        server.stop()
    assert _workers(tmp_path) == []


def test_a_server_that_pg_ctl_cannot_stop_is_stopped_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = _server(tmp_path / "data")
    server.start()
    monkeypatch.setattr(server, "_run", lambda *_, **__: 1)  # as when another user shut a folder above meanwhile
    server.stop()
    assert not server.running()
    assert _workers(tmp_path) == []


def test_a_pid_file_that_names_another_process_is_not_believed(tmp_path: Path) -> None:
    server = _server(tmp_path / "data")
    try:
        server.start()
        server.stop()
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            (tmp_path / "data" / "postgres" / name).write_text(f"{os.getpid()}\n{tmp_path}/data/postgres\n0\n5432\n\n")
        server.start()
    finally:
        server.stop()


def test_a_path_too_long_for_a_socket_and_odd_to_a_shell_works(tmp_path: Path) -> None:
    server = _server(tmp_path / "it's 100% $HOME" / ("long" * 30))
    try:
        address = server.start()
        with psycopg.connect(address) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.stop()
    socket_folder = Path(address.partition("host=")[2])
    assert not socket_folder.is_relative_to(tmp_path)
    assert not socket_folder.exists()


def test_half_made_files_are_made_anew(tmp_path: Path) -> None:
    (tmp_path / "data" / "postgres.new").mkdir(parents=True)
    (tmp_path / "data" / "postgres.new" / "PG_VERSION").write_text("18\n")
    server = _server(tmp_path / "data")
    try:
        server.start()
    finally:
        server.stop()


def test_files_of_another_release_are_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "data" / "postgres").mkdir(parents=True)
    (tmp_path / "data" / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(Trouble, match="was made by PostgreSQL 9"):
        _server(tmp_path / "data").start()


def test_as_root_it_says_which_folder_it_opens_and_opens_no_more(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    said: list[str] = []
    server = _server(closed / "data", said)
    try:
        server.start()
    finally:
        server.stop()
    root = os.geteuid() == 0
    assert [str(closed) in line and "chmod o+x" in line for line in said][-1:] == ([True] if root else [])
    assert closed.stat().st_mode & 0o777 == (0o701 if root else 0o700)
    assert (closed / "data" / "postgres").stat().st_mode & 0o777 == 0o700
