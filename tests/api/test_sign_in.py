"""Signing in by password: who gets in, what the browser is given, and where it goes next."""

import asyncio
from http.cookies import SimpleCookie

import httpx
import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import text

from api.auth import COOKIE
from api.paths import local_path
from tests.api.test_frame_errors import problem
from tests.browsing import PASSWORD, Visitors, browser, log_in, set_password
from tests.stack import People, Person, Stack

WRONG = "do not belong together"


def cookie(answer: httpx.Response) -> dict[str, str]:
    """What a browser is told to keep, and how."""
    found = SimpleCookie(answer.headers["set-cookie"])[COOKIE]
    return {"value": found.value, **{name: value for name, value in found.items() if value}}


async def test_a_person_signs_in_with_a_password_and_is_themselves_everywhere(stack: Stack, people: People) -> None:
    kim = await people("rep")
    await set_password(stack, kim.uid)
    async with browser(stack) as visitor:
        answer = await log_in(visitor, kim.uname)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert (await visitor.get("/api/users/me")).json()["id"] == kim.uid
        assert (await visitor.get("/api/leads")).status_code == 200
        problem(await visitor.get("/api/users"), 403, "forbidden")


async def test_the_address_may_be_typed_in_any_case_and_with_spaces_around(stack: Stack, people: People) -> None:
    kim = await people("rep")
    await set_password(stack, kim.uid)
    async with browser(stack) as visitor:
        assert (await log_in(visitor, f"  {kim.uname.upper()}@Team.Example ")).status_code == 303


async def test_the_cookie_is_for_this_site_only_and_no_script_can_read_it(stack: Stack, people: People) -> None:
    kim = await people("rep")
    await set_password(stack, kim.uid)
    async with browser(stack) as visitor:
        found = cookie(await log_in(visitor, kim.uname))
    value = found.pop("value")
    assert len(value) >= 43
    assert found == {"httponly": True, "samesite": "lax", "path": "/", "max-age": str(60 * 86400)}


async def test_behind_https_the_cookie_travels_over_https_only(stack: Stack, people: People) -> None:
    kim = await people("rep")
    await set_password(stack, kim.uid)
    stack.app.state.wiring.settings.public_url = "https://board.example"
    async with browser(stack) as visitor:
        assert cookie(await log_in(visitor, kim.uname))["secure"]
        assert cookie(await visitor.post("/logout"))["secure"]


async def test_the_database_holds_no_secret_that_would_sign_somebody_in(stack: Stack, visitors: Visitors) -> None:
    visitor, kim = await visitors()
    secret = visitor.cookies[COOKIE]
    async with stack.database.connection() as connection:
        session = (await connection.execute(text("SELECT s::text FROM sessions s WHERE user_id = :id"), {"id": kim.uid})).scalar_one()
        user = (await connection.execute(text("SELECT u::text FROM users u WHERE id = :id"), {"id": kim.uid})).scalar_one()
    assert secret not in session
    assert PASSWORD not in user
    assert "$argon2id$" in user
    assert "argon2" not in (await kim.get("/api/users/me")).text


@pytest.mark.parametrize("case", ["another password", "unknown address", "no password set", "deactivated"])
async def test_whatever_is_wrong_the_sentence_is_the_same_and_the_address_stays(
    stack: Stack, people: People, api: Person, case: str
) -> None:
    kim = await people("rep")
    if case != "no password set":
        await set_password(stack, kim.uid)
    if case == "deactivated":
        assert (await api.patch(f"/api/users/{kim.uid}", json={"active": False})).status_code == 200
    name = "nobody" if case == "unknown address" else kim.uname
    async with browser(stack) as visitor:
        answer = await log_in(visitor, name, "not the password" if case == "another password" else PASSWORD)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert WRONG in answer.text
    assert f'value="{name}@team.example"' in answer.text
    assert PASSWORD not in answer.text


