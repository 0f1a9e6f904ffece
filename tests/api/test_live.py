"""The live feed over real HTTP: nothing is missed, nobody is held up, nobody reads what is another's."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from activities.database import Database
from api import live
from api.auth import Principal
from api.live import LiveHub, News, Subscriber
from models.ids import uuid7
from models.lifecycle import Role
from models.locks import CHANGE_LOCK
from models.schemas.leads import LeadCard
from models.tables import CHANNEL
from tests.api.forms import act, arrive
from tests.eventually import eventually
from tests.stack import People, Person, Stack

LEAD = """
    INSERT INTO leads (id, search, created_at, seq, first_seq, change, stage, company, arrived_at, since, policy_version, closed, state)
    VALUES (:id, '', now(), 1, 1, nextval('changes'), :stage, :company, now(), now(), 1, true, '{}')
    ON CONFLICT (id) DO UPDATE SET stage = :stage, company = :company, change = nextval('changes') RETURNING change"""
NOTICE = """
    INSERT INTO notices (id, change, lead_id, seq, kind, user_id, role, at)
    VALUES (:id, nextval('changes'), :lead, :seq, 'assigned', :user, :role, now()) RETURNING change"""


async def commit(database: Database, *rows: tuple[str, dict[str, Any]]) -> list[int]:
    """Make changes the way the ledger makes them: numbered in the order of commit, announced with it."""
    async with database.connection() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": CHANGE_LOCK})
        changes = [(await connection.execute(text(sql), row)).scalar_one() for sql, row in rows]
        await connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})
    return changes


async def lead(database: Database, company: str, *, lead_id: UUID | None = None, stage: str = "won") -> UUID:
    """A lead that changes to this company."""
    found = lead_id or uuid7()
    await commit(database, (LEAD, {"id": found, "company": company, "stage": stage}))
    return found


async def notice(database: Database, lead_id: UUID, *, user: str | None = None, role: str | None = None) -> UUID:
    found = uuid7()
    row = {"id": found, "lead": lead_id, "seq": found.int % 1_000_000_000, "user": UUID(user) if user else None, "role": role}
    await commit(database, (NOTICE, row))
    return found


@dataclass
class Event:
    name: str = ""
    id: str | None = None
    data: Any = None


@dataclass
class Feed:
    """An open feed, read event by event."""

    lines: AsyncIterator[str]
    events: list[Event] = field(default_factory=list)

    async def next(self, seconds: float = 10) -> Event:
        """The next event; comments are passed over. An empty one at the end of the feed."""
        event = Event()
        async with asyncio.timeout(seconds):
            async for line in self.lines:
                name, _, value = line.partition(": ")
                if name == "event":
                    event.name = value
                elif name == "id":
                    event.id = value
                elif name == "data":
                    event.data = json.loads(value) if value[:1] in "{[" else value
                elif not line and event.name:
                    self.events.append(event)
                    return event
        return event

    async def until(self, name: str) -> Event:
        while (event := await self.next()).name != name:
            assert event.name, "the feed ended"
        return event


@asynccontextmanager
async def listening(address: str, person: Person, last: str | None = None, path: str = "/api/live", **params: int) -> AsyncIterator[Feed]:
    """A feed as a browser opens it."""
    headers = {"Authorization": person.headers["Authorization"], **({"Last-Event-ID": last} if last else {})}
    async with (
        httpx.AsyncClient(base_url=address, timeout=20) as client,
        client.stream("GET", path, headers=headers, params=params) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Feed(answer.aiter_lines())


async def test_a_change_reaches_every_open_board_as_a_card(address: str, stack: Stack, people: People) -> None:
    one, two = await people("rep"), await people("marketer")
    async with listening(address, one) as first, listening(address, two) as second:
        hello = await first.next()
        await second.next()
        changed = await lead(stack.database, "Acme")
        events = [await first.next(), await second.next()]
    assert hello.name == "hello"
    assert hello.id == str(hello.data["change"])
    for event in events:
        assert (event.name, event.data["id"], event.data["company"], event.data["stage"]) == ("lead", str(changed), "Acme", "won")
        assert event.id == str(event.data["change"])
        assert event.data["change"] > hello.data["change"]


async def test_a_board_that_was_away_hears_what_it_missed_once_and_in_order(address: str, stack: Stack, people: People) -> None:
    rep = await people("rep")
    async with listening(address, rep) as feed:
        await feed.next()
        await lead(stack.database, "Seen")
        last = (await feed.next()).id
    first, second = await lead(stack.database, "First"), await lead(stack.database, "Second")
    await lead(stack.database, "First again", lead_id=first)
    told = await notice(stack.database, second, user=rep.uid)
    async with listening(address, rep, last) as feed:
        hello = await feed.next()
        missed = [await feed.next() for _ in range(3)]
        await lead(stack.database, "New")
        new = await feed.next()
    assert hello.id is None
    assert [(event.name, event.data["id"]) for event in missed] == [("lead", str(second)), ("lead", str(first)), ("notice", str(told))]
    assert missed[1].data["company"] == "First again"
    numbers = [int(event.id or 0) for event in (*missed, new)]
    assert numbers == sorted(numbers)
    assert new.data["company"] == "New"


async def test_the_query_resumes_too_and_the_header_knows_better(address: str, stack: Stack, people: People) -> None:
    rep = await people("rep")
    one = (await commit(stack.database, (LEAD, {"id": uuid7(), "company": "One", "stage": "won"})))[0]
    two = (await commit(stack.database, (LEAD, {"id": uuid7(), "company": "Two", "stage": "won"})))[0]
    async with listening(address, rep, after=one) as feed:
        await feed.next()
        assert (await feed.next()).data["company"] == "Two"
    async with listening(address, rep, str(two), after=one) as feed:
        await feed.next()
        await lead(stack.database, "Three")
        assert (await feed.next()).data["company"] == "Three"


async def test_two_users_see_their_own_notices_and_their_roles_only(address: str, stack: Stack, people: People) -> None:
    one, two = await people("rep"), await people("manager")
    about = await lead(stack.database, "Acme")
    async with listening(address, one) as first, listening(address, two) as second:
        await first.next()
        await second.next()
        mine = await notice(stack.database, about, user=one.uid)
        theirs = await notice(stack.database, about, user=two.uid)
        reps = await notice(stack.database, about, role="rep")
        managers = await notice(stack.database, about, role="manager")
        await lead(stack.database, "Last")
        await first.until("lead")
        await second.until("lead")
    assert [event.data["id"] for event in first.events if event.name == "notice"] == [str(mine), str(reps)]
    assert [event.data["id"] for event in second.events if event.name == "notice"] == [str(theirs), str(managers)]
    assert first.events[1].data["lead"]["company"] == "Acme"


async def test_an_erased_lead_is_told_without_anything_of_the_person(address: str, stack: Stack, people: People) -> None:
    rep = await people("rep")
    gone = await lead(stack.database, "Acme")
    async with listening(address, rep) as feed:
        await feed.next()
        await lead(stack.database, "Acme", lead_id=gone, stage="erased")
        event = await feed.next()
    assert event.data == {"id": str(gone), "stage": "erased"}


async def test_a_board_that_missed_too_much_is_told_to_load_anew(
    address: str, stack: Stack, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    rep = await people("rep")
    first = (await commit(stack.database, (LEAD, {"id": uuid7(), "company": "One", "stage": "won"})))[0]
    await commit(stack.database, *((LEAD, {"id": uuid7(), "company": f"C{n}", "stage": "won"}) for n in range(5)))
    for most, expected in ((5, "lead"), (4, "reset")):
        monkeypatch.setattr(live, "MOST", most)
        async with listening(address, rep, str(first)) as feed:
            hello = await feed.next()
            event = await feed.next()
            assert event.name == expected
            if expected == "reset":
                assert event.id == str(hello.data["change"])
                await lead(stack.database, "After")
                assert (await feed.next()).data["company"] == "After"


@pytest.mark.parametrize("known", ["999999999", "nonsense", "9" * 40, "-1", "\u0661"])
async def test_a_number_that_never_was_means_load_anew(address: str, stack: Stack, people: People, known: str) -> None:
    rep = await people("rep")
    await lead(stack.database, "Acme")
    headers = {"Authorization": rep.headers["Authorization"], "Last-Event-ID": known.encode()}
    async with httpx.AsyncClient(base_url=address) as client, client.stream("GET", "/api/live", headers=headers) as answer:  # type: ignore[arg-type]
        feed = Feed(answer.aiter_lines())
        assert [(await feed.next()).name, (await feed.next()).name] == ["hello", "reset"]


async def test_a_feed_ends_when_its_token_is_revoked(address: str, api: Person, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.live.HEARTBEAT", 0.05)
    monkeypatch.setattr("api.live.RECHECK", 0.1)
    rep = await people("rep")
    async with listening(address, rep) as feed:
        await feed.next()
        await api.patch(f"/api/users/{rep.uid}", json={"active": False})
        assert (await feed.next()).name == ""


async def test_a_feed_asks_to_be_opened_again_after_its_time_and_at_the_end(
    address: str, stack: Stack, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    rep = await people("rep")
    async with listening(address, rep) as feed:
        await feed.next()
        stack.app.state.wiring.hub.close()
        assert (await feed.next()).name == "reconnect"
        assert (await feed.next()).name == ""
    monkeypatch.setattr("api.live.HEARTBEAT", 0.05)
    monkeypatch.setattr("api.live.LIFETIME", 0.1)
    async with listening(address, rep) as feed:
        assert [(await feed.next()).name, (await feed.next()).name] == ["hello", "reconnect"]


async def test_an_idle_feed_shows_that_it_lives(address: str, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.live.HEARTBEAT", 0.05)
    rep = await people("rep")
    async with listening(address, rep) as feed, asyncio.timeout(5):
        async for line in feed.lines:
            if line.startswith(":"):
                break


async def test_a_lost_connection_to_the_database_loses_no_news(address: str, stack: Stack, people: People) -> None:
    rep = await people("rep")
    kill = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()")
    async with listening(address, rep) as feed:
        await feed.next()
        async with stack.database.connection() as connection:
            assert (await connection.execute(kill)).scalars().all() == [True]
        await lead(stack.database, "While deaf")
        assert (await feed.next()).data["company"] == "While deaf"
        await lead(stack.database, "Hearing again")
        assert (await feed.next()).data["company"] == "Hearing again"


async def test_an_open_feed_holds_no_database_connection(address: str, stack: Stack, people: People) -> None:
    rep = await people("rep")
    wired = stack.app.state.wiring

    async def held() -> int:
        count: int = wired.database.engine.pool.checkedout()
        return count

    async def open_feeds() -> int:
        return len(wired.hub._subscribers)

    async with listening(address, rep) as one, listening(address, rep) as two:
        await one.next()
        await two.next()
        await eventually(held, lambda count: count == 0)
        assert await open_feeds() == 2
    await eventually(open_feeds, lambda count: count == 0)


async def test_boards_get_rows_written_out_once_for_all_of_them_and_programs_none(
    address: str, stack: Stack, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def row_html(card: LeadCard) -> str:
        written.append(str(card.company))
        return f"<li>{card.company}</li>"

    monkeypatch.setattr(live, "row_html", row_html)
    people_ = [await people("rep"), await people("marketer")]
    async with listening(address, people_[0]) as program:
        await program.next()
        await lead(stack.database, "For programs")
        assert (await program.until("lead")).data["company"] == "For programs"
        assert written == []
        async with listening(address, people_[0], path="/live") as one, listening(address, people_[1], path="/live") as two:
            await one.until("hello")
            await two.until("hello")
            changed = await lead(stack.database, "Acme")
            rows = [await one.until("row"), await two.until("row")]
            assert [(row.data, row.id) for row in rows] == [("<li>Acme</li>", str((await program.until("lead")).data["change"]))] * 2
            assert written == ["Acme"]
            await lead(stack.database, "", lead_id=changed, stage="erased")
            assert [(await one.until("gone")).data, (await two.until("gone")).data] == [str(changed)] * 2
    assert written == ["Acme"]


async def test_boards_hear_how_many_leads_there_are_each_its_own(address: str, stack: Stack, people: People) -> None:
    rep, other = await people("rep"), await people("rep")
    async with listening(address, rep, path="/live") as one, listening(address, other, path="/live") as two:
        assert (await one.until("counts")).data == {"up": "0", "mine": "0", "returned": "0", "review": "0", "nurture": "0"}
        await two.until("counts")
        taken = await arrive(rep)
        assert (await act(rep, taken, "claim")).status_code == 200

        async def mine() -> str:
            found: str = (await one.until("counts")).data["mine"]
            return found

        await eventually(mine, lambda count: count == "1")
        assert (await two.until("counts")).data["mine"] == "0"


def reader(*roles: Role) -> Principal:
    return Principal(uuid4(), "Kim", frozenset(roles))


class Numbered(News):
    """News that are sent as their number."""

    @cached_property
    def data(self) -> bytes:
        return f"{self.change} ".encode()


def news(change: int, key: UUID | None = None) -> News:
    return Numbered(change, key or uuid4(), None)


def test_a_slow_reader_gets_the_newest_card_of_each_lead_in_order() -> None:
    slow, one, two = Subscriber(reader(Role.REP)), uuid4(), uuid4()
    slow.begin([], 0, reset=False)
    for change in range(1, 101):
        slow.offer([news(change, one if change % 2 else two)], change)
    assert slow.take() == b"99 100 "
    assert slow.take() == b""


def test_what_is_offered_while_the_backlog_is_read_comes_after_it_and_once() -> None:
    fresh, one = Subscriber(reader(Role.REP)), uuid4()
    fresh.offer([news(7, one), news(8), news(9)], 9)
    fresh.begin([news(5), news(7, one), news(8)], 8, reset=False)
    assert fresh.take() == b"5 7 8 9 "
    fresh.offer([news(8), news(10)], 10)
    assert fresh.take() == b"10 "


def test_a_reader_far_behind_is_reset_and_never_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST", 10)
    slow = Subscriber(reader(Role.REP))
    slow.begin([], 0, reset=False)
    for change in range(1, 12):
        slow.offer([news(change)], change)
    slow.offer([news(12)], 12)
    assert slow.take() == b'event: reset\ndata: {"change":11}\nid: 11\n\n12 '


def test_a_flood_before_the_backlog_is_read_resets_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST", 10)
    fresh = Subscriber(reader(Role.REP))
    fresh.offer([news(change) for change in range(1, 30)], 29)
    fresh.offer([news(30)], 30)
    fresh.begin([news(5)], 6, reset=False)
    assert fresh.take() == b'event: reset\ndata: {"change":29}\nid: 29\n\n30 '


async def test_one_reader_that_does_not_read_holds_no_other_up(stack: Stack) -> None:
    hub = LiveHub(stack.database)
    running = asyncio.create_task(hub.run())
    try:
        async with hub.subscribe(reader(Role.REP), None) as (stuck, _), hub.subscribe(reader(Role.REP), None) as (quick, _):
            company, found = "", b""
            for n in range(20):
                company = f"Company{n}"
                one = await lead(stack.database, company, lead_id=UUID(int=7))
                async with asyncio.timeout(10):
                    while company.encode() not in found:
                        await quick.woken.wait()
                        found = quick.take()
            assert one == UUID(int=7)
            waiting = stuck.take()
        assert waiting.count(b"event: lead") == 1
        assert company.encode() in waiting
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
