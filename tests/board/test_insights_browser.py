"""Charts in a real browser, under the strict policy: drawn beside their tables, which are there without a script too."""

import pytest
from playwright.async_api import expect

from tests.api.forms import arrive, until, work
from tests.board.conftest import Opened
from tests.board.test_board_looks import serious
from tests.stack import People, Person

pytestmark = pytest.mark.policy("calm")


async def test_charts_stand_beside_their_tables(opened: Opened, people: People, api: Person) -> None:
    rep = await people("rep")
    for source in ("web", "fair"):
        lead = await arrive(api, source=source)
        await until(api, lead, tier="low")
        await work(rep, lead)
    page = await opened(rep, "/insights/funnel", reduced_motion="reduce")
    await expect(page.locator(".insight-chart").first.locator(".bars path")).to_have_count(5, timeout=30_000)
    await expect(page.get_by_role("row", name="SAL 2 100 %")).to_be_visible()
    await expect(page.get_by_role("heading", name="How many of the leads get how far?")).to_be_visible()
    ticks = await page.locator(".insight-chart").first.locator(".yaxislayer-above text").all_text_contents()
    assert ticks[0] == "0"
    assert await serious(page) == []
    await page.locator("select[name=by]").select_option("week")
    await page.get_by_role("button", name="Show").click()
    await page.wait_for_url("**by=week**")
    await expect(page.get_by_role("heading", name="Do later weeks' leads do better?")).to_be_visible()
    await page.get_by_role("link", name="Black holes").click()
    await expect(page.get_by_text("It is empty: all 2 open leads are within their deadlines.")).to_be_visible()


async def test_without_a_script_the_figures_are_there(opened: Opened, people: People, api: Person) -> None:
    await arrive(api)
    page = await opened(await people("rep"), "/insights/funnel", java_script_enabled=False)
    await expect(page.get_by_role("row", name="Leads 1 100 %")).to_be_visible()
    assert await page.locator(".insight-chart").first.is_hidden()
    await page.emulate_media(media="print")
    await expect(page.locator(".rail")).to_be_hidden()
