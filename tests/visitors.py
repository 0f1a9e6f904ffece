"""A website's visitors, as their browsers and mail programs show themselves."""

import json
import time
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI
from sqlalchemy import text

from activities.database import Database
from tests.api.forms import Json

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
HOME = "203.0.113.9"
"""An address that people have."""


def browser(app: FastAPI, agent: str = CHROME, address: str = HOME, **headers: str) -> httpx.AsyncClient:
    """A browser without a session, somewhere."""
    transport = httpx.ASGITransport(app=app, client=(address, 40000))
    return httpx.AsyncClient(transport=transport, base_url="http://api.example", headers={"User-Agent": agent, **headers}, timeout=30)


def visitor() -> str:
    return uuid4().hex


def view(path: str = "/", ago: float = 0, **more: Any) -> Json:
    """A page viewed so many seconds ago."""
    return {"id": uuid4().hex, "kind": "page_view", "at": (time.time() - ago) * 1000, "properties": {"path": path, **more}}


async def beacon(site: httpx.AsyncClient, who: str, *events: Json, **more: Any) -> httpx.Response:
    """Send what a visitor did, as their browser does."""
    body = {"anonymous_id": who, "sent_at": time.time() * 1000, "events": list(events), **more}
    return await site.post("/t", content=json.dumps(body), headers={"Content-Type": "text/plain;charset=UTF-8"})


async def stored(database: Database, who: str) -> list[Any]:
    """What is stored of a visitor, in order."""
    async with database.connection() as connection:
        sql = """SELECT kind, at, lead_id::text AS lead, properties, verdict, sign, agent FROM engagements
            WHERE anonymous_id = :who ORDER BY at, id"""
        return list((await connection.execute(text(sql), {"who": who})).all())
