"""Forms elsewhere: signed by who sends them, put into our words, and taken in once."""

import hmac
import json
import time
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import text
from standardwebhooks.webhooks import Webhook

from tests.api.forms import look
from tests.api.test_frame_errors import problem
from tests.stack import Person, Stack

pytestmark = pytest.mark.policy("calm")
CLIENT_SECRET = "hubspot-client-secret-0001"


async def source(api: Person, kind: str = "generic", **more: Any) -> dict[str, Any]:
    answer = await api.post("/api/forms", json={"name": "Demo form", "kind": kind, **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def mac(secret: str, body: bytes) -> bytes:
    return hmac.new(secret.encode(), body, sha256).digest()


async def send(api: Person, made: dict[str, Any], body: bytes, **headers: str) -> Any:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.post(f"/integrations/forms/{made['key']}", content=body, headers={"Content-Type": "application/json", **headers})


async def test_any_json_becomes_a_lead_by_a_map_of_its_fields(stack: Stack, api: Person) -> None:
    fields = {
        **{"email": "answers.0.value", "first_name": "who.given", "consultation_requested": "call_me", "consent.email": "opt-in"},
        **{"attributes.seats": "seats", "phone": "tel", "event_id": "meta.id"},
    }
    made = await source(api, fields=fields, defaults={"source": "partner"})
    assert made["url"] == f"http://board.example/integrations/forms/{made['key']}"
    said = {
        "answers": [{"value": "Bea@Form.example"}],
        "who": {"given": "Bea"},
        "call_me": "Yes",
        "opt-in": "on",
        "seats": 12,
        "tel": 4930901820,
    }
    body = json.dumps(said | {"meta": {"id": 7}}).encode()
    landed = await send(api, made, body, x_signature_256="sha256=" + mac(made["secret"], body).hex())
    assert (landed.status_code, landed.json()["merged"], landed.json()["duplicate"]) == (201, False, False)
    lead = await look(api, {"id": landed.json()["lead"]})
    assert (lead["email"], lead["first_name"], lead["source"], lead["attributes"]) == ("Bea@form.example", "Bea", "partner", {"seats": 12})
    assert lead["consent"] == {"email": True, "sms": False, "post": False}
    assert lead["phone"] == "4930901820"
    other = json.dumps(said | {"meta": {"id": 7}, "seats": 13}).encode()
    again = await send(api, made, other, x_signature_256="sha256=" + mac(made["secret"], other).hex())
    assert (again.status_code, again.json()) == (200, {"lead": None, "merged": False, "duplicate": True})
    assert (await api.delete(f"/api/leads/{lead['id']}")).status_code == 204
    again = await send(api, made, body, x_signature_256="sha256=" + mac(made["secret"], body).hex())
    assert again.json()["duplicate"] is True
    async with stack.database.autocommit() as connection:
        kept = (await connection.execute(text("SELECT string_agg(r::text, ' ') FROM form_receipts r"))).scalar_one()
    assert "Bea" not in kept
    assert (await api.get("/api/forms")).json()["items"][0]["received"] == 1


async def test_our_own_names_need_no_map_and_standard_webhooks_sign(api: Person) -> None:
    made = await source(api)
    body = json.dumps({"email": "cy@form.example", "company": "Cy Ltd", "consent": {"email": True}, "utm": "x"})
    now = datetime.now(UTC)
    headers = {"webhook_id": "msg_1", "webhook_timestamp": str(int(now.timestamp()))}
    signature = Webhook(made["secret"]).sign("msg_1", now, body)
    landed = await send(api, made, body.encode(), **headers, webhook_signature=signature)
    assert landed.status_code == 201, landed.text
    assert (await send(api, made, body.encode(), **headers, webhook_signature=signature)).json()["duplicate"] is True
    problem(await send(api, made, body.encode() + b" ", **headers, webhook_signature=signature), 403, "signature")
    old = datetime.fromtimestamp(now.timestamp() - 301, UTC)
    late = Webhook(made["secret"]).sign("msg_2", old, body)
    stale = {"webhook_id": "msg_2", "webhook_timestamp": str(int(old.timestamp()))}
    problem(await send(api, made, body.encode(), **stale, webhook_signature=late), 403, "signature")


async def test_a_contact_from_hubspots_workflow(api: Person) -> None:
    made = await source(api, "hubspot", secret=CLIENT_SECRET, fields={"attributes.plan": "plan_wanted"})
    contact = {"email": "dan@form.example", "firstname": "Dan", "jobtitle": "CTO", "plan_wanted": "gold", "company": ""}
    body = json.dumps({"vid": 51, "properties": {name: {"value": value} for name, value in contact.items()}}).encode()

    def signed(stamp: int, said: bytes = body) -> dict[str, str]:
        over = b"POST" + f"http://board.example/integrations/forms/{made['key']}".encode() + said + str(stamp).encode()
        return {"x_hubspot_signature_v3": b64encode(mac(CLIENT_SECRET, over)).decode(), "x_hubspot_request_timestamp": str(stamp)}

    now = int(time.time() * 1000)
    problem(await send(api, made, body, **signed(now - 301_000)), 403, "signature")
    problem(await send(api, made, body, **(signed(now) | {"x_hubspot_request_timestamp": str(now + 1)})), 403, "signature")
    landed = await send(api, made, body, **signed(now))
    assert landed.status_code == 201, landed.text
    lead = await look(api, {"id": landed.json()["lead"]})
    assert (lead["first_name"], lead["title"], lead["company"], lead["attributes"]) == ("Dan", "CTO", None, {"plan": "gold"})
    assert (await send(api, made, body, **signed(now + 1))).json()["duplicate"] is True
    changes = b'[{"eventId": 1, "subscriptionType": "contact.creation", "objectId": 51}]'
    told = problem(await send(api, made, changes, **signed(now, changes)), 422, "invalid")
    assert "workflow" in str(told["detail"])


async def test_a_response_of_typeforms(api: Person) -> None:
    made = await source(
        api, "typeform", fields={"first_name": "What is your name?", "consent.email": "optin", "campaign": "hidden.utm_campaign"}
    )
    answers = [
        {"type": "text", "text": "Eve", "field": {"id": "a1", "ref": "r1", "type": "short_text"}},
        {"type": "email", "email": "eve@form.example", "field": {"id": "a2", "ref": "r2", "type": "email"}},
        {"type": "boolean", "boolean": True, "field": {"id": "a3", "ref": "optin", "type": "legal"}},
        {"type": "choices", "choices": {"labels": ["A", "B"]}, "field": {"id": "a4", "ref": "r4", "type": "multiple_choice"}},
    ]
    response = {
        **{"token": "t-1", "hidden": {"utm_campaign": "spring"}, "answers": answers},
        "definition": {"fields": [{"id": "a1", "title": "What is your name?", "type": "short_text"}]},
    }
    body = json.dumps({"event_id": "e-1", "event_type": "form_response", "form_response": response}).encode()
    signature = "sha256=" + b64encode(mac(made["secret"], body)).decode()
    landed = await send(api, made, body, typeform_signature=signature)
    assert landed.status_code == 201, landed.text
    lead = await look(api, {"id": landed.json()["lead"]})
    assert (lead["email"], lead["first_name"], lead["campaign"]) == ("eve@form.example", "Eve", "spring")
    assert lead["consent"]["email"] is True
    assert (await send(api, made, body, typeform_signature=signature)).json()["duplicate"] is True
    problem(await send(api, made, body, typeform_signature=signature[:-2] + "A="), 403, "signature")
    problem(await send(api, made, body), 422, "invalid")


async def test_what_is_no_lead_says_what_is_missing_and_can_be_sent_again(api: Person) -> None:
    made = await source(api, fields={"email": "mail"})

    async def signed(body: bytes) -> Any:
        return await send(api, made, body, x_signature_256="sha256=" + mac(made["secret"], body).hex())

    assert "email is required" in str(problem(await signed(b'{"name": "F"}'), 422, "invalid")["detail"])
    problem(await signed(b"{"), 422, "invalid")
    problem(await signed(b"[]"), 422, "invalid")
    problem(await signed(b'{"mail": {"a": 1}}'), 422, "invalid")
    assert (await api.patch(f"/api/forms/{made['key']}", json={"fields": {"email": "name"}})).status_code == 200
    assert (await signed(b'{"name": "f@form.example"}')).status_code == 201


async def test_admins_keep_the_forms(api: Person) -> None:
    made = await source(api)
    assert made["secret"] not in (await api.get("/api/forms")).text
    changed = await api.patch(f"/api/forms/{made['key']}", json={"name": "Other", "active": False, "secret": "another-secret-0123"})
    assert (changed.json()["name"], changed.json()["active"]) == ("Other", False)
    problem(await send(api, made, b"{}", x_signature_256="sha256="), 404, "not-found")
    for body in (
        {"name": "x", "kind": "hubspot"},
        {"name": "x", "fields": {"nonsense": "a"}},
        {"name": "x", "secret": "short"},
        {"name": ""},
    ):
        problem(await api.post("/api/forms", json=body), 422, "invalid")
    assert (await api.delete(f"/api/forms/{made['key']}")).status_code == 204
    problem(await api.delete(f"/api/forms/{made['key']}"), 404, "not-found")
    problem(await api.patch(f"/api/forms/{made['key']}", json={"name": "x"}), 404, "not-found")
