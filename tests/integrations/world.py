"""Everybody we write to, as one server that answers as they document and fails in the ways they do."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse

from tests.stack import served


@dataclass
class Call:
    """A request that came in."""

    path: str
    headers: dict[str, str]
    body: bytes
    query: dict[str, list[str]]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class World:
    """What came in, by path, and how each path answers: a status, `slow`, `redirect`, or well when left out."""

    address: str = ""
    calls: dict[str, list[Call]] = field(default_factory=lambda: defaultdict(list))
    modes: dict[str, Any] = field(default_factory=dict)
    retry_after: str = "40"
    slack_people: dict[str, str] = field(default_factory=dict)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def forget(self) -> None:
        """Begin anew."""
        self.calls.clear()
        self.modes.clear()
        self.slack_people.clear()

    def url(self, path: str) -> str:
        return f"{self.address}{path}"

    def got(self, path: str) -> list[Any]:
        """The bodies that came in at a path."""
        return [call.json for call in self.calls[path]]

    async def here(self, path: str) -> list[Call]:
        """The requests that came in at a path, to be waited for."""
        return list(self.calls[path])


def _moody(state: World, path: str, body: bytes) -> Any:
    mode = state.modes.get(path)
    return mode(json.loads(body)) if callable(mode) else mode


def _slack(state: World, method: str, call: Call) -> Response:
    if call.headers.get("authorization") != "Bearer xoxb-test":
        return JSONResponse({"ok": False, "error": "invalid_auth"})
    if method == "users.lookupByEmail":
        found = next((number for number, email in state.slack_people.items() if email == call.query["email"][0]), None)
        return JSONResponse({"ok": True, "user": {"id": found}} if found else {"ok": False, "error": "users_not_found"})
    if method == "users.info":
        email = state.slack_people.get(call.query["user"][0])
        return JSONResponse({"ok": True, "user": {"profile": {"email": email}}} if email else {"ok": False, "error": "user_not_found"})
    return JSONResponse({"ok": True, "ts": "1.2"})


def _application(state: World) -> FastAPI:
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def take(path: str, request: Request) -> Response:
        body = await request.body()
        at = f"/{path}"
        call = Call(at, dict(request.headers), body, parse_qs(request.url.query))
        state.calls[at].append(call)
        match _moody(state, at, body):
            case "slow":
                await state.released.wait()
            case "redirect":
                return RedirectResponse(state.url("/elsewhere"), 307)
            case int() as status if status != 200:
                return PlainTextResponse("no", status, {"Retry-After": state.retry_after} if status == 429 else {})
        if at.startswith("/slack/"):
            return _slack(state, at.removeprefix("/slack/"), call)
        return PlainTextResponse("ok")

    return app


@asynccontextmanager
async def world_outside() -> AsyncIterator[World]:
    """The server, while it serves."""
    state = World()
    async with served(_application(state)) as address:
        state.address = address
        yield state
        state.released.set()
