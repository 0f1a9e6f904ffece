"""What providers tell us: bounces, complaints, deliveries, answers by text message."""

import json
import time
from typing import Any
from uuid import UUID

import httpx
from pydantic import SecretStr
from sqlalchemy import text

from activities.links import MailToken
from activities.providers.lob import WEBHOOK_AT
from activities.providers.lob import signature as lobs_signature
from activities.providers.twilio import REPLIES_AT, STATUS_AT, signature
from activities.suppressions import hashed
from api.services.reports import MOST_SOFT
from models.lifecycle import Channel
from models.settings import Settings
from tests.api.test_frame_errors import problem
from tests.api.test_links import mailed
from tests.api.test_mail_parsing import BOUNCE, COMPLAINT
from tests.eventually import eventually
from tests.stack import Person, Stack

KEY, TOKEN = "a key of the mail service's own", "twilio-token"


def open_doors(stack: Stack) -> Settings:
    """Let providers in."""
    more = Settings(mail_webhook_key=KEY, twilio_auth_token=TOKEN)
    told = {"mail_webhook_key": more.mail_webhook_key, "twilio_auth_token": more.twilio_auth_token}
    for name, value in told.items():
        setattr(stack.settings, name, value)
    return stack.settings


async def sent(stack: Stack, api: Person) -> tuple[str, UUID]:
    """A lead whose mail has left."""
    lead, message = await mailed(api)
    async with stack.database.connection() as connection:
        await connection.execute(text("UPDATE messages SET state = 'sent', sent_at = now() WHERE id = :id"), {"id": message})
    return lead, message


async def rows(stack: Stack, sql: str, **what: Any) -> list[tuple[Any, ...]]:
    async with stack.database.connection() as connection:
        return [tuple(row) for row in (await connection.execute(text(sql), what)).all()]


async def report(api: Person, **event: Any) -> dict[str, int]:
    answer = await api.post(f"/integrations/mail/{KEY}", json={"events": [event]})
    assert answer.status_code == 200, answer.text
    found: dict[str, int] = answer.json()
    return found


async def twilio(api: Person, stack: Stack, path: str, **form: str) -> httpx.Response:
    signed = signature(TOKEN, stack.settings.public_url.rstrip("/") + path, form)
    return await api.post(path, data=form, headers={"X-Twilio-Signature": signed})


async def test_a_bounce_gives_the_address_up_and_again_changes_nothing(stack: Stack, api: Person) -> None:
    settings = open_doors(stack)
    _, message = await sent(stack, api)
    named = f"<{MailToken(settings).of(message)}@ours.example>"
    content = BOUNCE.format(action="failed", status="5.1.1", returned="message/rfc822", name=named).encode()
    for _ in range(2):
        answer = await api.post(f"/integrations/mail/{KEY}", content=content, headers={"Content-Type": "message/rfc822"})
        assert answer.json() == {"taken": 1, "unknown": 0}
    assert await rows(stack, "SELECT state, why FROM messages") == [("bounced", "5.1.1")]
    assert await rows(stack, "SELECT channel, address, why FROM suppressions") == [
        ("email", hashed(Channel.EMAIL, "ada@firm.example"), "bounce")
    ]
    shown = (await api.get("/api/messages")).json()["items"]
    assert [item["state"] for item in shown] == ["bounced"]


async def test_a_complaint_is_an_unsubscribe_too(stack: Stack, api: Person) -> None:
    settings = open_doors(stack)
    lead, message = await sent(stack, api)
    content = COMPLAINT.format(name=f"<{MailToken(settings).of(message)}@ours.example>").encode()
    await api.post(f"/integrations/mail/{KEY}", content=content, headers={"Content-Type": "message/rfc822"})

    async def kinds() -> list[str]:
        return [item["kind"] for item in (await api.get(f"/api/leads/{lead}/timeline", params={"limit": 200})).json()["items"]]

    await eventually(kinds, lambda found: "unsubscribed" in found)
    assert await rows(stack, "SELECT why FROM suppressions") == [("complaint",)]
    consents = (await api.get(f"/api/leads/{lead}")).json()["consents"]
    assert [(one["channel"], one["granted"], one["how"]) for one in consents] == [("email", True, "form"), ("email", False, "complaint")]
    assert consents[0]["at"] < consents[1]["at"]


