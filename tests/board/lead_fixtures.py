"""What the tests of the lead's page share: forms, and the page in a real browser."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page

from tests.api.forms import Json
from tests.board.conftest import signed_in
from tests.stack import Person, Stack

SITE = {"Sec-Fetch-Site": "same-origin"}
"""What a browser says of a form that is sent from the page itself."""


async def submit(who: httpx.AsyncClient, lead: Json, action: str, part: str | None = None, **fields: Any) -> httpx.Response:
    """Send a form as a browser does; with `part` as the page's script does."""
    headers = SITE | ({"X-Part": part} if part else {"Accept": "text/html"})
    return await who.post(f"/leads/{lead['id']}/{action}", data={name: str(value) for name, value in fields.items()}, headers=headers)


async def open_page(who: httpx.AsyncClient, lead: Json, part: str | None = None, **query: Any) -> httpx.Response:
    """Look at a lead's page."""
    headers = {"X-Part": part} if part else {"Accept": "text/html"}
    return await who.get(f"/leads/{lead['id']}", params=query, headers=headers)


class Read(HTMLParser):
    """A page as a browser understands it: its text, its tags, and nothing that was only meant to look like them."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.tags: list[tuple[str, Mapping[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        """All that is written on it."""
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str, **attributes: str) -> list[Mapping[str, str]]:
        """The attributes of the tags that have these."""
        return [found for name, found in self.tags if name == tag and attributes.items() <= found.items()]

    def form(self, action: str) -> bool:
        """Whether an action can be tried here."""
        return bool(self.all("form", **{"data-action": action}))


def read(answer: httpx.Response) -> Read:
    """An answer's page."""
    assert answer.headers["content-type"].startswith("text/html"), answer.text
    return Read(answer.text)


# --- in a real browser ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Served:
    """The whole program on a port, and a browser to look at it with."""

    address: str
    browser: Browser
    stack: Stack

    async def visit(
        self, person: Person, lead: Json | None, *, width: int = 1280, scheme: Any = "light", script: bool = True, live: bool = True
    ) -> Page:
        """A lead's page in front of somebody, or their own list; not `live`, it hears of no change but its own."""
        size = {"width": width, "height": 900}
        window = {"viewport": size, "color_scheme": scheme, "java_script_enabled": script}
        context = await signed_in(self.browser, self.stack, self.address, person, **window)
        if not live:
            await context.route("**/live*", lambda route: route.abort())
        page = await context.new_page()
        await page.goto(f"{self.address}/leads/{lead['id']}" if lead else f"{self.address}/?view=mine")
        return page


@pytest.fixture
async def lead_browser(stack: Stack, address: str, chromium: Browser) -> AsyncIterator[Served]:
    """The program that `stack` runs, served on a port, and a browser."""
    yield Served(address, chromium, stack)
    for context in chromium.contexts:
        await context.close()
