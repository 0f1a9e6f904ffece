"""What people tell in interactive tools, and what it makes of them."""

from datetime import UTC, datetime, timedelta
from textwrap import dedent
from typing import Any
from uuid import UUID

from activities.database import Database
from activities.scoring import assessments
from activities.scoring.activities import ScoringActivities
from activities.scoring.assessments import Told, told
from models.ids import uuid7
from models.lifecycle import Score
from models.policy import parse_policy
from models.tables import Engagement
from tests.activities.rows import arrive, now, order, published, run, store

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
POLICY = """
    score: {points: {explicit: {readiness: {">=3": 50}}}}
    assessments:
      roi:
        budget: {"*": {budget_usd: answer}}
        role: {"I decide": {authority: true}, "*": {authority: false}}
      checklist:
        when: {now: {timeline_days: 30, readiness: 5}, ">=6": {readiness: 1}}
        need it: {yes: {need: true}}
    """
DECIDES = {"budget": "25,000", "role": "I decide, alone"}


def finished(lead: UUID, properties: dict[str, Any], hours_ago: int, **more: Any) -> Engagement:
    at = now() - timedelta(hours=hours_ago)
    return Engagement(event_id=str(uuid7()), lead_id=lead, kind=assessments.KIND, at=at, properties=properties, **more)


def test_answers_are_facts_by_pattern_comparison_or_as_they_are() -> None:
    policy = parse_policy(dedent(POLICY), today=AT.date())
    found = told([("checklist", {"when": 7, "need it": True, "colour": "red"}, AT), ("roi", DECIDES, AT - timedelta(days=1))], policy)
    assert assessments.facts(found) == {"budget_usd": 25000.0, "authority": True, "readiness": 1.0, "need": True}
    assert found[0] == Told("budget_usd", 25000.0, "roi", "budget", "25,000", AT - timedelta(days=1))


def test_what_nobody_mapped_and_what_is_no_answer_tells_nothing() -> None:
    policy = parse_policy(dedent(POLICY), today=AT.date())
    assert told([("unknown", {"budget": 1}, AT), ("roi", "nonsense", AT), ("roi", {"role": ["I decide"]}, AT)], policy) == []


async def test_answers_count_for_points_and_for_the_criteria_the_latest_round_of_a_tool_alone(database: Database) -> None:
    await published(database, POLICY)
    lead = await arrive(database, attributes={"need": True, "budget_usd": 5})
    rounds = [("roi", {"budget": 1, "role": "intern"}, 3), ("roi", DECIDES, 2), ("checklist", {"when": "now"}, 1)]
    rows = [finished(lead, {"name": name, "answers": answers}, ago) for name, answers, ago in rounds]
    machine = finished(lead, {"name": "roi", "answers": {"role": "intern"}}, 0, verdict="bot", sign="automated")
    await store(database, *rows, machine)
    scored = await run(ScoringActivities(database).score, order(lead, Score(number=3)))
    assert scored.known is not None
    assert (scored.known.points, scored.known.sql) == (50, True)
