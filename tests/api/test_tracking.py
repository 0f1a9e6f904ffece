"""The public door of websites' visitors: what it stores, what it refuses, and that it says nothing about anybody."""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text

from api.app import create_app
from api.errors import Invalid
from api.services import verdicts
from api.services.tracking import beacons, collector
from api.services.tracking.limits import EVENTS, Buckets, network_of
from models.settings import Settings
from models.tables import Engagement, Robot
from tests.activities.rows import arrive as lead_row
from tests.activities.rows import now, store
from tests.api.forms import arrive, look, until
from tests.api.test_frame_errors import problem
from tests.stack import Person, Stack
from tests.visitors import CHROME, beacon, browser, stored, view, visitor


@pytest.fixture
async def site(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """A website's visitor."""
    async with browser(stack.app, Origin="https://www.ours.example") as found:
        yield found


def counted(outcome: str) -> float:
    return float(EVENTS.labels(outcome)._value.get())


async def test_a_204_means_that_it_is_stored_with_what_was_said_and_no_address(stack: Stack, site: httpx.AsyncClient) -> None:
    who = visitor()
    said = view("/guide", ago=20, title="Guide", seconds=12.5, depth=0.8, device="mobile", hour=9, sequence=2, visit="v1", utm_source="ad")
    answer = await beacon(site, who, said)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "https://www.ours.example"
    (row,) = await stored(stack.database, who)
    assert (row.kind, row.lead, row.verdict, row.sign, row.agent) == ("page_view", None, "human", None, CHROME)
    assert row.properties == said["properties"]
    assert abs((datetime.now(UTC) - row.at).total_seconds() - 20) < 10
    async with stack.database.connection() as connection:
        whole = (await connection.execute(text("SELECT row_to_json(e)::text FROM engagements e"))).scalar_one()
    assert "203.0.113.9" not in whole


async def test_pages_are_what_the_policy_says_they_are(stack: Stack, site: httpx.AsyncClient) -> None:
    who = visitor()
    await beacon(site, who, view("/Pricing/teams", ago=3), view("/demo", ago=2), view("/about-pricing", ago=1))
    assert [row.kind for row in await stored(stack.database, who)] == ["pricing_view", "demo_view", "page_view"]


async def test_an_event_sent_again_is_stored_once_and_another_visitor_cannot_take_its_id(stack: Stack, site: httpx.AsyncClient) -> None:
    who, other, said = visitor(), visitor(), view("/a")
    before = counted("duplicate")
    for _ in range(2):
        assert (await beacon(site, who, said, said)).status_code == 204
    await beacon(site, other, said)
    assert (len(await stored(stack.database, who)), len(await stored(stack.database, other))) == (1, 1)
    assert counted("duplicate") == before + 3


async def test_a_wrong_clock_is_set_right_by_what_it_says_now(stack: Stack, site: httpx.AsyncClient) -> None:
    who, ahead = visitor(), 3 * 86400
    await beacon(site, who, view("/late", ago=60 - ahead), sent_at=(time.time() + ahead) * 1000)
    (row,) = await stored(stack.database, who)
    assert abs((datetime.now(UTC) - row.at).total_seconds() - 60) < 10


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"at": (time.time() + 3600) * 1000 + 1e7}, "future"),
        ({"at": (time.time() - 3 * 86400) * 1000}, "too_old"),
        ({"at": "yesterday"}, "malformed"),
        ({"at": 1e300}, "malformed"),
        ({"at": True}, "malformed"),
        ({"id": "a b"}, "malformed"),
        ({"kind": "Page View"}, "malformed"),
        ({"properties": []}, "malformed"),
        ({"lead_id": "0190a0b0-0000-7000-8000-000000000000"}, "forged"),
        ({"email": "ada@acme.example"}, "forged"),
        ({"kind": "demo_requested"}, "reserved"),
        ({"kind": "unsubscribe"}, "reserved"),
        ({"kind": "email_bounced"}, "reserved"),
        ({"kind": "form_submitted"}, "reserved"),
        ({"kind": "reply"}, "reserved"),
    ],
)
async def test_an_impossible_event_is_left_out_and_counted_and_the_others_are_kept(wrong: dict[str, object], why: str) -> None:
    at = datetime.now(UTC)
    body = {"anonymous_id": visitor(), "sent_at": at.timestamp() * 1000, "events": [{**view(), **wrong}, view("/good")]}
    found = beacons.read(json.dumps(body).encode(), at)
    assert dict(found.refused) == {why: 1}
    assert [form.properties["path"] for form in found.events] == ["/good"]


