"""Guessing passwords: ten failures on an account, or thirty from an address, within a quarter of an hour are enough."""

import asyncio
from collections import Counter

import httpx
import pytest
from sqlalchemy import text

from api.services import throttle
from api.services.throttle import PER_ACCOUNT, PER_ADDRESS, WINDOW, TooManyTries
from tests.browsing import browser, log_in, set_password
from tests.stack import People, Stack

KIM, HERE = "kim@team.example", "203.0.113.7"


async def fail(stack: Stack, times: int, account: str = KIM, address: str = HERE) -> None:
    """So many wrong passwords, without the time comparing them takes."""
    for _ in range(times):
        await throttle.admit(stack.database, account, address)


async def refused(stack: Stack, account: str = KIM, address: str = HERE) -> bool:
    try:
        await throttle.admit(stack.database, account, address)
    except TooManyTries:
        return True
    return False


async def make_older(stack: Stack, seconds: float) -> None:
    async with stack.database.connection() as connection:
        await connection.execute(text("UPDATE sign_in_attempts SET at = at - make_interval(secs => :seconds)"), {"seconds": seconds})


async def count(stack: Stack) -> int:
    async with stack.database.connection() as connection:
        found: int = (await connection.execute(text("SELECT count(*) FROM sign_in_attempts"))).scalar_one()
    return found


async def test_the_tenth_wrong_password_is_compared_and_the_eleventh_try_is_not(stack: Stack, people: People) -> None:
    kim = await people("rep")
    await set_password(stack, kim.uid)
    async with browser(stack) as visitor:
        found = [(await log_in(visitor, kim.uname, "wrong")).status_code for _ in range(PER_ACCOUNT)]
        assert found == [401] * PER_ACCOUNT
        answer = await log_in(visitor, kim.uname)  # with the right one
    assert answer.status_code == 429
    assert WINDOW - 60 < int(answer.headers["retry-after"]) <= WINDOW
    assert "Too many wrong passwords. Try again in 15 minutes" in answer.text
    assert f'value="{kim.uname}@team.example"' in answer.text
    assert await count(stack) == PER_ACCOUNT


async def test_a_failure_counts_for_a_quarter_of_an_hour(stack: Stack) -> None:
    await fail(stack, PER_ACCOUNT)
    await make_older(stack, WINDOW - 10)
    assert await refused(stack)
    await make_older(stack, 10)
    assert not await refused(stack)


async def test_the_wait_ends_when_the_oldest_of_the_last_ten_no_longer_counts(stack: Stack) -> None:
    await fail(stack, 1)
    await make_older(stack, 600)
    await fail(stack, PER_ACCOUNT - 1)
    with pytest.raises(TooManyTries) as err:
        await throttle.admit(stack.database, KIM, HERE)
    assert 290 <= int(err.value.headers["Retry-After"]) <= 300
    assert err.value.detail is not None
    assert "in 5 minutes" in err.value.detail


async def test_another_account_may_still_try_from_there_and_the_account_from_nowhere(stack: Stack) -> None:
    await fail(stack, PER_ACCOUNT)
    assert not await refused(stack, account="ada@team.example")
    assert await refused(stack, address="198.51.100.9")


async def test_an_address_that_tries_many_accounts_is_stopped(stack: Stack) -> None:
    for number in range(PER_ADDRESS):
        await fail(stack, 1, f"u{number}@team.example")
    assert await refused(stack, "another@team.example")
    assert not await refused(stack, "another@team.example", "198.51.100.9")


async def test_one_network_of_ipv6_is_one_address(stack: Stack) -> None:
    for number in range(PER_ADDRESS):
        await fail(stack, 1, f"u{number}@team.example", f"2001:db8::{number:x}")
    assert await refused(stack, "another@team.example", "2001:db8::ffff")
    assert not await refused(stack, "another@team.example", "2001:db8:0:1::1")


async def test_the_right_password_clears_the_account(stack: Stack, people: People) -> None:
    kim = await people("rep")
    await set_password(stack, kim.uid)
    await fail(stack, PER_ACCOUNT - 1, f"{kim.uname}@team.example")
    async with browser(stack) as visitor:
        assert (await log_in(visitor, kim.uname)).status_code == 303
    assert await count(stack) == 0


async def test_what_a_client_says_its_address_is_is_not_believed(stack: Stack) -> None:
    for number in range(PER_ADDRESS):
        await fail(stack, 1, f"u{number}@team.example")
    async with browser(stack, headers={"X-Forwarded-For": "198.51.100.9"}) as visitor:
        assert (await log_in(visitor, "nobody")).status_code == 429
    async with browser(stack, client=("198.51.100.9", 1)) as elsewhere:
        assert (await log_in(elsewhere, "nobody")).status_code == 401


async def test_guesses_at_the_same_moment_are_counted_one_by_one(stack: Stack) -> None:
    async with browser(stack) as visitor:

        async def guess() -> httpx.Response:
            return await log_in(visitor, KIM, "wrong")

        answers = await asyncio.gather(*(guess() for _ in range(PER_ACCOUNT + 6)))
    assert Counter(answer.status_code for answer in answers) == {401: PER_ACCOUNT, 429: 6}


async def test_spellings_of_one_address_are_one_account(stack: Stack) -> None:
    async with browser(stack) as visitor:
        await fail(stack, PER_ACCOUNT)
        assert (await log_in(visitor, " KIM@team.EXAMPLE")).status_code == 429


async def test_failures_that_no_longer_count_are_removed_and_none_says_who_it_was(stack: Stack) -> None:
    await fail(stack, 2)
    await make_older(stack, WINDOW)
    await fail(stack, 1)
    async with stack.database.connection() as connection:
        rows = (await connection.execute(text("SELECT string_agg(a::text, ' ') FROM sign_in_attempts a"))).scalar_one()
    assert "kim" not in rows
    assert HERE not in rows
    await throttle.prune(stack.database)
    assert await count(stack) == 1
