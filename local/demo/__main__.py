"""The demo's people, as a program: `python -m local.demo URL`, with the admin's token in TWOWAY_ADMIN_TOKEN."""

import asyncio
import os
import sys
from contextlib import AsyncExitStack, suppress
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import structlog

from local.demo.cast import ACCOUNTS, MARKETER, REPS, REVIEWER, TEAM, prospects
from local.demo.door import Door
from local.demo.play import Crowd, Marketer, Rep, Reviewer, again_and_again

WEBSITE = "website@twoway.example"
EVERY_ROLE = ("admin", "rep", "reviewer", "marketer", "manager")
_RUSH, _LATER = 3.0, 15.0
"""Seconds between two arrivals: while somebody is likely to watch, and after that."""
_RUSH_LASTS = 600.0
_log = structlog.get_logger("demo")


async def run(url: str, token: str, seed: int | None = None) -> None:
    """Bring the team in and let everybody live, until cancelled.

    Args:
        url: of the API.
        token: an admin's.
        seed: the same one gives the same people; another one each time when left out.

    Raises:
        httpx.HTTPError: when the team cannot be brought in.
    """
    chance = Random(seed)  # noqa: S311 - a play, not a secret
    async with AsyncExitStack() as doors, asyncio.TaskGroup() as everybody:
        admin = await doors.enter_async_context(Door(url, token))
        tokens = await hire(admin)
        door = {name: await doors.enter_async_context(Door(url, found)) for name, found in tokens.items()}
        began = asyncio.get_running_loop().time()

        def until_the_next() -> float:
            rush = asyncio.get_running_loop().time() < began + _RUSH_LASTS
            return chance.uniform(0.5, 1.5) * (_RUSH if rush else _LATER)

        crowd = Crowd(door[WEBSITE], door[MARKETER.email], prospects(chance, uuid4().hex[:6]), chance)
        everybody.create_task(again_and_again(crowd.arrive, until_the_next))
        everybody.create_task(again_and_again(crowd.come_back, lambda: chance.uniform(4, 9)))
        for rep in REPS:
            assert rep.temper is not None  # noqa: S101 - narrows the type
            player = Rep(door[rep.email], rep.temper, Random(chance.random()))  # noqa: S311
            everybody.create_task(again_and_again(player.turn, lambda: chance.uniform(3, 6)))
        everybody.create_task(again_and_again(Reviewer(door[REVIEWER.email], chance).turn, lambda: chance.uniform(5, 12)))
        everybody.create_task(again_and_again(Marketer(door[MARKETER.email], chance).turn, lambda: chance.uniform(20, 40)))
        _log.info("the demo runs", team=len(TEAM))


async def hire(admin: Door) -> dict[str, str]:
    """The team, the website and the named accounts, there already or made now.

    Returns:
        A token for each of them, by e-mail address.

    Raises:
        httpx.HTTPError: when Twoway does not answer as it should.
    """
    users = await _everybody(admin)
    there = {user["email"]: user["id"] for user in users}
    first = next(user for user in users if "admin" in user["roles"])
    await admin.do(f"/api/users/{first['id']}", {"name": "You", "roles": [*EVERY_ROLE]}, "PATCH")  # whoever watches may try everything
    for one in TEAM:
        if one.email not in there:
            body = {"email": one.email, "name": one.name, "roles": list(one.roles), "territories": list(one.territories)}
            there[one.email] = (await admin.do("/api/users", {**body, "timezone": one.timezone}))["id"]
    if WEBSITE not in there:
        there[WEBSITE] = (await admin.do("/api/users", {"email": WEBSITE, "name": "Website", "roles": ["service"]}))["id"]
    owners = {one.name: there[one.email] for one in TEAM}
    for name, domain, owner in ACCOUNTS:
        await admin.do("/api/accounts", {"name": name, "domain": domain, "owner": owners[owner]})  # refused when it is there
    wanted = {one.email for one in TEAM} | {WEBSITE}
    return {email: (await admin.do(f"/api/users/{there[email]}/tokens", {"name": "demo"}))["token"] for email in wanted}


async def _everybody(admin: Door) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await admin.look("/api/users", limit=100, **cursor)
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


if __name__ == "__main__":
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(run(sys.argv[1], os.environ["TWOWAY_ADMIN_TOKEN"]))
    except httpx.HTTPError as err:
        sys.exit(f"The demo's people could not come: {err}")
