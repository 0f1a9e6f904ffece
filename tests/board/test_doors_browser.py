"""The pages of webhooks, of forms elsewhere and of one named account in a real browser: usable by all, in both themes, on a phone."""

import pytest
from playwright.async_api import expect

from models.settings import Settings
from tests.board.conftest import Opened
from tests.board.test_people_browser import fit
from tests.stack import People

pytestmark = pytest.mark.policy("calm")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings under which this machine counts as outside: the program's own server is who is told."""
    return settings.model_copy(update={"outward_loopback": True})


async def test_webhooks_forms_and_accounts_can_be_used_by_everybody(opened: Opened, people: People, address: str) -> None:
    page = await opened(await people("admin"), "/webhooks")
    await fit(page)
    await page.get_by_role("link", name="Add a webhook").click()
    await page.get_by_label("Address").fill("http://10.0.0.1/inside")
    await page.get_by_text("Only some events").click()
    await page.get_by_label("fast_lane").check()
    await page.get_by_role("button", name="Add it").click()
    await expect(page.locator("#url-note")).to_have_text("Cannot be called: the address leads inside.")
    await fit(page)
    await page.get_by_label("Address").fill(f"{address}/{'a-very-long-path/' * 8}hook")
    await page.get_by_role("button", name="Add it").click()
    await expect(page.locator(".people-once")).to_contain_text("whsec_")
    await page.get_by_role("button", name="Send a test event").click()
    await expect(page.locator(".door-log")).to_contain_text("webhook.ping")
    await fit(page)
    await page.goto("/webhooks")
    await expect(page.locator(".doors")).to_contain_text("fast_lane")
    await fit(page)
    await page.goto("/forms/new")
    await page.get_by_label("Name").fill("Partner form")
    await page.get_by_label("Where its fields stand").fill("mail = data.mail")
    await page.get_by_role("button", name="Let it in").click()
    await expect(page.locator("#fields-note")).to_contain_text("is no field")
    await fit(page)
    await page.get_by_label("Where its fields stand").fill("email = data.mail")
    await page.get_by_role("button", name="Let it in").click()
    await expect(page.locator(".people-once")).to_contain_text("whsec_")
    await fit(page)
    await page.goto("/forms")
    await expect(page.locator(".doors")).to_contain_text("Partner form")
    await fit(page)


async def test_an_account_is_opened_by_its_row_and_removed_by_the_button_in_it(opened: Opened, people: People) -> None:
    rep = await people("rep")
    manager = await people("manager")
    for name in ("acme", "bcme"):
        await manager.post("/api/accounts", json={"name": name, "domain": f"{name}.example", "owner": rep.uid})
    page = await opened(manager, "/accounts")
    await page.locator(".people-list li", has_text="bcme").click(position={"x": 300, "y": 20})
    await expect(page.get_by_label("Domain")).to_have_value("bcme.example")
    await fit(page)
    await page.get_by_label("Company").fill("Bcme Ltd")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".people-list")).to_contain_text("Bcme Ltd")
    await page.get_by_role("button", name="Remove acme").click()
    await expect(page.locator(".people-list li")).to_have_count(1)
    await page.goto(f"/team/{rep.uid}")
    await fit(page)
    await page.get_by_role("button", name="Note it").click()
    await expect(page.locator(".people-lines")).to_contain_text("back nobody knows when")
