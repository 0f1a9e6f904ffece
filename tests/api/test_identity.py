"""Visitors become leads when they name themselves, and never are two people one."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from activities.links import VISIT, Link, Links
from api.services import identity
from models.lifecycle import Channel
from models.tables import Engagement, Robot
from tests.activities.rows import now, store
from tests.api.forms import Json, arrive, event, look, report, send, until
from tests.eventually import eventually
from tests.stack import Person, Stack
from tests.visitors import beacon, browser, stored, view, visitor

pytestmark = pytest.mark.policy("calm")


@pytest.fixture
async def site(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """A website's visitor."""
    async with browser(stack.app) as found:
        yield found


async def whose(stack: Stack, who: str) -> list[str | None]:
    """Whose what a visitor did is, in order."""
    return [row.lead for row in await stored(stack.database, who)]


async def namings(stack: Stack, who: str) -> list[tuple[str, str]]:
    async with stack.database.connection() as connection:
        sql = "SELECT lead_id::text, how FROM namings WHERE anonymous_id = :who ORDER BY at"
        return [(row[0], row[1]) for row in await connection.execute(text(sql), {"who": who})]


async def belongs(stack: Stack, who: str, wanted: list[str | None]) -> None:
    """Wait until it is so: who says who they are is looked up once they were answered."""
    await eventually(lambda: whose(stack, who), lambda found: found == wanted, 10)


def token(stack: Stack, lead: Json) -> str:
    return Links(stack.settings).visit(Link(UUID(lead["id"]), Channel.EMAIL, UUID(int=7)))


async def test_a_form_joins_what_was_done_before_and_what_comes_after(api: Person, stack: Stack, site: httpx.AsyncClient) -> None:
    who = visitor()
    await beacon(site, who, view(ago=60), view(ago=30))
    lead = await arrive(api, anonymous_id=who)
    await beacon(site, who, view())
    assert await whose(stack, who) == [lead["id"]] * 3
    assert await namings(stack, who) == [(lead["id"], "form")]


async def test_naming_oneself_again_changes_nothing(api: Person, stack: Stack, site: httpx.AsyncClient) -> None:
    who = visitor()
    lead = await arrive(api, anonymous_id=who)
    for _ in range(2):
        await send(api, email=lead["email"], anonymous_id=who)
        await beacon(site, who, view(), email=lead["email"])
    assert await namings(stack, who) == [(lead["id"], "form")]


async def test_a_second_address_on_a_device_is_a_second_lead_and_each_keeps_what_they_did(
    api: Person, stack: Stack, site: httpx.AsyncClient
) -> None:
    who = visitor()
    await beacon(site, who, view("/first", ago=60))
    ada = await arrive(api, anonymous_id=who)
    await beacon(site, who, view("/ada"))
    bob = await arrive(api, anonymous_id=who)
    await beacon(site, who, view("/bob"))
    assert ada["id"] != bob["id"]
    assert await whose(stack, who) == [ada["id"], ada["id"], bob["id"]]
    await send(api, email=ada["email"], anonymous_id=who)
    await beacon(site, who, view("/ada-again"))
    assert [row.lead for row in await stored(stack.database, who) if row.kind == "page_view"] == [
        ada["id"],
        ada["id"],
        bob["id"],
        ada["id"],
    ]


async def test_an_event_that_comes_late_is_that_of_who_had_the_device_then(api: Person, stack: Stack, site: httpx.AsyncClient) -> None:
    who = visitor()
    ada, bob = await arrive(api, anonymous_id=who), await arrive(api, anonymous_id=who)
    async with stack.database.connection() as connection:
        for lead, ago in ((ada, "2 hours"), (bob, "1 hour")):
            moved = text("UPDATE namings SET at = now() - CAST(:ago AS interval) WHERE lead_id = :lead")
            await connection.execute(moved, {"ago": ago, "lead": lead["id"]})
    await beacon(site, who, view("/before", ago=3 * 3600), view("/as-ada", ago=1.5 * 3600), view("/as-bob", ago=60))
    assert await whose(stack, who) == [ada["id"], ada["id"], bob["id"]]


async def test_a_lead_has_many_devices(api: Person, stack: Stack, site: httpx.AsyncClient) -> None:
    desk, phone = visitor(), visitor()
    lead = await arrive(api, anonymous_id=desk)
    await send(api, email=lead["email"], anonymous_id=phone)
    await beacon(site, desk, view())
    await beacon(site, phone, view())
    assert (await whose(stack, desk), (await whose(stack, phone))[-1]) == ([lead["id"]], lead["id"])


