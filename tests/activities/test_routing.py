import asyncio
from collections import Counter
from datetime import datetime, time
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from activities import roster
from activities.database import Database, driver
from activities.ledger import LedgerActivities
from activities.roster import Asked
from activities.routing import RoutingActivities, preview
from models.ids import uuid7
from models.lifecycle import ActorKind, Entry, EntryKind, Holder, LeadState, Route, Stage
from models.messages import Commit, Routed
from models.worktime import Away
from tests.activities.rows import DAY, HOUR, arrive, change, column, hire, name_account, now, one, order, published, run, state_of

# --- in the database -----------------------------------------------------------------------------------------------


def entry(state: LeadState, was: Stage, kind: EntryKind) -> Entry:
    return Entry(
        seq=state.seq,
        at=now(),
        kind=kind,
        from_stage=was,
        to_stage=state.stage,
        actor_kind=ActorKind.ROUTER,
        actor=None,
        owner=state.owner,
        score=None,
        tier=None,
        policy_version=1,
        deadline=state.deadline,
    )


async def routed(database: Database, lead: UUID, number: int = 2, **what: Any) -> Routed:
    return await run(RoutingActivities(database).route, order(lead, Route(number=number, **what)))


async def test_a_choice_is_reserved_and_the_same_order_again_finds_the_same_rep(database: Database) -> None:
    await published(database)
    absence = {"start": (now() + DAY).isoformat(), "until": None}
    chosen = await hire(database, "anna", absences=[absence])
    lead = await arrive(database)
    first = await routed(database, lead)
    await hire(database, "ben")
    assert await routed(database, lead) == first
    assert (first.rep, first.account_owner) == (str(chosen), False)
    assert first.away == (Away(datetime.fromisoformat(absence["start"] or "")),)
    row = await one(database, "SELECT lead_id, number, rep_id, settled, explanation ->> 'chosen' AS why FROM assignments")
    assert tuple(row) == (lead, 2, chosen, False, str(chosen))


async def test_with_nobody_free_no_place_is_reserved_and_the_lead_stands_in_the_queue(database: Database) -> None:
    await published(database)
    lead = await arrive(database, score=70.0)
    assert await routed(database, lead) == Routed(number=2)
    assert await column(database, "SELECT number FROM assignments") == []
    row = await one(database, "SELECT lead_id, number, score, excluded, explanation ->> 'why' AS why FROM routing_queue")
    assert tuple(row) == (lead, 2, 70.0, [], '["there is nobody it could go to"]')
    chosen = await hire(database)
    assert (await routed(database, lead)).rep == str(chosen)
    assert await column(database, "SELECT number FROM routing_queue") == []


async def test_only_active_reps_who_are_there_and_not_excluded_are_chosen(database: Database) -> None:
    await published(database)
    await hire(database, "marketer", roles=["marketer", "admin"])
    await hire(database, "gone", active=False)
    await hire(database, "ill", absences=[{"start": (now() - DAY).isoformat(), "until": None}])
    await hire(database, "away", absences=[{"start": (now() - DAY).isoformat(), "until": (now() + HOUR).isoformat()}])
    lapsed = await hire(database, "lapsed")
    back = await hire(database, "back", absences=[{"start": (now() - DAY).isoformat(), "until": (now() - HOUR).isoformat()}])
    assert (await routed(database, await arrive(database), excluded=(str(lapsed),))).rep == str(back)


async def test_open_leads_and_reservations_are_what_a_rep_has_on_their_hands(database: Database) -> None:
    await published(database)
    anna, ben = await hire(database, "anna", capacity=2), await hire(database, "ben", capacity=2)
    await arrive(database, state_of(uuid7(), Stage.WORKING, owner=str(anna)))
    assert [(await routed(database, await arrive(database))).rep for _ in range(4)] == [str(ben), str(anna), str(ben), None]


async def test_a_rep_without_a_capacity_has_the_policys(database: Database) -> None:
    await published(database, "claims: {per_rep_open: 2}")
    anna = await hire(database)
    assert [(await routed(database, await arrive(database))).rep for _ in range(3)] == [str(anna), str(anna), None]


