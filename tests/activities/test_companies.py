"""Companies: asked about once by however many leads and workers, within every budget, and kept up to date."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from temporalio.testing import ActivityEnvironment

from activities.database import Database
from activities.enrichment import EnrichmentActivities, gate, store
from activities.enrichment import asker as asker_of
from activities.enrichment.asking import Asker
from activities.enrichment.provider import Budget, Company, Why
from activities.enrichment.web import Kind, Trouble
from activities.ledger import write
from models.lifecycle import Enrich, Stage
from models.messages import Enriched
from models.settings import Settings
from tests.activities.providers import Providers, providers
from tests.activities.rows import arrive, change, column, eventually, one, order, run, state_of

SOME = ("site", "greenhouse", "wikidata", "hunter")


@pytest.fixture
async def world() -> AsyncIterator[Providers]:
    async with providers() as found:
        yield found


async def enrich(database: Database, asker: Asker, lead: UUID) -> Enriched:
    return await run(EnrichmentActivities(database, asker).enrich, order(lead, Enrich(number=1)))


async def refresh(database: Database, asker: Asker, limit: int = 50) -> int:
    looked_at: int = await ActivityEnvironment().run(EnrichmentActivities(database, asker).refresh, limit)
    return looked_at


async def profile_of(database: Database, lead: UUID) -> dict[str, Any]:
    found: dict[str, Any] = (await column(database, "SELECT enrichment FROM leads WHERE id = :lead", lead=lead))[0]
    return found


async def rescored(database: Database) -> list[UUID]:
    return await column(database, "SELECT lead_id FROM outbox WHERE signal = 'rescore' ORDER BY id")


async def outdate(database: Database) -> None:
    await change(database, "UPDATE source_answers SET ask_again_at = now() - interval '1 second'")


async def acme(database: Database, name: str = "ada", **columns: Any) -> UUID:
    return await arrive(database, **{"email": f"{name}@acme.com", "domain": "acme.com", "company": "Acme Inc.", **columns})


async def test_everything_that_is_known_of_a_lead_and_its_company(database: Database, world: Providers) -> None:
    lead = await acme(database)
    assert await enrich(database, world.asker(database), lead) == Enriched(number=1, ok=True)
    found = await profile_of(database, lead)
    assert (found["employees"], found["title"], found["missing"], found["open_roles"]) == (280, "vp of sales", [], 2)
    assert (found["description"], found["ticker"], found["company"]) == ("Rockets", "ACME", "Acme"), (
        "what only one of them knows is there too"
    )
    origin = found["provenance"]["employees"]
    assert (origin["source"], origin["confidence"]) == ("apollo", 0.85), "of three with a key, asked at the same time, the surest"
    assert found["buying_signals"] == ["funding", "hiring", "leadership"]
    assert found["why"] == {"companies_house": "nothing_found"}, "not a British company"
    assert not await rescored(database), "it is scored after this anyway"
    rows = await column(database, "SELECT url FROM signals WHERE source = 'apollo'")
    assert rows == [None], "no address but http and https is kept"
    assert "/greenhouse/v1/boards/acmejobs/jobs?" in world.calls["greenhouse"], "its site linked to that board"


async def test_a_source_without_its_key_is_not_asked(database: Database, world: Providers) -> None:
    lead = await acme(database)
    answer = await enrich(database, world.asker(database, "site", "hunter", key=""), lead)
    found = await profile_of(database, lead)
    assert (answer.ok, found["why"], found["missing"], world.counted("hunter")) == (True, {"hunter": "not_configured"}, [], 0)


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("slow", "slow"),
        ("limited", "over_budget"),
        ("server", "failed"),
        ("refused", "failed"),
        ("changed", "failed"),
        ("nothing", "nothing_found"),
    ],
)
async def test_a_source_that_fails_costs_the_lead_only_what_it_knows(database: Database, world: Providers, mode: str, why: str) -> None:
    lead = await acme(database)
    with world.failing("hunter", mode):
        answer = await enrich(database, world.asker(database, "site", "hunter", seconds=0.4 if mode == "slow" else 5), lead)
    found = await profile_of(database, lead)
    assert (answer.ok, found["why"], found["site_title"]) == (mode == "nothing", {"hunter": why}, "Acme — rockets")
    assert found["missing"] == ([] if mode == "nothing" else ["hunter"])


async def test_what_a_source_said_earlier_holds_while_it_is_out_of_reach(database: Database, world: Providers) -> None:
    lead, asker = await acme(database), world.asker(database, "hunter")
    await enrich(database, asker, lead)
    await outdate(database)
    with world.failing("hunter", "server"):
        await enrich(database, asker, lead)
    found = await profile_of(database, lead)
    assert (found["employees"], found["missing"]) == (201, ["hunter"])


async def test_leads_of_a_company_share_what_is_known_and_ask_once(database: Database, world: Providers) -> None:
    """Two workers, a hundred leads, ten companies, all at once: the bench does ten times that."""
    leads = [await acme(database, f"a{n}", domain=f"c{n % 10}.com", email=f"a{n}@c{n % 10}.com", company=None) for n in range(60)]
    workers = [EnrichmentActivities(database, world.asker(database, *SOME)) for _ in range(2)]
    room = asyncio.Semaphore(20)

    async def one_lead(number: int, lead: UUID) -> Enriched:
        async with room:
            return await run(workers[number % 2].enrich, order(lead, Enrich(number=1)))

    answers = await asyncio.gather(*(one_lead(number, lead) for number, lead in enumerate(leads)))
    assert all(answer.ok for answer in answers)
    assert {name: world.counted(name) for name in ("site", "greenhouse", "hunter")} == {"site": 10, "greenhouse": 10, "hunter": 10}
    assert await column(database, "SELECT count(*) FROM companies") == [10]
    assert await column(database, "SELECT count(*) FROM leads WHERE company_id IS NOT NULL AND enrichment ->> 'employees' = '201'") == [60]


async def test_who_waits_for_anothers_question_does_not_wait_for_ever_and_is_told(database: Database, world: Providers) -> None:
    first, second = await acme(database), await acme(database, "bob")
    with world.failing("hunter", "slow"):
        asking = asyncio.create_task(enrich(database, world.asker(database, "hunter"), first))
        await eventually(lambda: _asked(world))
        late = await enrich(database, world.asker(database, "hunter", patience=0.3), second)
        assert (late.ok, (await profile_of(database, second))["why"]) == (False, {"hunter": "slow"})
        world.released.set()
        assert (await asking).ok
    assert (await profile_of(database, second))["employees"] == 201
    assert await rescored(database) == [second]


async def _asked(world: Providers) -> bool:
    return world.counted("hunter") == 1


async def test_a_worker_that_died_while_asking_holds_nobody_up_for_long(database: Database, world: Providers) -> None:
    lead = await acme(database)
    async with database.autocommit() as connection:
        company = await store.record(connection, Company("acme.com", None))
        assert await store.claim(connection, company, "company", ["hunter"], uuid4()) == {"hunter"}
    asker = world.asker(database, "hunter", patience=0.2)
    assert not (await enrich(database, asker, lead)).ok
    await change(database, "UPDATE source_answers SET claimed_until = now()")
    assert (await enrich(database, asker, lead)).ok


async def test_a_company_of_which_only_the_name_is_known_is_placed_by_its_site(database: Database, world: Providers) -> None:
    named = await arrive(database, email="ada@gmail.com", company="ACME Inc")
    mailing = await acme(database)
    asker = world.asker(database, *SOME)
    await enrich(database, asker, named)
    await enrich(database, asker, mailing)
    same = await column(database, "SELECT DISTINCT company_id FROM leads")
    found = await one(database, "SELECT * FROM companies WHERE id = :id", id=same[0])
    assert (len(same), found.domain, found.confidence) == (1, "acme.com", 0.85), "one record for both"
    assert (world.counted("site"), world.counted("hunter")) == (1, 1)
    assert (await profile_of(database, named))["provenance"]["employees"]["confidence"] == 0.68, (
        "as sure as the place and the source together"
    )
    again = await arrive(database, email="eve@gmail.com", company="acme")
    await enrich(database, asker, again)
    assert (world.counted("site"), (await profile_of(database, again))["employees"]) == (1, 201)


async def test_a_name_nobody_can_place_is_looked_up_by_name_alone(database: Database, world: Providers) -> None:
    lead = await arrive(database, email="ada@gmail.com", company="Zzyzx Partners")
    await enrich(database, world.asker(database, *SOME), lead)
    found = await profile_of(database, lead)
    assert found["why"] == dict.fromkeys(("site", "hunter", "wikidata"), "nothing_found"), "the board of that name answered"
    assert world.counted("site") == world.counted("hunter") == 0


@pytest.mark.parametrize("email", ["ada@acme.example", "ada@example.com", "x@mailinator.com"])
async def test_nobody_is_asked_about_whom_nobody_can_know(database: Database, world: Providers, email: str) -> None:
    lead = await arrive(database, email=email)
    assert (await enrich(database, world.asker(database), lead)).ok
    assert not world.calls


async def test_news_renews_the_profiles_of_open_leads_and_has_them_scored_again(database: Database, world: Providers) -> None:
    lead, other, closed = await acme(database), await acme(database, "bob"), await acme(database, "eve")
    asker = world.asker(database, "gdelt")
    for each in (lead, other, closed):
        await enrich(database, asker, each)
    await change(database, "UPDATE leads SET closed = true WHERE id = :lead", lead=closed)
    assert await refresh(database, asker) == 0, "nothing is out of date"
    await outdate(database)
    assert (await refresh(database, asker), await rescored(database)) == (1, []), "nothing new"
    world.headlines.append("Acme opens new office in Berlin")
    await outdate(database)
    assert (await refresh(database, asker), sorted(await rescored(database))) == (1, sorted([lead, other]))
    assert (await profile_of(database, lead))["buying_signals"] == ["expansion", "funding"]
    await outdate(database)
    await refresh(database, asker)
    assert len(await rescored(database)) == 2, "the same news again is none"


async def test_only_companies_of_open_leads_are_looked_at_again(database: Database, world: Providers) -> None:
    lead, asker = await acme(database), world.asker(database, "hunter", "hunter_person")
    await enrich(database, asker, lead)
    await outdate(database)
    await change(database, "UPDATE leads SET closed = true")
    assert await refresh(database, asker) == 0
    await change(database, "UPDATE leads SET closed = false")
    assert await refresh(database, asker) == 2


async def test_a_person_found_late_is_written_down_and_scored_again(database: Database, world: Providers) -> None:
    lead, asker = await arrive(database, email="ada@gmail.com"), world.asker(database, "hunter_person")
    with world.failing("hunter", "server"):
        await enrich(database, asker, lead)
    assert "company" not in await profile_of(database, lead)
    await outdate(database)
    assert await refresh(database, asker) == 1
    assert ((await profile_of(database, lead))["company"], await rescored(database)) == ("Acme", [lead])


async def test_an_order_carried_out_again_asks_nobody_again(database: Database, world: Providers) -> None:
    lead, asker = await acme(database), world.asker(database)
    await enrich(database, asker, lead)
    calls = {name: world.counted(name) for name in world.calls}
    assert (await enrich(database, asker, lead)).ok
    assert {name: world.counted(name) for name in world.calls} == calls


async def test_erasing_a_person_leaves_what_is_known_of_the_company(database: Database, world: Providers) -> None:
    lead, named = await acme(database), await arrive(database, email="ada@gmail.com", company="Ada Lovelace Consulting")
    asker = world.asker(database)
    for each in (lead, named):
        await enrich(database, asker, each)
        async with database.connection() as connection:
            await write(connection, state_of(each, Stage.ERASED, closed=True, deadline=None, seq=9), (), last=True)
    assert await column(database, "SELECT name FROM companies") == ["Acme Inc."], "a name one person alone gave is that person's"
    assert await column(database, "SELECT DISTINCT about FROM source_answers") == ["company"]
    assert await column(database, "SELECT count(*) FROM leads WHERE company_id IS NOT NULL OR enrichment <> '{}'") == [0]
    assert (await column(database, "SELECT count(*) FROM signals"))[0] > 0
    assert not (await enrich(database, asker, lead)).ok


async def test_what_is_found_out_about_somebody_erased_meanwhile_is_not_kept(database: Database, world: Providers) -> None:
    lead = await arrive(database, email="ada@gmail.com")
    with world.failing("hunter", "slow"):
        asking = asyncio.create_task(enrich(database, world.asker(database, "hunter_person"), lead))
        await eventually(lambda: _asked(world))
        async with database.connection() as connection:
            await write(connection, state_of(lead, Stage.ERASED, closed=True, deadline=None, seq=9), (), last=True)
        world.released.set()
        assert not (await asking).ok
    assert await column(database, "SELECT count(*) FROM source_answers") == [0]
    assert await profile_of(database, lead) == {}


# --- budgets --------------------------------------------------------------------------------------------------------


async def test_a_sources_rate_is_shared_by_all_workers(database: Database) -> None:
    budget = Budget(per_minute=6, burst=3)
    refused = await asyncio.gather(*(gate.admit(database, "slowly", budget) for _ in range(5)))
    left = [found for found in refused if found is not None]
    assert (len(left), {found.why for found in left}) == (2, {Why.OVER_BUDGET})
    assert all(9 < found.seconds <= 10 for found in left), "until the next token"
    await change(database, "UPDATE source_gates SET filled_at = filled_at - interval '10 seconds'")
    assert [await gate.admit(database, "slowly", budget) is None for _ in range(2)] == [True, False]


async def test_a_days_money_is_spent_once(database: Database) -> None:
    budget = Budget(per_minute=6000, burst=100, cents=10, cents_a_day=25)
    refused = await asyncio.gather(*(gate.admit(database, "dear", budget) for _ in range(4)))
    left = [found for found in refused if found is not None]
    assert ([found.why for found in left], len(refused)) == ([Why.OVER_BUDGET] * 2, 4)
    assert 0 < left[0].seconds <= 86400
    await change(database, "UPDATE source_gates SET day = '2020-01-01'")
    assert await gate.admit(database, "dear", budget) is None, "the next day"
    assert await gate.admit(database, "dearer", Budget(cents=30, cents_a_day=25)) is not None


async def test_a_source_that_keeps_failing_is_left_alone_and_then_tried_with_one_question(database: Database) -> None:
    budget, broken = Budget(per_minute=6000, burst=100), Trouble(Kind.SERVER)
    for _ in range(gate.MOST_FAILURES):
        assert await gate.admit(database, "broken", budget) is None
        await gate.ill(database, "broken", broken, shared=True)
    refused = await gate.admit(database, "broken", budget)
    assert refused is not None
    assert (refused.why, refused.seconds > 20) == (Why.FAILED, True)
    await change(database, "UPDATE source_gates SET shut_until = now()")
    assert [await gate.admit(database, "broken", budget) is None for _ in range(3)] == [True, False, False], "one goes out to see"
    await gate.ill(database, "broken", broken, shared=True)
    again = await gate.admit(database, "broken", budget)
    assert again is not None
    assert again.seconds > 40, "longer each time"
    await change(database, "UPDATE source_gates SET shut_until = now()")
    assert await gate.admit(database, "broken", budget) is None
    await gate.well(database, "broken")
    assert [await gate.admit(database, "broken", budget) for _ in range(3)] == [None] * 3


async def test_retry_after_is_honoured(database: Database, world: Providers) -> None:
    lead, other, asker = await acme(database), await acme(database, "b", domain="b.com", email="b@b.com"), world.asker(database, "hunter")
    with world.failing("hunter", "limited"):
        await enrich(database, asker, lead)
        await enrich(database, asker, other)
    assert world.counted("hunter") == 1, "the second was not even asked"
    shut = await one(database, "SELECT extract(epoch FROM shut_until - now()) AS left FROM source_gates WHERE source = 'hunter'")
    assert 100 < shut.left <= 120
    due = await one(database, "SELECT extract(epoch FROM min(ask_again_at) - now()) AS left FROM source_answers")
    assert 100 < due.left <= 120


async def test_one_companys_broken_site_shuts_no_others(database: Database, world: Providers) -> None:
    asker = world.asker(database, "site")
    with world.failing("site", "server"):
        for number in range(gate.MOST_FAILURES + 1):
            await enrich(database, asker, await acme(database, f"n{number}", domain=f"n{number}.com", email=f"a@n{number}.com"))
    assert (await enrich(database, asker, await acme(database))).ok


async def test_without_a_network_nobody_is_asked(database: Database, world: Providers) -> None:
    asker = world.asker(database, "hunter", "apollo", url="http://nobody.invalid")
    first = await acme(database)
    await enrich(database, asker, first)
    assert (await profile_of(database, first))["missing"] == ["apollo", "hunter"]
    well = world.asker(database, "lever")
    second = await acme(database, "b", domain="b.com", email="b@b.com")
    await enrich(database, well, second)
    assert (world.counted("lever"), (await profile_of(database, second))["why"]) == (0, {"lever": "failed"})


async def test_a_connection_that_broke_is_tried_once_more_and_a_bug_of_ours_stops_nothing(database: Database, world: Providers) -> None:
    asker = world.asker(database, "hunter", "lever")
    tried = []
    hunter, _ = sorted(asker.sources, key=lambda source: source.name)

    async def broken(who: Any) -> None:
        tried.append(who)
        raise Trouble(Kind.BROKEN) if len(tried) == 1 else ZeroDivisionError

    hunter.ask = broken  # type: ignore[method-assign]
    lead = await acme(database)
    await enrich(database, asker, lead)
    assert (len(tried), (await profile_of(database, lead))["why"]) == (2, {"hunter": "failed"})
    assert (await profile_of(database, lead))["open_roles"] == 1


async def test_failed_questions_are_asked_again_less_and_less_often(database: Database, world: Providers) -> None:
    lead, asker = await acme(database), world.asker(database, "hunter")
    waits = []
    with world.failing("hunter", "server"):
        for _ in range(3):
            await change(database, "UPDATE source_answers SET ask_again_at = now() - interval '1 second'")
            await enrich(database, asker, lead)
            waits += await column(database, "SELECT extract(epoch FROM ask_again_at - answered_at)::int FROM source_answers")
    assert waits == [60, 120, 240]


async def test_enrichment_that_is_switched_off_asks_nobody(database: Database, settings: Settings) -> None:
    assert settings.enrichment is False, "as for all tests"
    assert asker_of(database, settings).sources == []
    demo = settings.model_copy(update={"enrichment": True, "demo_hour": 1.0})
    assert asker_of(database, demo).sources == []


def test_a_lease_outlives_every_activity() -> None:
    assert timedelta(seconds=30) < store.LEASE
