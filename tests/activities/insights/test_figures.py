"""What the pages say is what a slow and obvious recomputation from the ledger says, on random histories."""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import Database
from activities.insights.asked import UNKNOWN, Asked, moment
from activities.insights.figures import Insight, Share
from activities.insights.funnel import funnel
from activities.insights.holes import holes
from activities.insights.journeys import catch_up
from activities.insights.overrides import overrides
from activities.insights.queries import calmly
from activities.insights.reps import reps
from activities.insights.review import review
from activities.insights.scoring import scoring, stability
from activities.insights.sla import sla
from activities.insights.sources import sources
from models.lifecycle import EntryKind
from models.policy import Policy
from tests.activities.insights import slow
from tests.activities.insights.lives import NOW, Life, live
from tests.activities.rows import change, column

POLICY = Policy.model_validate({"review": {"when": ["near_threshold"]}}).numbered(1)
ZONE = "America/New_York"
DAY = timedelta(days=1)
HORIZON = 30 * DAY
Ask = Callable[..., Awaitable[dict[str, Any]]]


def asked(by: str = "source", days: float = 100) -> Asked:
    return Asked(NOW - days * DAY, NOW, by, ZONE, NOW)


async def told(database: Database, insight: Callable[..., Awaitable[Insight]], question: Asked, *more: Any) -> dict[str, Any]:
    """What an insight's JSON says."""
    assert await catch_up(database)
    async with database.connection() as connection:
        await calmly(connection)
        found = await insight(connection, question, *more)
    document = found.document()
    assert {table.key for table in found.tables} <= document.keys()
    for table in found.tables:
        head, *rows = table.cells()
        assert all(len(row) == len(head) for row in rows)
    return document


def share(count: int, of: int) -> dict[str, Any]:
    return Share(count, of).document()


def close(found: Any, expected: Any) -> bool:
    return found is expected is None or bool(found == pytest.approx(expected, abs=1e-3))


async def test_every_lead_is_folded_as_the_ledger_tells(database: Database) -> None:
    lives = await live(database, 1, 70, POLICY)
    assert await catch_up(database)
    kinds = Counter(entry.kind for life in lives for entry in life.entries)
    assert {EntryKind.WON, EntryKind.LAPSED, EntryKind.UNROUTED, EntryKind.REVIEWED, EntryKind.REOPENED} <= kinds.keys()  # a rich history
    async with database.connection() as connection:
        for life in lives:
            await _folded(connection, life)


async def _folded(connection: AsyncConnection, life: Life) -> None:
    async def rows(table: str, order: str = "1") -> list[dict[str, Any]]:
        found = await connection.exec_driver_sql(f"SELECT * FROM {table} WHERE lead_id = '{life.id}' ORDER BY {order}")
        return [dict(row) for row in found.mappings()]

    journey, arrived = (await rows("journeys"))[0], life.entries[0].at
    assert journey["arrived_at"] == arrived
    for name, tell in (("mql", slow.mql), ("sal", slow.sal), ("sql", slow.sql), ("contact", slow.contact), ("won", slow.won),
                       ("refused", slow.refused)):  # fmt: skip
        at = tell(life)
        assert close(journey[f"to_{name}"], at and (at - arrived).total_seconds()), (name, life.entries)
    assert (journey["tier"], journey["score"]) == slow.first_score(life)
    waited = slow.waits(life) if slow.contact(life) else {}
    for who in ("system", "late", "sales", "owner", "reviewer", "marketer", "agreed"):
        assert close(journey[f"waited_{who}"], waited.get(who, 0.0) if slow.contact(life) else None), who
    tenures = await rows("tenures", "seq")
    expected = slow.tenures(life)
    assert [{key: row[key] for key in expected[0] if key not in ("lead", "rep")} for row in tenures] == [
        {key: value for key, value in each.items() if key not in ("lead", "rep")} for each in expected
    ]
    assert [str(row["rep_id"]) for row in tenures] == [each["rep"] for each in expected]
    assert [(row["at"], row["kind"], row["late_ms"]) for row in await rows("overruns", "seq")] == slow.overruns(life)