async def test_a_named_accounts_lead_goes_to_its_owner_even_when_they_are_full(database: Database) -> None:
    await published(database)
    owner = await hire(database, "owner", capacity=0)
    await hire(database, "free")
    account = await name_account(database, owner)
    found = await routed(database, await arrive(database, account_id=account))
    assert (found.rep, found.account_owner) == (str(owner), True)
    assert await column(database, "SELECT account_owner FROM assignments") == [True]


async def test_an_absent_owners_lead_goes_to_somebody_who_is_there(database: Database) -> None:
    await published(database)
    owner = await hire(database, "owner", absences=[{"start": (now() - DAY).isoformat(), "until": None}])
    free = await hire(database, "free")
    found = await routed(database, await arrive(database, account_id=await name_account(database, owner)))
    assert (found.rep, found.account_owner) == (str(free), False)


async def test_a_reservation_ends_when_the_ledger_says_what_became_of_the_lead(database: Database) -> None:
    await published(database)
    anna = await hire(database, capacity=1)
    lead = await arrive(database)
    await routed(database, lead)
    waits = await arrive(database)
    assert await routed(database, waits) == Routed(number=2)
    moved_on = state_of(lead, Stage.NURTURE, seq=2, effect_number=2)
    await LedgerActivities(database).commit(Commit(state=moved_on, entries=()))
    assert (await routed(database, waits)).rep == str(anna)
    assert await routed(database, lead) == Routed(number=2)


async def test_an_order_the_tree_no_longer_waits_for_reserves_nothing(database: Database) -> None:
    await published(database)
    await hire(database)
    lead = await arrive(database, state_of(uuid7(), Stage.CLAIMED, effect_number=2))
    assert await routed(database, lead) == Routed(number=2)
    assert await column(database, "SELECT number FROM assignments") == []


async def test_an_order_the_ledger_has_not_heard_of_yet_or_still_owes_is_carried_out(database: Database) -> None:
    await published(database)
    anna = str(await hire(database))
    ahead = await arrive(database, state_of(uuid7(), effect_number=1))
    owed = await arrive(database, state_of(uuid7(), effect_number=3, effects=(Route(number=2),)))
    assert [(await routed(database, lead)).rep for lead in (ahead, owed)] == [anna, anna]


async def test_fifty_leads_at_once_land_by_weight_and_nobody_gets_more_than_they_can_take(database: Database) -> None:
    await published(database)
    reps = [await hire(database, capacity=capacity, weight=weight) for capacity, weight in ((5, 1), (99, 1), (99, 3), (99, 0.5))]
    leads = [await arrive(database) for _ in range(50)]
    got = Counter(answer.rep for answer in await asyncio.gather(*(routed(database, lead) for lead in leads)))
    spread = [got[str(who)] for who in reps]
    assert (spread[0], sum(spread)) == (5, 50)
    assert all(abs(found - 45 * share / 4.5) < 2 for found, share in zip(spread[1:], (1, 3, 0.5), strict=True))


async def test_turns_outlive_the_process(database: Database) -> None:
    await published(database)
    anna, ben = await hire(database, weight=3), await hire(database)
    order = [(await routed(database, await arrive(database))).rep for _ in range(4)]
    again = [(await routed(database, await arrive(database))).rep for _ in range(4)]
    assert (again, Counter(order)) == (order, {str(anna): 3, str(ben): 1})


async def test_the_lead_that_scores_higher_is_served_first_and_the_older_of_equals(database: Database) -> None:
    await published(database)
    low, older, younger, high = [await arrive(database, score=score) for score in (20.0, 50.0, 50.0, 90.0)]
    for lead in (low, older, younger, high):
        assert (await routed(database, lead)).rep is None
    anna = await hire(database, capacity=2)
    assert [(await routed(database, lead)).rep for lead in (low, younger)] == [None, None]
    kept = await one(database, "SELECT explanation -> 'others' -> 0 ->> 'why' AS why FROM routing_queue WHERE lead_id = :lead", lead=low)
    assert kept.why == "is full: 2 of 2 leads, 2 of them kept for leads that come first"
    assert [(await routed(database, lead)).rep for lead in (older, high, younger, low)] == [str(anna), str(anna), None, None]


