"""The snippet in a real Chromium on a website of its own: what it stores is what happened, and it keeps nothing unasked."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from playwright.async_api import Browser, BrowserContext, Page
from sqlalchemy import text

from activities.links import Link, Links
from models.lifecycle import Channel
from tests.chromium import chromium as running_chromium
from tests.chromium import served
from tests.eventually import eventually
from tests.stack import Person, Stack
from tests.visitors import CHROME

pytestmark = pytest.mark.policy("calm")
_PAGE = """<!doctype html><title>A guide</title>
<script>window.twoway = window.twoway || function () { (twoway.q = twoway.q || []).push(arguments) }; {before}</script>
<script async src="{address}/t.js" {attributes}></script>
<body style="margin:0"><main style="height:4000px">A long page.</main>
<form id="signup" onsubmit="event.preventDefault(); window.sent = this.anonymous_id.value">
<input name="email"><input name="company"><input type="hidden" name="anonymous_id"><button>Send</button></form></body>"""
_LIKE_A_PERSONS = (f"--user-agent={CHROME}", "--disable-blink-features=AutomationControlled")
"""A window's own user agent is not sent with what leaves as a page is left."""


@pytest.fixture
async def website(address: str) -> AsyncIterator[str]:
    """A website elsewhere that includes the snippet."""
    site = FastAPI()

    @site.get("/{path:path}")
    async def page(path: str, consent: bool = False, respect: bool = False) -> HTMLResponse:
        before = "twoway('consent', true);" if consent else ""
        shown = _PAGE.replace("{before}", before).replace("{address}", address)
        return HTMLResponse(shown.replace("{attributes}", "data-respect" if respect else ""))

    async with served(site) as found:
        yield found


@pytest.fixture(scope="session")
async def persons() -> AsyncIterator[Browser]:
    """A Chromium that does not say that it is steered."""
    async with running_chromium(*_LIKE_A_PERSONS) as browser:
        yield browser


@pytest.fixture
async def window(persons: Browser) -> AsyncIterator[BrowserContext]:
    """A person's window."""
    found = await persons.new_context(viewport={"width": 1000, "height": 800})
    found.set_default_timeout(15_000)
    yield found
    await found.close()


async def visit(window: BrowserContext, address: str) -> Page:
    """A page, once the snippet runs on it."""
    page = await window.new_page()
    await page.goto(address)
    await page.wait_for_function("!twoway.q && twoway.length > 0")
    return page


async def happened(stack: Stack, count: int) -> list[Any]:
    """What is stored, once there is so much."""

    async def rows() -> list[Any]:
        async with stack.database.connection() as connection:
            sql = "SELECT kind, anonymous_id AS who, lead_id::text AS lead, properties AS p, verdict FROM engagements ORDER BY at, id"
            return list((await connection.execute(text(sql))).all())

    return await eventually(rows, lambda found: len(found) >= count)


async def test_a_page_visited_scrolled_and_left_is_stored_with_the_right_numbers(
    stack: Stack, window: BrowserContext, website: str
) -> None:
    page = await visit(window, f"{website}/pricing?utm_source=ad&utm_campaign=spring")
    height = await page.evaluate("document.documentElement.scrollHeight")
    begun = await page.evaluate("performance.now()")
    await page.mouse.move(100, 100)
    await page.mouse.wheel(0, 1200)
    await page.wait_for_function("scrollY == 1200")
    await page.wait_for_function(f"performance.now() > {begun} + 1200")
    lasted = await page.evaluate("performance.now()") / 1000
    hour = await page.evaluate("new Date().getHours()")
    kept = [await page.evaluate("document.cookie"), await page.evaluate("localStorage.length + sessionStorage.length")]
    await page.goto("about:blank")
    (row,) = await happened(stack, 1)
    assert (row.kind, row.verdict, row.lead, kept) == ("pricing_view", "human", None, ["", 0])
    assert row.p["depth"] == round(2000 / height, 2)
    assert 1.0 <= row.p["seconds"] <= lasted + 1
    expected = {"path": "/pricing", "title": "A guide", "page_height": height, "sequence": 1, "device": "desktop", "hour": hour}
    expected |= {"utm_source": "ad", "utm_campaign": "spring"}
    assert {name: row.p[name] for name in expected} == expected
    assert len(row.p["visit"]) >= 16


