from datetime import timedelta
from uuid import UUID

import pytest
from temporalio.exceptions import ApplicationError

from activities.database import Database
from activities.scoring import ScoringActivities
from activities.scoring.activities import behaviour_of
from activities.scoring.points import Behaviour, behaviours
from models.ids import uuid7
from models.lifecycle import Score, Stage
from models.messages import Scored
from models.settings import Settings
from tests.activities.rows import DAY, HOUR, arrive, column, engage, hire, name_account, now, one, order, published, run, state_of


async def scored(database: Database, lead: UUID, number: int = 3, policy_version: int = 1) -> Scored:
    return await run(ScoringActivities(database).score, order(lead, Score(number=number), policy_version))


async def test_a_lead_is_judged_by_facts_and_engagement_and_the_judgement_is_stored_with_its_reasons(database: Database) -> None:
    await published(database)
    lead = await arrive(database, email="ada@acme.example", title="VP Sales", attributes={"employees": 150})
    at = now()
    await engage(database, lead, [("pricing_view", at), ("email_open", at - HOUR)])
    answer = await scored(database, lead)
    assert answer.known is not None
    assert (answer.number, round(answer.score or 0, 2), round(answer.known.points, 2)) == (3, 70.0, 140.0)
    assert (answer.known.company, answer.known.sal, answer.known.engaged_at) == (True, True, at)
    texts = ["Vice president in the title: “VP Sales”", f"Pricing page view on {at.day} {at:%b %Y}"]
    row = await one(database, "SELECT number, score, points, model_version, reasons FROM scores WHERE lead_id = :lead", lead=lead)
    assert (row.number, row.score, row.points, row.model_version) == (3, answer.score, answer.known.points, "points")
    assert [reason["text"] for reason in row.reasons] == texts
    assert await column(database, "SELECT reasons FROM leads WHERE id = :lead", lead=lead) == [row.reasons]


async def test_the_same_order_again_finds_the_stored_judgement(database: Database) -> None:
    await published(database)
    lead = await arrive(database, title="VP")
    first = await scored(database, lead)
    await engage(database, lead, [("demo_view", now())])
    again = await scored(database, lead)
    assert (again.score, again.known and again.known.points) == (first.score, first.known and first.known.points)
    assert await column(database, "SELECT number FROM scores") == [3]


async def test_a_new_order_is_a_new_judgement(database: Database) -> None:
    await published(database)
    lead = await arrive(database, title="VP")
    await scored(database, lead)
    await engage(database, lead, [("demo_view", now())])
    answer = await scored(database, lead, number=4)
    assert (round(answer.score or 0), await column(database, "SELECT number FROM scores ORDER BY number")) == (80, [3, 4])


async def test_it_is_judged_by_the_policy_of_the_order(database: Database) -> None:
    await published(database)
    await published(database, "score: {points_to_sales: 100}")
    lead = await arrive(database, title="VP")
    scores = [(await scored(database, lead, number=version, policy_version=version)).score for version in (1, 2)]
    assert scores == [50, 100]


async def test_a_lead_of_a_named_account_is_known_as_such(database: Database) -> None:
    await published(database)
    account = await name_account(database, await hire(database))
    answer = await scored(database, await arrive(database, account_id=account))
    assert answer.known is not None
    assert answer.known.named_account is True


async def test_postgresql_sums_engagement_up_as_python_does(database: Database) -> None:
    policy = await published(database, "score: {points: {half_life: 2h}}")
    lead = await arrive(database)
    at = now()
    did = [("page_view", at - n * 7 * HOUR) for n in range(40)] + [("demo_view", at + DAY), ("page_view", at - 4000 * DAY)]
    await engage(database, lead, did)
    async with database.connection() as connection:
        found = await behaviour_of(connection, lead, policy, at)

    def rounded(items: list[Behaviour]) -> list[tuple[str, int, float, object]]:
        return sorted((b.kind, b.count, round(b.weight, 9), b.last) for b in items)

    assert rounded(found) == rounded(behaviours(did, timedelta(hours=2), at))


async def test_the_latest_engagement_is_never_in_the_future(database: Database) -> None:
    await published(database)
    lead = await arrive(database)
    await engage(database, lead, [("page_view", now() + DAY)])
    answer = await scored(database, lead)
    assert answer.known is not None
    assert answer.known.engaged_at is not None
    assert answer.known.engaged_at <= now()


async def test_nobody_is_judged_who_was_erased_or_never_there(database: Database) -> None:
    await published(database)
    erased = await arrive(database, state_of(uuid7(), Stage.ERASED, closed=True, deadline=None), email=None)
    assert await scored(database, erased) == Scored(number=3)
    assert await scored(database, uuid7()) == Scored(number=3)
    assert await column(database, "SELECT number FROM scores") == []


async def test_a_database_out_of_reach_is_said_without_a_word_about_the_lead() -> None:
    away = Database(Settings(database_url="postgresql://nobody@127.0.0.1:1/none"))
    lead = uuid7()
    with pytest.raises(ApplicationError) as caught:
        await scored(away, lead)
    assert (caught.value.type, caught.value.non_retryable) == ("DatabaseAway", False)
    assert caught.value.message == "the lead could not be scored (OperationalError)"
    await away.close()