async def test_a_lead_that_no_longer_asks_keeps_nobody_waiting(database: Database) -> None:
    await published(database)
    first, second = await arrive(database, score=90.0), await arrive(database, score=10.0)
    await routed(database, first)
    await change(database, "UPDATE routing_queue SET asked_at = now() - interval '20 minutes'")
    anna = await hire(database, capacity=1)
    assert (await routed(database, second)).rep == str(anna)


async def test_when_a_rep_has_room_again_the_leads_that_wait_for_them_are_asked_again(database: Database) -> None:
    await published(database)
    anna = await hire(database, capacity=1)
    held, waits = await arrive(database), await arrive(database)
    await routed(database, held)
    taken = state_of(held, Stage.ASSIGNED, seq=2, effect_number=2, owner=str(anna))
    await LedgerActivities(database).commit(Commit(state=taken, entries=(entry(taken, Stage.NEW, EntryKind.ASSIGNED),)))
    assert (await routed(database, waits)).rep is None
    woken = "SELECT lead_id FROM outbox WHERE signal = 'place_freed'"
    assert await column(database, woken) == []
    back = state_of(held, Stage.NURTURE, seq=3, effect_number=2)
    await LedgerActivities(database).commit(Commit(state=back, entries=(entry(back, Stage.ASSIGNED, EntryKind.RELEASED),)))
    assert await column(database, woken) == [waits]
    assert (await routed(database, waits)).rep == str(anna)


async def test_a_place_that_was_reserved_for_nothing_is_offered_on(database: Database) -> None:
    await published(database)
    await hire(database, capacity=1)
    first, waits = await arrive(database), await arrive(database)
    await routed(database, first)
    await routed(database, waits)
    await LedgerActivities(database).commit(Commit(state=state_of(first, Stage.NURTURE, seq=2, effect_number=2), entries=()))
    assert await column(database, "SELECT lead_id FROM outbox WHERE signal = 'place_freed'") == [waits]


async def test_a_lead_that_somebody_claims_no_longer_waits(database: Database) -> None:
    await published(database)
    lead = await arrive(database)
    await routed(database, lead)
    claimed = state_of(lead, Stage.CLAIMED, seq=2, effect_number=2, owner=str(await hire(database)))
    await LedgerActivities(database).commit(Commit(state=claimed, entries=()))
    assert await column(database, "SELECT number FROM routing_queue") == []


async def test_leads_of_one_company_stay_with_whoever_has_it(database: Database) -> None:
    await published(database)
    anna, ben = await hire(database, "anna"), await hire(database, "ben")
    await arrive(database, state_of(uuid7(), Stage.WORKING, owner=str(ben)), domain="acme.example", company="Acme")
    by_domain = await arrive(database, domain="acme.example")
    by_name = await arrive(database, company="ACME", domain="gmail.com")
    free_mail = await arrive(database, domain="gmail.com")
    found = [(await routed(database, lead)).rep for lead in (by_domain, by_name, free_mail)]
    assert found == [str(ben), str(ben), str(anna)]
    won = state_of(uuid7(), Stage.WON, closed=True, holders=(Holder(str(ben), now() - DAY, now(), 1, lapsed=False),))
    await arrive(database, won, domain="won.example")
    assert (await routed(database, await arrive(database, domain="won.example"))).rep == str(ben)


async def test_two_of_a_company_at_once_go_to_the_same_rep(database: Database) -> None:
    await published(database)
    for _ in range(4):
        await hire(database)
    leads = [await arrive(database, domain="acme.example") for _ in range(6)]
    assert len(set(await asyncio.gather(*(routed(database, lead) for lead in leads)))) == 1