async def test_before_consent_each_page_is_somebody_elses_and_with_it_they_are_one_visit(
    stack: Stack, window: BrowserContext, website: str
) -> None:
    for path in ("/a", "/b"):
        page = await visit(window, f"{website}{path}")
        await page.goto("about:blank")
    strangers = await happened(stack, 2)
    assert len({row.who for row in strangers}) == 2
    for path in ("/c", "/d"):
        page = await visit(window, f"{website}{path}?consent=true")
        await page.goto("about:blank")
    *_, third, fourth = await happened(stack, 4)
    assert (third.who, third.p["visit"]) == (fourth.who, fourth.p["visit"])
    assert (third.p["sequence"], fourth.p["sequence"]) == (1, 2)
    page = await visit(window, f"{website}/e?consent=true")
    await page.evaluate("twoway('consent', false)")
    assert await page.evaluate("localStorage.length") == 0


async def test_a_form_tells_its_steps_and_takes_the_visitor_along_but_not_what_was_written(
    stack: Stack, api: Person, window: BrowserContext, website: str
) -> None:
    page = await visit(window, f"{website}/signup")
    await page.fill("[name=email]", "ada@secret.example")
    await page.fill("[name=company]", "Acme")
    await page.click("button")
    sent = await page.evaluate("window.sent")
    await page.evaluate("twoway('event', 'calculator_used', {result: 7}); twoway('media', 'Pricing webinar', 0.8)")
    await page.evaluate("twoway('assessment', 'roi', {budget: 5000})")
    await page.goto("about:blank")
    rows = {row.kind: row for row in await happened(stack, 5)}
    assert set(rows) == {"page_view", "form_step", "calculator_used", "media_progress", "assessment_completed"}
    assert {row.who for row in rows.values()} == {sent}
    form = rows["form_step"].p
    assert [form[name] for name in ("form", "step", "steps", "submitted")] == ["signup", 2, 2, True]
    assert (rows["media_progress"].p["share"], rows["media_progress"].p["name"]) == (0.8, "Pricing webinar")
    assert rows["assessment_completed"].p["answers"] == {"budget": 5000}
    assert "secret" not in str([row.p for row in rows.values()])
    lead = (await api.post("/api/leads", json={"email": "ada@secret.example", "anonymous_id": sent})).json()
    assert {row.lead for row in await happened(stack, 5)} == {lead["id"]}


async def test_a_video_counts_the_seconds_that_were_played(stack: Stack, window: BrowserContext, website: str) -> None:
    page = await visit(window, f"{website}/video")
    await page.evaluate(
        """() => {
            const video = document.body.appendChild(document.createElement("video"));
            video.title = "Webinar";
            Object.defineProperty(video, "duration", {value: 10});
            Object.defineProperty(video, "paused", {value: false});
            for (const at of [0, 1, 2, 2.5, 1, 3.9]) {
                Object.defineProperty(video, "currentTime", {value: at, configurable: true});
                video.dispatchEvent(new Event("timeupdate"));
            }
        }"""
    )
    await page.goto("about:blank")
    rows = {row.kind: row.p for row in await happened(stack, 2)}
    assert {name: rows["media_progress"][name] for name in ("name", "share")} == {"name": "Webinar", "share": 0.4}


async def test_who_does_not_want_to_be_followed_is_not_where_the_site_respects_it(
    stack: Stack, window: BrowserContext, website: str
) -> None:
    await window.add_init_script("Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})")
    page = await visit(window, f"{website}/private?respect=true")
    assert await page.evaluate("new Promise(found => twoway('id', found))") is None
    await page.goto("about:blank")
    page = await visit(window, f"{website}/anyway")
    await page.goto("about:blank")
    assert [row.p["path"] for row in await happened(stack, 1)] == ["/anyway"]


async def test_a_steered_browser_is_a_bot_and_the_link_nobody_sees_is_there_for_it(
    stack: Stack, chromium: Browser, website: str, address: str
) -> None:
    window = await chromium.new_context()
    page = await visit(window, f"{website}/robot")
    trap = page.locator(f'a[href^="{address}/t/h/"]')
    assert (await trap.count(), await trap.is_visible()) == (1, False)
    await page.goto("about:blank")
    (row,) = await happened(stack, 1)
    assert row.verdict == "bot"
    await window.close()


async def test_a_personal_links_token_names_the_visitor_and_leaves_the_address(
    stack: Stack, api: Person, window: BrowserContext, website: str
) -> None:
    lead = (await api.post("/api/leads", json={"email": "ada@acme.example"})).json()
    token = Links(stack.settings).visit(Link(UUID(lead["id"]), Channel.EMAIL, UUID(int=1)))
    page = await visit(window, f"{website}/landing?a=1&tw={token}#here")
    assert page.url == f"{website}/landing?a=1#here"
    await page.goto("about:blank")

    async def leads() -> list[Any]:
        return [row.lead for row in await happened(stack, 1)]

    assert await eventually(leads, lambda found: found == [lead["id"]], 10) == [lead["id"]]
