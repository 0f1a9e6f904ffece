import os
import stat
from pathlib import Path
from unittest import mock

import pytest

from local import Trouble
from local.folder import Folder, tail, use_running, write_private


def _folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "data")
    folder.prepare()
    return folder


def test_only_one_process_holds_a_folder(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    with folder.locked(), pytest.raises(Trouble, match=f"process {os.getpid()}"), Folder(folder.root).locked():
        pass
    with Folder(folder.root).locked():
        pass


def test_a_secret_is_made_once_and_its_owners_alone(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    made = folder.secret("secret-key")
    assert len(made) >= 32
    assert folder.secret("secret-key") == made
    assert stat.S_IMODE((folder.root / "secret-key").stat().st_mode) == 0o600


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.with_name("file.new").write_text("left by a power cut")
    write_private(path, "whole")
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


@mock.patch.dict(os.environ)  # use_running changes it for good, and other tests read it
def test_commands_find_what_runs_by_folder_or_environment(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    os.environ |= {"TEMPORAL_API_KEY": "of another Temporal", "TWOWAY_DATABASE_URL": "postgresql://elsewhere/twoway"}
    use_running(None)
    assert os.environ["TWOWAY_DATABASE_URL"] == "postgresql://elsewhere/twoway"
    with pytest.raises(Trouble, match="Nothing runs"):
        use_running(folder.root)
    folder.announce({"TWOWAY_DATABASE_URL": "postgresql://here/twoway", "TEMPORAL_ADDRESS": "127.0.0.1:1"})
    use_running(folder.root)
    assert os.environ["TWOWAY_DATABASE_URL"] == "postgresql://here/twoway"
    assert "TEMPORAL_API_KEY" not in os.environ
    folder.withdraw()
    assert folder.announced() is None


def test_a_log_shows_its_end_and_starts_anew_when_it_has_grown(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    log = folder.log("api")
    assert "empty" in tail(log)
    log.write_text("\n".join(f"line {number}" for number in range(1, 101)))
    assert tail(log, 2) == "  | line 99\n  | line 100"
    with log.open("r+b") as file:
        file.truncate(11 * 1024 * 1024)
    assert not folder.log("api").exists()


def test_a_folder_that_cannot_be_made_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Trouble, match="--data"):
        Folder(tmp_path / "file" / "data").prepare()