@pytest.mark.parametrize("by", ["source", "week", "tier"])
async def test_the_funnel_counts_what_the_ledger_tells(database: Database, by: str) -> None:
    lives, question = await live(database, 2, 40, POLICY), asked(by)
    document = await told(database, funnel, question)
    name: dict[str, Callable[[Life], str]] = {
        "source": lambda life: life.person["source"] or UNKNOWN,
        "week": lambda life: slow.monday(life.entries[0].at, ZONE),
        "tier": lambda life: slow.first_score(life)[0] or UNKNOWN,
    }
    cohort = [life for life in lives if question.since <= life.entries[0].at < question.until]
    found = {row["group"]: row for row in document["groups"]}
    assert found.keys() == {name[by](life) for life in cohort}
    for group, row in found.items():
        mine = [life for life in cohort if name[by](life) == group]
        old = [life for life in mine if life.entries[0].at <= question.now - HORIZON]
        reached = [slow.in_time(life, slow.mql(life), HORIZON) for life in old]
        assert (row["leads"], row["old"]) == (len(mine), len(old))
        assert [row[stage] for stage in ("mql", "sal", "sql", "won")] == [
            sum(tell(life) is not None for life in mine) for tell in (slow.mql, slow.sal, slow.sql, slow.won)
        ]
        assert row["mql_rate"] == share(sum(reached), len(old))
        both = [life for life in old if slow.in_time(life, slow.mql(life), HORIZON) and slow.in_time(life, slow.sql(life), HORIZON)]
        assert row["sql_rate"] == share(len(both), sum(reached))
        assert row["won_rate"] == share(sum(slow.in_time(life, slow.won(life), HORIZON) for life in old), len(old))
        cycles = [(at - life.entries[0].at).total_seconds() for life in mine if (at := slow.won(life))]
        assert close(row["cycle_median"], slow.middle(cycles, 0.5))
        assert close(row["cycle_p90"], slow.middle(cycles, 0.9))
    if by == "week":
        assert list(found) == sorted(found)
    steps = {row["step"]: row for row in document["steps"]}
    took = [(b - a).total_seconds() for life in cohort if (a := slow.mql(life)) and (b := slow.sal(life)) and b >= a]
    assert close(steps["MQL to SAL"]["median"], slow.middle(took, 0.5))


async def test_service_levels_count_what_the_ledger_tells(database: Database) -> None:
    lives, question = await live(database, 3, 40, POLICY), asked("tier")
    document = await told(database, sla, question)
    cohort = [life for life in lives if question.since <= life.entries[0].at]
    contacted = [life for life in cohort if slow.contact(life)]
    row = document["contact"][0]
    assert (row["group"], row["leads"], row["contacted"]) == ("all leads", len(cohort), len(contacted))
    for name, hours in (("within_1h", 1), ("within_24h", 24), ("within_48h", 48)):
        old = [life for life in cohort if life.entries[0].at < question.now - timedelta(hours=hours)]
        assert row[name] == share(sum(slow.in_time(life, slow.contact(life), timedelta(hours=hours)) for life in old), len(old))
    took = [(at - life.entries[0].at).total_seconds() for life in cohort if (at := slow.contact(life))]
    assert close(row["median"], slow.middle(took, 0.5))
    waited = [slow.waits(life) for life in contacted]
    sides = {each["who"]: each for each in document["waits"]}
    for who, words in (("system", "our machines"), ("late", "our late timers"), ("sales", "any rep"), ("owner", "the owner")):
        mine = [each[who] for each in waited if each.get(who)]
        assert sides[words]["leads"] == len(mine)
        assert close(sides[words]["total"], sum(mine))
        assert close(sides[words]["p90"], slow.middle(mine, 0.9))
    late = [late for life in lives for at, _, late in slow.overruns(life) if question.since <= at < question.until]
    total = document["lateness"][0]
    assert (total["kind"], total["acts"]) == ("all deadlines", len(late))
    assert [total["p50"], total["p99"], total["latest"]] == [slow.rank(late, 0.5) / 1000, slow.rank(late, 0.99) / 1000, max(late) / 1000]


