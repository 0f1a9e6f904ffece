"""What leads and visitors do, and when their workflows hear of it."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import text

from tests.api.forms import Json, arrive, close, event, look, report, send, until
from tests.eventually import eventually
from tests.stack import People, Person, Stack


async def signals(stack: Stack, lead: Json) -> int:
    """How many signals the lead's workflow received."""
    history = await stack.client.get_workflow_handle(f"lead-{lead['id']}").fetch_history()
    return sum(one.HasField("workflow_execution_signaled_event_attributes") for one in history.events)


async def settled(stack: Stack) -> None:
    """Until everything in the outbox is delivered."""

    async def waiting() -> int:
        async with stack.database.connection() as connection:
            return int((await connection.execute(text("SELECT count(*) FROM outbox"))).scalar_one())

    await eventually(waiting, lambda count: count == 0)


async def test_an_event_counts_once_however_often_it_is_sent(api: Person) -> None:
    lead = await arrive(api)
    first, second = event(lead_id=lead["id"]), event(email=lead["email"].upper())
    assert await report(api, first, first, second) == {"accepted": 2, "duplicate": 1, "refused": []}
    assert await report(api, first, second) == {"accepted": 0, "duplicate": 2, "refused": []}
    assert (await look(api, lead))["signals"][0]["count"] == 2


async def test_a_bad_event_is_refused_by_itself(api: Person) -> None:
    lead = await arrive(api)
    who = {"lead_id": lead["id"]}
    year = timedelta(days=366)
    bad: list[tuple[object, str]] = [
        ({**event(**who), "at": (datetime.now(UTC) + timedelta(minutes=6)).isoformat()}, "at"),
        (event(ago=year, **who), "at"),
        ({**event(**who), "at": "2026-01-01T00:00:00"}, "at"),
        ({**event(**who), "kind": "Page View"}, "kind"),
        ({**event(**who), "colour": 1}, "colour"),
        ({**event(**who), "properties": {"a": "\x00"}}, "properties"),
        ({**event(**who), "properties": {"a": "x" * 17_000}}, "properties"),
        (event(), "lead_id"),
        (event(lead_id=str(uuid4())), "lead_id"),
        (event(email="nobody@dup.example"), "email"),
        (event("unsubscribe", **who, properties={"channel": "pigeon"}), "properties.channel"),
        ({**event(**who), "id": ""}, "id"),
        ({**event(**who), "id": "form-1"}, "id"),
        ("nonsense", ""),
    ]
    receipt = await report(api, *(one for one, _ in bad), event(**who))
    assert (receipt["accepted"], receipt["duplicate"]) == (1, 0)
    assert len(receipt["refused"]) == len(bad)
    said = {refused["id"]: refused["reason"] for refused in receipt["refused"]}
    for one, field in bad:
        if isinstance(one, dict) and one["id"]:
            assert field in said[one["id"]], said[one["id"]]


async def test_a_batch_over_the_limit_or_no_batch_is_refused_as_a_whole(api: Person, people: People) -> None:
    one = event(anonymous_id="v")
    assert (await api.post("/api/engagements", json={"events": [one] * 1001})).status_code == 422
    assert (await api.post("/api/engagements", json=[one])).status_code == 422
    assert await report(api) == {"accepted": 0, "duplicate": 0, "refused": []}
    assert (await (await people("service")).post("/api/engagements", json={"events": [one]})).status_code == 202
    assert (await (await people("rep")).post("/api/engagements", json={"events": [one]})).status_code == 403


async def test_a_strong_interest_stirs_the_lead_once_a_window(api: Person, stack: Stack) -> None:
    lead = await arrive(api)
    await until(api, lead, tier="low")
    for _ in range(5):
        await report(api, *(event("pricing_view", lead_id=lead["id"]) for _ in range(4)))
    await until(api, lead, tier="high")
    await settled(stack)
    assert await signals(stack, lead) in (1, 2)


