"""The board's tests look at it in a real Chromium, with the whole program behind it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.browsing import PASSWORD, SAME, set_password
from tests.chromium import chromium as running_chromium
from tests.stack import Person, Stack, address, api, people, stack

__all__ = ["address", "api", "people", "stack"]
_ANSWERED = "Failed to load resource"  # how a browser comments on every answer of 400 and above, which are answers all the same
Opened = Callable[..., Awaitable[Page]]


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """One Chromium for all tests; each opens windows of its own."""
    async with running_chromium() as browser:
        yield browser


async def signed_in(browser: Browser, stack: Stack, address: str, person: Person, **options: Any) -> BrowserContext:
    """A window in which somebody is signed in, as they would be: with their password, by cookie."""
    await set_password(stack, person.uid)
    window = await browser.new_context(base_url=address, **options)
    form: dict[str, str | float | bool] = {"email": person.email, "password": PASSWORD}
    answer = await window.request.post("/login", form=form, headers=SAME, max_redirects=0)
    assert answer.status == 303, await answer.text()
    return window


@pytest.fixture
async def opened(chromium: Browser, address: str, stack: Stack) -> AsyncIterator[Opened]:
    """Opens a page in a window of this person's own. What scripts complain about fails the test."""
    windows: list[BrowserContext] = []
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(_ANSWERED):
            complaints.append(message.text)

    async def opened(person: Person, path: str = "/", **options: Any) -> Page:
        window = await signed_in(chromium, stack, address, person, **options)
        window.set_default_timeout(15_000)
        windows.append(window)
        page = await window.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(path)
        return page

    yield opened
    for window in windows:
        await window.close()
    assert complaints == []
