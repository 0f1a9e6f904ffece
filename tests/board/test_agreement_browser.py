"""The signing flow in a real browser, without script: one proposes, two sign, one publishes, everybody reads what holds."""

import pytest
from playwright.async_api import Browser, expect

from tests.api.forms import act, arrive
from tests.board.conftest import signed_in
from tests.chromium import found_chromium
from tests.stack import Person, Stack, hire

pytestmark = pytest.mark.policy("calm", "review: {when: []}")


async def test_two_people_sign_on_the_page_and_the_agreement_changes(chromium: Browser, address: str, stack: Stack, api: Person) -> None:
    assert found_chromium()
    mara, otto = await hire(stack, api, "Mara Jung", "manager"), await hire(stack, api, "Otto Lind", "marketer")
    rep = await hire(stack, api, "Rosa Vidal", "rep")
    lead = await arrive(api, first_name="Nora", last_name="Berg")
    await act(rep, lead, "claim")
    plain = {"java_script_enabled": False, "viewport": {"width": 1280, "height": 1180}}
    windows = [await signed_in(chromium, stack, address, who, **plain) for who in (otto, mara)]
    try:
        marketer, manager = [await window.new_page() for window in windows]
        await marketer.goto("/agreement")
        await expect(marketer.locator("main")).to_contain_text("makes first contact within 24 h")
        await expect(marketer.get_by_role("navigation", name="Views").get_by_role("link", name="Agreement")).to_have_attribute(
            "aria-current", "page"
        )
        await marketer.get_by_role("link", name="Propose a change").click()
        text = await marketer.locator("#source").input_value()
        await marketer.locator("#why").fill("Leads go cold overnight.")
        await marketer.locator("#source").fill(text.replace("contact: 1d", "contct: 12h").replace("contact: 24h", "contct: 12h"))
        await marketer.get_by_role("button", name="Propose it").click()
        await expect(marketer.get_by_role("alert")).to_contain_text("deadlines.contct: unknown key")
        await marketer.locator("#source").fill((await marketer.locator("#source").input_value()).replace("contct", "contact"))
        await marketer.locator("input[value=now]").check()
        await marketer.get_by_role("button", name="Propose it").click()
        await expect(marketer.locator(".diff")).to_contain_text("First contact")
        await expect(marketer.get_by_role("button", name="Publish")).to_be_disabled()
        await marketer.get_by_role("button", name="Sign for marketing").click()
        await expect(marketer.locator(".signed .has")).to_contain_text("Otto Lind")

        await manager.goto(marketer.url)
        await manager.locator("#body").fill("Agreed, as long as weekends stay out of it. <b>Sure?</b>")
        await manager.get_by_role("button", name="Say it").click()
        await expect(manager.locator(".comments")).to_contain_text("<b>Sure?</b>")
        await manager.get_by_role("button", name="Sign for sales").click()
        await manager.get_by_role("button", name="What would move?").click()
        await expect(manager.locator(".tried h2")).to_contain_text("1 of 1 running deadlines would move")
        await expect(manager.locator(".tried")).to_contain_text("Nora Berg")
        await manager.get_by_role("button", name="Publish").click()
        await expect(manager.locator("h1")).to_contain_text("Published")

        await marketer.goto("/agreement")
        await expect(marketer.locator("main")).to_contain_text("makes first contact within 12 h")
        await expect(marketer.locator(".signed")).to_contain_text("Mara Jung")
        await marketer.goto(f"/leads/{lead['id']}")
        await expect(marketer.get_by_role("link", name="of the agreement")).to_have_attribute("href", "/agreement/versions/2")
    finally:
        for window in windows:
            await window.close()
