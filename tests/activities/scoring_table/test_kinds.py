import numpy as np
import pytest

from activities.scoring.table.columns import Column, table_of
from activities.scoring.table.kinds import Kind, detect, moments, numbers
from activities.scoring.table.preparing import kinds_of

CHANCE = np.random.default_rng(3)


def column(cells: list[str], name: str = "c") -> Column:
    return table_of([name], [[cell] for cell in cells]).columns[name]


DATES = [f"2025-{1 + n % 12:02d}-{1 + n % 28:02d}" for n in range(100)]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2.5", "", "-3e2"] * 20, Kind.NUMBER),
        (["$1,200", "€ 40.50", "12 %"] * 20, Kind.NUMBER),
        (["1.234,5", "0,5", "17,25"] * 20, Kind.NUMBER),
        (["red", "blue", ""] * 20, Kind.CATEGORY),
        (["", "n/a", "Select", "unknown"] * 20, Kind.EMPTY),
        (["same"] * 60, Kind.CONSTANT),
        (DATES, Kind.DATE),
        ([f"{n % 28 + 1}/{n % 12 + 1}/2025 10:30" for n in range(100)], Kind.DATE),
        ([f"user{n}@firm{n % 3}.example" for n in range(100)], Kind.HOST),
        ([f"we need {n} seats before the end of month" for n in range(100)], Kind.TEXT),
        ([f"id-{n:x}" for n in range(100)], Kind.IDENTIFIER),
        ([str(660_000 - n) for n in range(100)], Kind.IDENTIFIER),
        ([f"{value:.3f}" for value in CHANCE.normal(size=100)], Kind.NUMBER),
        ([str(int(value)) for value in CHANCE.lognormal(9, 3, size=200)], Kind.NUMBER),
    ],
)
def test_a_column_is_known_by_its_cells(cells: list[str], kind: Kind) -> None:
    assert detect(column(cells)).kind is kind


def test_a_number_for_not_known_is_found_out() -> None:
    assert detect(column(["999"] * 50 + [str(n % 20) for n in range(50)])).sentinels == (999.0,)


def test_an_honest_extreme_is_not_taken_for_not_known() -> None:
    assert detect(column([str(n * 10) for n in range(120)] + ["999"] * 5)).sentinels == ()


def test_day_first_and_month_first_are_told_apart_by_all_rows() -> None:
    assert detect(column(["03/04/2025"] * 30 + ["25/12/2025"] * 3 + ["01/02/2025"] * 5)).how == "%d/%m/%Y"
    assert "could be day/month" in detect(column(["03/04/2025", "05/06/2025"] * 30)).note


def test_numbers_and_dates_that_are_none_are_not_known() -> None:
    assert np.isnan(numbers(["x", "", "inf", "1e40"])).all()
    assert np.isnan(moments(["", "2025-13-01", "soon"], "iso")).all()


def test_the_same_column_twice_is_used_once() -> None:
    rows = [[str(n % 7), str(n % 7), "ab"[n % 2], "xy"[n % 2], str(n % 5)] for n in range(100)]
    found = kinds_of(table_of(["n", "copy", "letter", "renamed", "other"], rows))
    assert [name for name, kind in found.items() if kind.kind is Kind.DUPLICATE] == ["copy", "renamed"]
