"""One's own account: seeing where one is signed in, changing one's password, leaving everywhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from sqlalchemy import text

from api.auth import COOKIE
from api.services.passwords import LONGEST, SHORTEST
from api.services.throttle import PER_ACCOUNT
from tests.api.test_sign_in_links import link_for
from tests.browsing import PASSWORD, Visitors, browser, log_in, set_password
from tests.stack import People, Person, Stack

NEW = "a quite different phrase"


async def change(visitor: httpx.AsyncClient, old: str = PASSWORD, new: str = NEW) -> httpx.Response:
    return await visitor.post("/account/password", data={"old": old, "new": new})


@asynccontextmanager
async def by_link(stack: Stack, api: Person, uid: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that was signed in by link just now."""
    async with browser(stack) as found:
        assert (await found.post(await link_for(api, uid))).status_code == 303
        yield found


async def test_the_page_says_who_i_am_and_where_i_am_signed_in(stack: Stack, visitors: Visitors) -> None:
    visitor, kim = await visitors("rep", "marketer")
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"
    async with browser(stack, headers={"User-Agent": firefox}) as other:
        await log_in(other, kim.uname)
        page = (await visitor.get("/account")).text
    assert f"{kim.uname}@team.example" in page
    assert "rep, marketer" in page
    assert "Firefox on Linux" in page
    assert page.count("this browser") == 1
    assert page.count("with a password") == 2


async def test_a_program_sees_its_account_too_and_is_in_no_browser(people: People) -> None:
    program = await people("service")
    page = await program.get("/account")
    assert (page.status_code, "In no browser just now" in page.text) == (200, True)


async def test_a_new_password_replaces_the_old_one_and_signs_other_browsers_out(stack: Stack, api: Person, visitors: Visitors) -> None:
    visitor, kim = await visitors()
    link = await link_for(api, kim.uid)
    async with browser(stack) as other:
        await log_in(other, kim.uname)
        assert (await other.get("/api/users/me")).status_code == 200
        answer = await change(visitor)
        assert (answer.status_code, answer.headers["location"]) == (303, "/account?changed=true")
        assert "Your password is changed" in (await visitor.get("/account?changed=true")).text
        assert (await other.get("/api/users/me")).status_code == 401
        assert (await other.post(link)).status_code == 410
        assert (await log_in(other, kim.uname)).status_code == 401
        assert (await log_in(other, kim.uname, NEW)).status_code == 303


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ("x" * (SHORTEST - 1), "Use 12 to 1000 characters"),
        ("", "Use 12 to 1000 characters"),
        ("abcde" * (LONGEST // 5) + "f", "Use 12 to 1000 characters"),
        ("aaaaaaaaaaaaaaaa", "more different characters"),
    ],
)
async def test_a_password_that_is_easily_guessed_is_not_taken(visitors: Visitors, new: str, why: str) -> None:
    visitor, _ = await visitors()
    answer = await change(visitor, new=new)
    assert (answer.status_code, why in answer.text) == (422, True)
    assert 'aria-describedby="new-note"' in answer.text


async def test_a_password_of_twelve_characters_is_taken_but_not_ones_own_name(stack: Stack, visitors: Visitors) -> None:
    visitor, kim = await visitors()
    answer = await change(visitor, new=f"{kim.uname}@TEAM.example")
    assert (answer.status_code, "something else than your name" in answer.text) == (422, True)
    assert (await change(visitor, new="abcd efgh ij")).status_code == 303


async def test_the_old_password_must_be_right_and_cannot_be_guessed_here_either(visitors: Visitors) -> None:
    visitor, _ = await visitors()
    for _ in range(PER_ACCOUNT):
        answer = await change(visitor, old="wrong")
        assert (answer.status_code, "This is not your password" in answer.text) == (422, True)
    answer = await change(visitor)
    assert (answer.status_code, "Too many wrong passwords" in answer.text) == (429, True)
    assert int(answer.headers["retry-after"]) > 0


async def test_just_after_signing_in_by_link_the_old_password_is_not_asked_for(stack: Stack, api: Person, people: People) -> None:
    kim = await people("rep")
    await set_password(stack, kim.uid)
    async with by_link(stack, api, kim.uid) as visitor:
        assert 'name="old"' not in (await visitor.get("/account")).text
        assert (await change(visitor, old="")).status_code == 303
        assert (await log_in(visitor, kim.uname, NEW)).status_code == 303


@pytest.mark.parametrize(("minutes", "status"), [("9:50", 303), ("10:00", 422)])
async def test_ten_minutes_after_the_link_the_old_password_is_needed(
    stack: Stack, api: Person, people: People, minutes: str, status: int
) -> None:
    kim = await people("rep")
    await set_password(stack, kim.uid)
    async with by_link(stack, api, kim.uid) as visitor:
        async with stack.database.connection() as connection:
            await connection.execute(text(f"UPDATE sessions SET created_at = now() - interval '0:{minutes}'"))
        assert (await change(visitor, old="")).status_code == status


async def test_who_has_no_password_is_told_how_to_get_one(stack: Stack, api: Person, people: People) -> None:
    kim = await people("rep")
    async with by_link(stack, api, kim.uid) as visitor:
        assert "Set password" in (await visitor.get("/account")).text
        async with stack.database.connection() as connection:
            await connection.execute(text("UPDATE sessions SET created_at = now() - interval '10 minutes'"))
        page = await visitor.get("/account")
        assert "ask an admin for a sign-in link" in page.text
        assert 'name="new"' not in page.text
        answer = await change(visitor, old="")
        assert (answer.status_code, "You have none yet" in answer.text) == (422, True)


async def test_signing_out_everywhere_ends_every_session_of_mine_and_of_nobody_else(stack: Stack, visitors: Visitors) -> None:
    visitor, kim = await visitors()
    somebody, _ = await visitors()
    async with browser(stack) as other:
        await log_in(other, kim.uname)
        answer = await visitor.post("/account/sign-out-everywhere")
        assert (answer.status_code, answer.headers["location"], COOKIE in visitor.cookies) == (303, "/login", False)
        assert (await other.get("/api/users/me")).status_code == 401
    assert (await somebody.get("/api/users/me")).status_code == 200


async def test_a_name_is_shown_as_text(stack: Stack, api: Person, visitors: Visitors) -> None:
    visitor, kim = await visitors()
    assert (await api.patch(f"/api/users/{kim.uid}", json={"name": "<script>alert(1)</script>"})).status_code == 200
    assert "<script" not in (await visitor.get("/account")).text
    async with browser(stack) as stranger:
        assert "<script" not in (await stranger.get(await link_for(api, kim.uid))).text
