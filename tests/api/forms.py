"""What a client of the API sends, and the ways tests bring a lead where they want it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from tests.eventually import eventually

CRITERIA = {"budget_usd": 20_000, "authority": True, "need": True}
Json = dict[str, Any]


def form(**more: Any) -> Json:
    """A visitor's form; nobody sends the same one twice."""
    person = {"email": f"{uuid4().hex[:8]}@co{uuid4().hex[:8]}.example", "first_name": "Ada", "last_name": "Zzyzx", "company": "Quux Ltd"}
    return {**person, "title": "Clerk", "source": "web", "consent": {"email": True}, **more}


async def send(api: httpx.AsyncClient, **more: Any) -> httpx.Response:
    """Send a form."""
    body = json.dumps(form(**more)).encode()
    return await api.post("/api/leads", content=body, headers={"Content-Type": "application/json"})


async def arrive(api: httpx.AsyncClient, **more: Any) -> Json:
    """A new lead."""
    answer = await send(api, **more)
    assert answer.status_code == 201, answer.text
    lead: Json = answer.json()
    return lead


async def look(api: httpx.AsyncClient, lead: Json) -> Json:
    """The lead as it is now."""
    answer = await api.get(f"/api/leads/{lead['id']}")
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def until(api: httpx.AsyncClient, lead: Json, seconds: float = 10.0, **wanted: Any) -> Json:
    """The lead, once it is as wanted."""

    return await eventually(lambda: look(api, lead), lambda found: {name: found[name] for name in wanted} == wanted, seconds)


async def act(who: httpx.AsyncClient, lead: Json, what: str, body: Json | None = None, **headers: str) -> httpx.Response:
    """Do something with a lead."""
    return await who.post(f"/api/leads/{lead['id']}/{what}", json=body or {}, headers=headers)


async def work(rep: httpx.AsyncClient, lead: Json) -> None:
    """Claim the lead and reach it."""
    for what, body in (("claim", {}), ("contact", {"channel": "call", "outcome": "reached"})):
        answer = await act(rep, lead, what, body)
        assert answer.status_code == 200, answer.text


async def close(rep: httpx.AsyncClient, lead: Json) -> None:
    """Bring the lead to its end: lost."""
    await work(rep, lead)
    for body in ({"outcome": "qualified", "criteria": CRITERIA}, {"outcome": "lost", "reason": "price"}):
        answer = await act(rep, lead, "disposition", body)
        assert answer.status_code == 200, answer.text


def event(kind: str = "page_view", ago: timedelta = timedelta(), **who: Any) -> Json:
    """Something a visitor did."""
    return {"id": f"e-{uuid4().hex}", "kind": kind, "at": (datetime.now(UTC) - ago).isoformat(), **who}


async def report(api: httpx.AsyncClient, *events: Any) -> Json:
    """Send events; what became of them."""
    answer = await api.post("/api/engagements", json={"events": list(events)})
    assert answer.status_code == 202, answer.text
    receipt: Json = answer.json()
    return receipt
