"""Opens, clicks and visits of machines: kept apart, shown as such, worth nothing, also when it turns out late."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from activities.letters import Letters
from activities.links import Link, Links, Purpose
from activities.policies import latest, publish
from api.services import verdicts
from models.ids import uuid7
from models.lifecycle import Channel
from models.policy import Signals
from models.tables import MessageRecord
from tests.activities.rows import now, store
from tests.api.forms import Json, arrive, event, look, report
from tests.eventually import eventually
from tests.stack import Person, Stack
from tests.visitors import CHROME, beacon, browser, stored, view, visitor

LINKS = [f"https://www.ours.example/{name}" for name in ("a", "b", "c", "d")]
WORTH = """
    score: {points: {implicit: {email_clicked: 80, email_opened: 20, pricing_view: 40}}}
    rescore: {debounce: 1s, stir: [email_clicked, pricing_view]}"""
pytestmark = pytest.mark.policy("calm", WORTH)


@pytest.fixture
async def person(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """A person's browser."""
    async with browser(stack.app) as found:
        yield found


async def mailed(api: Person, stack: Stack, ago: timedelta = timedelta(hours=1), links: int = 2) -> tuple[Json, UUID]:
    """A lead that was sent a mail with so many links a while ago, and the mail."""
    lead, message = await arrive(api), uuid7()
    what: dict[str, Any] = {"key": str(message), "campaign": "c", "step": 0, "channel": "email", "template": "t", "state": "sent"}
    row = MessageRecord(id=message, lead_id=UUID(lead["id"]), body=" and ".join(LINKS[:links]), sent_at=now() - ago, **what)
    await store(stack.database, row)
    return lead, message


async def follow(
    stack: Stack, who: httpx.AsyncClient, purpose: Purpose, mail: tuple[Json, UUID], target: str | None = None
) -> httpx.Response:
    token = Links(stack.settings).token(purpose, Link(UUID(mail[0]["id"]), Channel.EMAIL, mail[1], target))
    return await who.get(f"/{purpose}/{token}{'.gif' if purpose == 'o' else ''}")


async def seen(stack: Stack, lead: Json) -> list[tuple[str, str, str | None]]:
    """What is stored of a lead, in order, and what is thought of it."""
    async with stack.database.connection() as connection:
        sql = "SELECT kind, verdict, sign FROM engagements WHERE lead_id = :lead ORDER BY id"
        return [tuple(row) for row in await connection.execute(text(sql), {"lead": lead["id"]})]


async def worth(api: Person, lead: Json, score: int) -> Json:
    """The lead, once it has this score; points halve by and by."""
    return await eventually(lambda: look(api, lead), lambda found: found["score"] is not None and round(found["score"]) == score, 10)


async def noted(stack: Stack, message: UUID) -> tuple[bool, bool]:
    """Whether the message counts as opened and as clicked."""
    async with stack.database.connection() as connection:
        sql = "SELECT opened_at IS NOT NULL, clicked_at IS NOT NULL FROM messages WHERE id = :id"
        found = (await connection.execute(text(sql), {"id": message})).one()
    return found[0], found[1]


async def test_a_person_opens_and_clicks_once_each(api: Person, stack: Stack, person: httpx.AsyncClient) -> None:
    mail = await mailed(api, stack)
    for _ in range(2):
        assert (await follow(stack, person, "o", mail)).status_code == 200
        assert (await follow(stack, person, "c", mail, LINKS[0])).headers["location"] == LINKS[0]
    assert await seen(stack, mail[0]) == [("email_opened", "human", None), ("email_clicked", "human", None)]
    assert await noted(stack, mail[1]) == (True, True)
    await worth(api, mail[0], 50)


