"""Links that sign somebody in once."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from api.services import sign_in_links
from tests.api.test_frame_errors import problem
from tests.browsing import browser
from tests.stack import People, Person, Stack


async def link_for(api: Person, uid: str) -> str:
    """The path of a new link."""
    answer = await api.post(f"/api/users/{uid}/links")
    assert answer.status_code == 201, answer.text
    url: str = answer.json()["url"]
    return urlsplit(url).path


async def test_an_admin_makes_a_link_that_works_for_fifteen_minutes(stack: Stack, api: Person, people: People) -> None:
    kim = await people("rep")
    answer = await api.post(f"/api/users/{kim.uid}/links")
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    found = answer.json()
    assert found.keys() == {"url", "expires_at"}
    assert found["url"].startswith("http://board.example/login/link/")
    left = datetime.fromisoformat(found["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=14) < left <= timedelta(minutes=15)
    async with stack.database.connection() as connection:
        row = (await connection.execute(text("SELECT l::text FROM sign_in_links l"))).scalar_one()
    assert found["url"].rpartition("/")[2] not in row


async def test_only_admins_make_links_and_only_for_users_who_are_here(api: Person, people: People) -> None:
    kim = await people("manager")
    problem(await kim.post(f"/api/users/{kim.uid}/links"), 403, "forbidden")
    problem(await api.post(f"/api/users/{uuid4()}/links"), 404, "not-found")
    assert (await api.patch(f"/api/users/{kim.uid}", json={"active": False})).status_code == 200
    problem(await api.post(f"/api/users/{kim.uid}/links"), 409, "conflict")


async def test_looking_at_a_link_uses_nothing_up_and_pressing_the_button_does(stack: Stack, api: Person, people: People) -> None:
    kim = await people("rep")
    path = await link_for(api, kim.uid)
    async with browser(stack) as scanner:
        for method in ("GET", "HEAD", "GET"):
            await scanner.request(method, path)
    async with browser(stack) as visitor:
        page = await visitor.get(path)
        assert (page.status_code, "set-cookie" in page.headers, page.headers["cache-control"]) == (200, False, "no-store")
        assert f"Sign in as <bdi>{kim.uname}</bdi>" in page.text
        answer = await visitor.post(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert (await visitor.get("/api/users/me")).json()["id"] == kim.uid


async def gone(visitor: httpx.AsyncClient, path: str) -> None:
    """A link that does not work says so, to whoever looks and to whoever presses."""
    for answer in (await visitor.get(path), await visitor.post(path)):
        assert (answer.status_code, "does not work any more" in answer.text) == (410, True)
        assert "set-cookie" not in answer.headers


async def test_a_link_works_once(stack: Stack, api: Person, people: People) -> None:
    path = await link_for(api, (await people("rep")).uid)
    async with browser(stack) as visitor, browser(stack) as second:
        assert (await visitor.post(path)).status_code == 303
        await gone(second, path)


async def test_of_several_who_press_at_once_one_is_signed_in(stack: Stack, api: Person, people: People) -> None:
    path = await link_for(api, (await people("rep")).uid)
    async with browser(stack) as visitor:
        answers = await asyncio.gather(*(visitor.post(path) for _ in range(8)))
    assert Counter(answer.status_code for answer in answers) == {303: 1, 410: 7}


@pytest.mark.parametrize(("left", "works"), [("5 seconds", True), ("0 seconds", False), ("-1 second", False)])
async def test_a_link_works_until_it_expires(stack: Stack, api: Person, people: People, left: str, works: bool) -> None:
    path = await link_for(api, (await people("rep")).uid)
    async with stack.database.connection() as connection:
        await connection.execute(text("UPDATE sign_in_links SET expires_at = now() + CAST(:left AS interval)"), {"left": left})
    async with browser(stack) as visitor:
        if works:
            assert (await visitor.post(path)).status_code == 303
        else:
            await gone(visitor, path)
            await sign_in_links.prune(stack.database)
            async with stack.database.connection() as connection:
                assert (await connection.execute(text("SELECT count(*) FROM sign_in_links"))).scalar_one() == 0


async def test_a_link_for_somebody_who_was_deactivated_is_worthless_for_good(stack: Stack, api: Person, people: People) -> None:
    kim = await people("rep")
    path = await link_for(api, kim.uid)
    async with browser(stack) as visitor:
        for active in (False, True):
            assert (await api.patch(f"/api/users/{kim.uid}", json={"active": active})).status_code == 200
            await gone(visitor, path)


async def test_nobody_made_this_link(stack: Stack) -> None:
    async with browser(stack) as visitor:
        await gone(visitor, "/login/link/nonsense")


async def test_another_site_cannot_press_the_button(stack: Stack, api: Person, people: People) -> None:
    path = await link_for(api, (await people("rep")).uid)
    async with browser(stack) as visitor:
        assert (await visitor.post(path, headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403
        assert (await visitor.post(path)).status_code == 303


async def test_the_first_admin_is_the_one_who_has_been_there_longest(stack: Stack, api: Person, people: People) -> None:
    first = (await api.get("/api/users/me")).json()["id"]
    second = await people("admin")
    assert str(await sign_in_links.first_admin(stack.database)) == first
    assert (await api.patch(f"/api/users/{first}", json={"active": False})).status_code == 200
    assert str(await sign_in_links.first_admin(stack.database)) == second.uid
