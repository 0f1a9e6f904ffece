from pathlib import Path

import numpy as np
import pytest

from activities.scoring.table.columns import table_of
from activities.scoring.table.leaks import find_leaks
from activities.scoring.table.metrics import Outcomes
from activities.scoring.table.preparing import Question, kinds_of, prepare
from activities.scoring.table.reading import CsvTable
from tests.activities.scoring_table.funnel import LEAKS, funnel


@pytest.mark.parametrize("seed", range(3))
def test_every_planted_leak_is_found_and_nothing_honest_is_accused(tmp_path: Path, seed: int) -> None:
    made = funnel(2_000, seed, drift=0.8 * (seed % 2))
    found = prepare(CsvTable(made.write(tmp_path / "f.csv")).read(), Question("bought"))
    assert set(find_leaks(found.table, found.labels, found.kinds)) == LEAKS


def accused(name: str, cells: list[str], labels: Outcomes) -> bool:
    table = table_of([name], [[cell] for cell in cells])
    return bool(find_leaks(table, labels, kinds_of(table)))


LABELS = (np.random.default_rng(5).random(2_000) < 0.3).astype(np.int8)
NOISE = np.random.default_rng(6).normal(size=2_000)


def test_strong_behaviour_is_not_accused() -> None:
    assert not accused("minutes on pricing page", [f"{value:.3f}" for value in LABELS * 1.5 + NOISE], LABELS)


def test_a_column_that_is_too_good_is_accused_whatever_its_name() -> None:
    assert accused("x17", [f"{value:.3f}" for value in LABELS * 2.5 + NOISE], LABELS)


@pytest.mark.parametrize(("name", "expected"), [("call duration", True), ("session_minutes", False), ("previous call duration", False)])
def test_a_name_for_afterwards_counts_when_the_column_is_strong(name: str, expected: bool) -> None:
    assert accused(name, [f"{value:.3f}" for value in LABELS * 1.3 + NOISE], LABELS) is expected


def test_a_name_alone_accuses_nobody() -> None:
    assert not accused("deal status duration", [f"{value:.3f}" for value in NOISE], LABELS)


def test_a_contract_that_is_an_attribute_is_not_accused() -> None:
    assert not accused("contract", ["monthly" if value > 0.6 else "yearly" for value in LABELS + NOISE], LABELS)


def test_a_judgement_with_gaps_is_accused_only_when_strong_or_given_together_with_one() -> None:
    gaps = np.random.default_rng(7).random(2_000) < 0.4
    weak = ["" if gap else f"{value:.2f}" for value, gap in zip(0.5 * LABELS + NOISE, gaps, strict=True)]
    assert not accused("fit score", weak, LABELS)
    strong = ["" if gap else f"{value:.2f}" for value, gap in zip(1.2 * LABELS + NOISE, gaps, strict=True)]
    both = table_of(["fit score", "fit index"], [list(pair) for pair in zip(weak, strong, strict=True)])
    assert set(find_leaks(both, LABELS, kinds_of(both))) == {"fit score", "fit index"}


AFTER = {
    "amount that is 0 without a success": ("x", [str(100 + n % 90) if came else "0" for n, came in enumerate(LABELS)]),
    "notes that say how it ended": (
        "notes",
        [f"spoke with them again {n}" + " signed it" * int(came and n % 3) for n, came in enumerate(LABELS)],
    ),
    "numbers given to customers": ("account_id", [str(900_000 + n if came else 100_000 + n) for n, came in enumerate(LABELS)]),
    "first letters given to customers": ("account_id", [f"{'C' if came else 'L'}-{n}" for n, came in enumerate(LABELS)]),
}


@pytest.mark.parametrize("what", AFTER)
def test_what_is_filled_in_afterwards_is_accused(what: str) -> None:
    assert accused(*AFTER[what], LABELS)