async def test_page_views_stir_only_once_there_are_enough_of_them(api: Person, stack: Stack) -> None:
    lead = await arrive(api)
    await until(api, lead, tier="low")
    await report(api, *(event(lead_id=lead["id"]) for _ in range(29)))
    await settled(stack)
    assert await signals(stack, lead) == 0, "29 views are worth 58 points, 60 stir"
    await report(api, event(lead_id=lead["id"], ago=timedelta(days=2)))
    await settled(stack)
    assert await signals(stack, lead) == 0, "the day before yesterday is outside the window"
    await report(api, event(lead_id=lead["id"]))
    await until(api, lead, tier="medium")
    assert await signals(stack, lead) == 1


async def test_who_asks_for_a_person_is_heard_at_once_even_in_a_quiet_window(api: Person, people: People) -> None:
    rep = await people("rep")
    lead = await arrive(api)
    await report(api, event("pricing_view", lead_id=lead["id"]))
    await report(api, event("demo_requested", lead_id=lead["id"]))
    await until(api, lead, fast_lane="consultation_requested", owner={"id": rep.uid, "name": rep.uname})


async def test_any_response_of_a_named_account_goes_to_its_owner(api: Person, people: People, stack: Stack) -> None:
    owner = await people("rep")
    account = (await api.post("/api/accounts", json={"name": "Big", "domain": "big.example", "owner": owner.uid})).json()
    lead = await arrive(api)
    await until(api, lead, tier="low")
    async with stack.database.connection() as connection:
        await connection.execute(text("UPDATE leads SET account_id = :account"), {"account": account["id"]})
    await report(api, event(lead_id=lead["id"]))
    await until(api, lead, fast_lane="named_account", owner={"id": owner.uid, "name": owner.uname})


async def test_an_unsubscribe_stops_its_channel_for_good(api: Person) -> None:
    lead = await arrive(api, consent={"email": True, "sms": True})
    await report(api, event("unsubscribe", lead_id=lead["id"], properties={"channel": "sms"}))
    await until(api, lead, consent={"email": True, "sms": False, "post": False}, unsubscribed=["sms"])
    await report(api, event("email_bounced", lead_id=lead["id"]))
    await until(api, lead, consent={"email": False, "sms": False, "post": False})


async def test_what_a_closed_lead_does_is_kept(api: Person, people: People) -> None:
    lead = await arrive(api)
    await close(await people("rep"), lead)
    assert (await report(api, event("demo_requested", lead_id=lead["id"])))["accepted"] == 1
    shown = await look(api, lead)
    assert (shown["stage"], shown["signals"][0]["kind"]) == ("lost", "demo_requested")


async def test_an_unsubscribe_of_a_closed_lead_holds_when_it_comes_back(api: Person, people: People) -> None:
    lead = await arrive(api)
    await close(await people("rep"), lead)
    await report(api, event("unsubscribe", email=lead["email"]))
    await until(api, lead, unsubscribed=["email"], stage="lost")
    back = (await send(api, email=lead["email"], consent={"email": True, "post": True})).json()
    assert (back["stage"], back["consent"]) == ("new", {"email": False, "sms": False, "post": True})


async def test_a_signal_that_temporal_will_never_take_does_not_hold_up_the_others(api: Person, people: People, stack: Stack) -> None:
    lead, other = await arrive(api), await arrive(api)
    async with stack.database.connection() as connection:
        insert = text("INSERT INTO outbox (lead_id, signal, payload, created_at) VALUES (:lead, 'engage', CAST(:payload AS jsonb), now())")
        await connection.execute(insert, {"lead": lead["id"], "payload": json.dumps({"junk": "x" * 3_000_000})})
        await connection.execute(insert, {"lead": other["id"], "payload": json.dumps({"stirring": True, "rule": "consultation_requested"})})
    await people("rep")
    await until(api, other, 20, fast_lane="consultation_requested")

    async def left() -> list[tuple[str, str]]:
        async with stack.database.connection() as connection:
            return [(row[0], row[1]) for row in await connection.execute(text("SELECT lead_id::text, signal FROM outbox"))]

    await eventually(left, lambda rows: rows == [(lead["id"], "refused:engage")])