async def test_reps_are_counted_by_their_tenures(database: Database) -> None:
    lives, question = await live(database, 4, 40, POLICY), asked("rep", 150)
    document = await told(database, reps, question)
    held = [each for life in lives for each in slow.tenures(life) if question.since <= each["since"] < question.until]
    ripe = [each for each in held if each["since"] <= question.now - HORIZON]

    def became(each: dict[str, Any]) -> bool:
        return each["sql_at"] is not None and each["sql_at"] - each["since"] <= HORIZON

    def band(each: dict[str, Any]) -> int:
        return 0 if each["score"] is None else min(int(each["score"] // 10) + 1, 11)

    rates = {number: [became(each) for each in ripe if band(each) == number] for number in range(12)}
    conversion = {row["rep_id"]: row for row in document["conversion"]}
    for row in document["reps"]:
        mine = [each for each in held if each["rep"] == row["rep_id"]]
        lapsed = [each for each in mine if each["ended"] == "lapsed" and not each["contacted_at"] and not each["excused"]]
        due = [each for each in mine if each["contacted_at"]] + lapsed
        assert row["taken"] == len(mine)
        assert row["claimed"] == sum(each["began"] == "claimed" for each in mine)
        assert row["lapsed"] == len(lapsed)
        assert row["sat_on"] == sum(each["attempts"] == 0 for each in lapsed)
        assert row["handed_back"] == sum(each["ended"] == "released" for each in mine)
        assert row["meager"] == sum(each["ended"] == "meager" and not each["excused"] for each in mine)
        assert row["in_time"] == share(len(due) - len(lapsed), len(due))
        old = [each for each in ripe if each["rep"] == row["rep_id"]]
        assert conversion[row["rep_id"]]["observed"] == share(sum(map(became, old)), len(old))
        expected = sum(sum(rates[band(each)]) / len(rates[band(each)]) for each in old)
        assert conversion[row["rep_id"]]["expected"] == pytest.approx(expected)
    held_now = Counter(life.state.owner for life in lives if life.state.owner)
    assert {row["rep_id"]: row["held"] for row in document["load"]} == {
        rep: held_now[rep] for rep in (r["rep_id"] for r in document["load"])
    }


async def test_a_rep_sees_only_their_own_row(database: Database) -> None:
    lives = await live(database, 5, 12, POLICY)
    me = next(entry.owner for life in lives for entry in life.entries if entry.owner)
    document = await told(database, reps, asked("rep", 300), UUID(me))
    assert {row["rep_id"] for key in ("reps", "conversion", "load") for row in document[key]} == {me}
    assert "team" not in document


async def test_sources_count_what_sales_made_of_them(database: Database) -> None:
    lives, question = await live(database, 6, 40, POLICY), asked("source")
    document = await told(database, sources, question)
    cohort = [life for life in lives if question.since <= life.entries[0].at]
    for row in document["sources"][1:]:
        mine = [life for life in cohort if (life.person["source"] or UNKNOWN) == row["group"]]
        old = [life for life in mine if life.entries[0].at <= question.now - HORIZON]
        assert (row["leads"], row["refused"]) == (len(mine), sum(slow.refused(life) is not None for life in mine))
        assert row["accepted"] == share(sum(slow.in_time(life, slow.sal(life), HORIZON) for life in old), len(old))
    counted = Counter(
        (life.person["source"] or UNKNOWN, (life.reason or "").lower().strip(". "))
        for life in cohort
        if slow.refused(life) and life.state.stage != "erased"
    )
    assert {(row["group"], row["reason"]): row["share"]["count"] for row in document["reasons"]
            if row["reason"] != "no reason is kept"}.items() <= counted.items()  # fmt: skip


async def test_what_is_always_refused_for_one_reason_is_said_aloud(database: Database) -> None:
    lives = await live(database, 7, 50, POLICY)
    await change(database, "UPDATE leads SET source = 'trade show'")
    await change(database, "UPDATE notes SET reason = 'Only wanted the mug' WHERE reason IS NOT NULL")
    await change(database, "UPDATE leads SET change = nextval('changes')")
    refused = sum(slow.refused(life) is not None for life in lives)
    said = (await told(database, sources, asked("source", 300)))["said"]
    assert refused >= 5
    assert f"Leads of source trade show are always refused for the same reason, “only wanted the mug”: {refused} of {refused}." in said


async def test_scores_are_held_against_what_came(database: Database) -> None:
    lives, question = await live(database, 8, 40, POLICY), asked("score")
    document = await told(database, scoring, question)
    cohort = [life for life in lives if question.since <= life.entries[0].at and slow.first_score(life)[1] is not None]
    for row in document["tiers"]:
        mine = [life for life in cohort if slow.first_score(life)[0] == row["tier"]]
        old = [life for life in mine if life.entries[0].at <= question.now - HORIZON]
        assert row["share"] == share(len(mine), len(cohort))
        assert row["sql_rate"] == share(sum(slow.in_time(life, slow.sql(life), HORIZON) for life in old), len(old))
    assert sum(row["leads"] for row in document["calibration"]) == len(cohort) == sum(row["leads"] for row in document["drift"])
    won = [str(life.id) for life in cohort if slow.won(life) and life.state.stage != "erased"]
    assert won
    await change(
        database, """UPDATE leads SET reasons = '[{"text": "A director.", "points": 60}]' WHERE id = CAST(:id AS uuid)""", id=won[0]
    )
    assert (await told(database, scoring, question))["seen"] == [
        {"reason": "A director.", "share": share(1, sum(slow.won(life) is not None for life in cohort)), "points": 60}
    ]
    assert document["lift"][-1]["leads"]["rate"] == 1.0
    rates = [row["sql"]["count"] for row in document["lift"]]
    assert rates == sorted(rates)


def test_the_stability_index_is_nothing_for_the_same_and_grows_with_the_difference() -> None:
    assert stability([10, 20, 30], [1, 2, 3]) == pytest.approx(0)
    assert stability([1, 1], [3, 1]) == pytest.approx(0.25 * 1.0986123)  # (.75 - .5) ln 1.5 + (.25 - .5) ln .5
    assert stability([0, 0], [1, 1]) is None


async def test_leads_scored_low_claimed_and_won_are_named(database: Database) -> None:
    lives, question = await live(database, 9, 50, POLICY), asked("tier", 300)
    document = await told(database, overrides, question)
    claims = [(life, each) for life in lives for each in slow.tenures(life) if each["began"] == "claimed"]
    wins = {str(life.id) for life, each in claims if each["tier"] == "low" and each["ended"] == "won"}
    assert wins
    assert {row["lead"]["id"] for row in document["scored_low_won"]} == wins
    counted = {row["tier"]: row["claims"] for row in document["claims"]}
    assert counted == Counter(each["tier"] or "not scored yet" for _, each in claims)
    by_hand = sum(entry.kind is EntryKind.OVERRIDDEN for life in lives for entry in life.entries)
    assert sum(row["times"] for row in document["by_hand"]) == by_hand > 0


async def test_black_holes_are_empty_until_a_deadline_is_missed(database: Database) -> None:
    await live(database, 10, 25, POLICY)
    document = await told(database, holes, asked("stage"))
    open_now = (await column(database, "SELECT count(*) FROM leads WHERE NOT closed"))[0]
    assert sum(row["leads"] for row in document["open"]) == open_now > 0
    assert document["overdue"] == []
    assert document["said"] == [f"It is empty: all {open_now} open leads are within their deadlines."]
    assert open_now > 1
    sql = """UPDATE leads SET deadline_at = '2026-03-20T11:58Z', change = nextval('changes')
        WHERE id = (SELECT id FROM leads WHERE NOT closed LIMIT 1) RETURNING id"""
    forgotten = (await column(database, sql))[0]
    document = await told(database, holes, asked("stage"))
    assert [row["lead"]["id"] for row in document["overdue"]] == [str(forgotten)]
    assert "1 of" in document["said"][0]


async def test_the_review_shows_the_latest_qualified_leads_with_what_was_said(database: Database) -> None:
    lives = await live(database, 11, 25, POLICY)
    document = await told(database, review, asked("lead", 300))
    qualified = {str(life.id): at for life in lives if (at := slow.sql(life)) and life.state.stage != "erased"}
    assert [row["lead"]["id"] for row in document["review"]] == sorted(qualified, key=lambda lead: qualified[lead], reverse=True)[:50]
    assert any(row["notes"] for row in document["review"])


@pytest.mark.parametrize("insight", [funnel, sla, reps, sources, scoring, overrides, holes, review])
@pytest.mark.parametrize("leads", [0, 1])
async def test_nothing_and_one_lead_are_said_as_they_are(
    database: Database, insight: Callable[..., Awaitable[Insight]], leads: int
) -> None:
    await live(database, 12, leads, POLICY)
    by = {"funnel": "week", "sla": "week", "sources": "week"}.get(insight.__name__, "x")
    assert (await told(database, insight, asked(by, 400)))["insight"] == insight.__name__


async def test_weeks_begin_on_monday_in_the_policys_zone_on_both_sides_of_a_clock_change() -> None:
    at = datetime(2026, 3, 20, tzinfo=UTC)
    question = Asked(datetime(2026, 3, 1, tzinfo=UTC), at, "week", ZONE, at)
    monday = [start.isoformat() for start in question.weeks]
    assert monday == ["2026-02-23T05:00:00+00:00", "2026-03-02T05:00:00+00:00", "2026-03-09T04:00:00+00:00", "2026-03-16T04:00:00+00:00"]
    assert question.week(3) == "2026-03-09"
    assert moment(at.date(), ZONE, end=True) == datetime(2026, 3, 21, 4, tzinfo=UTC)


async def test_what_changed_is_counted_anew_and_only_that(database: Database) -> None:
    lives = await live(database, 13, 3, POLICY)
    assert await catch_up(database)
    await change(database, "UPDATE journeys SET source = 'folded before'")
    await change(database, "UPDATE leads SET change = nextval('changes') WHERE id = :id", id=lives[0].id)
    assert await catch_up(database)
    found = await column(database, "SELECT source FROM journeys WHERE lead_id <> :id", id=lives[0].id)
    assert found == ["folded before"] * 2
    assert await column(database, "SELECT source FROM journeys WHERE lead_id = :id", id=lives[0].id) == [lives[0].person["source"]]


def test_wilsons_interval_is_his() -> None:
    assert Share(8, 10).interval == pytest.approx((0.4901625, 0.9433178), abs=1e-6)
    assert Share(0, 10).interval == pytest.approx((0, 0.2775328), abs=1e-6)
    assert Share(0, 0).interval == (0, 1)
    assert Share(0, 0).rate is None
