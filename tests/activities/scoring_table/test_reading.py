import gzip
from pathlib import Path

import pytest

from activities.scoring.table.columns import LONGEST_CELL
from activities.scoring.table.problems import TableProblem
from activities.scoring.table.reading import CsvTable


def file(tmp_path: Path, content: bytes, name: str = "t.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def cells(table: CsvTable, name: str) -> list[str]:
    column = table.read().columns[name]
    return [column.levels[code] for code in column.codes]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_file_is_read_by_its_own_delimiter(tmp_path: Path, delimiter: str) -> None:
    table = CsvTable(file(tmp_path, f"a{delimiter}b\n1{delimiter}x\n2{delimiter}y\n".encode()))
    assert (table.header, cells(table, "b")) == (["a", "b"], ["x", "y"])


@pytest.mark.parametrize(("encoding", "said"), [("utf-8-sig", ""), ("cp1252", "Windows-1252"), ("utf-16", "UTF-16")])
def test_any_usual_encoding_is_read_and_a_guess_is_said(tmp_path: Path, encoding: str, said: str) -> None:
    table = CsvTable(file(tmp_path, "name,b\nMüller,1\n".encode(encoding)))
    assert cells(table, "name") == ["Müller"]
    assert said in " ".join(table.said)


def test_bytes_that_mean_nothing_anywhere_are_still_read(tmp_path: Path) -> None:
    assert CsvTable(file(tmp_path, b"a,b\nx\x81y,1\n")).read().rows == 1


def test_a_compressed_file_is_read(tmp_path: Path) -> None:
    assert cells(CsvTable(file(tmp_path, gzip.compress(b"a,b\n1,2\n"))), "b") == ["2"]


def test_a_compressed_file_that_broke_off_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(TableProblem, match="broken off"):
        CsvTable(file(tmp_path, gzip.compress(b"a,b\n" + b"1,2\n" * 50_000)[:100])).read()


def test_a_name_that_comes_twice_is_renamed_and_said(tmp_path: Path) -> None:
    table = CsvTable(file(tmp_path, b"a,a,,a\n1,2,3,4\n"))
    assert table.header == ["a", "a (2)", "column 3", "a (3)"]
    assert "'a (2)'" in table.said[0]


def test_rows_of_another_length_are_filled_or_cut_and_said(tmp_path: Path) -> None:
    table = CsvTable(file(tmp_path, b"a,b\n1\n1,2,3\n\n4,5\n"))
    assert cells(table, "b") == ["", "2", "5"]
    assert "2 rows have more or fewer cells" in " ".join(table.read().said)


def test_a_cell_of_a_million_characters_is_cut_and_said(tmp_path: Path) -> None:
    read = CsvTable(file(tmp_path, b"a,b\n" + b"x" * 1_000_000 + b",1\n")).read()
    assert len(read.columns["a"].levels[0]) == LONGEST_CELL
    assert "1 cells are longer" in " ".join(read.said)


def test_of_a_long_file_an_even_sample_is_kept_in_order(tmp_path: Path) -> None:
    table = CsvTable(file(tmp_path, b"n,b\n" + b"".join(b"%d,1\n" % number for number in range(20_000))))
    read = table.read(most_rows=3_000)
    kept = [int(level) for level in read.columns["n"].levels]
    assert 1_500 <= read.rows <= 3_000
    assert kept == sorted(kept)
    assert 9_000 < sum(kept) / len(kept) < 11_000
    assert "20,000 rows" in " ".join(read.said)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is empty"), (b"\n\n", "is empty"), (b"a,b\n", "no rows"), (b"PK\x03\x04rest", "Save it as CSV"), (b"%PDF-1.7", "a PDF")],
)
def test_what_is_no_table_is_said(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(TableProblem, match=said):
        CsvTable(file(tmp_path, content)).read()


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(TableProblem, match="cannot be read"):
        CsvTable(tmp_path / "none.csv")