async def test_soft_bounces_are_counted_until_it_is_enough(stack: Stack, api: Person) -> None:
    settings = open_doors(stack)
    lead, first = await sent(stack, api)
    copy = """
        INSERT INTO messages (id, lead_id, key, campaign, step, channel, template, state, recipient, decided_at, sent_at)
        SELECT gen_random_uuid(), lead_id, key || n, campaign, step, channel, template, state, recipient, now(),
            now() - n * interval '1 day'
        FROM messages, generate_series(1, :more) n WHERE id = :id RETURNING id"""
    others = [row[0] for row in await rows(stack, copy, more=MOST_SOFT - 1, id=first)]
    for count, message in enumerate([*others, first]):
        assert await rows(stack, "SELECT why FROM suppressions") == [], count
        await report(api, kind="soft_bounce", message_id=MailToken(settings).of(message), code="5.2.2")
    assert await rows(stack, "SELECT why FROM suppressions") == [("soft_bounce",)]
    assert lead


async def test_what_services_say_in_our_own_shape(stack: Stack, api: Person) -> None:
    settings = open_doors(stack)
    _, message = await sent(stack, api)
    named = MailToken(settings).of(message)
    assert await report(api, kind="delivered", message_id=f"<{named}@ours.example>", other=1) == {"taken": 1, "unknown": 0}
    assert await rows(stack, "SELECT state, delivered_at IS NOT NULL FROM messages") == [("sent", True)]
    assert await report(api, kind="delivered", message_id="<theirs@elsewhere.example>") == {"taken": 0, "unknown": 1}
    assert await report(api, kind="bounce", address="Bob@Firm.example") == {"taken": 1, "unknown": 0}
    assert await rows(stack, "SELECT address FROM suppressions") == [(hashed(Channel.EMAIL, "bob@firm.example"),)]
    problem(await api.post(f"/integrations/mail/{KEY}", json={"events": [{"kind": "exploded"}]}), 422, "invalid")
    problem(await api.post(f"/integrations/mail/{KEY}", content=b"{"), 422, "invalid")
    problem(await api.post("/integrations/mail/wrong", json={"events": []}), 404, "not-found")


async def test_twilio_is_believed_by_its_signature_only(stack: Stack, api: Person) -> None:
    open_doors(stack)
    _, message = await sent(stack, api)
    path = f"{STATUS_AT}/{message}"
    for headers in ({}, {"X-Twilio-Signature": signature("other", stack.settings.public_url + path, {"MessageStatus": "delivered"})}):
        problem(await api.post(path, data={"MessageStatus": "delivered"}, headers=headers), 403, "forbidden")
    assert (await twilio(api, stack, path, MessageStatus="delivered")).status_code == 204
    assert await rows(stack, "SELECT delivered_at IS NOT NULL FROM messages") == [(True,)]
    assert (await twilio(api, stack, path, MessageStatus="undelivered", ErrorCode="30003")).status_code == 204
    assert await rows(stack, "SELECT state, why FROM messages") == [("bounced", "twilio_30003")]
    assert await rows(stack, "SELECT * FROM suppressions") == []  # a phone that is off now is not gone


