"""Nothing that says who a lead is can be found in Temporal, whatever happens to the lead."""

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from sqlalchemy import text
from temporalio.client import Client

from tests.eventually import eventually
from tests.stack import People, Person, Stack

PERSONAL = {
    "email": "zyx.quuxley@vorpal-industries.example",
    "first_name": "Zyxwaltraud",
    "last_name": "Quuxley-Frobnitz",
    "company": "Vorpal Industries Ltd",
    "title": "Frobnication Officer",
    "phone": "+49 30 901820",
    "message": "Please call me about the snark hunt",
    "source": "zyx.quuxley@vorpal-industries.example",
    "campaign": "For Zyxwaltraud",
    "interest": "Quuxley's interest",
}
NOTES = ("rang twice, her mother Gretchen answered", "moved to Atlantis for good", "knows Gretchen from school")


def texts(value: Any) -> Iterator[str]:
    """Every string in a history, payloads decoded."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value
        with suppress(ValueError):
            yield base64.b64decode(value, validate=True).decode()


async def everything(client: Client, lead: str) -> str:
    """All that Temporal knows of a lead, as one text."""
    handle = client.get_workflow_handle(f"lead-{lead}")
    description = await handle.describe()
    found = [*texts(json.loads((await handle.fetch_history()).to_json())), str(description.raw_description)]
    return "\n".join(found).lower()


async def test_a_rich_history_holds_no_personal_string(stack: Stack, api: Person, people: People) -> None:
    rep, other, boss = await people("rep"), await people("rep"), await people("manager", "marketer", "reviewer")
    body = {**PERSONAL, "consent": {"email": True, "sms": True}, "attributes": {"pet": "jabberwock", "iban": "DE0212030000"}}
    lead = (await api.post("/api/leads", json=body)).json()
    path = f"/api/leads/{lead['id']}"
    answers = [
        await rep.post(f"{path}/claim", json={}),
        await other.post(f"{path}/claim", json={}),
        await rep.post(f"{path}/contact", json={"channel": "call", "outcome": "no_answer", "note": NOTES[0]}),
        await rep.post(f"{path}/release", json={"reason": NOTES[1]}),
        await boss.post(f"{path}/override", json={"owner": other.uid, "reason": NOTES[2]}),
        await other.post(f"{path}/contact", json={"channel": "call", "outcome": "reached", "note": NOTES[0]}),
        await other.post(f"{path}/disposition", json={"outcome": "not_ready", "reason": NOTES[1], "note": NOTES[2]}),
        await boss.post(f"{path}/hold", json={"note": NOTES[0]}),
        await boss.post(f"{path}/resume", json={"note": NOTES[1]}),
        await boss.post(f"{path}/rescore", json={}),
    ]
    assert [answer.status_code for answer in answers] == [200, 409, 200, 200, 200, 200, 200, 200, 200, 202]
    event = {
        "id": "e1",
        "kind": "pricing_view",
        "lead_id": lead["id"],
        "at": lead["arrived_at"],
        "properties": {"page": "/for/Zyxwaltraud"},
    }
    assert (await api.post("/api/engagements", json={"events": [event]})).status_code == 202

    async def messages() -> int:
        return len((await api.get("/api/messages", params={"lead": lead["id"]})).json()["items"])

    await eventually(messages, lambda count: count > 0)
    known = await everything(stack.client, lead["id"])
    secrets = [*PERSONAL.values(), *NOTES, "Gretchen", "Atlantis", "jabberwock", "DE0212030000", "Vorpal", "Zyxwaltraud", "Quuxley"]
    assert [secret for secret in secrets if secret.lower() in known] == []
    assert lead["id"] in known


async def test_an_erased_person_is_gone_everywhere_and_the_count_stays(stack: Stack, api: Person, people: People) -> None:
    rep = await people("rep")
    lead = (await api.post("/api/leads", json={**PERSONAL, "consent": {"email": True}})).json()
    path = f"/api/leads/{lead['id']}"
    assert (await rep.post(f"{path}/claim", json={}, headers={"Idempotency-Key": "k"})).status_code == 200
    await rep.post(f"{path}/contact", json={"channel": "call", "outcome": "no_answer", "note": NOTES[0]})
    assert (await api.delete(path)).status_code == 204
    assert (await api.get(path)).status_code == 404
    assert (await api.get("/api/leads")).json()["items"] == []
    async with stack.database.connection() as connection:
        tables = (await connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))).scalars().all()
        left = [
            table
            for table in tables
            for secret in (*PERSONAL.values(), *NOTES)
            if (
                await connection.execute(text(f'SELECT count(*) FROM "{table}" t WHERE t::text ILIKE :s'), {"s": f"%{secret}%"})
            ).scalar_one()
        ]
        rows = (await connection.execute(text("SELECT stage FROM leads"))).scalars().all()
    assert left == []
    assert rows == ["erased"]

    async def over() -> str:
        status = (await stack.client.get_workflow_handle(f"lead-{lead['id']}").describe()).status
        return status.name if status else ""

    assert await eventually(over, lambda status: status == "COMPLETED") == "COMPLETED"
