"""Webhooks: what happens to a lead is told, signed, in order, for days if need be, and to nobody inside."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from activities.posting import Poster
from activities.webhooks import signed
from api.services import webhooks
from api.services.webhook_queue import WebhookQueue
from models.settings import Settings
from tests.api.forms import act, arrive, until
from tests.api.test_frame_errors import problem
from tests.eventually import eventually
from tests.integrations.world import World
from tests.stack import People, Person, Stack

AT = "/hook"


async def hook(api: Person, outside: World, **more: Any) -> dict[str, Any]:
    """An endpoint in the world outside."""
    answer = await api.post("/api/webhooks", json={"url": outside.url(AT), **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def deliveries(api: Person, made: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    answer = await api.get(f"/api/webhooks/{made['id']}/deliveries", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def run(stack: Stack, sql: str, **values: Any) -> None:
    async with stack.database.connection() as connection:
        await connection.execute(text(sql), values)


async def at_once(stack: Stack) -> None:
    """Let what waits for its next try be tried now."""
    await run(stack, "UPDATE webhook_deliveries SET next_at = now() WHERE state = 'waiting'")
    await run(stack, "UPDATE webhook_endpoints SET resume_at = NULL")


def test_a_signature_is_the_one_of_the_specification() -> None:
    at = datetime.fromtimestamp(1614265330, UTC)
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", '{"test": 2432232314}'
    headers = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", body, [secret], at)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"


@pytest.mark.policy("calm")
async def test_each_entry_of_the_ledger_is_told_once_in_order_and_signed(api: Person, people: People, outside: World) -> None:
    made, rep = await hook(api, outside), await people("rep")
    lead = await until(api, await arrive(api, title="Clerk", email="told@hook.example"), tier="low")
    assert (await act(rep, lead, "claim")).status_code == 200
    calls = await eventually(lambda: outside.here(AT), lambda found: bool(found) and found[-1].json["type"] == "lead.claimed")
    events = [Webhook(made["secret"]).verify(call.body, call.headers) for call in calls]
    ledger = [item for item in (await api.get(f"/api/leads/{lead['id']}/timeline")).json()["items"] if item["type"] == "ledger"]
    assert [event["type"] for event in events] == [f"lead.{item['kind']}" for item in ledger]
    assert [event["data"]["seq"] for event in events] == list(range(1, len(ledger) + 1))
    claimed = events[-1]
    assert claimed["data"] | {"deadline": None, "policy_version": 0} == {
        **{"lead": lead["id"], "seq": len(ledger), "kind": "claimed", "from_stage": ledger[-1]["from_stage"], "to_stage": "claimed"},
        **{"actor_kind": "user", "actor": {"id": rep.uid, "name": rep.uname}, "owner": {"id": rep.uid, "name": rep.uname}},
        **{"score": ledger[-1]["score"], "tier": "low", "policy_version": 0, "deadline": None, "detail": claimed["data"]["detail"]},
    }
    assert claimed["data"]["deadline"]["kind"] == "contact"
    assert datetime.fromisoformat(claimed["timestamp"]) == datetime.fromisoformat(ledger[-1]["at"])
    assert "hook.example" not in "".join(call.body.decode() for call in calls)
    assert len({call.headers["webhook-id"] for call in calls}) == len(calls)
    with pytest.raises(WebhookVerificationError):
        Webhook(made["secret"]).verify(calls[0].body + b" ", calls[0].headers)


@pytest.mark.policy("calm")
async def test_an_endpoint_hears_of_what_it_asked_for_and_of_the_person_until_they_are_erased(
    stack: Stack, api: Person, outside: World
) -> None:
    await hook(api, outside, events=["lead.arrived"], include="person")
    lead = await arrive(api, email="known@hook.example")
    (first,) = await eventually(lambda: outside.here(AT), bool)
    assert (first.json["type"], first.json["data"]["person"]["email"]) == ("lead.arrived", "known@hook.example")
    outside.modes[AT] = 503
    gone = await arrive(api, email="gone@hook.example")
    await eventually(lambda: outside.here(AT), lambda found: len(found) == 2)
    assert (await api.delete(f"/api/leads/{gone['id']}")).status_code == 204
    async with stack.database.connection() as connection:
        kept = (await connection.execute(text("SELECT string_agg(d::text, ' ') FROM webhook_deliveries d"))).scalar_one()
    assert "hook.example" not in kept
    outside.modes.clear()
    await at_once(stack)
    calls = await eventually(lambda: outside.here(AT), lambda found: len(found) == 3)
    assert (calls[-1].json["data"]["lead"], calls[-1].json["data"]["person"]) == (gone["id"], None)
    assert lead["id"] != gone["id"]


@pytest.mark.policy("calm")
async def test_what_fails_is_tried_again_with_the_same_id_and_holds_up_only_its_own_lead(stack: Stack, api: Person, outside: World) -> None:
    made = await hook(api, outside, events=["lead.arrived", "lead.scored"])
    outside.modes[AT] = 500
    one = await arrive(api, title="Clerk")
    await eventually(lambda: outside.here(AT), bool)
    outside.modes[AT] = lambda event: 500 if event["data"]["lead"] == one["id"] else 200
    two = await until(api, await arrive(api, title="Clerk"), tier="low")
    await until(api, one, tier="low")

    async def of_two() -> list[str]:
        return [call.json["type"] for call in outside.calls[AT] if call.json["data"]["lead"] == two["id"]]

    await eventually(of_two, lambda found: found[-1:] == ["lead.scored"])
    waiting = await deliveries(api, made, state="waiting")
    assert {item["lead"] for item in waiting} == {one["id"]}
    assert (waiting[-1]["status"], waiting[-1]["why"], waiting[-1]["type"]) == (500, "http_500", "lead.arrived")
    outside.modes.clear()
    await at_once(stack)

    async def of_one() -> list[tuple[str, str]]:
        return [(c.json["type"], c.headers["webhook-id"]) for c in outside.calls[AT] if c.json["data"]["lead"] == one["id"]]

    found = await eventually(of_one, lambda found: found[-1][0] == "lead.scored")
    arrived = [message for kind, message in found if kind == "lead.arrived"]
    assert len(arrived) >= 2
    assert len(set(arrived)) == 1
    assert (await api.get(f"/api/webhooks/{made['id']}")).json()["failures"] == 0


@pytest.mark.parametrize(("mode", "status", "why"), [(429, 429, "http_429"), ("slow", None, "timeout"), ("redirect", 307, "http_307")])
async def test_each_way_to_fail_is_told_and_asked_again_later(
    stack: Stack, api: Person, outside: World, mode: Any, status: int | None, why: str
) -> None:
    made = await hook(api, outside)
    outside.modes[AT] = mode
    assert (await api.post(f"/api/webhooks/{made['id']}/ping")).status_code == 202
    (found,) = await eventually(lambda: deliveries(api, made), lambda items: items[0]["tries"] == 1)
    assert (found["type"], found["state"], found["status"], found["why"]) == ("webhook.ping", "waiting", status, why)
    later = (datetime.fromisoformat(found["next_at"]) - datetime.fromisoformat(found["tried_at"])).total_seconds()
    assert (39 < later < 41) if mode == 429 else (4 < later < 6)
    assert not outside.calls["/elsewhere"]
    async with stack.database.connection() as connection:
        held = (await connection.execute(text("SELECT resume_at IS NOT NULL FROM webhook_endpoints"))).scalar_one()
    assert held is (mode == 429)


async def test_one_that_is_gone_or_failed_for_days_is_switched_off_and_admins_are_told(stack: Stack, api: Person, outside: World) -> None:
    made = await hook(api, outside, events=["lead.arrived"])
    outside.modes[AT] = 410
    lead = await arrive(api)
    off = await eventually(lambda: _look(api, made), lambda found: not found["active"])
    assert off["disabled_why"] == "gone"
    (notice,) = [item for item in (await api.get("/api/notices")).json()["items"] if item["kind"] == "webhook_off"]
    assert notice["lead"]["id"] == lead["id"]
    outside.modes[AT] = 500
    assert (await api.patch(f"/api/webhooks/{made['id']}", json={"active": True})).json()["disabled_why"] is None
    await arrive(api)
    await eventually(lambda: deliveries(api, made, state="waiting"), lambda items: bool(items) and items[0]["tries"] >= 1)
    await run(stack, "UPDATE webhook_endpoints SET failing_since = now() - interval '6 days'")
    await run(stack, "UPDATE webhook_deliveries SET due_since = now() - interval '6 days'")
    await at_once(stack)
    off = await eventually(lambda: _look(api, made), lambda found: not found["active"])
    assert (off["disabled_why"], off["waiting"]) == ("failing", 0)
    problem(await api.post(f"/api/webhooks/{made['id']}/ping"), 409, "conflict")


async def _look(api: Person, made: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get(f"/api/webhooks/{made['id']}")).json()
    return found


@pytest.mark.policy("calm")
async def test_what_was_missed_is_sent_when_asked_for(stack: Stack, api: Person, outside: World) -> None:
    before = datetime.now(UTC) - timedelta(minutes=1)
    made = await hook(api, outside, events=["lead.arrived"])
    one = await arrive(api)
    (first,) = await eventually(lambda: outside.here(AT), bool)
    await eventually(lambda: deliveries(api, made, state="delivered"), bool)
    assert (await api.patch(f"/api/webhooks/{made['id']}", json={"active": False})).status_code == 200
    two = await arrive(api)
    await api.patch(f"/api/webhooks/{made['id']}", json={"active": True})
    path = f"/api/webhooks/{made['id']}/replay"
    assert (await api.post(path, json={"since": before.isoformat()})).json() == {"count": 2}
    calls = await eventually(lambda: outside.here(AT), lambda found: len(found) == 3)
    assert {call.json["data"]["lead"] for call in calls[1:]} == {one["id"], two["id"]}
    assert [c.headers["webhook-id"] for c in calls].count(first.headers["webhook-id"]) == 2
    done = await eventually(lambda: deliveries(api, made, state="delivered"), lambda items: len(items) == 2)
    assert (await api.post(path, json={"delivery": done[0]["id"]})).json() == {"count": 1}
    await eventually(lambda: outside.here(AT), lambda found: len(found) == 4)
    problem(await api.post(path, json={"delivery": lead_id(one)}), 404, "not-found")
    problem(await api.post(path, json={}), 422, "invalid")
    problem(await api.post(path, json={"since": "2020-01-01T00:00:00Z"}), 422, "invalid")
    long_ago = "UPDATE webhook_deliveries SET due_since = :then, tried_at = :then WHERE lead_id = :lead"
    await run(stack, long_ago, then=datetime.now(UTC) - timedelta(days=31), lead=UUID(one["id"]))
    await webhooks.prune(stack.database)
    assert {item["lead"] for item in await deliveries(api, made)} == {two["id"]}


def lead_id(lead: dict[str, Any]) -> str:
    found: str = lead["id"]
    return found


async def test_two_secrets_sign_while_one_takes_the_others_place(api: Person, outside: World) -> None:
    made = await hook(api, outside)
    fresh = (await api.post(f"/api/webhooks/{made['id']}/secret")).json()["secret"]
    assert fresh != made["secret"]
    await api.post(f"/api/webhooks/{made['id']}/ping")
    (call,) = await eventually(lambda: outside.here(AT), bool)
    for secret in (fresh, made["secret"]):
        assert Webhook(secret).verify(call.body, call.headers)["type"] == "webhook.ping"
    shown = (await api.get("/api/webhooks")).text
    assert fresh not in shown
    assert made["secret"] not in shown


async def test_a_process_that_dies_over_an_event_leaves_it_to_another(
    stack: Stack, settings: Settings, api: Person, outside: World
) -> None:
    made = await hook(api, outside, active=False)
    await run(stack, "UPDATE webhook_endpoints SET active = true, resume_at = now() + interval '1 hour'")
    await api.post(f"/api/webhooks/{made['id']}/ping")
    outside.modes[AT] = "slow"
    async with Poster(settings, 60) as poster:
        mine, other = (WebhookQueue(stack.database, settings, poster) for _ in range(2))
        await run(stack, "UPDATE webhook_endpoints SET resume_at = NULL")
        dying = asyncio.create_task(mine.deliver(UUID(made["id"])))
        await eventually(lambda: outside.here(AT), bool)
        assert await other.deliver(UUID(made["id"])) == 0
        dying.cancel()
        outside.modes.clear()
        assert await other.deliver(UUID(made["id"])) == 0
        await run(stack, "UPDATE webhook_deliveries SET leased_until = now() - interval '1 second'")
    calls = await eventually(lambda: outside.here(AT), lambda found: len(found) >= 2)
    assert len({call.headers["webhook-id"] for call in calls}) == 1
    await eventually(lambda: deliveries(api, made, state="delivered"), bool)


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "http://10.0.0.1/", "https://[::ffff:10.0.0.1]/", "http://user@example.com/"]
)
async def test_nobody_inside_is_called(api: Person, url: str) -> None:
    problem(await api.post("/api/webhooks", json={"url": url}), 422, "invalid")


async def test_what_makes_no_sense_is_refused(api: Person, outside: World) -> None:
    for body in (
        {},
        {"url": "ftp://x.example"},
        {"url": outside.url(AT), "events": ["lead.moved"]},
        {"url": outside.url(AT), "include": ["x"]},
    ):
        problem(await api.post("/api/webhooks", json=body), 422, "invalid")
    made = await hook(api, outside, description="CRM")
    assert (await api.patch(f"/api/webhooks/{made['id']}", json={"description": "the CRM"})).json()["description"] == "the CRM"
    problem(await api.get(f"/api/webhooks/{made['id']}/deliveries", params={"cursor": "x"}), 422, "invalid")
    assert (await api.delete(f"/api/webhooks/{made['id']}")).status_code == 204
    problem(await api.get(f"/api/webhooks/{made['id']}"), 404, "not-found")