async def test_stop_stops_the_number_and_anything_else_is_a_reply(stack: Stack, api: Person) -> None:
    open_doors(stack)
    lead, message = await sent(stack, api)
    await rows(stack, "UPDATE messages SET channel = 'sms', recipient = '+4930901820' WHERE id = :id RETURNING id", id=message)
    for said in ("Yes, call me", " stop. "):
        form = {"From": "+4930901820", "MessageSid": f"SM{len(said)}", "Body": said}
        answers = [await twilio(api, stack, REPLIES_AT, **form) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
    assert await rows(stack, "SELECT channel, address, why FROM suppressions") == [("sms", hashed(Channel.SMS, "+49 30 901820"), "stop")]

    async def kinds() -> list[str]:
        return [item["kind"] for item in (await api.get(f"/api/leads/{lead}/timeline", params={"limit": 200})).json()["items"]]

    found = await eventually(kinds, lambda found: "unsubscribed" in found)
    assert found.count("reply") == 1


async def test_consent_says_when_and_by_which_form_and_an_erased_person_has_none(stack: Stack, api: Person) -> None:
    form = {"email": "eva@firm.example", "source": "fair", "consent": {"email": True}}
    arrived = (await api.post("/api/leads", json=form)).json()
    await api.post("/api/leads", json={**form, "source": "website", "consent": {"email": True, "sms": True}})
    found = (await api.get(f"/api/leads/{arrived['id']}")).json()["consents"]
    assert [(one["channel"], one["how"], one["source"]) for one in found] == [("email", "form", "fair"), ("sms", "form", "website")]
    assert found[0] == arrived["consents"][0]
    page = await api.get(f"/leads/{arrived['id']}")
    assert 'title="In a form (fair), ' in page.text
    await api.delete(f"/api/leads/{arrived['id']}")
    assert await rows(stack, "SELECT * FROM consents") == []


# --- Lob -----------------------------------------------------------------------------------------------------------

LOBS_SECRET = "a secret of the webhook's own"
HOUSE = "Ada Lovelace, 12 St James's Square, SW1Y 4LB London, GB"


async def posted(stack: Stack, api: Person) -> UUID:
    """A postcard that has left; its id."""
    stack.settings.lob_webhook_secret = SecretStr(LOBS_SECRET)
    _, message = await sent(stack, api)
    async with stack.database.connection() as connection:
        change = text("UPDATE messages SET channel = 'post', recipient = :to, provider_id = 'psc_1' WHERE id = :id")
        await connection.execute(change, {"to": HOUSE, "id": message})
    return message


async def lob(api: Person, kind: str, message: UUID | str | None, *, stamp: str = "", secret: str = LOBS_SECRET) -> httpx.Response:
    """An event as Lob documents it, signed."""
    metadata = {} if message is None else {"metadata": {"message": str(message)}}
    event = {
        "id": "evt_d95ff8ffd2b5cfb4",
        "body": {"id": "psc_1", "to": {"name": "ADA LOVELACE", "address_line1": "12 ST JAMES'S SQUARE"}, "object": "postcard", **metadata},
        "reference_id": "psc_1",
        "event_type": {"id": kind, "enabled_for_test": True, "resource": "postcards", "object": "event_type"},
        "date_created": "2026-03-05T10:00:00.000Z",
        "object": "event",
    }
    body, stamp = json.dumps(event).encode(), stamp or str(int(time.time() * 1000))
    headers = {"Lob-Signature": lobs_signature(secret, stamp, body), "Lob-Signature-Timestamp": stamp, "Content-Type": "application/json"}
    return await api.post(WEBHOOK_AT, content=body, headers=headers)


async def test_a_postcard_that_came_back_takes_its_address_out_of_use_and_no_other(stack: Stack, api: Person) -> None:
    message = await posted(stack, api)
    for _ in range(2):
        assert (await lob(api, "postcard.returned_to_sender", message)).status_code == 204
    assert await rows(stack, "SELECT state, why FROM messages") == [("bounced", "lob_returned_to_sender")]
    known = hashed(Channel.POST, "ada lovelace 12 St. James's Square SW1Y4LB London GB")
    assert await rows(stack, "SELECT channel, address, why FROM suppressions") == [("post", known, "bounce")]
    assert hashed(Channel.POST, HOUSE.replace("12", "13")) != known


async def test_what_lob_delivered_or_never_printed_leaves_the_address_in_use(stack: Stack, api: Person) -> None:
    message = await posted(stack, api)
    assert (await lob(api, "letter.return_envelope.returned_to_sender", message)).status_code == 204
    assert (await lob(api, "letter.in_transit", message)).status_code == 204
    assert await rows(stack, "SELECT count(*) FROM delivery_reports") == [(0,)]
    await lob(api, "postcard.delivered", message)
    assert await rows(stack, "SELECT state, delivered_at IS NOT NULL FROM messages") == [("sent", True)]
    await lob(api, "postcard.failed", message)
    assert await rows(stack, "SELECT state, why FROM messages") == [("bounced", "lob_failed")]
    assert await rows(stack, "SELECT * FROM suppressions") == []
    for unknown in (UUID(int=7), "no id", None):
        assert (await lob(api, "postcard.returned_to_sender", unknown)).status_code == 204


async def test_only_what_lob_signed_just_now_is_heeded(stack: Stack, api: Person) -> None:
    message = await posted(stack, api)
    old = str(int((time.time() - 3600) * 1000))
    for answer in (
        await lob(api, "postcard.returned_to_sender", message, secret="another"),
        await lob(api, "postcard.returned_to_sender", message, stamp=old),
        await lob(api, "postcard.returned_to_sender", message, stamp="NaN"),
        await api.post(WEBHOOK_AT, json={}),
    ):
        problem(answer, 403, "forbidden")
    stamp, body = str(int(time.time())), b"[]"
    headers = {"Lob-Signature": lobs_signature(LOBS_SECRET, stamp, body), "Lob-Signature-Timestamp": stamp}
    problem(await api.post(WEBHOOK_AT, content=body, headers=headers), 422, "invalid")
    stack.settings.lob_webhook_secret = SecretStr("")
    problem(await lob(api, "postcard.delivered", message), 404, "not-found")
    assert await rows(stack, "SELECT state FROM messages") == [("sent",)]
