"""`twoway train` and `twoway score`, on tables as people have them and on tables as they should not be."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from tests.activities.scoring_table.funnel import LEAKS, funnel
from tests.local.installation import Ended, here, twoway

ROWS = 900


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a history, leads that came after it, and what training left."""
    folder = tmp_path_factory.mktemp("trained")
    made = funnel(ROWS + 300, 4)
    made.write(folder / "history.csv", end=ROWS)
    made.write(folder / "new.csv", start=ROWS)
    ended = run(folder, "--target", "bought", "--positive", "yes", "--time", "created")
    (folder / "printed").write_text(ended.stdout)
    assert ended.returncode == 0, ended.stderr
    return folder


def run(folder: Path, *options: str, history: str = "history.csv", model: str = "model.ubj") -> Ended:
    return here("train", str(folder / history), *options, "--report", str(folder / "report.json"), "--model", str(folder / model))


def score(folder: Path, leads: str, out: str = "scored.csv") -> tuple[Ended, list[dict[str, str]]]:
    ended = here("score", str(folder / leads), "--model", str(folder / "model.ubj"), "--out", str(folder / out))
    with (folder / out).open(newline="", encoding="utf-8") as file:
        return ended, list(csv.DictReader(file))


def table(folder: Path, header: str, *rows: str, encoding: str = "utf-8") -> Path:
    path = folder / "history.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding=encoding)
    return path


def test_the_report_holds_verdict_leaks_metrics_and_columns(trained: Path) -> None:
    report = json.loads((trained / "report.json").read_text())
    assert report["verdict"] in {"ready", "weak"}
    assert set(report["leaks"]) == LEAKS
    assert set(report["columns"]) == {*funnel(2, 0).header} - {"bought"}
    metrics = report["metrics"]
    assert 0.65 < metrics["cross_validation"]["roc_auc"] < 0.9
    assert metrics["roc_auc"] == metrics["forward_in_time"]["roc_auc"]
    assert metrics["log_loss"] < metrics["log_loss_base_rate"]
    assert {"pr_auc", "brier", "ece", "ece_noise_floor", "roc_auc_interval", "tiers"} <= set(metrics)


def test_what_is_printed_names_the_verdict_and_every_leak(trained: Path) -> None:
    printed = (trained / "printed").read_text()
    assert "Verdict: " in printed
    assert [leak for leak in LEAKS if f"Leak, left out: {leak}" not in printed] == []


def test_the_page_asks_a_question_in_every_plot_and_loads_nothing(trained: Path) -> None:
    page = (trained / "report.html").read_text(encoding="utf-8")
    assert page.count("Plotly.newPlot(") >= 5
    assert "When it says 30 %, do 30 % succeed?" in page
    assert "<script src" not in page
    assert "<link" not in page


def test_every_lead_keeps_its_place_and_gets_a_score_with_reasons(trained: Path) -> None:
    ended, rows = score(trained, "new.csv")
    assert (ended.returncode, len(rows)) == (0, 300)
    with (trained / "new.csv").open(newline="", encoding="utf-8") as file:
        assert [row["lead_id"] for row in csv.DictReader(file)] == [row["lead_id"] for row in rows]
    chances, scores = np.array([float(row["probability"]) for row in rows]), np.array([float(row["score"]) for row in rows])
    assert 0 <= scores.min() < 30
    assert 60 < scores.max() <= 100
    assert np.all(np.diff(scores[np.argsort(chances, kind="stable")]) >= 0)
    won = np.array([row["bought"] == "yes" for row in rows])
    assert chances[won].mean() > chances[~won].mean() + 0.05
    assert all(len(row["reasons"].split("; ")) <= 5 for row in rows)
    assert any("(+" in row["reasons"] and "(-" in row["reasons"] for row in rows)


def test_unseen_missing_and_extra_columns_are_said_and_no_row_is_lost(trained: Path) -> None:
    (trained / "odd.csv").write_text("source,colour,visits\nfax,red,7\n,,\nads,blue\n")
    ended, rows = score(trained, "odd.csv", "odd-scored.csv")
    assert [row["source"] for row in rows] == ["fax", "", "ads"]
    assert all(0 < float(row["probability"]) < 1 for row in rows)
    for said in ("taken as not known: created", "not looked at: colour", "source: 1 value was not seen in training"):
        assert said in ended.stderr


def test_the_same_history_gives_the_same_model_byte_for_byte(trained: Path) -> None:
    again = run(trained, "--target", "bought", "--time", "created", model="again.ubj")
    assert again.returncode == 0
    assert (trained / "again.ubj").read_bytes() == (trained / "model.ubj").read_bytes()


