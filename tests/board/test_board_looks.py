"""The board can be read: by everybody, on every screen, in light and dark."""

from typing import Any, Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.api.forms import act, arrive
from tests.board.conftest import Opened
from tests.board.leads import live, stand
from tests.stack import People, Person, Stack

pytestmark = pytest.mark.policy("calm")

LONG = "Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh-Cholmondeley"
Scheme = Literal["light", "dark"]


async def serious(page: Page) -> list[Any]:
    """What axe-core finds that keeps somebody from using the page."""
    found = await Axe().run(page)
    return [
        (violation["id"], [node["html"][:200] for node in violation["nodes"][:3]])
        for violation in found.response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]


async def lively(api: Person, people: People, stack: Stack) -> Person:
    """Leads of every look: long, foreign, claimed, handed back, scored and not. Who looks at them."""
    me, other = await people("rep"), await people("rep")
    await stand(stack.database, LONG, score=90, due=-3)
    await stand(stack.database, "High Ltd", score=90)
    await stand(stack.database, "Medium Ltd", score=50, source=LONG)
    await stand(stack.database, "Low Ltd", score=5)
    await stand(stack.database, "Review Ltd", stage="review")
    await arrive(api, first_name="محمد", last_name="الخوارزمي", company="بيت الحكمة", title="مدير المبيعات")
    await arrive(api, first_name=LONG, last_name=LONG, company=LONG, title=LONG, consultation_requested=True)
    mine, back = await arrive(api), await arrive(api)
    await act(me, mine, "claim")
    await act(other, back, "claim")
    await act(other, back, "release", {"reason": "This one belongs to the colleagues in Vienna, who know the company already"})
    return me


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious(opened: Opened, api: Person, people: People, stack: Stack, scheme: Scheme) -> None:
    me = await lively(api, people, stack)
    # without motion: half faded in, a new row has half its contrast
    page = await live(await opened(me, "/?view=all", color_scheme=scheme, reduced_motion="reduce"))
    assert await serious(page) == []
    await page.locator("#rows .open").first.click()
    await expect(page.locator("#drawer")).not_to_be_empty()
    await page.locator("#bell").click()
    await page.locator("#notices > *").first.wait_for()
    assert await serious(page) == []
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await page.keyboard.press("?")
    assert await serious(page) == []
    await page.goto("/?view=review&q=nobody")
    assert await serious(page) == []


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
async def test_nothing_is_cut_off_sideways(opened: Opened, api: Person, people: People, stack: Stack, width: int) -> None:
    me = await lively(api, people, stack)
    page = await live(await opened(me, "/?view=all", viewport={"width": width, "height": 700}))
    sideways = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(sideways) == 0
    outside = """[...document.querySelectorAll('#rows .act *, #rows .clock, #rows .stage, .top a, .top summary')]
        .filter((part) => part.checkVisibility() && part.getBoundingClientRect().right > innerWidth).length"""
    assert await page.evaluate(outside) == 0
    await page.locator("#rows .open").first.click()
    await expect(page.locator("#drawer")).not_to_be_empty()
    assert await page.evaluate(sideways) == 0


async def test_on_a_phone_the_lead_covers_the_list_and_gives_it_back(opened: Opened, stack: Stack, people: People) -> None:
    await stand(stack.database, "Alpha")
    page = await live(await opened(await people("rep"), viewport={"width": 360, "height": 700}, has_touch=True))
    await page.locator("#rows .open").tap()
    box = await page.locator("#drawer-frame").bounding_box()
    assert box
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 360, 700)
    assert await page.evaluate("document.getElementById('main').inert")
    await page.get_by_role("button", name="Close", exact=True).tap()
    await expect(page.locator("#drawer-frame")).to_be_hidden()
    assert not await page.evaluate("document.getElementById('main').inert")


async def test_dark_and_light_are_both_drawn(opened: Opened, people: People) -> None:
    rep = await people("rep")
    grounds = []
    for scheme in ("light", "dark"):
        page = await opened(rep, color_scheme=scheme)
        grounds.append(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(255, 255, 255)", "rgb(22, 24, 28)"]


async def test_clocks_turn_amber_and_red_as_time_runs_out(opened: Opened, stack: Stack, people: People) -> None:
    for company, age, due in (("Calm", 10, 50), ("Near", 50, 10), ("Late", 50, -10)):
        await stand(stack.database, company, age=age, due=due)
    page = await live(await opened(await people("rep"), "/?view=all"))
    for company, state in (("Calm", "calm"), ("Near", "near"), ("Late", "late")):
        row = page.locator("#rows > .row", has_text=company)
        await expect(row.locator(".clock")).to_have_attribute("data-state", state)


async def test_who_wants_no_motion_gets_none(opened: Opened, stack: Stack, people: People) -> None:
    page = await live(await opened(await people("rep"), reduced_motion="reduce"))
    await stand(stack.database, "Alpha")
    row = page.locator("#rows > .row")
    await expect(row).to_have_count(1)
    assert await row.evaluate("(row) => getComputedStyle(row).animationName") == "none"
