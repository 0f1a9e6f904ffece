"""The pages of templates and of suppressions in a real browser: usable by all, in both themes, on a phone."""

import pytest
from playwright.async_api import expect

from tests.board.conftest import Opened
from tests.board.test_people_browser import fit
from tests.stack import People, Person

pytestmark = pytest.mark.policy("calm")


async def test_templates_and_suppressions_can_be_used_by_everybody(opened: Opened, people: People, api: Person) -> None:
    for name in ("Ada", "Bob"):
        await api.post("/api/leads", json={"email": f"{name}@firm.example", "first_name": name, "company": "A firm of a long name " * 4})
    page = await opened(await people("marketer"), "/templates")
    await fit(page)
    await page.get_by_role("link", name="welcome").click()
    await fit(page)
    await page.get_by_role("link", name="Edit").click()
    await page.get_by_label("Text").fill("Hello {{ first_nam }}")
    await page.get_by_role("button", name="Publish").click()
    await expect(page.locator("#body-note")).to_contain_text("There is no first_nam")
    await fit(page)
    await page.get_by_label("Text").fill("Hello {{ first_name }}, " + "a-word-that-does-not-end-" * 20)
    await page.get_by_label("For which lead").fill("firm")
    await page.get_by_label("For which lead").press("Enter")
    await expect(page.locator(".wording-letter")).to_contain_text("Hello Bob")
    await page.locator(".wording-others").get_by_role("button").first.click()
    await expect(page.locator(".wording-letter")).to_contain_text("Hello Ada")
    await fit(page)
    await page.get_by_role("button", name="Publish").click()
    await expect(page.locator(".bulk-good")).to_contain_text("Version 1 is published")
    await page.get_by_role("link", name="What would a lead get?").click()
    await expect(page.locator(".wording-letter")).to_contain_text("Hello Bob")
    await fit(page)
    await page.goto("/suppressions")
    await fit(page)
    await page.get_by_label("Address", exact=True).fill("ada@firm.example")
    await page.get_by_label("The person asked us").check()
    await page.get_by_label("Remark").fill("Rang on Monday, and does not want to hear of us " * 3)
    await page.get_by_role("button", name="Send nothing more").click()
    await expect(page.locator(".people-answer")).to_contain_text("No e-mails go to ada@firm.example")
    await page.get_by_label("When and how they asked").fill("Sales would like to")
    await page.get_by_role("button", name="Lift it").click()
    await expect(page.locator("#asked-email-note")).to_contain_text("lifted only when they asked")
    await fit(page)
    await page.get_by_label("The person asked to be written to again").check()
    await page.get_by_role("button", name="Lift it").click()
    await expect(page.locator(".people-answer")).to_contain_text("Lifted before")
    await fit(page)