async def test_the_agreements_rules_read_what_is_known_of_the_lead(database: Database) -> None:
    await published(
        database,
        """
        routing:
          lists: {dach: [de, at, ch]}
          rules: [{when: ["country in dach", "employees >= 200", "score >= 50"], to: {territory: dach}}]
        """,
    )
    anna = await hire(database, "anna", territories=["DACH"])
    ben = await hire(database, "ben")
    big: dict[str, Any] = {"country": "Germany", "attributes": {"employees": 500}}
    leads = [await arrive(database, **big, score=80.0), await arrive(database, **big, score=40.0), await arrive(database, score=80.0)]
    assert [(await routed(database, lead)).rep for lead in leads] == [str(anna), str(ben), str(ben)]


async def test_a_rep_gets_so_many_a_day_by_their_own_midnight(database: Database) -> None:
    await published(database, "routing: {per_rep_daily: 2}")
    anna = await hire(database, timezone="Pacific/Auckland")
    earlier = await arrive(database)
    await routed(database, earlier)
    await change(database, "UPDATE assignments SET at = now() - interval '25 hours', settled = true")
    answers = [await routed(database, await arrive(database)) for _ in range(3)]
    assert [answer.rep for answer in answers] == [str(anna), str(anna), None]
    again = answers[2].again_at
    assert again is not None
    assert again.astimezone(ZoneInfo("Pacific/Auckland")).time() == time()


async def test_more_leads_than_places_leave_the_rest_without_a_rep(database: Database) -> None:
    await published(database)
    reps = [await hire(database, capacity=3) for _ in range(2)]
    leads = [await arrive(database) for _ in range(10)]
    got = Counter([answer.rep for answer in await asyncio.gather(*(routed(database, lead) for lead in leads))])
    assert got == Counter({str(reps[0]): 3, str(reps[1]): 3, None: 4})


async def test_the_same_order_many_times_at_once_reserves_one_place(database: Database) -> None:
    await published(database)
    for _ in range(3):
        await hire(database)
    lead = await arrive(database)
    found = await asyncio.gather(*(routed(database, lead) for _ in range(10)))
    assert (len(set(found)), await column(database, "SELECT number FROM assignments")) == (1, [2])


async def test_a_preview_says_what_then_happens_and_writes_nothing(database: Database) -> None:
    chance = Random(11)
    policy = await published(
        database, "routing: {fallback: any_rep, rules: [{when: [title = cto], to: {territory: dach}}], catch_up: true}"
    )
    away = [{"start": (now() - DAY).isoformat(), "until": None}]
    for n in range(7):
        await hire(
            database,
            f"rep-{n}",
            capacity=chance.randint(0, 4),
            weight=chance.choice([0, 1, 2.5]),
            territories=chance.choice([[], ["dach"], ["us"]]),
            absences=chance.choice([[], [], away]),
            timezone=chance.choice(["Asia/Kathmandu", "America/New_York"]),
            working_hours=chance.choice([None, {"mon-sun": ["00:00-11:59", "12:00-24:00"]}]),
            roles=chance.choice([["rep"], ["rep", "manager"]]),
        )
    counts = "SELECT count(*) FROM assignments UNION ALL SELECT count(*) FROM routing_queue UNION ALL SELECT count(*) FROM routing_turns"
    agreed = []
    for n in range(25):
        person: dict[str, Any] = {
            "title": chance.choice(["CTO", "Buyer"]),
            "country": chance.choice([None, "US"]),
            "score": chance.choice([10.0, 90.0]),
        }
        lead = await arrive(database, **person, domain=chance.choice([None, f"c{n % 5}.example"]))
        before = await column(database, counts)
        async with database.connection() as connection:
            row = (await roster.leads(await driver(connection), [lead]))[lead]
            foreseen = await preview(connection, policy, Asked(row, lead=lead))
        assert await column(database, counts) == before
        happened = await routed(database, lead)
        agreed.append((foreseen.rep and str(foreseen.rep.rep), foreseen.account_owner) == (happened.rep, happened.account_owner))
    assert all(agreed)
