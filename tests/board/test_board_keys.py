"""The board without a mouse."""

import re

import pytest
from playwright.async_api import expect

from tests.api.forms import arrive
from tests.board.conftest import Opened
from tests.board.leads import live, stand
from tests.stack import People, Person, Stack

pytestmark = pytest.mark.policy("calm")


async def test_a_rep_finds_claims_and_opens_a_lead_by_keyboard_alone(opened: Opened, api: Person, people: People) -> None:
    leads = [await arrive(api, first_name=name, last_name="Key", company=f"{name} Ltd") for name in ("Ada", "Grace", "Alan")]
    page = await live(await opened(await people("rep")))
    await page.keyboard.press("j")
    await expect(page.get_by_role("link", name="Alan Key", exact=True)).to_be_focused()
    await page.keyboard.press("j")
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("link", name="Ada Key", exact=True)).to_be_focused()
    await page.keyboard.press("k")
    await expect(page.get_by_role("link", name="Grace Key", exact=True)).to_be_focused()
    await page.keyboard.press("c")
    row = page.locator(f"#lead-{leads[1]['id']}")
    await expect(row.locator(".contact")).to_be_visible()
    await expect(page.get_by_role("link", name="Grace Key", exact=True)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#drawer")).to_contain_text("Grace Ltd")
    await expect(page.locator("#drawer")).to_be_focused()
    assert page.url.endswith(f"/leads/{leads[1]['id']}")
    await page.keyboard.press("Escape")
    await expect(page.locator("#drawer-frame")).to_be_hidden()
    await expect(page.get_by_role("link", name="Grace Key", exact=True)).to_be_focused()
    assert page.url.endswith("/")
    await page.keyboard.press("/")
    await page.keyboard.type("alan")
    await expect(page.locator("#rows > .row")).to_have_count(1)
    await page.keyboard.press("Escape")
    await page.keyboard.press("g")
    await page.keyboard.press("m")
    await expect(page.get_by_role("heading", name="Mine")).to_be_visible()
    await expect(page.get_by_role("link", name="Grace Key", exact=True)).to_be_visible()


async def test_help_lists_the_keys_and_gives_the_focus_back(opened: Opened, people: People) -> None:
    page = await opened(await people("rep"))
    bell = page.locator("#bell")
    await bell.focus()
    await page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="Keyboard")
    await expect(help_).to_be_visible()
    await expect(help_).to_contain_text("Claim it")
    await page.keyboard.press("j")
    await page.keyboard.press("Escape")
    await expect(help_).to_be_hidden()
    await expect(bell).to_be_focused()


async def test_typing_into_a_field_presses_no_keys(opened: Opened, stack: Stack, people: People) -> None:
    await stand(stack.database, "Cj")
    page = await opened(await people("rep"))
    await page.keyboard.press("/")
    await page.keyboard.type("cj?")
    await expect(page.locator("#q")).to_have_value("cj?")
    await expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()


async def test_one_row_at_a_time_is_in_the_order_of_tabs(opened: Opened, stack: Stack, people: People) -> None:
    for company in ("Alpha", "Beta", "Gamma"):
        await stand(stack.database, company)
    page = await live(await opened(await people("rep")))
    reachable = page.locator("#rows :is(a, button):not([tabindex='-1']):visible")
    await expect(reachable).to_have_count(2)
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await expect(reachable).to_have_count(2)
    await page.keyboard.press("Tab")
    await expect(page.locator("#rows > .row").nth(1).get_by_role("button", name="Claim")).to_be_focused()


async def test_the_drawer_has_the_leads_address_and_the_back_button_closes_it(opened: Opened, stack: Stack, people: People) -> None:
    for company in ("Alpha", "Beta"):
        await stand(stack.database, company)
    page = await live(await opened(await people("rep"), "/?view=all"))
    links = page.locator("#rows .open")
    await links.first.click()
    await expect(page.locator("#drawer")).to_contain_text("Beta")
    await links.nth(1).click()
    await expect(page.locator("#drawer")).to_contain_text("Alpha")
    await page.go_back()
    await expect(page.locator("#drawer-frame")).to_be_hidden()
    await expect(links.nth(1)).to_be_focused()
    await page.go_forward()
    await expect(page.locator("#drawer")).to_contain_text("Alpha")
    await page.get_by_role("button", name="Close", exact=True).click()
    await expect(page.locator("#drawer-frame")).to_be_hidden()
    assert page.url.endswith("/?view=all")


async def test_the_notices_and_the_menu_open_and_close_by_keyboard(opened: Opened, people: People) -> None:
    page = await live(await opened(await people("rep")))
    await page.locator("#bell").focus()
    await page.keyboard.press("Space")
    await expect(page.locator("#notices")).to_contain_text("Nothing to tell you yet.")
    await page.keyboard.press("Escape")
    await expect(page.locator("#notices")).to_have_count(0)
    await expect(page.locator("#bell")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    await page.locator("#me summary").click()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page).to_have_url(re.compile("/login"))
