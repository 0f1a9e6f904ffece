import csv
import io
import tempfile
from collections.abc import Mapping

import pytest

from activities.leads_csv import BadFile, LeadsFile, Line, RefusedRows, addresses_in, harmless


def _file(text: str | bytes, encoding: str = "utf-8-sig") -> LeadsFile:
    return LeadsFile(io.BytesIO(text.encode() if isinstance(text, str) else text), encoding)


def _lines(text: str | bytes, columns: Mapping[str, str] | None = None) -> list[Line]:
    file = _file(text)
    return list(file.lines(file.fields(columns or {})))


def test_columns_are_known_by_name_whatever_their_case_and_spacing() -> None:
    text = "E-Mail,First Name,LASTNAME,Consent Email,consultation requested,Budget\nada@example.com,Ada,L,yes,No,5000\n"
    (line,) = _lines(text)
    found = line.submission
    assert found is not None
    assert (found.email, found.first_name, found.last_name) == ("ada@example.com", "Ada", "L")
    assert (found.consent.email, found.consent.sms, found.consultation_requested) == (True, False, False)
    assert found.attributes == {"Budget": "5000"}


@pytest.mark.parametrize(
    "text",
    [
        "email;company\na@example.com;X\n",
        "email\tcompany\na@example.com\tX\n",
        "\ufeffemail,company\r\na@example.com,X",
        "email,company\ra@example.com,X\r",
        '"email","company"\n"a@example.com","X"\n',
    ],
)
def test_other_delimiters_marks_quotes_and_line_ends_are_read(text: str) -> None:
    (line,) = _lines(text)
    assert line.submission is not None
    assert line.submission.company == "X"


def test_a_quoted_cell_may_hold_the_delimiter_quotes_and_lines() -> None:
    (line, after) = _lines('email,message\na@example.com,"one, ""two""\nthree"\nb@example.com,x\n')
    assert line.submission is not None
    assert line.submission.message == 'one, "two"\nthree'
    assert (line.number, after.number) == (3, 4)


def test_a_map_says_what_a_column_is_or_leaves_it_out() -> None:
    text = "Contact,Firm,Secret,Size\na@example.com,X,s,7\n"
    (line,) = _lines(text, {"Contact": "email", "Firm": "company", "Secret": "", "Size": "attributes.employees"})
    assert line.submission is not None
    assert (line.submission.company, line.submission.attributes) == ("X", {"employees": "7"})


def test_rows_that_cannot_be_used_say_why() -> None:
    text = "email,consultation_requested\nnone,\n,yes\na@example.com,perhaps\n\nb@example.com,yes,more,even more\nc@example.com\n"
    lines = _lines(text)
    assert [line.submission is None for line in lines] == [True, True, True, True, False]
    assert [line.problem.partition(":")[0] for line in lines[:3]] == ["email", "email", "consultation_requested"]
    assert lines[3].problem == "it has 4 cells for 2 columns"
    assert lines[3].number == 6


def test_a_very_long_cell_refuses_its_row_only() -> None:
    long, good = _lines(f"email,message\na@example.com,{'x' * 50_000}\nb@example.com,hello\n")
    assert long.problem.startswith("message: ")
    assert good.submission is not None


def test_reading_goes_on_after_a_row() -> None:
    file = _file('email,note\na@example.com,"x\ny"\n\nb@example.com,\nc@example.com,\n')
    fields = file.fields({})
    numbers = [line.number for line in file.lines(fields)]
    assert numbers == [3, 5, 6]
    assert [line.number for line in file.lines(fields, after=3)] == [5, 6]
    assert list(file.lines(fields, after=6)) == []
    assert file.count() == 3


@pytest.mark.parametrize(
    ("text", "columns", "said"),
    [
        (b"", {}, "is empty"),
        (b"\n\n", {}, "is empty"),
        (b"email,name\n\n", {}, "no rows"),
        (b"email,Name,Name\na@example.com,x,y\n", {}, "more than one column named 'Name'"),
        (b"email,E-Mail\na@example.com,b@example.com\n", {}, "'email' and 'E-Mail' are both email"),
        (b"company\nX\n", {}, "is the e-mail address"),
        (b"email\na@example.com\n", {"Mail": "email"}, "no column 'Mail'"),
        (b"email,x\na@example.com,1\n", {"x": "nonsense"}, "no field 'nonsense'"),
        ("email,name\na@example.com,Jos\u00e9\n".encode("latin-1"), {}, "not text in UTF-8"),
        ("\ufeffemail\na@example.com\n".encode("utf-16"), {}, "not text in UTF-8"),
        (b'email\n"a@example.com\n', {}, "Line 2"),
        (b"email\n" + b"x" * 200_000 + b"\n", {}, "quotation mark"),
        (b"email\n" + b"x" * (1 << 21), {}, "no CSV file"),
        (b"PK\x03\x04" + b"\x00" * 100, {}, "a spreadsheet"),
        (b"\x7fELF\x00\x00", {}, "not a text file"),
        (",".join(f"c{n}" for n in range(501)).encode(), {}, "501 columns"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_a_sentence(text: bytes, columns: dict[str, str], said: str) -> None:
    def read() -> None:
        file = _file(text)
        file.fields(columns)
        file.count()

    with pytest.raises(BadFile, match=said):
        read()


def test_another_encoding_is_read_when_it_is_named() -> None:
    file = _file("email,first_name\na@example.com,Jos\u00e9\n".encode("cp1252"), "cp1252")
    (line,) = file.lines(file.fields({}))
    assert line.submission is not None
    assert line.submission.first_name == "Jos\u00e9"
    with pytest.raises(BadFile, match="no encoding 'klingon'"):
        _file("email\na@example.com\n", encoding="klingon")


def test_the_file_stays_open_and_may_have_been_uploaded() -> None:
    with tempfile.SpooledTemporaryFile(max_size=10) as upload:
        upload.write(b"email\na@example.com\nb@example.com\n")
        assert LeadsFile(upload).count() == 2
        upload.seek(0)
        assert upload.read(5) == b"email"


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_refused_cell_is_never_a_formula(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"
    assert harmless("plain = text") == "plain = text"
    rows = RefusedRows([cell, "email"])
    read = list(csv.reader(io.StringIO(rows.head.removeprefix("\ufeff") + rows.row([cell, cell], cell), newline="")))
    assert read == [[f"'{cell}", "email", "refused_because"], [f"'{cell}"] * 3]


def test_refused_rows_can_be_mended_and_imported_again() -> None:
    first = _file('email,note\nnobody,"a, b"\n')
    refused = RefusedRows(first.header)
    written = refused.head + "".join(refused.row(line.cells, line.problem) for line in first.lines(first.fields({})))
    again = _file(written.replace("nobody", "a@example.com"))
    (line,) = again.lines(again.fields({}))
    assert line.submission is not None
    assert line.submission.attributes == {"note": "a, b"}
    assert RefusedRows(again.header).head == "\ufeffemail,note,refused_because\r\n"


def test_all_addresses_in_a_row_are_found() -> None:
    cells = ["Ada <ADA@example.com>", "x", "see b@example.com, c@example.com."]
    assert addresses_in(cells) == ["ada@example.com", "b@example.com", "c@example.com"]
