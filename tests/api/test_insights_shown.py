"""What an insight's page shows: days and weeks of the installation's own zone, and something sensible where there is little or nothing."""

from collections import Counter
from datetime import UTC, date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from activities.database import Database
from activities.insights.figures import Chart, Column, Insight, Share, Table
from api.auth import Principal
from api.board.insights import figure, parts
from api.services.insights import insight
from models.ids import uuid7
from models.lifecycle import Role
from models.policy import Policy
from models.schemas.insights import InsightName, InsightQuery
from models.settings import Settings
from tests.activities.insights import slow
from tests.activities.insights.lives import live
from tests.activities.rows import published

POLICY = Policy().numbered(1)
MANAGER = Principal(uuid7(), "Mara", frozenset({Role.MANAGER}))
EVER = date(2000, 1, 1)


async def asked(database: Database, name: InsightName, **query: Any) -> Insight:
    """An insight as a manager gets it."""
    return await insight(database, Settings(), MANAGER, name, InsightQuery(**query))


def heights(drawn: dict[str, Any]) -> list[float]:
    """How high everything stands that is drawn."""
    return [each for trace in drawn["data"] for each in trace["y"] if each is not None]


@pytest.mark.parametrize("name", list(InsightName))
@pytest.mark.parametrize("leads", [0, 1])
async def test_with_next_to_nothing_no_empty_chart_is_drawn(database: Database, name: InsightName, leads: int) -> None:
    await published(database)
    await live(database, 12, leads, POLICY)
    found = list(parts(await asked(database, name, since=EVER)))
    assert found
    for part in found:
        assert part.figure is None or heights(part.figure)
        assert part.figure is None or not part.table.nothing
        assert bool(part.undrawn) == (part.table.chart is not None and part.figure is None)
        assert part.table.empty
    if not leads:
        assert all(part.figure is None for part in found)
        assert {part.table.key for part in found if not part.table.nothing} <= {"load"}  # the reps are there


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/New_York"])
async def test_days_and_weeks_are_those_of_the_installation(database: Database, zone: str) -> None:
    await published(database, f"clock: {{hours: always, timezone: {zone}}}")
    arrived = [life.entries[0].at for life in await live(database, 21, 40, POLICY)]
    days = Counter(at.astimezone(ZoneInfo(zone)).date() for at in arrived)
    moved = {day for at, day in ((at, at.astimezone(ZoneInfo(zone)).date()) for at in arrived) if at.astimezone(UTC).date() != day}
    assert moved  # a day of the world's clock would give other figures
    for day in sorted(moved)[:4]:
        found = await asked(database, InsightName.FUNNEL, since=day, until=day)
        assert found.facts["timezone"] == zone
        assert found.tables[0].rows[0]["leads"] == days[day]
    by_week = await asked(database, InsightName.FUNNEL, since=EVER, by="week")
    groups = {row["group"]: row["leads"] for row in next(table for table in by_week.tables if table.key == "groups").rows}
    assert groups == dict(Counter(slow.monday(at, zone) for at in arrived))
    first = min(days)
    before = await asked(database, InsightName.FUNNEL, since=first - timedelta(days=3), until=first - timedelta(days=1))
    assert before.tables[0].rows[0]["leads"] == 0


def table(kind: Any, *values: Any, mark: Any = "bar", fixed: bool = False) -> Table:
    """A table with a chart of one column."""
    columns = (Column("who", "Who", "text"), Column("what", "What", kind))
    rows = [{"who": f"w{number}", "what": value} for number, value in enumerate(values)]
    return Table("t", "Who?", columns, rows, Chart(mark, "who", ("what",)), fixed=fixed)


@pytest.mark.parametrize("nothing", [table("share", Share(0, 0)), table("count", 0, 0), table("seconds", None), table("count")])
def test_what_has_no_figure_is_not_drawn(nothing: Table) -> None:
    assert figure(nothing) is None
    (part,) = parts(Insight("i", "I", {}, (nothing,)))
    assert part.undrawn.startswith("No chart yet")


def test_a_rate_of_none_is_a_figure_and_is_drawn_with_its_interval() -> None:
    drawn = figure(table("share", Share(0, 10), Share(0, 0)))
    assert drawn is not None
    assert drawn["data"][0]["y"] == [0.0, None]
    assert drawn["data"][0]["error_y"]["array"][0] == pytest.approx(0.2775, abs=1e-4)


def test_a_single_bar_is_no_wall_and_many_take_all_the_room() -> None:
    one, many, line = (figure(each) for each in (table("count", 3), table("count", 3, 4, 5, 6), table("count", 3, mark="line")))
    assert one is not None and many is not None and line is not None
    assert one["layout"]["xaxis"]["range"] == [-0.5, 2.5]
    assert "range" not in many["layout"]["xaxis"]
    assert "range" not in line["layout"]["xaxis"]


def test_rows_that_are_there_whatever_happened_are_nothing_until_one_has_a_figure() -> None:
    assert table("share", Share(0, 0), fixed=True).nothing
    assert not table("share", Share(0, 3), fixed=True).nothing
    assert not table("count", 0, 0).nothing
    assert table("count").nothing
