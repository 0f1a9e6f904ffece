from pathlib import Path

import pytest

from local import Trouble
from local.importing import RefusedFile, opened


def _refused(path: Path, columns: dict[str, str] | None = None, encoding: str = "utf-8-sig") -> str:
    with pytest.raises(Trouble) as trouble, opened(path, columns or {}, encoding):
        pass
    return str(trouble.value)


def test_a_file_is_read_with_its_map(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("Contact,Secret\na@example.com,s\n")
    with opened(path, {"Contact": "email", "Secret": ""}) as leads:
        (line,) = leads.lines
        assert (leads.rows, leads.header) == (1, ["Contact", "Secret"])
    assert line.submission is not None
    assert line.submission.attributes == {}


def test_trouble_names_the_file_and_the_option_that_helps(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    assert "cannot be read: No such file" in _refused(path)
    path.write_text("company\nX\n")
    assert str(path) in _refused(path)
    assert "--map 'COLUMN=email'" in _refused(path)
    path.write_bytes("email\nJos\u00e9@example.com\n".encode("latin-1"))
    assert "--encoding cp1252" in _refused(path)


def test_refused_rows_go_to_a_file_that_is_made_with_the_first(tmp_path: Path) -> None:
    path = tmp_path / "leads.refused.csv"
    RefusedFile(path, ["email"]).close()
    assert not path.exists()
    refused = RefusedFile(path, ["email"])
    refused.add(["=nobody"], "no address")
    refused.close()
    assert path.read_text("utf-8-sig") == "email,refused_because\n'=nobody,no address\n"
