"""Sessions: what a cookie opens, from where, for how long, and what ends it."""

import asyncio
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from api import live as live_module
from api.auth import COOKIE, digest_of
from api.services import sessions
from api.services.sessions import device
from tests.api.test_frame_errors import problem
from tests.browsing import PAGE, Visitors, browser, log_in
from tests.eventually import eventually
from tests.stack import People, Person, Stack

ARRIVAL = {"email": "ada@example.com"}


async def age(stack: Stack, visitor: httpx.AsyncClient, column: str, interval: str) -> None:
    """Move a moment of a browser's session, and have everybody look again."""
    statement = text(f"UPDATE sessions SET {column} = now() + CAST(:interval AS interval) WHERE digest = :digest")
    async with stack.database.connection() as connection:
        await connection.execute(statement, {"interval": interval, "digest": digest_of(visitor.cookies[COOKIE])})
    stack.app.state.wiring.doorman.forget()


async def status(visitor: httpx.AsyncClient) -> int:
    return (await visitor.get("/api/users/me")).status_code


@pytest.mark.parametrize(
    ("column", "interval", "expected"),
    [
        ("last_seen_at", "-13 days -23:59:50", 200),
        ("last_seen_at", "-14 days", 401),
        ("expires_at", "10 seconds", 200),
        ("expires_at", "0 seconds", 401),
    ],
)
async def test_a_session_ends_after_two_idle_weeks_or_when_it_expires(
    stack: Stack, visitors: Visitors, column: str, interval: str, expected: int
) -> None:
    visitor, _ = await visitors()
    await age(stack, visitor, column, interval)
    assert await status(visitor) == expected


async def test_a_session_expires_sixty_days_after_signing_in(stack: Stack, visitors: Visitors) -> None:
    visitor, _ = await visitors()
    lasts = text("SELECT expires_at - created_at = interval '60 days' FROM sessions WHERE digest = :digest")
    async with stack.database.connection() as connection:
        assert (await connection.execute(lasts, {"digest": digest_of(visitor.cookies[COOKIE])})).scalar_one()


async def test_using_a_session_keeps_it_from_falling_idle(stack: Stack, visitors: Visitors) -> None:
    visitor, _ = await visitors()
    await age(stack, visitor, "last_seen_at", "-10 days")
    assert await status(visitor) == 200
    seen = text("SELECT now() - last_seen_at < interval '10 seconds' FROM sessions WHERE digest = :digest")
    async with stack.database.connection() as connection:
        assert (await connection.execute(seen, {"digest": digest_of(visitor.cookies[COOKIE])})).scalar_one()