async def test_who_says_their_address_is_joined_if_known_and_answered_alike_if_not(
    api: Person, stack: Stack, site: httpx.AsyncClient
) -> None:
    lead, known, unknown = await arrive(api), visitor(), visitor()
    answers = [await beacon(site, known, view(), email=lead["email"].upper()), await beacon(site, unknown, view(), email="no@body.example")]
    assert [(a.status_code, a.content, set(a.headers) - {"x-request-id"}) for a in answers] == [(204, b"", set())] * 2
    await belongs(stack, known, [lead["id"]])
    assert (await whose(stack, unknown), await namings(stack, known)) == ([None], [(lead["id"], "identify")])


@pytest.mark.policy("calm", "tracking: {identify: false}")
async def test_the_policy_can_stop_anybody_from_saying_who_they_are(api: Person, stack: Stack, site: httpx.AsyncClient) -> None:
    lead, who = await arrive(api), visitor()
    await beacon(site, who, view(), email=lead["email"], link=token(stack, lead))
    await belongs(stack, who, [lead["id"]])
    assert await namings(stack, who) == [(lead["id"], "click")]


async def test_a_click_names_only_a_device_that_nobody_has_named(api: Person, stack: Stack, site: httpx.AsyncClient) -> None:
    ada, bob, fresh, taken = await arrive(api), await arrive(api), visitor(), visitor()
    await beacon(site, fresh, view(ago=9), link=token(stack, ada))
    await belongs(stack, fresh, [ada["id"]])
    await send(api, email=bob["email"], anonymous_id=taken)
    await beacon(site, taken, view(), link=token(stack, ada))
    await beacon(site, fresh, view(), email=bob["email"])
    await eventually(lambda: namings(stack, fresh), lambda found: found == [(ada["id"], "click"), (bob["id"], "identify")], 10)
    assert await namings(stack, taken) == [(bob["id"], "form")]


async def test_a_forged_or_an_old_token_names_nobody(
    api: Person, stack: Stack, site: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead, who = await arrive(api), visitor()
    good = token(stack, lead)
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: now().timestamp() + VISIT + 5)
    for bad in (good, good[:-2], "nonsense"):
        assert (await beacon(site, who, view(), link=bad)).status_code == 204
    lately = visitor()
    await beacon(site, lately, view(), email=lead["email"])
    await belongs(stack, lately, [lead["id"]])  # so that what was sent before was looked at
    assert await namings(stack, who) == []


@pytest.mark.policy("calm", "rescore: {debounce: 1s}")
async def test_what_was_done_before_can_stir_the_lead_it_turns_out_to_be(api: Person, stack: Stack, site: httpx.AsyncClient) -> None:
    lead, who = await arrive(api), visitor()
    await until(api, lead, tier="low")
    await beacon(site, who, *(view("/pricing", ago=ago) for ago in range(4)))
    await beacon(site, who, email=lead["email"])
    await until(api, lead, tier="high")
    signal = (await look(api, lead))["signals"][0]
    assert (signal["kind"], signal["count"]) == ("pricing_view", 4)


async def test_what_was_stored_in_the_very_moment_of_naming_is_found_later(api: Person, stack: Stack) -> None:
    who = visitor()
    lead = await arrive(api, anonymous_id=who)
    await store(stack.database, Engagement(event_id="lost", kind="page_view", at=now(), anonymous_id=who))
    await identity.adopt(stack.database)  # which the program's own sweep does when it starts, so it may have been first
    assert await whose(stack, who) == [lead["id"]]
    assert await identity.adopt(stack.database) == 0


async def everything(stack: Stack) -> str:
    """All rows of all tables that may hold something of a visitor."""
    found: list[Any] = []
    async with stack.database.connection() as connection:
        for table in ("engagements", "namings", "robots", "leads"):
            found += (await connection.execute(text(f"SELECT row_to_json(t)::text FROM {table} t"))).scalars()
    return "\n".join(found)


async def test_erasing_a_person_forgets_their_devices_and_gives_them_to_nobody(api: Person, stack: Stack, site: httpx.AsyncClient) -> None:
    shared, own = visitor(), visitor()
    ada, bob = await arrive(api, anonymous_id=shared), await arrive(api, anonymous_id=shared)
    await send(api, email=bob["email"], anonymous_id=own)
    await beacon(site, own, view("/secret-plans"))
    await store(stack.database, Robot(anonymous_id=own, at=now(), why="hidden_link"))
    assert (await api.delete(f"/api/leads/{bob['id']}")).status_code == 204
    left = await everything(stack)
    assert own not in left
    assert "secret-plans" not in left
    assert "Chrome" not in left
    await beacon(site, shared, view())
    assert (await namings(stack, shared), await whose(stack, shared)) == ([], [None])
    assert (await look(api, ada))["signals"] == []
    await report(api, event(anonymous_id=own))
    assert await whose(stack, own) == [None]
