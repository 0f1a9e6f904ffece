"""The lead's page in a real browser: what a person clicks, types and hears."""

from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.api.forms import Json, act, arrive, event, look, until, work
from tests.board.lead_fixtures import Served, lead_browser
from tests.eventually import eventually
from tests.stack import People, Person, api, people, stack

pytestmark = pytest.mark.policy("calm")

__all__ = ["api", "lead_browser", "people", "stack"]


@pytest.fixture
async def rep(people: People) -> Person:
    return await people("rep")


@pytest.fixture
async def lead(api: Person) -> Json:
    return await arrive(api, phone="+49 30 901820", message="Hello", attributes={"employees": 40})


async def complaints(page: Page) -> list[str]:
    """What axe finds serious."""
    found = await Axe().run(page)
    return [f"{one['id']}: {one['help']}" for one in found.response["violations"] if one["impact"] in ("serious", "critical")]


def listen(page: Page) -> list[str]:
    """Everything the browser complains about from now on."""
    heard: list[str] = []
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("console", lambda said: heard.append(said.text) if said.type == "error" and "status of 4" not in said.text else None)
    return heard


async def test_reached_by_phone_is_two_clicks(api: Person, rep: Person, lead: Json, lead_browser: Served) -> None:
    await act(rep, lead, "claim")
    page = await lead_browser.visit(rep, lead)
    heard = listen(page)
    await page.get_by_role("link", name="Log contact").click()
    await page.get_by_role("button", name="Reached").click()
    await expect(page.get_by_role("status")).to_contain_text("Logged.")
    await expect(page.get_by_label("Where it stands")).to_contain_text("Working")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    attempt = (await look(api, lead))["attempts"][0]
    assert (attempt["channel"], attempt["outcome"]) == ("call", "reached")
    assert page.url.endswith(f"/leads/{lead['id']}"), "the page was never left"
    assert heard == []


async def test_a_claim_is_answered_in_place_and_so_is_a_lost_one(
    api: Person, rep: Person, people: People, lead: Json, lead_browser: Served
) -> None:
    late = await people("rep")
    mine, theirs = await lead_browser.visit(rep, lead), await lead_browser.visit(late, lead, live=False)
    await mine.get_by_role("button", name="Claim").click()
    await expect(mine.get_by_role("status")).to_contain_text("It is yours. First contact due within 23 h")
    await theirs.get_by_role("button", name="Claim").click()
    await expect(theirs.get_by_role("alert").filter(has_text=f"{rep.uname} has this lead since")).to_be_visible()
    await expect(theirs.get_by_text(f"{rep.uname} has it")).to_be_visible()


async def test_the_checklist_marks_what_is_missing_and_keeps_what_was_typed(
    api: Person, rep: Person, lead: Json, lead_browser: Served
) -> None:
    await work(rep, lead)
    page = await lead_browser.visit(rep, lead)
    await page.get_by_role("link", name="Conclude").click()
    await expect(page.get_by_label("Budget in US dollars")).to_be_hidden()
    await page.get_by_role("radio", name="Qualified").check()
    await page.get_by_label("Budget in US dollars").fill("5,000")
    await page.get_by_role("checkbox", name="Authority").check()
    await page.get_by_role("button", name="Save").click()
    dialog = page.get_by_role("dialog", name="Conclude")
    await expect(dialog.get_by_text("Needed: at least 10,000")).to_be_visible()
    budget = dialog.get_by_label("Budget in US dollars")
    await expect(budget).to_have_value("5,000")
    await expect(budget).to_be_focused()
    await expect(budget).to_have_attribute("aria-invalid", "true")
    await expect(dialog.get_by_role("checkbox", name="Authority")).to_be_checked()
    await budget.fill("$20,000")
    await dialog.get_by_role("checkbox", name="Need").check()
    await dialog.get_by_role("button", name="Save").click()
    await expect(page.get_by_label("Where it stands")).to_contain_text("Qualified")


async def test_the_focus_comes_back_to_where_it_was(rep: Person, lead: Json, lead_browser: Served) -> None:
    await act(rep, lead, "claim")
    page = await lead_browser.visit(rep, lead)
    opener = page.get_by_role("link", name="Hand back")
    for close in ("Escape", "Cancel", "Close without saving"):
        await opener.focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("Why do you hand it back?")).to_be_focused()
        await (page.keyboard.press("Escape") if close == "Escape" else page.get_by_role("link", name=close).click())
        await expect(opener).to_be_focused()
    await page.get_by_role("link", name="Log contact").click()
    await page.get_by_role("button", name="No answer").click()
    await expect(page.get_by_role("status")).to_contain_text("Logged.")
    await expect(page.get_by_role("link", name="Log contact")).to_be_focused()


async def test_a_form_is_sent_once_however_often_the_button_is_pressed(api: Person, rep: Person, lead: Json, lead_browser: Served) -> None:
    await act(rep, lead, "claim")
    page = await lead_browser.visit(rep, lead)
    await page.get_by_role("link", name="Log contact").click()
    await page.get_by_role("button", name="No answer").dblclick()
    await expect(page.get_by_role("status")).to_contain_text("Logged.")
    assert len((await look(api, lead))["attempts"]) == 1


