"""The pages of webhooks and of forms elsewhere: what admins do there without a script, and what they are refused in words."""

import hmac
import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from standardwebhooks.webhooks import Webhook

from api.board.forms_elsewhere import HOW, KINDS
from api.board.webhooks import MATTERS, STATES
from models.lifecycle import EntryKind
from models.schemas.integrations import DeliveryView, FormKind
from tests.api.forms import arrive
from tests.browsing import HTML, Visitors, filled_in, seen, visitors, wrong
from tests.eventually import eventually
from tests.integrations.test_webhooks import run
from tests.integrations.world import World
from tests.stack import Person, Stack

__all__ = ["visitors"]
pytestmark = pytest.mark.policy("calm")
AT = "/door"


def found(pattern: str, page: str) -> str:
    match = re.search(pattern, page)
    assert match, page
    return match[1]


def states(page: str) -> list[str]:
    """The states of the deliveries a page lists."""
    return re.findall(r'<p class="door-state \w+">(\w+)</p>', page)


def test_every_kind_of_event_state_and_form_has_its_words() -> None:
    assert Counter(kind for kinds in MATTERS.values() for kind in kinds) == Counter(EntryKind)
    assert list(STATES) == DeliveryView.model_json_schema()["properties"]["state"]["enum"]
    assert set(KINDS) == set(HOW) == set(FormKind)


async def test_a_webhook_is_made_looked_after_and_removed_by_forms(stack: Stack, api: Person, outside: World) -> None:
    assert "No program is told yet." in await seen(api, "/webhooks")
    for url, said in (
        ("http://10.0.0.1/x", "Cannot be called: the address leads inside."),
        ("ftp://x", ""),
        ("http://nobody.invalid/", ""),
    ):
        page = await filled_in(api, "/webhooks/new", 422, url=url, description="CRM", events="lead.won", person="yes")
        assert wrong(page, "url").startswith(said)
        assert wrong(page, "url")
        assert re.search(r'value="lead.won" checked', page), "what was chosen stays chosen"
    page = await filled_in(api, "/webhooks/new", 201, url=outside.url(AT), description="C<b>RM", events="lead.arrived", person="yes")
    secret, where = found(r"<code>(whsec_[^<]+)</code>", page), found(r'action="(/webhooks/[0-9a-f-]{36})"', page)
    assert secret not in await seen(api, where), "it is shown once"
    assert "<b>RM" not in (await api.get("/webhooks", headers=HTML)).text
    assert await filled_in(api, f"{where}/ping") == f"{where}?again=1"
    (call,) = await eventually(lambda: outside.here(AT), bool)
    assert Webhook(secret).verify(call.body, call.headers)["type"] == "webhook.ping"
    page = await eventually(lambda: seen(api, where), lambda page: states(page) == ["Delivered"])
    assert "Answered 200" in page
    await what_fails_is_seen_and_sent_again(stack, api, outside, where)
    new = found(r"<code>(whsec_[^<]+)</code>", await filled_in(api, f"{where}/secret", 200))
    assert new != secret
    await a_webhook_is_changed_switched_off_and_removed(api, outside, where)


async def what_fails_is_seen_and_sent_again(stack: Stack, api: Person, outside: World, where: str) -> None:
    outside.modes[AT] = 503
    lead = await arrive(api, first_name="Ada", last_name="Quill", company="Quill Ltd")
    page = await eventually(lambda: seen(api, where), lambda page: "Answered 503" in page)
    assert states(page) == ["Waiting", "Delivered"]
    assert re.search(r"Fails, \d+ times? in a row", page)
    assert f'<a href="/leads/{lead["id"]}" dir="auto">Ada Quill, Quill Ltd</a>' in page
    await run(stack, "UPDATE webhook_deliveries SET due_since = now() - interval '1 hour' WHERE state = 'waiting'")
    shown = (await api.get("/metrics")).text
    assert "twoway_webhook_deliveries_waiting 1.0" in shown
    assert 3600 <= float(found(r"\ntwoway_webhook_deliveries_waiting_seconds (\S+)", shown)) < 7200
    await run(stack, "UPDATE webhook_deliveries SET state = 'failed', lease = NULL, leased_until = NULL WHERE state = 'waiting'")
    assert states(await seen(api, f"{where}?state=failed")) == ["Failed"]
    assert "None." in await seen(api, f"{where}?state=waiting")
    await seen(api, f"{where}?state=lost", 422)
    outside.modes.clear()
    failed = found(r'name="delivery" value="([^"]+)"', await seen(api, f"{where}?state=failed"))
    assert await filled_in(api, f"{where}/replay", delivery=failed) == f"{where}?again=1"
    await eventually(lambda: seen(api, where), lambda page: states(page) == ["Delivered", "Delivered"])
    for since in ("", "soon", "2020-01-01T00:00"):
        assert wrong(await filled_in(api, f"{where}/replay", 422, since=since), "since")
    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    assert "One event is on its way." in await seen(api, await filled_in(api, f"{where}/replay", since=hour_ago))