@pytest.mark.parametrize(
    ("agent", "address", "ago", "sign"),
    [
        ("Mozilla/5.0 (compatible; Mimecast)", "203.0.113.9", 3600, "user_agent"),
        (CHROME, "52.101.9.1", 3600, "data_centre"),
        (CHROME, "203.0.113.9", 2, "too_fast"),
    ],
)
async def test_a_scanners_click_is_kept_apart_and_a_persons_after_it_counts(
    api: Person, stack: Stack, person: httpx.AsyncClient, agent: str, address: str, ago: float, sign: str
) -> None:
    mail = await mailed(api, stack, timedelta(seconds=ago))
    async with browser(stack.app, agent, address) as scanner:
        for _ in range(2):
            assert (await follow(stack, scanner, "c", mail, LINKS[0])).headers["location"] == LINKS[0]
    assert await seen(stack, mail[0]) == [("email_clicked", "scanner", sign)]
    assert (await noted(stack, mail[1]), (await look(api, mail[0]))["signals"]) == ((False, False), [])
    async with stack.database.connection() as connection:
        await connection.execute(text("UPDATE messages SET sent_at = now() - interval '1 hour'"))
    await follow(stack, person, "c", mail, LINKS[0])
    assert (await seen(stack, mail[0]))[1:] == [("email_clicked", "human", None)]


async def test_every_link_within_seconds_is_a_scanners_and_the_first_ones_are_taken_back(
    api: Person, stack: Stack, person: httpx.AsyncClient
) -> None:
    mail = await mailed(api, stack, links=4)
    await follow(stack, person, "o", mail)
    for link in LINKS[:2]:
        await follow(stack, person, "c", mail, link)
    assert await noted(stack, mail[1]) == (True, True)
    await follow(stack, person, "c", mail, LINKS[2])
    await follow(stack, person, "c", mail, LINKS[3])
    assert {(verdict, sign) for _, verdict, sign in await seen(stack, mail[0])} == {("scanner", "every_link")}
    assert await noted(stack, mail[1]) == (False, False)


async def test_links_followed_at_leisure_and_the_only_link_of_a_mail_are_a_persons(
    api: Person, stack: Stack, person: httpx.AsyncClient
) -> None:
    one, two = await mailed(api, stack, links=1), await mailed(api, stack, links=2)
    await follow(stack, person, "c", one, LINKS[0])
    await follow(stack, person, "c", two, LINKS[0])
    async with stack.database.connection() as connection:
        await connection.execute(text("UPDATE engagements SET at = at - interval '11 seconds'"))
    await follow(stack, person, "c", two, LINKS[1])
    assert [verdict for lead in (one[0], two[0]) for _, verdict, _ in await seen(stack, lead)] == ["human"] * 3


async def test_a_late_verdict_undoes_what_a_scanner_added_before_with_and_after(
    api: Person, stack: Stack, person: httpx.AsyncClient
) -> None:
    mail = await mailed(api, stack)
    before = await worth(api, mail[0], 0)
    await follow(stack, person, "c", mail, LINKS[0])
    with_it = await worth(api, mail[0], 40)
    assert (await follow(stack, person, "h", mail)).status_code == 204
    after = await worth(api, mail[0], 0)
    assert (before["reasons"], round(with_it["reasons"][0]["points"]), after["reasons"]) == ([], 80, [])
    assert {(verdict, sign) for _, verdict, sign in await seen(stack, mail[0])} == {("scanner", "hidden_link")}
    assert await noted(stack, mail[1]) == (False, False)
    items = (await api.get(f"/api/leads/{mail[0]['id']}/timeline", params={"limit": 200})).json()["items"]
    click = next(item for item in items if item["kind"] == "email_clicked")
    assert (click["data"]["verdict"], click["data"]["sign"]) == ("scanner", "hidden_link")
    page = (await api.get(f"/leads/{mail[0]['id']}", headers={"Accept": "text/html"})).text
    assert "a mail scanner, not a person: it does not count" in page


async def test_a_visitor_that_follows_the_hidden_link_never_was_a_person(api: Person, stack: Stack, person: httpx.AsyncClient) -> None:
    who = visitor()
    lead = await arrive(api, anonymous_id=who)
    await worth(api, lead, 0)
    await beacon(person, who, view("/pricing", ago=2), view("/pricing"))
    await worth(api, lead, 40)
    assert (await person.get(f"/t/h/{who}")).status_code == 204
    await worth(api, lead, 0)
    await beacon(person, who, view("/pricing"))
    assert {(row.verdict, row.sign) for row in await stored(stack.database, who)} == {("bot", "hidden_link")}
    assert (await person.get("/t/h/nonsense")).status_code == 404