async def test_refused_events_show_in_the_metrics(api: Person, site: httpx.AsyncClient) -> None:
    before = counted("forged")
    assert (await beacon(site, visitor(), {**view(), "lead_id": "1"})).status_code == 204
    assert counted("forged") == before + 1
    assert 'twoway_tracking_events_total{outcome="forged"}' in (await api.get("/metrics")).text


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"anonymous_id": "short"}', b'{"anonymous_id": 12345678901234567}',
        b'{"anonymous_id": "0123456789abcdef", "events": {}}',
        b'{"anonymous_id": "0123456789abcdef", "lead_id": "0190a0b0-0000-7000-8000-000000000000"}',
        b'{"anonymous_id": "0123456789abcdef", "events": [' + b",".join([b"{}"] * 51) + b"]}",
    ],
)  # fmt: skip
def test_what_is_no_beacon_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        beacons.read(body, datetime.now(UTC))


def test_properties_are_bounded_whatever_they_are() -> None:
    wild = {f"p{number}": number for number in range(100)}
    known = {
        "depth": 7,
        "share": -1,
        "seconds": 1e12,
        "hour": 99,
        "device": "toaster",
        "title": "x" * 5000,
        "nested": {"a": 1},
        "nul": "a\x00b",
    }
    odd = {"inf": math.inf, "half": "\ud800", "": 1, "words": "many", "answers": {"q": {"deep": 1}, "ok": "yes"}}
    event = {**view(), "properties": {**known, **odd, **wild}}
    body = json.dumps({"anonymous_id": visitor(), "events": [event]}).encode()
    (form,) = beacons.read(body, datetime.now(UTC)).events
    found = form.properties
    assert len(found) == 30
    assert {name: found[name] for name in ("depth", "share", "seconds", "hour")} == {"depth": 1, "share": 0, "seconds": 86400, "hour": 23}
    assert (len(found["title"]), found["nul"], found["answers"]) == (500, "ab", {"ok": "yes"})
    assert {"device", "nested", "inf", "half", "", "words"}.isdisjoint(found)


async def test_a_body_over_the_limit_is_refused(site: httpx.AsyncClient) -> None:
    problem(await site.post("/t", content=b"x" * (beacons.LARGEST + 1)), 413, "too-large")
    problem(await site.post("/t", content=b"nonsense"), 422, "invalid")


async def test_a_flood_is_stopped_by_visitor_and_by_address_and_counted(stack: Stack) -> None:
    settings = stack.settings.model_copy(update={"tracking_per_visitor": 10, "tracking_per_address": 15})
    app = create_app(settings)
    async with app.router.lifespan_context(app), browser(app) as site, browser(app, address="203.0.113.77") as elsewhere:
        before, who = counted("throttled"), visitor()
        answers = [(await beacon(site, who, *(view() for _ in range(6)))).status_code for _ in range(2)]
        answers += [(await beacon(site, visitor(), *(view() for _ in range(6)))).status_code for _ in range(2)]
        problem(await beacon(site, who, *(view() for _ in range(6))), 429, "too-many-events")
        assert answers == [204, 429, 204, 429]
        problem(await beacon(elsewhere, visitor(), *({} for _ in range(11))), 429, "too-many-events")
        assert (await beacon(elsewhere, visitor(), view())).status_code == 204
        assert counted("throttled") == before + 29


def test_who_is_remembered_for_limits_is_bounded_and_time_heals() -> None:
    buckets = Buckets(60, most=3)
    assert [buckets.take("a", 60, 0.0), buckets.take("a", 1, 0.5), buckets.take("a", 1, 1.0)] == [True, False, True]
    for key in "bcde":
        buckets.take(key, 1, 2.0)
    assert len(buckets) == 3
    assert network_of("2001:db8:1:2:3::4") == network_of("2001:db8:1:2::9") != network_of("2001:db8:1:3::9")


async def test_when_the_queue_is_full_more_is_refused_at_once(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "_QUEUE", 0)
    before = counted("overflow")
    async with browser(stack.app) as site:
        problem(await beacon(site, visitor(), view()), 429, "too-many-events")
    assert counted("overflow") == before + 1


