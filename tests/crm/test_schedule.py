"""Syncing on Temporal's schedule, and HubSpot's webhooks that make it early."""

import base64
import hmac
import json
import time
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256

import httpx
import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.service import RPCError

from models.crm import CrmName
from models.settings import Settings
from tests.crm.conftest import configured
from tests.crm.office import Office
from tests.eventually import eventually
from tests.faults.test_no_personal_data import texts
from tests.stack import Person, Stack, sign_in
from workflows.crm import schedule_id
from workflows.schedules import ensure, schedules

pytestmark = [pytest.mark.policy("calm"), pytest.mark.parametrize("crm", [CrmName.HUBSPOT], indirect=True)]
SECRET = "the app's secret"
URL = "http://board.example/integrations/hubspot"


@pytest.fixture
def settings(settings: Settings, office: Office, crm: CrmName) -> Settings:
    return configured(settings, office, crm, hubspot_client_secret=SECRET)


def signed(body: bytes, at: float, *, secret: str = SECRET, url: str = URL) -> dict[str, str]:
    stamp = str(int(at * 1000))
    signature = hmac.digest(secret.encode(), f"POST{url}".encode() + body + stamp.encode(), sha256)
    return {"X-HubSpot-Signature-v3": base64.b64encode(signature).decode(), "X-HubSpot-Request-Timestamp": stamp}


async def test_every_crm_is_synced_on_a_schedule_and_by_webhooks(stack: Stack, api: Person, office: Office) -> None:
    name = schedule_id(CrmName.HUBSPOT)

    async def every(interval: timedelta | None) -> None:
        found = schedules(stack.settings.task_queue, crms={CrmName.HUBSPOT: interval} if interval else {})
        await ensure(stack.client, {name: found[name]})

    await every(timedelta(hours=1))
    handle = stack.client.get_schedule_handle(name)
    try:
        await every(timedelta(minutes=30))  # another worker starts, with another setting
        assert [spec.every for spec in (await handle.describe()).schedule.spec.intervals] == [timedelta(minutes=30)]

        await handle.trigger()

        async def synced() -> str | None:
            views = (await api.get("/api/integrations/crm")).json()
            return views[0]["synced_at"] if views else None

        await eventually(synced, bool)
        office.write(None, {"email": "zyxwaltraud@acme.example", "first_name": "Zyxwaltraud"})
        lead = (await api.post("/api/leads", json={"email": "quuxley@acme.example"})).json()["id"]
        body = json.dumps([{"eventId": 1, "subscriptionType": "contact.creation", "objectId": 5000}]).encode()
        async with httpx.AsyncClient(transport=api._transport, base_url="http://api.example") as hubspot:
            answer = await hubspot.post("/integrations/hubspot", content=body, headers=signed(body, time.time()))
        assert answer.status_code == 204, answer.text

        async def both() -> tuple[int, int]:
            return len((await api.get("/api/leads")).json()["items"]), len(office.of("quuxley@acme.example"))

        assert await eventually(both, lambda found: found == (2, 1)) == (2, 1)
        assert office.of("quuxley@acme.example")[0].fields["lead_id"] == lead
        await nothing_personal(stack)
        await every(None)
        with pytest.raises(RPCError):
            await handle.describe()
        answer = await sign_in(stack.app, "").post("/integrations/hubspot", content=body, headers=signed(body, time.time()))
        assert answer.status_code == 503
    finally:
        with suppress(RPCError):
            await handle.delete()


async def nothing_personal(stack: Stack) -> None:
    """No history of a sync holds anything of a person."""
    found = [run async for run in stack.client.list_workflows('WorkflowType = "CrmSync"')]
    assert found
    for run in found:
        history = await stack.client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
        kinds = {event.event_type for event in history.events}
        assert EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED not in kinds
        said = "\n".join(texts(json.loads(history.to_json()))).lower()
        assert "zyxwaltraud" not in said and "quuxley" not in said and "acme" not in said


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(b"[]", time.time() - 3600),
        signed(b"[]", time.time() + 3600),
        signed(b"[1]", time.time() + 200),
        signed(b"[]", time.time() + 200, secret="another"),
        signed(b"[]", time.time() + 200, url="http://elsewhere.example/integrations/hubspot"),
        {"X-HubSpot-Signature-v3": "not base64 é", "X-HubSpot-Request-Timestamp": "NaN"},
    ],
)
async def test_only_what_hubspot_signed_just_now_is_heeded(stack: Stack, headers: dict[str, str]) -> None:
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    async with sign_in(stack.app, "") as anybody:
        answer = await anybody.post("/integrations/hubspot", content=b"[]", headers=encoded)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