async def relearnt(stack: Stack, *patterns: str) -> int:
    """How much is judged otherwise under these patterns."""
    async with stack.database.connection() as connection:
        policy = await latest(connection)
        changed = policy.model_copy(update={"signals": Signals(agents=patterns)})
        await publish(connection, changed.model_dump_json(), today=now().date(), author=None)
    found, known = await verdicts.relearn(stack.database, stack.app.state.wiring.engine)
    assert await verdicts.relearn(stack.database, stack.app.state.wiring.engine, known) == (0, known)
    return found


async def test_a_pattern_learnt_later_flips_what_is_stored_and_one_withdrawn_gives_it_back(api: Person, stack: Stack) -> None:
    mail = await mailed(api, stack)
    async with browser(stack.app, f"{CHROME} AcmeGateway/3") as gateway:
        await follow(stack, gateway, "c", mail, LINKS[0])
    await worth(api, mail[0], 40)
    assert await relearnt(stack, "acmegateway") == 1
    await worth(api, mail[0], 0)
    assert (await seen(stack, mail[0]), await noted(stack, mail[1])) == ([("email_clicked", "bot", "user_agent")], (False, False))
    assert await relearnt(stack) == 1
    await worth(api, mail[0], 40)
    assert (await seen(stack, mail[0]), await noted(stack, mail[1])) == ([("email_clicked", "human", None)], (True, True))
    assert await relearnt(stack) == 0


@pytest.mark.policy("calm", "tracking: {sites: [www.ours.example]}")
async def test_a_persons_click_takes_along_who_they_are_to_sites_of_ours_and_a_scanners_does_not(
    api: Person, stack: Stack, person: httpx.AsyncClient
) -> None:
    mail = await mailed(api, stack, links=1)
    where = (await follow(stack, person, "c", mail, f"{LINKS[0]}?x=1#part")).headers["location"]
    token = parse_qs(urlsplit(where).query)["tw"][0]
    assert (where.split("&tw=")[0], urlsplit(where).fragment) == (f"{LINKS[0]}?x=1", "part")
    who = visitor()
    async with browser(stack.app, Origin="https://www.ours.example") as site:
        await beacon(site, who, view(), link=token)
    assert await until_named(stack, who) == [mail[0]["id"]]
    assert (await follow(stack, person, "c", mail, "https://elsewhere.example/")).headers["location"] == "https://elsewhere.example/"
    async with browser(stack.app, "curl/8") as scanner:
        assert (await follow(stack, scanner, "c", mail, LINKS[0])).headers["location"] == LINKS[0]


async def until_named(stack: Stack, who: str) -> list[Any]:
    async def leads() -> list[Any]:
        return [row.lead for row in await stored(stack.database, who)]

    return await eventually(leads, all, 10)


async def test_a_program_can_say_with_what_something_was_done(api: Person, stack: Stack) -> None:
    lead = await arrive(api)
    by = {"user_agent": "Mozilla/5.0 (compatible; Barracuda)"}
    await report(api, event("email_clicked", lead_id=lead["id"], properties=by), event("email_clicked", lead_id=lead["id"]))
    assert sorted(verdict for _, verdict, _ in await seen(stack, lead)) == ["human", "scanner"]


async def test_erased_people_are_not_judged_and_links_still_lead_on(api: Person, stack: Stack, person: httpx.AsyncClient) -> None:
    mail = await mailed(api, stack)
    assert (await api.delete(f"/api/leads/{mail[0]['id']}")).status_code == 204
    assert (await follow(stack, person, "c", mail, LINKS[0])).headers["location"] == LINKS[0]
    assert await seen(stack, mail[0]) == []


def test_a_mail_holds_one_link_that_nobody_sees(stack: Stack) -> None:
    link = Link(UUID(int=1), Channel.EMAIL, UUID(int=2))
    letter = Letters(stack.settings).write("welcome", {}, link)
    assert letter is not None
    trap = f'<a href="{Links(stack.settings).hidden(link)}" style="display:none" aria-hidden="true" tabindex="-1"></a>'
    assert letter.html.count(trap) == 1
    assert "/h/" not in letter.plain
