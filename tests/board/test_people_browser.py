"""The pages of the team, of who would get a lead and of named accounts in a real browser: usable by all, in both themes, on a phone."""

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.board.conftest import Opened
from tests.stack import People

pytestmark = pytest.mark.policy("calm")
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


async def fit(page: Page) -> None:
    """Axe finds nothing serious in either theme, and on a phone nothing is cut off sideways."""
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
        found = await Axe().run(page)
        serious = [f"{one['id']}: {one['help']}" for one in found.response["violations"] if one["impact"] in ("serious", "critical")]
        assert (page.url, scheme, serious) == (page.url, scheme, [])
    await page.set_viewport_size({"width": 360, "height": 740})
    assert (page.url, await page.evaluate(SIDEWAYS)) == (page.url, 0)
    await page.set_viewport_size({"width": 1280, "height": 720})


async def test_people_accounts_and_routing_can_be_used_by_everybody(opened: Opened, people: People) -> None:
    anna = await people("rep", territories=["DE"], working_hours={"mon-fri": ["09:00-12:00", "13:00-17:00"]})
    await people("rep", absent=True)
    page = await opened(await people("admin"), "/team")
    await fit(page)
    await page.get_by_role("link", name=anna.uname).click()
    await page.get_by_label("Monday").fill("9-12, 11-13")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#hours-mon-note")).to_contain_text("overlap")
    await fit(page)
    await page.get_by_label("What it is for").fill("a very long name for a token that a program uses " * 3)
    await page.get_by_role("button", name="Make a token").click()
    await expect(page.locator(".people-once")).to_contain_text("tw_")
    await fit(page)
    await page.goto("/accounts")
    await page.get_by_label("Company").fill("Acme")
    await page.get_by_label("Domain").fill("www.acme.example")
    await page.get_by_label("Owner").select_option(label=anna.uname)
    await page.get_by_role("button", name="Add").click()
    await expect(page.locator(".people-list")).to_contain_text("acme.example")
    await fit(page)
    await page.goto("/routing")
    await page.get_by_label("E-mail").fill("ada@acme.example")
    await page.get_by_role("button", name="Who would get it?").click()
    await expect(page.locator(".people-answer")).to_contain_text(f"{anna.uname} owns the account.")
    await fit(page)