@pytest.mark.parametrize(("email", "password"), [("", PASSWORD), ("kim@team.example", ""), ("", "")])
async def test_a_form_with_a_gap_asks_for_what_is_missing(stack: Stack, email: str, password: str) -> None:
    async with browser(stack) as visitor:
        answer = await visitor.post("/login", data={"email": email, "password": password})
    assert (answer.status_code, "Enter your e-mail address" in answer.text) == (422, True)


async def test_what_is_typed_is_shown_as_text(stack: Stack) -> None:
    async with browser(stack) as visitor:
        answer = await log_in(visitor, '"><script>alert(1)</script>@x')
    assert "<script" not in answer.text


@pytest.mark.parametrize("email", ["nul\x00@team.example", "a@b@c", "☃", "x" * 5000])
async def test_an_address_that_is_none_finds_nobody(stack: Stack, email: str) -> None:
    async with browser(stack) as visitor:
        assert (await visitor.post("/login", data={"email": email, "password": "x"})).status_code in (401, 422)


async def test_a_password_kept_under_weaker_parameters_is_stored_anew(stack: Stack, people: People) -> None:
    kim = await people("rep")
    weak = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=1024),)).hash(PASSWORD)
    stored = text("SELECT password_hash FROM users WHERE id = :id")
    async with stack.database.connection() as connection:
        await connection.execute(text("UPDATE users SET password_hash = :weak WHERE id = :id"), {"weak": weak, "id": kim.uid})
    async with browser(stack) as visitor:
        assert (await log_in(visitor, kim.uname)).status_code == 303
        async with stack.database.connection() as connection:
            fresh = (await connection.execute(stored, {"id": kim.uid})).scalar_one()
        assert fresh != weak
        assert (await log_in(visitor, kim.uname)).status_code == 303


async def test_letters_count_as_the_same_however_a_keyboard_composes_them(stack: Stack, people: People) -> None:
    kim = await people("rep")
    await set_password(stack, kim.uid, "passwort f\u00fcr Kim")
    async with browser(stack) as visitor:
        assert (await log_in(visitor, kim.uname, "passwort fu\u0308r Kim")).status_code == 303


LOCAL = ["/", "/leads/7?tab=story&x=1#top", "/account", "/büro"]
ELSEWHERE = [
    "https://evil.example", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
    "/\n/evil.example",    " //evil.example", "javascript:alert(1)", "evil.example", "", "/ok\r\nSet-Cookie: a=b",
    "/login", "/login?next=/x", "/logout", "/" + "x" * 2000,
]  # fmt: skip


@pytest.mark.parametrize("path", LOCAL)
def test_paths_of_ours_are_followed(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize("path", ELSEWHERE)
def test_nothing_leads_to_another_site(path: str) -> None:
    assert local_path(path) == "/"


async def test_after_signing_in_the_browser_goes_where_it_wanted(stack: Stack, people: People) -> None:
    kim = await people("rep")
    await set_password(stack, kim.uid)
    async with browser(stack) as visitor:
        assert 'value="/leads/7?tab=story"' in (await visitor.get("/login", params={"next": "/leads/7?tab=story"})).text
        assert (await log_in(visitor, kim.uname, "wrong", next="/leads/7")).text.count('value="/leads/7"') == 1
        assert (await log_in(visitor, kim.uname, next="//evil.example/x")).headers["location"] == "/"
        assert (await log_in(visitor, kim.uname, next="/leads/7")).headers["location"] == "/leads/7"
        assert (await visitor.get("/login", params={"next": "/leads/8"})).headers["location"] == "/leads/8"
        assert (await visitor.get("/login", params={"next": "https://evil.example"})).headers["location"] == "/"


async def test_comparing_a_password_does_not_hold_up_anybody_else(stack: Stack, people: People) -> None:
    kim = await people("rep")
    async with browser(stack) as visitor:
        guesses = [asyncio.create_task(log_in(visitor, "nobody", "x")) for _ in range(8)]
        assert (await kim.get("/healthz")).status_code == 200
        assert not all(guess.done() for guess in guesses)
        assert {answer.status_code for answer in await asyncio.gather(*guesses)} == {401}
