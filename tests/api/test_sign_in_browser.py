"""Signing in with a real browser: what it sends suffices, and the pages are for everybody."""

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ConsoleMessage, Page, Route, ViewportSize

from tests.api.test_sign_in_links import link_for
from tests.browsing import PASSWORD, set_password
from tests.chromium import chromium, served
from tests.stack import People, Person, Stack

PHONE: ViewportSize = {"width": 320, "height": 640}
DESK: ViewportSize = {"width": 1280, "height": 800}


def blocked(page: Page) -> list[str]:
    """What the page's policy refuses from now on; filled as it happens."""
    found: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            found.append(message.text)

    page.on("console", listen)
    return found


async def flaws(page: Page) -> list[str]:
    """What keeps somebody from using the page, or makes it wider than the screen."""
    found = [f"{one['id']}: {one['nodes'][0]['html']}" for one in (await Axe().run(page)).response["violations"]]
    if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("wider than the screen")
    return found


async def sign_in(page: Page, at: str, email: str, password: str, onward: str = "/account") -> None:
    await page.goto(f"{at}/login?next={onward}")
    await page.get_by_label("E-mail address").fill(email)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in", exact=True).click()


async def a_visit(browser: Browser, at: str, link: str, email: str, scheme: str, size: ViewportSize) -> dict[str, list[str]]:
    """Every page of signing in, one after the other; what is wrong with each."""
    wrong: dict[str, list[str]] = {}
    context = await browser.new_context(color_scheme="dark" if scheme == "dark" else "light", viewport=size)
    page = await context.new_page()
    refused = blocked(page)
    await sign_in(page, at, email, "wrong")
    await page.get_by_role("alert").get_by_text("do not belong together").wait_for()
    wrong["login"] = await flaws(page)
    await page.goto(at + link)
    wrong["link"] = await flaws(page)
    await page.goto(f"{at}/login/link/gone")
    wrong["gone"] = await flaws(page)
    await page.goto(f"{at}/nowhere")
    wrong["error"] = await flaws(page)
    await sign_in(page, at, email, PASSWORD)
    await page.get_by_text("this browser").wait_for()
    wrong["account"] = await flaws(page)
    await page.get_by_label("Current password").fill("wrong")
    await page.get_by_label("New password").fill("long enough it is")
    await page.get_by_role("button", name="Change password").click()
    await page.get_by_text("This is not your password").wait_for()
    wrong["account with a mistake"] = await flaws(page)
    await context.close()
    return {name: found for name, found in {**wrong, "policy": refused}.items() if found}


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_pages_are_for_everybody_on_every_screen(stack: Stack, api: Person, people: People, scheme: str) -> None:
    kim = await people("rep")
    await set_password(stack, kim.uid)
    name = "Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh أحمد"
    assert (await api.patch(f"/api/users/{kim.uid}", json={"name": name})).status_code == 200
    link = await link_for(api, kim.uid)
    async with served(stack.app) as at, chromium() as browser:
        for size in (DESK, PHONE):
            assert await a_visit(browser, at, link, f"{kim.uname}@team.example", scheme, size) == {}


async def test_by_keyboard_and_without_script_one_gets_in_and_out(stack: Stack, people: People) -> None:
    kim = await people("rep")
    await set_password(stack, kim.uid)
    async with served(stack.app) as at, chromium() as browser:
        context = await browser.new_context(java_script_enabled=False)
        page = await context.new_page()
        await page.goto(f"{at}/account")
        await page.get_by_label("E-mail address").focus()
        await page.keyboard.type(f"{kim.uname}@team.example")
        await page.keyboard.press("Tab")
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{at}/account")
        await page.get_by_role("button", name="Sign out", exact=True).click()
        await page.wait_for_url(f"{at}/login")
        await page.goto(f"{at}/account")
        assert page.url == f"{at}/login?next=%2Faccount"


async def test_a_link_signs_a_browser_in(stack: Stack, api: Person, people: People) -> None:
    kim = await people("rep")
    link = await link_for(api, kim.uid)
    async with served(stack.app) as at, chromium() as browser:
        page = await browser.new_page()
        await page.goto(at + link)
        await page.get_by_role("button", name=f"Sign in as {kim.uname}").click()
        await page.goto(f"{at}/account")
        await page.get_by_label("New password").fill("a phrase of my own")
        await page.get_by_role("button", name="Set password").click()
        await page.get_by_role("status").get_by_text("Your password is changed").wait_for()


async def test_another_sites_form_changes_nothing(stack: Stack, people: People) -> None:
    kim = await people("rep")
    await set_password(stack, kim.uid)
    async with served(stack.app) as at, chromium() as browser:
        page = await browser.new_page()
        await sign_in(page, at, f"{kim.uname}@team.example", PASSWORD)
        await page.get_by_text("this browser").wait_for()
        elsewhere = at.replace("127.0.0.1", "localhost")  # another site, as browsers see it

        async def prize(route: Route) -> None:
            await route.fulfill(body=f'<form method="post" action="{at}/logout"><button>Win</button></form>', content_type="text/html")

        await page.route(f"{elsewhere}/**", prize)
        await page.goto(f"{elsewhere}/prize")
        await page.get_by_role("button", name="Win").click()
        await page.get_by_text("This did not come from a page of ours.").wait_for()
        await page.goto(f"{at}/account")
        await page.get_by_text("this browser").wait_for()


async def test_the_docs_work_under_their_policy_with_the_session(stack: Stack, people: People) -> None:
    kim = await people("rep")
    await set_password(stack, kim.uid)
    async with served(stack.app) as at, chromium() as browser:
        page = await browser.new_page()
        refused = blocked(page)
        await sign_in(page, at, f"{kim.uname}@team.example", PASSWORD, "/docs")
        operation = page.locator("#operations-users-see_myself_api_users_me_get")
        await page.locator("#operations-tag-users").click()
        await operation.locator(".opblock-summary-control").click()
        await operation.get_by_role("button", name="Try it out").click()
        await operation.get_by_role("button", name="Execute").click()
        await operation.locator(".live-responses-table").get_by_text(kim.uname).first.wait_for()
        assert refused == []