async def test_signing_out_ends_the_session_in_the_database_and_takes_the_cookie(stack: Stack, visitors: Visitors) -> None:
    visitor, _ = await visitors()
    secret = visitor.cookies[COOKIE]
    answer = await visitor.post("/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert COOKIE not in visitor.cookies
    async with browser(stack, cookies={COOKIE: secret}) as thief:
        problem(await thief.get("/api/users/me"), 401, "unauthorized")
        assert (await thief.post("/logout")).status_code == 303


async def test_signing_in_again_ends_the_session_the_browser_had(stack: Stack, visitors: Visitors) -> None:
    visitor, kim = await visitors()
    former = visitor.cookies[COOKIE]
    assert (await log_in(visitor, kim.uname)).status_code == 303
    assert visitor.cookies[COOKIE] != former
    async with browser(stack, cookies={COOKIE: former}) as old:
        assert await status(old) == 401


async def test_deactivating_somebody_shuts_their_browsers_out_at_once_and_for_good(stack: Stack, api: Person, visitors: Visitors) -> None:
    visitor, kim = await visitors()
    assert await status(visitor) == 200
    for active in (False, True):
        assert (await api.patch(f"/api/users/{kim.uid}", json={"active": active})).status_code == 200
        assert await status(visitor) == 401


async def test_roles_taken_away_or_given_count_at_once(api: Person, visitors: Visitors) -> None:
    visitor, kim = await visitors("rep")
    assert (await visitor.get("/api/accounts")).status_code == 403
    assert (await api.patch(f"/api/users/{kim.uid}", json={"roles": ["marketer"]})).status_code == 200
    assert (await visitor.get("/api/accounts")).status_code == 200


async def test_a_sessions_secret_is_no_token_and_a_token_no_session(stack: Stack, visitors: Visitors) -> None:
    visitor, kim = await visitors()
    secret, token = visitor.cookies[COOKIE], kim.headers["Authorization"].removeprefix("Bearer ")
    async with browser(stack, headers={"Authorization": f"Bearer {secret}"}) as one, browser(stack, cookies={COOKIE: token}) as other:
        assert [await status(one), await status(other)] == [401, 401]


async def test_a_token_that_is_not_valid_is_not_made_up_for_by_the_cookie(visitors: Visitors) -> None:
    visitor, _ = await visitors()
    assert (await visitor.get("/api/users/me", headers={"Authorization": "Bearer nonsense"})).status_code == 401
    assert (await visitor.get("/api/users/me", headers={"Authorization": "Basic a2ltOng="})).status_code == 200


@pytest.mark.parametrize("cookie", ["", "x", "ä", "a" * 4000, "';--"])
async def test_a_cookie_that_is_none_of_ours_signs_nobody_in(stack: Stack, cookie: str) -> None:
    async with browser(stack) as visitor:
        answer = await visitor.get("/api/users/me", headers=[(b"cookie", f"{COOKIE}={cookie}".encode())])
    problem(answer, 401, "unauthorized")


OURS = [
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://board.example"},
    {"Origin": "http://board.example"},
    {"Origin": "http://api.example", "Host": "api.example"},
    {"Origin": "http://localhost:8000", "Host": "localhost:8000"},
    {"Origin": "https://board.example", "Host": "board.example"},  # TLS ends at a proxy before us
]
OTHERS = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://board.example"},
    {"Sec-Fetch-Site": "x"},
    {"Origin": "http://evil.example"},
    {"Origin": "http://board.example.evil.example"},
    {"Origin": "http://board.example:81"},
    {"Origin": "null"},
    {"Origin": ""},
]


