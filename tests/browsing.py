"""People in front of a browser: signed in by cookie, sending what a browser sends."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from html import unescape
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from api.services import passwords
from tests.stack import People, Person, Stack

PASSWORD = "correct horse battery"
SAME = {"Sec-Fetch-Site": "same-origin"}
HTML = {"Accept": "text/html"}
PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def browser(stack: Stack, **more: Any) -> httpx.AsyncClient:
    """A browser nobody has signed in with yet, on the address people reach us at."""
    transport = httpx.ASGITransport(app=stack.app, client=more.pop("client", ("203.0.113.7", 40000)))
    address = more.pop("base_url", stack.settings.public_url)
    return httpx.AsyncClient(transport=transport, base_url=address, headers=SAME | PAGE | more.pop("headers", {}), timeout=30, **more)


async def set_password(stack: Stack, uid: str, password: str = PASSWORD) -> None:
    """Give a user a password, as if they had chosen it long ago."""
    row = {"hash": await passwords.hashed(password), "id": uid}
    async with stack.database.connection() as connection:
        await connection.execute(text("UPDATE users SET password_hash = :hash WHERE id = :id"), row)


async def log_in(visitor: httpx.AsyncClient, name: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    """Fill in the form and send it. `name` is a person's `uname`, or an address."""
    email = name if "@" in name or not name else f"{name}@team.example"
    return await visitor.post("/login", data={"email": email, "password": password, **more})


async def seen(who: httpx.AsyncClient, path: str, status: int = 200) -> str:
    """A page as it reads, tags included."""
    answer = await who.get(path, headers=HTML)
    assert answer.status_code == status, answer.text
    return unescape(answer.text)


async def filled_in(who: httpx.AsyncClient, path: str, status: int = 303, /, **fields: Any) -> str:
    """What comes of a form: the page, or where it leads."""
    answer = await who.post(path, data=fields, headers=HTML)
    assert answer.status_code == status, answer.text
    return answer.headers["location"] if status == 303 else unescape(answer.text)


def wrong(page: str, name: str) -> str:
    """What stands at a field as wrong with it."""
    found = re.search(rf'<p class="wrong" id="{name}-note">([^<]*)</p>', page)
    return found[1] if found else ""


Visitors = Callable[..., Awaitable[tuple[httpx.AsyncClient, Person]]]


@pytest.fixture
async def visitors(stack: Stack, people: People) -> AsyncIterator[Visitors]:
    """Makes a new user with these roles, a password, and a browser that is signed in; with the same user's token beside it."""
    made: list[httpx.AsyncClient] = []

    async def new(*roles: str) -> tuple[httpx.AsyncClient, Person]:
        person = await people(*(roles or ("rep",)))
        await set_password(stack, person.uid)
        found = browser(stack)
        made.append(found)
        answer = await log_in(found, person.uname)
        assert answer.status_code == 303, answer.text
        return found, person

    yield new
    for found in made:
        await found.aclose()