async def a_webhook_is_changed_switched_off_and_removed(api: Person, outside: World, where: str) -> None:
    page = await filled_in(api, where, 422, url="http://192.168.0.1/", description="X")
    assert wrong(page, "url") == "Cannot be called: the address leads inside."
    assert await filled_in(api, where, url=outside.url(AT), description="Books", events=["lead.won", "lead.lost"]) == where
    (hook,) = (await api.get("/api/webhooks")).json()["items"]
    assert (hook["description"], hook["events"], hook["include"]) == ("Books", ["lead.won", "lead.lost"], [])
    await filled_in(api, f"{where}/active", active="false")
    assert "Switched off" in await seen(api, "/webhooks")
    assert "is switched off" in await filled_in(api, f"{where}/ping", 409)
    await filled_in(api, f"{where}/active", active="true")
    assert (await api.get("/api/webhooks")).json()["items"][0]["active"] is True
    assert await filled_in(api, f"{where}/remove") == "/webhooks"
    assert await filled_in(api, f"{where}/remove") == "/webhooks", "gone already is as good"
    await seen(api, where, 404)


async def test_a_form_elsewhere_is_let_in_read_and_shut_out_by_forms(api: Person) -> None:
    assert "No form elsewhere sends here yet." in await seen(api, "/forms")
    page = await filled_in(api, "/forms/new", 422, name="Ads", kind="hubspot")
    assert "client secret" in wrong(page, "secret")
    page = await filled_in(api, "/forms/new", 422, name="Ads", kind="hubspot", secret="too-short")
    assert wrong(page, "secret") == "Must have 16 to 200 characters."
    assert "too-short" not in page
    for lines, said in (
        ("email", "Line 1 must be"),
        ("email = a\nemail = b", "Line 2 says email a second time"),
        ("mail = a", "is no field"),
    ):
        page = await filled_in(api, "/forms/new", 422, name="Partner", kind="generic", fields=lines)
        assert re.search(f'id="fields-note">[^\n]*{said}', page), lines
        assert lines in page
    assert "client-secret" not in await filled_in(api, "/forms/new", 201, name="Ads", kind="hubspot", secret="client-secret-0001")
    sent = {"name": "Partner", "kind": "generic", "fields": "email = data.mail\nattributes.seats = data.seats", "default-source": "partner"}
    page = await filled_in(api, "/forms/new", 201, **sent)
    secret, where = found(r"<code>(whsec_[^<]+)</code>", page), found(r'action="(/forms/form_[^/"]+)"', page)
    assert secret not in await seen(api, where), "it is shown once"
    address = found(r'<code dir="ltr">([^<]+)</code>', page).removeprefix("http://board.example")
    assert await submitted(api, address, secret, "bea@door.example") == 201
    assert "1 submission in 90 days" in await seen(api, where)
    assert "1 in 90 days" in await seen(api, "/forms")
    other = found(r"<code>(whsec_[^<]+)</code>", await filled_in(api, f"{where}/secret", 200))
    assert [await submitted(api, address, each, "cleo@door.example") for each in (secret, other)] == [403, 201]
    assert await filled_in(api, where, name="Partners", fields="email = data.mail") == where
    changed = next(form for form in (await api.get("/api/forms")).json()["items"] if form["name"] == "Partners")
    assert (changed["fields"], changed["defaults"]) == ({"email": "data.mail"}, {})
    assert wrong(await filled_in(api, where, 422, name="", fields=""), "name")
    await filled_in(api, f"{where}/active", active="false")
    assert await submitted(api, address, other, "dora@door.example") == 404
    assert await filled_in(api, f"{where}/remove") == "/forms"
    assert await filled_in(api, f"{where}/remove") == "/forms", "gone already is as good"
    await seen(api, where, 404)


async def submitted(api: Person, address: str, secret: str, email: str) -> int:
    body = json.dumps({"data": {"mail": email, "seats": 3}}).encode()
    signature = "sha256=" + hmac.new(secret.encode(), body, sha256).hexdigest()
    return (await api.post(address, content=body, headers={"Content-Type": "application/json", "X-Signature-256": signature})).status_code


async def test_other_sites_change_nothing_here_and_only_admins_find_the_way(visitors: Visitors, outside: World) -> None:
    admin, _ = await visitors("admin")
    manager, _ = await visitors("manager")
    hook = {"url": outside.url(AT)}
    made = found(r'action="(/webhooks/[0-9a-f-]{36})"', await filled_in(admin, "/webhooks/new", 201, **hook))
    form = found(r'action="(/forms/form_[^/"]+)"', await filled_in(admin, "/forms/new", 201, name="Partner", kind="generic"))
    before = await seen(admin, "/webhooks"), await seen(admin, "/forms")
    for path in ("/webhooks/new", made, *(f"{made}/{what}" for what in ("active", "secret", "ping", "replay", "remove"))):
        assert (await admin.post(path, data=hook, headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403
    for path in ("/forms/new", form, *(f"{form}/{what}" for what in ("active", "secret", "remove"))):
        assert (await admin.post(path, data={"name": "X", "kind": "generic"}, headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403
    assert [len(re.findall("<li", page)) for page in before] == [
        len(re.findall("<li", page)) for page in (await seen(admin, "/webhooks"), await seen(admin, "/forms"))
    ]
    for who, leads_there in ((admin, True), (manager, False)):
        page = await seen(who, "/agreement")
        assert [f'<a href="{path}"' in page for path in ("/webhooks", "/forms")] == [leads_there, leads_there]
    await seen(manager, "/webhooks", 403)