async def test_while_the_database_is_away_nothing_is_called_stored(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/none"}))
    async with app.router.lifespan_context(app), browser(app) as site:
        problem(await beacon(site, visitor(), view()), 503, "database-away")


async def test_many_at_once_are_each_stored(stack: Stack, site: httpx.AsyncClient) -> None:
    everybody = [visitor() for _ in range(40)]
    answers = await asyncio.gather(*(beacon(site, who, view(), view()) for who in everybody))
    assert {answer.status_code for answer in answers} == {204}
    assert [len(await stored(stack.database, who)) for who in everybody] == [2] * 40


@pytest.mark.policy("calm", "tracking: {sites: [www.ours.example]}")
async def test_any_site_may_ask_first_and_only_named_sites_are_listened_to(stack: Stack, site: httpx.AsyncClient) -> None:
    asked = await site.options("/t", headers={"Access-Control-Request-Method": "POST"})
    assert (asked.status_code, asked.headers["access-control-allow-headers"]) == (204, "Content-Type")
    ours, theirs, before = visitor(), visitor(), counted("foreign")
    await beacon(site, ours, view())
    async with browser(stack.app, Origin="https://evil.example") as other:
        assert (await beacon(other, theirs, view())).status_code == 204
    assert (len(await stored(stack.database, ours)), await stored(stack.database, theirs)) == (1, [])
    assert counted("foreign") == before + 1


@pytest.mark.parametrize(
    ("agent", "more", "sign"),
    [(CHROME.replace("Chrome/", "HeadlessChrome/"), {}, "user_agent"), ("", {}, "user_agent"), (CHROME, {"automated": True}, "automated")],
)
async def test_a_machine_is_stored_as_one_and_names_nobody(
    api: Person, stack: Stack, agent: str, more: dict[str, object], sign: str
) -> None:
    who, lead = visitor(), await arrive(api)
    async with browser(stack.app, agent) as site:
        assert (await beacon(site, who, view("/pricing"), email=lead["email"], **more)).status_code == 204
    (row,) = await stored(stack.database, who)
    assert (row.verdict, row.sign, row.lead) == ("bot", sign, None)


async def test_the_snippet_is_small_and_is_kept_by_browsers(site: httpx.AsyncClient) -> None:
    first = await site.get("/t.js", headers={"Accept-Encoding": "identity"})
    assert (first.status_code, first.headers["content-type"].split(";")[0]) == (200, "text/javascript")
    assert len(first.content) <= 4000
    assert "document.cookie" not in first.text
    again = await site.get("/t.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_what_nobody_ever_owned_up_to_is_forgotten_after_a_while(stack: Stack) -> None:
    lead = await lead_row(stack.database)
    old = now() - timedelta(days=400)
    kept = [("old", None), ("theirs", lead)]
    await store(
        stack.database,
        *(Engagement(event_id=name, lead_id=who, kind="page_view", at=old, received_at=old, agent="x") for name, who in kept),
    )
    await store(
        stack.database, Engagement(event_id="new", kind="page_view", at=now(), agent="x"), Robot(anonymous_id="r", at=old, why="automated")
    )
    await collector.prune(stack.database, stack.settings)
    await verdicts.prune(stack.database)
    async with stack.database.connection() as connection:
        rows = (await connection.execute(text("SELECT event_id, agent FROM engagements ORDER BY event_id"))).all()
        robots = (await connection.execute(text("SELECT count(*) FROM robots"))).scalar_one()
    assert ([tuple(row) for row in rows], robots) == ([("new", "x"), ("theirs", None)], 0)


ROI = "assessments: {roi: {budget: {'*': {budget_usd: answer}}, role: {owner: {authority: true}}, pain: {yes: {need: true}}}}"


@pytest.mark.policy("calm", f"{ROI}\nrescore: {{debounce: 1s}}")
async def test_answers_of_an_assessment_reach_the_score_and_the_page(api: Person, stack: Stack, site: httpx.AsyncClient) -> None:
    who = visitor()
    lead = await arrive(api, anonymous_id=who)
    said = {"name": "roi", "answers": {"budget": 50_000, "role": "Owner", "pain": "yes"}}
    event = {"id": "a1", "kind": "assessment_completed", "at": time.time() * 1000, "properties": said}
    assert (await beacon(site, who, event)).status_code == 204
    await until(api, lead, fast_lane="sql_criteria")
    shown = (await api.get(f"/leads/{lead['id']}", headers={"Accept": "text/html"})).text
    assert "From the assessment “Roi”" in shown
    assert "50,000 (Budget: 50000)" in shown
    assert (await look(api, lead))["signals"][0]["kind"] == "assessment_completed"