async def test_without_a_connection_nothing_that_was_typed_is_lost(rep: Person, lead: Json, lead_browser: Served) -> None:
    await act(rep, lead, "claim")
    page = await lead_browser.visit(rep, lead)
    await page.get_by_role("link", name="Hand back").click()
    await page.get_by_label("Why do you hand it back?").fill("no time")
    await page.context.set_offline(offline=True)
    await page.get_by_role("dialog").get_by_role("button", name="Hand back").click()
    await expect(page.get_by_role("alert").filter(has_text="There is no connection")).to_be_visible()
    await expect(page.get_by_label("Why do you hand it back?")).to_have_value("no time")
    await page.context.set_offline(offline=False)
    await page.get_by_role("dialog").get_by_role("button", name="Hand back").click()
    await expect(page.get_by_role("status")).to_contain_text("Handed back.")


CHANGE = "id => document.dispatchEvent(new CustomEvent('twoway:lead', {detail: {id}}))"


async def test_the_page_follows_the_lead_unless_somebody_is_writing(
    api: Person, rep: Person, people: People, lead: Json, lead_browser: Served
) -> None:
    await act(rep, lead, "claim")
    page = await lead_browser.visit(rep, lead)
    await act(rep, lead, "contact", {"channel": "call", "outcome": "no_answer", "note": "from another tab"})
    await page.evaluate(CHANGE, lead["id"])
    await expect(page.get_by_text("from another tab").first).to_be_visible()
    await page.get_by_role("link", name="Hand back").click()
    await page.get_by_label("Why do you hand it back?").fill("half a sent")
    manager = await people("manager")
    assert (await act(manager, lead, "override", {"stage": "nurture", "reason": "fairer"})).status_code == 200
    await page.evaluate(CHANGE, lead["id"])
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text("This lead changed while you were writing.")).to_be_visible()
    await expect(page.get_by_label("Why do you hand it back?")).to_have_value("half a sent")
    await dialog.get_by_role("button", name="Show it as it is now").click()
    await expect(page.get_by_label("Where it stands")).to_contain_text("Nurture")
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_what_came_before_is_loaded_into_the_story(api: Person, rep: Person, lead: Json, lead_browser: Served) -> None:
    events = [
        {**event("whitepaper_download", timedelta(days=n, hours=1), lead_id=lead["id"]), "properties": {"title": f"paper {n}"}}
        for n in range(50)
    ]
    assert (await api.post("/api/engagements", json={"events": events})).json()["accepted"] == 50
    page = await lead_browser.visit(rep, lead)
    await expect(page.get_by_text(": paper 49")).to_have_count(0)
    await page.get_by_role("link", name="Show what came before").click()
    await expect(page.get_by_text(": paper 49")).to_be_visible()
    await expect(page.get_by_role("link", name="Show what came before")).to_have_count(0)
    await page.evaluate(CHANGE, lead["id"])
    await expect(page.get_by_text(": paper 49")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
async def test_everybody_can_use_it(api: Person, people: People, lead: Json, lead_browser: Served, scheme: Any, width: int) -> None:
    rep = await people("rep", "manager")
    await work(rep, lead)
    await until(api, lead, tier="low")
    page = await lead_browser.visit(rep, lead, width=width, scheme=scheme)
    await page.locator(".rest > summary").click()
    assert await complaints(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    for action in ("contact", "disposition", "release", "override"):
        await page.locator(f"[data-dialog={action}]").click()
        await expect(page.get_by_role("dialog")).to_have_count(1)
        assert await complaints(page) == [], action
        box = await page.get_by_role("dialog").bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= width
        await page.keyboard.press("Escape")


async def test_without_script_everything_still_works(api: Person, rep: Person, lead: Json, lead_browser: Served) -> None:
    page = await lead_browser.visit(rep, lead, script=False)
    await page.get_by_role("button", name="Claim").click()
    await page.get_by_role("link", name="Hand back").click()
    await page.get_by_role("dialog").get_by_role("button", name="Hand back").click()
    await expect(page.get_by_text("Nothing was saved yet")).to_be_visible()
    await page.get_by_label("Why do you hand it back?").fill("no time")
    await page.get_by_role("dialog").get_by_role("button", name="Hand back").click()
    assert page.url.endswith(f"/leads/{lead['id']}")
    await eventually(lambda: look(api, lead), lambda found: found["owner"] is None)


async def test_a_link_to_a_form_opens_it(rep: Person, lead: Json, lead_browser: Served) -> None:
    await act(rep, lead, "claim")
    page = await lead_browser.visit(rep, lead)
    await page.goto(f"{lead_browser.address}/leads/{lead['id']}?x#contact")
    await expect(page.get_by_role("dialog", name="Log contact")).to_be_visible()
    assert page.url.endswith("?x"), "reloading does not open it again"


async def test_whoever_is_no_longer_signed_in_is_asked_to_sign_in_and_comes_back(rep: Person, lead: Json, lead_browser: Served) -> None:
    page = await lead_browser.visit(rep, lead)
    await page.context.clear_cookies()
    await page.get_by_role("button", name="Claim").click()
    await expect(page).to_have_url(f"{lead_browser.address}/login?next=%2Fleads%2F{lead['id']}")


async def test_reached_by_phone_is_two_clicks_from_the_list_too(api: Person, rep: Person, lead: Json, lead_browser: Served) -> None:
    await act(rep, lead, "claim")
    page = await lead_browser.visit(rep, None)
    await page.get_by_role("link", name="Contact Ada Zzyzx").click()
    await page.get_by_role("button", name="Reached").click()
    await expect(page.locator("#drawer").get_by_role("status")).to_contain_text("Logged.")
    await expect(page.locator(f"#lead-{lead['id']}")).to_contain_text("Working")
    assert (await look(api, lead))["attempts"][0]["outcome"] == "reached"