async def send(visitor: httpx.AsyncClient, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    """A request with these headers about where it comes from, and no other."""
    request = visitor.build_request(method, path, json=ARRIVAL, headers=headers)
    if "Sec-Fetch-Site" not in headers:
        del request.headers["Sec-Fetch-Site"]
    request.headers["Accept"] = "*/*"
    return await visitor.send(request)


@pytest.mark.parametrize("headers", OURS)
async def test_a_change_from_a_page_of_ours_is_made(visitors: Visitors, headers: dict[str, str]) -> None:
    visitor, _ = await visitors("marketer")
    assert (await send(visitor, "POST", "/api/leads", headers)).status_code == 201


@pytest.mark.parametrize("headers", [*OTHERS, {}])
async def test_a_change_from_elsewhere_is_refused_and_changes_nothing(visitors: Visitors, headers: dict[str, str]) -> None:
    visitor, _ = await visitors("marketer")
    problem(await send(visitor, "POST", "/api/leads", headers), 403, "cross-site")
    problem(await send(visitor, "POST", "/api/leads", {**headers, "Idempotency-Key": uuid4().hex}), 403, "cross-site")
    assert (await visitor.get("/api/leads")).json()["items"] == []


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_every_unsafe_method_is_checked(visitors: Visitors, method: str) -> None:
    visitor, _ = await visitors("admin")
    path = f"/api/{'leads' if method == 'DELETE' else 'users'}/{uuid4()}"
    answer = await send(visitor, method, path, {"Origin": "http://evil.example"})
    assert answer.status_code == (405 if method == "PUT" else 403)


async def test_reading_needs_no_proof(visitors: Visitors) -> None:
    visitor, _ = await visitors()
    assert (await send(visitor, "GET", "/api/leads", {"Sec-Fetch-Site": "cross-site"})).status_code == 200


async def test_a_token_needs_no_proof(people: People) -> None:
    program = await people("service")
    assert (await program.post("/api/leads", json=ARRIVAL, headers={"Origin": "http://evil.example"})).status_code == 201


async def test_another_site_can_neither_sign_in_nor_out(stack: Stack, visitors: Visitors) -> None:
    visitor, kim = await visitors()
    for headers in OTHERS:
        async with browser(stack) as stranger:
            request = stranger.build_request("POST", "/login", data={"email": kim.uname, "password": "x"}, headers=headers)
            if "Sec-Fetch-Site" not in headers:
                del request.headers["Sec-Fetch-Site"]
            assert (await stranger.send(request)).status_code == 403
        assert (await send(visitor, "POST", "/logout", headers)).status_code == 403
        async with browser(stack) as without_cookie:  # as browsers send it from elsewhere
            assert "set-cookie" not in (await send(without_cookie, "POST", "/logout", headers)).headers
    assert await status(visitor) == 200


async def test_a_browser_that_says_nothing_of_where_it_comes_from_may_sign_in(stack: Stack) -> None:
    async with browser(stack) as old:
        request = old.build_request("POST", "/login", data={"email": "nobody@team.example", "password": "x"})
        del request.headers["Sec-Fetch-Site"]
        assert (await old.send(request)).status_code == 401


async def test_a_key_makes_a_browsers_request_count_once_too(visitors: Visitors) -> None:
    visitor, _ = await visitors("marketer")
    key = {"Idempotency-Key": uuid4().hex}
    first = await visitor.post("/api/leads", json=ARRIVAL, headers=key)
    again = await visitor.post("/api/leads", json=ARRIVAL, headers=key)
    assert (first.status_code, again.status_code, again.headers["idempotency-replayed"]) == (201, 201, "true")


async def read_to_the_end(visitor: httpx.AsyncClient) -> bytes:
    return (await visitor.get("/api/live")).content


async def open_feeds(stack: Stack) -> int:
    return len(stack.app.state.wiring.hub._subscribers)


async def test_the_live_feed_of_a_session_that_ended_ends(stack: Stack, visitors: Visitors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "HEARTBEAT", 0.05)
    monkeypatch.setattr(live_module, "RECHECK", 0.05)
    staying, _ = await visitors()
    leaving, _ = await visitors()
    open_feed = asyncio.create_task(read_to_the_end(staying))
    feed = asyncio.create_task(read_to_the_end(leaving))
    await eventually(lambda: open_feeds(stack), lambda feeds: feeds == 2)
    async with browser(stack, cookies=dict(leaving.cookies)) as other_tab:
        assert (await other_tab.post("/logout")).status_code == 303
    assert b"event: hello" in await asyncio.wait_for(feed, 10)
    assert not open_feed.done()
    open_feed.cancel()


async def test_sessions_that_are_over_are_removed(stack: Stack, visitors: Visitors) -> None:
    idle, _ = await visitors()
    expired, _ = await visitors()
    _, kim = await visitors()
    await age(stack, idle, "last_seen_at", "-14 days")
    await age(stack, expired, "expires_at", "-1 second")
    await sessions.prune(stack.database)
    async with stack.database.connection() as connection:
        assert (await connection.execute(text("SELECT array_agg(user_id::text) FROM sessions"))).scalar_one() == [kim.uid]


WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/604.1"


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (WINDOWS, "Chrome on Windows"),
        (f"{WINDOWS} Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0", "Firefox on Linux"),
        (IPHONE, "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.5.0", "Unknown browser"),
        ("", "Unknown browser"),
        ("<script>" * 1000, "Unknown browser"),
    ],
)
def test_a_browser_is_named_as_its_owner_would(agent: str, words: str) -> None:
    assert device(agent) == words


async def test_an_expired_session_sends_a_page_to_sign_in_and_a_part_of_one_a_problem(stack: Stack) -> None:
    async with browser(stack, cookies={COOKIE: "gone"}) as visitor:
        page = await visitor.get("/account", params={"changed": "true"})
        assert (page.status_code, page.headers["location"]) == (303, "/login?next=%2Faccount%3Fchanged%3Dtrue")
        problem(await visitor.get("/account", headers={"X-Part": "drawer"}), 401, "unauthorized")
        problem(await visitor.get("/api/leads", headers=PAGE), 401, "unauthorized")