def test_a_table_without_signal_is_not_to_be_used(tmp_path: Path) -> None:
    funnel(1_000, 8, signal=0, leaks=False).write(tmp_path / "history.csv")
    assert run(tmp_path, "--target", "bought").returncode == 0
    assert json.loads((tmp_path / "report.json").read_text())["verdict"] == "do not use"


def test_too_few_outcomes_make_a_report_and_no_model(tmp_path: Path) -> None:
    table(tmp_path, "n,y", *(f"{n % 7},{int(n < 24)}" for n in range(400)))
    ended = run(tmp_path, "--target", "y")
    assert (ended.returncode, (tmp_path / "model.ubj").exists()) == (1, False)
    assert "at least 25 are needed" in ended.stderr
    assert json.loads((tmp_path / "report.json").read_text())["verdict"] == "do not use"


def test_a_kept_column_is_no_leak(tmp_path: Path) -> None:
    chance = np.random.default_rng(1)
    rows = [f"{n % 5},{chance.normal() + 3 * (n % 4 == 0):.3f},{int(n % 4 == 0)}" for n in range(200)]
    table(tmp_path, "n,strong,y", *rows)
    assert run(tmp_path, "--target", "y", "--keep", "strong").returncode == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["leaks"], report["columns"]["strong"]["used"]) == ({}, True)


USABLE = [f"{n % 7},{'abc'[n % 3]},{int(n % 4 == 0)}" for n in range(80)]


@pytest.mark.parametrize(
    ("header", "rows", "options", "code", "said"),
    [
        ("a,y", ["1,0", "2,0"] * 40, ["--target", "y"], 1, "No row succeeded"),
        ("a,y", ["1,1", "2,1"] * 40, ["--target", "y"], 1, "Every row with an outcome succeeded"),
        ("y", ["1", "0"] * 40, ["--target", "y"], 1, "nothing to tell the outcome by"),
        ("a,b,y", [",n/a,1", ",,0"] * 40, ["--target", "y"], 1, "No column has anything to learn from"),
        ("a,b,y", USABLE, ["--target", "z"], 2, "there is no column 'z'"),
        ("a,b,y", USABLE, ["--target", "y", "--time", "z"], 2, "--time: there is no column 'z'"),
        ("a,b,y", USABLE, ["--target", "y", "--time", "b"], 2, "neither a date nor a number"),
        ("a,b,y", USABLE, ["--target", "b"], 2, "--positive VALUE"),
        ("a,b,y", USABLE, ["--target", "b", "--positive", "q"], 1, "never 'q'"),
        ("a,y", ["1,", "2,nan"] * 40, ["--target", "y"], 1, "is empty in every row"),
        ("a,b,y", [], ["--target", "y"], 1, "no rows"),
    ],
)
def test_bad_input_is_a_sentence(tmp_path: Path, header: str, rows: list[str], options: list[str], code: int, said: str) -> None:
    table(tmp_path, header, *rows)
    ended = run(tmp_path, *options)
    assert (ended.returncode, said in ended.stderr) == (code, True), ended.stderr


def test_odd_but_usable_input_is_used_and_said(tmp_path: Path) -> None:
    rows = [f"{n % 7},{n % 11},Mül{n % 3},{['', '1', '0'][n % 3]}" for n in range(300)]
    rows[5] = f"{'x' * 1_000_000},1,a,1"
    table(tmp_path, "a,a,ü,y", *rows, encoding="cp1252")
    ended = run(tmp_path, "--target", "y")
    assert ended.returncode == 0, ended.stderr
    for said in ("'a (2)'", "Windows-1252", "cells are longer", "100 rows have no outcome"):
        assert said in ended.stderr


def test_the_command_itself_ends_with_the_right_code(tmp_path: Path) -> None:
    ended = twoway("train", str(tmp_path / "none.csv"), "--target", "y", cwd=tmp_path)
    assert (ended.returncode, "cannot be read" in ended.stderr, "Traceback" in ended.stderr) == (1, True, False)


@pytest.mark.parametrize(("content", "said"), [(b"not a model", "is no model"), (b"{L\x00", "damaged"), (None, "cannot be read")])
def test_what_is_no_model_is_said(tmp_path: Path, content: bytes | None, said: str) -> None:
    table(tmp_path, "a,b,y", *USABLE)
    if content is not None:
        (tmp_path / "model.ubj").write_bytes(content)
    ended = here("score", str(tmp_path / "history.csv"), "--model", str(tmp_path / "model.ubj"), "--out", str(tmp_path / "out.csv"))
    assert (ended.returncode, said in ended.stderr) == (1, True), ended.stderr


def test_the_file_that_is_read_is_not_written_over(trained: Path) -> None:
    before = (trained / "new.csv").read_bytes()
    ended = here("score", str(trained / "new.csv"), "--model", str(trained / "model.ubj"), "--out", str(trained / "new.csv"))
    assert ended.returncode == 2
    assert (trained / "new.csv").read_bytes() == before
