"""The bench ends, whatever one of its sections does."""

import json
from pathlib import Path

import pytest
from rich.console import Console

import bench.__main__ as program
from bench.measure import Result, rounds


async def test_a_section_that_takes_too_long_is_ended() -> None:
    with pytest.raises(program.Failed, match=r"not done after 0\.01 s"):
        await program.measured("decide", quick=True, longest=0.01)


async def test_a_section_that_does_not_work_says_why() -> None:
    with pytest.raises(program.Failed, match="invalid choice"):
        await program.measured("nonsense", quick=True)


def test_what_failed_stands_in_the_table_and_the_others_are_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Result("decisions_rate", 30_000.0, "/s per core", "higher", bar=20_000)

    async def measured(name: str, *, quick: bool) -> list[Result]:
        if name == "claims":
            raise program.Failed("[it] broke")
        return [found] if name == "decide" and quick else []

    monkeypatch.setattr(program, "measured", measured)
    monkeypatch.setattr(program, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(program, "Console", lambda stderr=False: Console(stderr=stderr, width=200))
    monkeypatch.setattr("sys.argv", ["bench", "--quick"])
    assert program.main() == 1
    assert json.loads((tmp_path / "results.json").read_text("utf-8")) == [found.document()]
    said = capsys.readouterr().out
    assert "[it] broke" in said
    assert "NOT MEASURED" in said
    assert "30,000" in said


def test_no_further_round_begins_when_time_is_up() -> None:
    assert list(rounds(5, 0.0)) == [0, 1]
    assert list(rounds(5, 60.0)) == [0, 1, 2, 3, 4, 5]
