"""Nothing that was recorded after a moment changes what was known then, and serving knows what training will."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from activities.database import Database
from activities.scoring.features import Features, features_of, moment
from activities.scoring.features.stays import FEWEST, work_out
from models.ids import uuid7
from models.tables import Engagement, Lead, LeadFacts
from tests.activities.rows import DAY, HOUR, arrive, change, column, engage, now, store

T = datetime(2026, 5, 12, 15, 30, tzinfo=UTC)


async def of(database: Database, lead: UUID, at: datetime) -> Features:
    async with database.autocommit() as connection:
        return (await features_of(connection, {lead: at}))[lead]


async def at_once(database: Database, lead: UUID) -> Features:
    async with database.autocommit() as connection:
        return (await features_of(connection, {lead: await moment(connection)}))[lead]


VALUES = st.one_of(st.booleans(), st.integers(-9, 9), st.sampled_from(["VP Sales", "student", "DE", "pricing", "51-200", ""]), st.none())
KINDS = st.sampled_from(["page_view", "pricing_view", "demo_view", "webinar_attended", "form_step", "email_opened", "reply", "case_study"])
SAID = st.fixed_dictionaries(
    {},
    optional={
        "path": st.sampled_from(["/pricing", "/case-study/acme", "/"]),
        "seconds": st.integers(-1, 4000),
        "words": st.integers(0, 900),
        "depth": st.floats(0, 1),
        "hour": st.integers(0, 23),
        "device": st.sampled_from(["mobile", "desktop"]),
        "utm_source": st.sampled_from(["ads", "mail"]),
        "share": st.floats(0, 1),
        "step": st.integers(1, 5),
    },
)
AGES = st.integers(0, 90 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))
PERSON = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from(["CTO", "Head of Sales", "Intern"]),
        "country": st.sampled_from(["DE", "France"]),
        "source": st.sampled_from(["ads", "fair"]),
        "campaign": st.sampled_from(["spring", "x"]),
        "message": st.text("ab ", max_size=9),
        "attributes": st.dictionaries(st.sampled_from(["plan", "employees", "industry"]), VALUES, max_size=3),
    },
)
SIGNS = st.lists(st.tuples(st.sampled_from(["hiring", "funding"]), AGES), max_size=2)
FOUND = st.fixed_dictionaries({"employees": st.integers(1, 999), "industry": st.sampled_from(["steel", "law"])})
DEEDS = st.lists(st.tuples(KINDS, AGES, SAID), max_size=8)


class History:
    """Writes what happens to a lead as if it had been recorded at some moment."""

    def __init__(self, database: Database, lead: UUID) -> None:
        self.database, self.lead = database, lead

    async def said(self, person: dict[str, Any], at: datetime) -> None:
        if person:
            await self._update(person, at)

    async def found(self, findings: dict[str, Any], signs: Iterable[tuple[str, timedelta]], at: datetime) -> None:
        told = [{"kind": kind, "at": (at - age).isoformat(), "seen_at": at.isoformat()} for kind, age in signs]
        await self._update({"enrichment": {**findings, "signals": told}}, at)

    async def did(self, deeds: Iterable[tuple[str, timedelta, dict[str, Any]]], received: datetime) -> None:
        rows = [
            Engagement(event_id=str(uuid7()), lead_id=self.lead, kind=kind, at=received - age, received_at=received, properties=said)
            for kind, age, said in deeds
        ]
        await store(self.database, *rows)

    async def visited(self, visitor: str, deeds: Iterable[tuple[str, timedelta, dict[str, Any]]], received: datetime) -> None:
        """What a visitor nobody knows did, to be found out later."""
        rows = [
            Engagement(event_id=str(uuid7()), anonymous_id=visitor, kind=kind, at=received - age, received_at=received, properties=said)
            for kind, age, said in deeds
        ]
        await store(self.database, *rows)

    async def _update(self, columns: dict[str, Any], at: datetime) -> None:
        """The record the trigger makes, if it makes one, is dated back to the moment the test plays."""
        documents = [bindparam(name, type_=JSONB) for name in ("attributes", "enrichment") if name in columns]
        what = ", ".join(f"{name} = :{name}" for name in columns)
        async with self.database.connection() as connection:
            newest = (await connection.execute(text("SELECT coalesce(max(id), 0) FROM lead_facts"))).scalar_one()
            await connection.execute(
                text(f"UPDATE leads SET {what} WHERE id = :lead").bindparams(*documents), {**columns, "lead": self.lead}
            )
            await connection.execute(text("UPDATE lead_facts SET seen_at = :at WHERE id > :newest"), {"at": at, "newest": newest})


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.tuples(PERSON, FOUND, SIGNS, DEEDS), later=st.tuples(PERSON, FOUND, SIGNS, DEEDS), born=AGES, wait=AGES, age=AGES)
async def test_nothing_recorded_later_changes_what_was_known(
    database: Database, before: Any, later: Any, born: timedelta, wait: timedelta, age: timedelta
) -> None:
    lead = await arrive(database, created_at=T - born)
    history = History(database, lead)
    person, found, signs, deeds = before
    await history.said(person, T - born / 2)
    await history.found(found, signs, T - born / 3)
    await history.did(deeds, T - born / 4)
    visitor = str(uuid7())
    await history.visited(visitor, later[3], T - born / 5)
    known = await of(database, lead, T)
    person, found, signs, deeds = later
    after = T + wait + timedelta(microseconds=1)
    await history.said(person, after)
    await history.found(found, signs, after)
    await history.did(deeds, after)
    await history.did([(kind, took + wait + age, said) for kind, took, said in deeds], after)
    await change(
        database,
        "UPDATE engagements SET lead_id = :lead, linked_at = :at WHERE anonymous_id = :visitor",
        lead=lead,
        at=after,
        visitor=visitor,
    )
    assert await of(database, lead, T) == known


async def test_later_knowledge_counts_later(database: Database) -> None:
    lead = await arrive(database, created_at=T - DAY, title="Intern")
    history = History(database, lead)
    await history.said({"title": "CTO"}, T + HOUR)
    await history.found({"employees": 700}, [("funding", DAY)], T + HOUR)
    await history.did([("pricing_view", DAY, {})], T + HOUR)
    early, late = await of(database, lead, T), await of(database, lead, T + HOUR)
    names = ("title.seniority", "company.employees", "signal.funding.count", "did.pricing_view.count")
    assert [early.get(name) for name in names] == ["student", None, 0, 0]
    assert [late.get(name) for name in names] == ["chief", 700, 1, 1]


async def test_what_a_visitor_did_counts_from_when_they_named_themselves(database: Database) -> None:
    lead = await arrive(database, created_at=T - 9 * DAY)
    visit = Engagement(event_id="v", anonymous_id="visitor", kind="pricing_view", at=T - 2 * DAY, received_at=T - 2 * DAY)
    await store(database, visit)
    await change(database, "UPDATE engagements SET lead_id = :lead, linked_at = :at", lead=lead, at=T)
    counts = [(await of(database, lead, at))["did.count"] for at in (T - HOUR, T)]
    assert counts == [0, 1]


async def test_whoever_links_a_visit_without_saying_when_links_it_now(database: Database) -> None:
    lead = await arrive(database)
    await store(database, Engagement(event_id="v", anonymous_id="visitor", kind="page_view", at=now() - DAY, received_at=now() - DAY))
    async with database.autocommit() as connection:
        before = await moment(connection)
    await change(database, "UPDATE engagements SET lead_id = :lead", lead=lead)
    counts = [(await of(database, lead, before))["did.count"], (await at_once(database, lead))["did.count"]]
    assert counts == [0, 1]


async def test_training_finds_to_the_last_value_what_serving_saw(database: Database) -> None:
    leads = [
        await arrive(database, title=title, attributes={"employees": size}) for title, size in (("CTO", 5), ("Clerk", "1,000+"), (None, 7))
    ]
    for lead in leads:
        await engage(database, lead, [("pricing_view", now() - HOUR), ("email_opened", now() - 3 * DAY)])
    served: dict[UUID, Features] = {}
    moments: dict[UUID, datetime] = {}
    for lead in leads:
        async with database.autocommit() as connection:
            moments[lead] = await moment(connection)
            served |= await features_of(connection, {lead: moments[lead]})
    for lead in leads:
        await engage(database, lead, [("demo_view", now())])
        await change(database, "UPDATE leads SET title = 'VP', attributes = '{}', enrichment = '{\"industry\": \"steel\"}'")
    async with database.autocommit() as connection:
        trained = await features_of(connection, moments)
    assert trained == served
    assert {lead: list(row) for lead, row in trained.items()} == {lead: list(row) for lead, row in served.items()}


async def test_a_lead_that_was_not_there_yet_or_is_erased_has_no_features(database: Database) -> None:
    young, erased = await arrive(database, created_at=T), await arrive(database, created_at=T - DAY)
    await change(database, "UPDATE leads SET stage = 'erased' WHERE id = :lead", lead=erased)
    async with database.autocommit() as connection:
        assert await features_of(connection, {young: T - HOUR, erased: T, uuid7(): T}) == {}
        assert await features_of(connection, {}) == {}


@pytest.mark.parametrize("columns", [{"source": "ads"}, {"seq": 5}, {"search": "x"}, {"title": "VP"}])
async def test_only_news_makes_a_record(database: Database, columns: dict[str, Any]) -> None:
    lead = await arrive(database, title="VP", source="fair")
    await change(database, f"UPDATE leads SET {', '.join(f'{name} = :{name}' for name in columns)} WHERE id = :lead", lead=lead, **columns)
    kinds = await column(database, "SELECT kind FROM lead_facts ORDER BY id")
    assert kinds == ["person"] * (2 if "source" in columns else 1)


async def test_who_somebody_is_is_not_recorded(database: Database) -> None:
    await arrive(
        database, email="ada.lovelace@acme.example", first_name="Ada", last_name="Lovelace", phone="+49 30 1234", company="Acme Ltd"
    )
    (facts,) = await column(database, "SELECT facts::text FROM lead_facts")
    assert not [said for said in ("ada", "Ada", "Lovelace", "1234", "Acme Ltd") if said in facts]


async def test_a_verdict_counts_from_when_it_was_given(database: Database) -> None:
    lead = await arrive(database)
    await change(database, "ALTER TABLE engagements ADD COLUMN IF NOT EXISTS verdict text NOT NULL DEFAULT 'human'")
    await engage(database, lead, [("email_opened", now() - HOUR), ("email_opened", now() - DAY)])
    await change(database, "UPDATE engagements SET received_at = at")
    moments = []
    for verdict in ("human", "scanner", "bot", "human"):
        await change(database, "UPDATE engagements SET verdict = :verdict WHERE id = (SELECT min(id) FROM engagements)", verdict=verdict)
        async with database.autocommit() as connection:
            moments.append(await moment(connection))
    assert [(await of(database, lead, at))["did.email_opened.count"] for at in moments] == [2, 1, 1, 2]


async def test_a_new_lead_has_its_visits_from_its_first_moment(database: Database) -> None:
    lead, at = uuid7(), now() - timedelta(seconds=1)
    await store(database, Engagement(event_id="v", anonymous_id="visitor", kind="page_view", at=at - HOUR, received_at=at - HOUR))
    async with database.session() as session:
        session.add(Lead(id=lead, email="a@b.example", created_at=at))
        await session.flush()
        await (await session.connection()).execute(text("UPDATE engagements SET lead_id = :lead"), {"lead": lead})
    assert (await of(database, lead, at))["did.count"] == 1


async def test_signals_of_the_company_count_from_when_they_were_seen(database: Database) -> None:
    lead, company = await arrive(database), uuid7()
    for sql in (
        "CREATE TABLE IF NOT EXISTS companies (id uuid PRIMARY KEY, key text, confidence float, created_at timestamptz, same_as uuid)",
        "CREATE TABLE IF NOT EXISTS signals (id uuid, company_id uuid, kind text, key text, at timestamptz, seen_at timestamptz, "
        "title text, source text, confidence float)",
    ):
        await change(database, sql)
    seen = now() + HOUR
    await change(database, "INSERT INTO companies (id, key, confidence, created_at) VALUES (:id, 'acme.io', 1, now())", id=company)
    await change(
        database,
        """INSERT INTO signals (id, company_id, kind, key, at, seen_at, title, source, confidence)
           VALUES (gen_random_uuid(), :company, 'hiring', 'k', :at, :seen, 'Two engineers wanted', 'site', 1)""",
        company=company,
        at=seen - 3 * DAY,
        seen=seen,
    )
    await store(database, LeadFacts(lead_id=lead, seen_at=now(), kind="enrichment", facts={"company_id": str(company)}))
    early, late = await of(database, lead, seen - HOUR / 2), await of(database, lead, seen)
    assert (early["signal.count"], late["signal.hiring.count"], late["signal.hiring.days"]) == (0, 1, 3)


async def test_a_stay_is_told_against_what_others_stayed_as_far_as_that_was_known(database: Database) -> None:
    lead, other = await arrive(database), await arrive(database)
    viewed = [
        Engagement(event_id=f"{n}", lead_id=other, kind="page_view", at=now(), properties={"path": "/a", "seconds": 30, "words": 300})
        for n in range(FEWEST)
    ]
    await store(database, *viewed)
    for path in ("/a", "/b"):
        await store(
            database,
            Engagement(event_id=path, lead_id=lead, kind="page_view", at=now(), properties={"path": path, "seconds": 60, "words": 300}),
        )
    async with database.autocommit() as connection:
        before = await moment(connection)
    await work_out(database)
    await work_out(database)
    assert "did.pages.dwell" not in await of(database, lead, before)
    assert (await at_once(database, lead))["did.pages.dwell"] == pytest.approx(2, rel=0.15)
    assert await column(database, "SELECT count(*) FROM page_stays WHERE measure = 'done'") == [1]


async def test_what_cannot_be_read_as_a_stay_is_left_alone(database: Database) -> None:
    lead = await arrive(database)
    wrong: list[dict[str, Any]] = [
        {"seconds": "many"},
        {"path": "/a", "seconds": [1]},
        {"path": {"x": 1}, "seconds": 1e308, "words": 0},
        {},
    ]
    rows = [Engagement(event_id=f"{n}", lead_id=lead, kind="page_view", at=now(), properties=said) for n, said in enumerate(wrong * FEWEST)]
    await store(database, *rows)
    await work_out(database)
    found = await at_once(database, lead)
    assert (found["did.pages.count"], found["did.pages.seconds_mean"]) == (4 * FEWEST, 1800)
