"""The board's pages as the server gives them: what is in each list, by address, and readable without a script."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from uuid import UUID

import pytest
from playwright.async_api import expect

from api.board import times
from api.board.rows import initials
from api.board.views import VIEWS, default_view, views_of
from api.services import lead_lists, leads
from models.lifecycle import Role
from models.schemas.leads import LeadFilter
from tests.api.forms import CRITERIA, Json, act, arrive, until, work
from tests.api.test_frame_errors import problem
from tests.board.conftest import Opened
from tests.board.leads import EVERY, crowd, stand
from tests.stack import People, Person, Stack

pytestmark = pytest.mark.policy("calm")

NOW = datetime(2026, 3, 12, 14, 20, tzinfo=UTC)


async def shown(person: Person, address: str, part: str = "") -> str:
    answer = await person.get(address, headers={"X-Part": part} if part else {})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    return answer.text


def companies(html: str) -> list[str]:
    """The leads on a page, in order; tests give each a company and no name."""
    return [
        unescape(words).split(",")[-1].strip()
        for words in re.findall(r'<p class="line quiet" dir="auto" title="([^"]*)">[^<]*</p></div>\n<div class="why">', html)
    ]


@pytest.mark.parametrize(
    ("roles", "title"),
    [
        ({Role.REP}, "Up for grabs"),
        ({Role.REVIEWER}, "Review"),
        ({Role.MARKETER}, "Nurture"),
        ({Role.MANAGER}, "Handed back"),
        ({Role.ADMIN}, "All leads"),
        ({Role.REP, Role.MANAGER}, "Up for grabs"),
        ({Role.MARKETER, Role.REVIEWER}, "Review"),
    ],
)
def test_everybody_lands_on_what_waits_for_them(roles: set[Role], title: str) -> None:
    assert default_view(roles).title == title


async def in_every_stage(api: Person, people: People) -> list[Json]:
    """Leads at every station that a test can reach at once."""
    rep, marketer = await people("rep"), await people("marketer")
    made = [await arrive(api) for _ in range(7)]
    await act(rep, made[1], "claim")
    await work(rep, made[2])
    await act(rep, made[3], "claim")
    await act(rep, made[3], "release", {"reason": "not mine"})
    await act(rep, made[4], "claim")
    await act(rep, made[4], "disposition", {"outcome": "disqualified", "reason": "student"})
    await act(marketer, made[5], "hold")
    await work(rep, made[6])
    await act(rep, made[6], "disposition", {"outcome": "qualified", "criteria": CRITERIA})
    return made


async def test_a_row_names_exactly_the_views_whose_query_finds_the_lead(api: Person, people: People, stack: Stack) -> None:
    made = await in_every_stage(api, people)
    ids = [UUID(lead["id"]) for lead in made]
    async with stack.database.connection() as connection:
        cards = {card.id: card for card in await leads.cards(connection, ids)}
        assert len({card.stage for card in cards.values()}) >= 5
        for view in VIEWS.values():
            owners = {card.owner.id for card in cards.values() if card.owner} or {UUID(int=0)}
            found: set[UUID] = set()
            for me in owners:
                page = await lead_lists.page(connection, LeadFilter.model_validate({**view.wanted, "sort": view.sort, "limit": 200}), me)
                found |= {card.id for card in page.items}
            assert found == {card.id for card in cards.values() if view.slug in views_of(card)}, view.slug


async def test_a_lead_is_handed_back_until_somebody_takes_it_or_it_moves_on(api: Person, people: People) -> None:
    one, other = await people("rep"), await people("rep")
    lead = await arrive(api)
    await act(one, lead, "claim")
    await act(one, lead, "contact", {"channel": "email", "outcome": "bounced", "note": "no such address"})
    back = (await act(one, lead, "release", {"reason": "wrong country"})).json()
    handback = back["handback"]
    assert (handback["kind"], handback["from_stage"], handback["reason"], handback["rep"]["name"]) == (
        "released",
        "claimed",
        "wrong country",
        one.uname,
    )
    assert (handback["attempt"]["channel"], handback["attempt"]["outcome"], handback["attempt"]["note"]) == (
        "email",
        "bounced",
        "no such address",
    )
    assert lead["id"] in await shown(other, "/?view=returned")
    card = (await other.get("/api/leads", params={"handed_back": True})).json()["items"][0]
    assert card["handback"] == handback
    taken = (await act(other, lead, "claim")).json()
    assert taken["handback"] is None
    assert lead["id"] not in await shown(other, "/?view=returned")
    assert (await other.get("/api/leads", params={"handed_back": True})).json()["items"] == []


async def test_an_erased_lead_leaves_nothing_of_its_hand_back(api: Person, people: People, stack: Stack) -> None:
    rep = await people("rep")
    lead = await arrive(api)
    await act(rep, lead, "claim")
    await act(rep, lead, "release", {"reason": "wrong country"})
    assert (await api.delete(f"/api/leads/{lead['id']}")).status_code == 204
    assert lead["id"] not in await shown(rep, "/?view=returned")
    async with stack.database.connection() as connection:
        assert await leads.cards(connection, [UUID(lead["id"])]) == []


async def test_the_rail_counts_what_is_in_each_list(api: Person, people: People) -> None:
    await in_every_stage(api, people)
    rep = await people("rep")
    mine = await arrive(api)
    await act(rep, mine, "claim")
    await until(api, mine, owner={"id": rep.uid, "name": rep.uname})
    html = await shown(rep, "/?view=mine")
    counts = dict(re.findall(r'data-count="(\w+)">([^<]*)<', html))
    for slug in ("up", "mine", "returned", "review", "nurture"):
        listed = len(re.findall(r'<li class="row"', await shown(rep, f"/?view={slug}")))
        assert abs(int(counts[slug]) - listed) <= 1, slug  # the clocks run between two looks
    assert counts["mine"] == "1"


async def test_filters_search_and_order_are_all_in_the_address(stack: Stack, people: People) -> None:
    rep = await people("rep")
    await stand(stack.database, "Alpha", score=90, source="web", age=3, due=30)
    await stand(stack.database, "Beta", score=50, source="fair", age=2, due=10)
    await stand(stack.database, "Gamma", score=5, source="fair", age=1, due=20)
    for address, expected in (
        ("/?view=all", ["Gamma", "Beta", "Alpha"]),
        ("/?view=all&sort=score", ["Alpha", "Beta", "Gamma"]),
        ("/?view=all&sort=deadline", ["Beta", "Gamma", "Alpha"]),
        ("/?view=all&source=fair", ["Gamma", "Beta"]),
        ("/?view=all&tier=high&source=&campaign=&q=", ["Alpha"]),
        ("/?view=all&q=bet", ["Beta"]),
        ("/?view=all&owner=me", []),
        ("/?view=review", []),
    ):
        html = await shown(rep, address)
        assert companies(html) == expected, address
    assert "Nothing matches." in await shown(rep, "/?view=all&q=nobody")
    assert "Nothing waits for a look." in await shown(rep, "/?view=review")
    assert re.search(r"The last lead arrived <time[^>]*>1 min ago", await shown(rep, "/?view=review"))


async def test_an_address_that_means_nothing_is_told(people: People) -> None:
    rep = await people("rep")
    problem(await rep.get("/?view=nonsense"), 404, "not-found")
    problem(await rep.get("/?view=up&cursor=zzz"), 422, "invalid")
    problem(await rep.get("/?view=up&tier=best"), 422, "invalid")
    problem(await rep.get("/?view=up&q=a%00b"), 422, "invalid")
    problem(await (await people("service")).get("/"), 403, "forbidden")


async def test_the_rows_of_given_leads_are_those_that_fit(stack: Stack, people: People) -> None:
    rep = await people("rep")
    one, two = await stand(stack.database, "Alpha", source="web"), await stand(stack.database, "Beta", source="fair")
    html = await shown(rep, f"/rows?view=all&source=fair&ids={one},{two}")
    assert companies(html) == ["Beta"]
    assert companies(await shown(rep, f"/rows?view=all&ids={one}")) == ["Alpha"]
    problem(await rep.get("/rows?view=all&ids=nonsense"), 422, "invalid")


async def test_a_row_is_the_same_for_every_reader(stack: Stack, people: People) -> None:
    await stand(stack.database, "Alpha", score=90)
    rows = [(await shown(await people(role), "/rows?view=all")) for role in ("rep", "marketer", "manager")]
    assert rows[0] == rows[1] == rows[2]


async def test_a_page_of_fifty_rows_weighs_little(stack: Stack, people: People) -> None:
    await crowd(stack.database, 60)
    rep = await people("rep")
    html = await shown(rep, "/?view=all")
    assert html.count('<li class="row"') == 50
    weight = len(html.encode())
    for address in re.findall(r'(?:href|src)="(/assets/[^"]+)"', html):
        weight += len((await rep.get(address)).content)
    assert weight <= 150_000


async def test_without_a_script_the_board_reads_filters_and_goes_on(opened: Opened, stack: Stack, people: People) -> None:
    await crowd(stack.database, 55)
    page = await opened(await people("rep"), "/?view=all", java_script_enabled=False)
    await expect(page.locator(EVERY)).to_have_count(50)
    await expect(page.get_by_role("button", name="Claim").first).to_be_visible()
    await page.get_by_role("link", name="More", exact=True).click()
    await expect(page.locator(EVERY)).to_have_count(5)
    await page.get_by_label("Search All leads").fill("Company 007")
    await page.keyboard.press("Enter")
    await expect(page.locator(EVERY)).to_have_count(1)
    await page.get_by_label("Order").select_option("score")
    await page.get_by_role("button", name="Apply").click()
    await expect(page.locator(EVERY)).to_have_count(1)
    assert "sort=score" in page.url
    assert "q=Company+007" in page.url
    await page.locator("#bell").click()
    await expect(page.get_by_role("heading", name="Notices")).to_be_visible()


async def test_the_list_loads_more_as_one_scrolls(opened: Opened, stack: Stack, people: People) -> None:
    await crowd(stack.database, 130)
    page = await opened(await people("rep"), "/?view=all")
    await expect(page.locator(EVERY)).to_have_count(50)
    for count in (100, 130):
        await page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        await expect(page.locator(EVERY)).to_have_count(count)
    await expect(page.locator("#more")).to_have_count(0)
    shown_ids = await page.locator(EVERY).evaluate_all("rows => rows.map(row => row.dataset.id)")
    assert len(set(shown_ids)) == 130


async def test_search_and_filters_take_effect_at_once_and_stay_in_the_address(opened: Opened, stack: Stack, people: People) -> None:
    await stand(stack.database, "Alpha", score=90, source="web")
    await stand(stack.database, "Beta", score=50, source="fair")
    page = await opened(await people("rep"), "/?view=all")
    await page.locator("#q").fill("alp")
    await expect(page.locator(EVERY)).to_have_count(1)
    assert "q=alp" in page.url
    await page.get_by_role("link", name="Clear").click()
    await expect(page.locator(EVERY)).to_have_count(2)
    await page.get_by_label("Tier").select_option("medium")
    await expect(page.locator(EVERY)).to_have_count(1)
    await expect(page.locator(EVERY)).to_contain_text("Beta")
    await page.reload()
    await expect(page.locator(EVERY)).to_have_count(1)
    await expect(page.get_by_label("Tier")).to_have_value("medium")


@pytest.mark.parametrize(
    ("seconds", "ago", "left"),
    [
        (0, "just now", "0:00"),
        (59, "just now", "0:59"),
        (60, "1 min ago", "1:00"),
        (599, "9 min ago", "9:59"),
        (600, "10 min ago", "10 min"),
        (3599, "59 min ago", "59 min"),
        (3600, "1 h ago", "1 h 0 min"),
        (35_999, "9 h ago", "9 h 59 min"),
        (36_000, "10 h ago", "10 h"),
        (86_399, "23 h ago", "23 h"),
        (86_400, "1 d ago", "24 h"),
        (172_800, "2 d ago", "2 d"),
        (2_591_999, "29 d ago", "29 d"),
        (2_592_000, "10 Feb 2026", "30 d"),
    ],
)
async def test_times_are_said_the_same_on_the_server_and_in_the_browser(seconds: int, ago: str, left: str) -> None:
    then = NOW - timedelta(seconds=seconds)
    assert times.ago(then, NOW) == ago
    assert times.left(NOW + timedelta(seconds=seconds), NOW) == left


async def test_the_browser_says_times_as_the_server_does(opened: Opened, people: People) -> None:
    page = await opened(await people("rep"))
    script = await page.locator("script[type=module]").get_attribute("src")
    assert script
    module = script.replace("board.js", "time.js")
    spans = [0, 1, 59, 60, 599, 600, 3599, 3600, 35_999, 36_000, 86_399, 86_400, 172_799, 172_800, 2_591_999, 2_592_000, 9_999_999]
    said = await page.evaluate(
        """async ([module, spans, now]) => {
            const time = await import(module);
            return spans.map((span) => [time.ago(span, new Date(now - span * 1000)), time.left(span), time.left(-span)]);
        }""",
        [module, spans, NOW.timestamp() * 1000],
    )
    for span, (ago, left, late) in zip(spans, said, strict=True):
        delta = timedelta(seconds=span)
        assert (ago, left) == (times.ago(NOW - delta, NOW), times.left(NOW + delta, NOW))
        if span:
            assert late == times.left(NOW - delta, NOW)


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Mara Jung", "MJ"), ("mara", "M"), ("Ana María de la Cruz", "AC"), ("محمد الخوارزمي", "ما"), ("+ +", "++"), ("", "?")],
)
def test_a_name_has_initials(name: str, letters: str) -> None:
    assert initials(name) == letters
