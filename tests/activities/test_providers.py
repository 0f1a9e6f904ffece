"""Twilio, Lob and SMTP as providers: each answer they may give, and what goes out. No database is needed."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from email.utils import parseaddr, parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import pytest

from activities.letters import Letter, Letters
from activities.links import Link, Links, MailToken
from activities.providers import AwayError, Lob, Mail, Parcel, PostalAddress, Provider, RefusedError, Twilio
from activities.providers.mail import _address, _composed
from activities.providers.twilio import signature
from activities.recipients import dialled, postal
from models.lifecycle import Channel
from models.settings import Settings
from tests.activities.post_office import PostOffice
from tests.activities.provider_stub import ProviderStub, provider_stub

MESSAGE = UUID("01890000-0000-7000-8000-000000000001")
ADDRESS = PostalAddress("Ada Lovelace", "12 St James's Square", "", "London", "", "SW1Y 4LB", "GB")
SMS = Parcel(MESSAGE, "k" * 32, "+4930901820", Letter("Hello Ada"))
POST = Parcel(MESSAGE, "k" * 32, str(ADDRESS), Letter("Dear Ada", html="<p>Dear Ada</p>"), ADDRESS)


@pytest.fixture
async def stub() -> AsyncIterator[ProviderStub]:
    async with provider_stub() as found:
        yield found


def configured(stub: ProviderStub, **more: Any) -> Settings:
    told: dict[str, Any] = {
        "public_url": "https://leads.example",
        "secret_key": "a secret of thirty-two characters",
        "twilio_account_sid": "AC1",
        "twilio_auth_token": "token",
        "twilio_from": "+15005550006",
        "twilio_url": stub.url,
        "lob_key": "test_key",
        "lob_from": "adr_1",
        "lob_url": stub.url,
        "outreach_timeout": 5,
    }
    return Settings(**(told | more))


async def handed(provider: Provider, parcel: Parcel) -> str:
    try:
        return await provider.deliver(parcel)
    finally:
        await provider.close()


WAYS: list[tuple[type[Twilio] | type[Lob], Parcel, str, dict[str, str]]] = [
    (Twilio, SMS, "twilio", {"sid": "SM1"}),
    (Lob, POST, "lob", {"id": "ltr_1"}),
]


# --- the happy answer ----------------------------------------------------------------------------------------------


async def test_a_text_message_goes_to_twilio_with_where_to_tell_us_of_it(stub: ProviderStub) -> None:
    stub.said = {"sid": "SM1", "status": "queued"}
    assert await handed(Twilio(configured(stub)), SMS) == "SM1"
    (asked,) = stub.asked
    assert asked.path == "/2010-04-01/Accounts/AC1/Messages.json"
    assert asked.headers["authorization"] == "Basic " + base64.b64encode(b"AC1:token").decode()
    assert parse_qs(asked.body) == {
        "To": ["+4930901820"],
        "From": ["+15005550006"],
        "Body": ["Hello Ada"],
        "StatusCallback": [f"https://leads.example/integrations/twilio/status/{MESSAGE}"],
    }


async def test_a_messaging_service_stands_for_a_number_and_an_address_inside_is_told_nobody(stub: ProviderStub) -> None:
    stub.said = {"sid": "SM1"}
    await handed(Twilio(configured(stub, twilio_from="MG7", public_url="http://localhost:8000")), SMS)
    assert parse_qs(stub.asked[0].body) == {"To": ["+4930901820"], "MessagingServiceSid": ["MG7"], "Body": ["Hello Ada"]}


async def test_a_letter_goes_to_lob_under_its_key(stub: ProviderStub) -> None:
    stub.said = {"id": "ltr_1"}
    assert await handed(Lob(configured(stub)), POST) == "ltr_1"
    (asked,) = stub.asked
    form = json.loads(asked.body)
    assert (asked.path, asked.headers["idempotency-key"], form["from"], form["file"]) == (
        "/v1/letters",
        "k" * 32,
        "adr_1",
        "<p>Dear Ada</p>",
    )
    assert form["to"]["address_line1"] == "12 St James's Square"
    assert (form["to"]["address_country"], form["to"]["address_state"]) == ("GB", None)


async def test_what_has_a_back_is_a_postcard(stub: ProviderStub) -> None:
    stub.said = {"id": "psc_1"}
    card = Letters(configured(stub)).write("postcard", {"first_name": "Ada"}, Link(UUID(int=1), Channel.POST, MESSAGE))
    assert card is not None
    assert await handed(Lob(configured(stub)), replace(POST, letter=card)) == "psc_1"
    (asked,) = stub.asked
    form = json.loads(asked.body)
    assert (asked.path, asked.headers["idempotency-key"], form["size"], form["from"]) == ("/v1/postcards", "k" * 32, "4x6", "adr_1")
    assert (form["use_type"], form["metadata"]) == ("marketing", {"message": str(MESSAGE)})
    assert ("coffee" in form["front"], "Ada" in form["front"], "Dear Ada," in form["back"]) == (True, False, True)
    assert {"file", "color"}.isdisjoint(form)


def test_without_a_key_a_provider_is_not_configured() -> None:
    assert [way(Settings()).configured for way in (Twilio, Lob, Mail)] == [False] * 3


# --- each failure --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("way", "parcel", "name", "yes"), WAYS, ids=["twilio", "lob"])
@pytest.mark.parametrize("status", [500, 502, 503, 429, 408, 409, 401, 403, 404, 302])
async def test_what_may_pass_is_tried_again(
    stub: ProviderStub, way: type[Twilio] | type[Lob], parcel: Parcel, name: str, yes: dict[str, str], status: int
) -> None:
    stub.status, stub.said = status, {"code": 20003, "message": "about +4930901820"}
    provider = way(configured(stub))
    with pytest.raises(AwayError) as caught:
        await provider.deliver(parcel)
    assert caught.value.why == f"{name}_{status}"
    stub.status, stub.said = 200, yes
    assert await handed(provider, parcel) == next(iter(yes.values()))
    assert [asked.headers.get("idempotency-key") for asked in stub.asked] == [parcel.key if name == "lob" else None] * 2


@pytest.mark.parametrize(
    ("given", "after"), [("30", timedelta(seconds=30)), ("999999", timedelta(hours=1)), ("Wed, 21 Oct 2026 07:28:00 GMT", None)]
)
async def test_a_busy_provider_says_when_to_come_back(stub: ProviderStub, given: str, after: timedelta | None) -> None:
    stub.status, stub.headers = 429, {"Retry-After": given}
    with pytest.raises(AwayError) as caught:
        await handed(Twilio(configured(stub)), SMS)
    assert caught.value.after == after


@pytest.mark.parametrize(
    ("way", "parcel", "said", "why", "gone"),
    [
        (Twilio, SMS, {"code": 21211, "message": "The 'To' number +4930901820 is not valid"}, "twilio_21211", True),
        (Twilio, SMS, {"code": 21610, "message": "unsubscribed recipient"}, "twilio_21610", True),
        (Twilio, SMS, {"code": 21617, "message": "too long"}, "twilio_21617", False),
        (Twilio, SMS, "<html>no", "twilio_422", False),
        (Lob, POST, {"error": {"code": "invalid", "message": "12 St James's Square", "status_code": 422}}, "lob_invalid", False),
        (Lob, POST, {"error": {"code": "failed_deliverability_strictness"}}, "lob_failed_deliverability_strictness", True),
        (Lob, POST, {"error": {"code": "12 St James's Square"}}, "lob_422", False),
    ],
)
async def test_a_refusal_is_final_and_quotes_nobody(
    stub: ProviderStub, way: type[Twilio] | type[Lob], parcel: Parcel, said: Any, why: str, gone: bool
) -> None:
    stub.status, stub.said = 422, said
    with pytest.raises(RefusedError) as caught:
        await handed(way(configured(stub)), parcel)
    assert (caught.value.why, caught.value.gone) == (why, gone)


@pytest.mark.parametrize(("way", "parcel", "name", "yes"), WAYS, ids=["twilio", "lob"])
@pytest.mark.parametrize("said", ["", "<html>", "[]", {}, {"sid": None, "id": 7}])
async def test_an_answer_that_changed_its_shape_is_no_yes(
    stub: ProviderStub, way: type[Twilio] | type[Lob], parcel: Parcel, name: str, yes: dict[str, str], said: Any
) -> None:
    stub.said = said
    with pytest.raises(AwayError, match=f"{name}_malformed"):
        await handed(way(configured(stub)), parcel)


async def test_a_provider_that_is_slow_away_or_speaks_no_tls_is_tried_again(stub: ProviderStub) -> None:
    stub.hangs = True
    with pytest.raises(AwayError, match="twilio_timeout"):
        await handed(Twilio(configured(stub, outreach_timeout=0.2)), SMS)
    with pytest.raises(AwayError, match="lob_ConnectError"):
        await handed(Lob(configured(stub, lob_url="http://127.0.0.1:1")), POST)
    with pytest.raises(AwayError, match=r"lob_(ConnectError|timeout)"):
        await handed(Lob(configured(stub, lob_url=stub.url.replace("http:", "https:"), outreach_timeout=2)), POST)


def test_twilios_signature_is_the_one_of_its_documentation() -> None:
    form = {"CallSid": "CA1234567890ABCDE", "Caller": "+12349013030", "Digits": "1234", "From": "+12349013030", "To": "+18005551212"}
    assert signature("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", form) == "0/KCTR6DLpKmkAf8muzZqo1nDgQ="


# --- where it goes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phone", "country", "number"),
    [
        ("+49 30 901820", None, "+4930901820"),
        ("030 901820", "Germany", "+4930901820"),
        ("030 901820", None, None),
        ("later", "DE", None),
        (None, None, None),
    ],
)
def test_a_number_is_dialled_as_the_world_does(phone: str | None, country: str | None, number: str | None) -> None:
    assert dialled(phone, country) == number


@pytest.mark.parametrize("missing", [None, "street", "city", "postal_code", "country"])
def test_a_letter_needs_a_whole_address(missing: str | None) -> None:
    attributes = {"street": "12 St James's Square", "city": "London", "postal_code": "SW1Y 4LB"}
    lead: dict[str, Any] = {"first_name": "Ada", "last_name": "Lovelace", "country": "United Kingdom", "attributes": attributes}
    attributes.pop(missing or "", None)
    lead.pop(missing or "", None)
    assert postal(lead) == (None if missing else ADDRESS)


# --- e-mail --------------------------------------------------------------------------------------------------------


def mail(settings: Settings, recipient: str = "ada@acme.example") -> Parcel:
    letter = Letters(settings).write("welcome", {"first_name": "Ada"}, Link(UUID(int=1), Channel.EMAIL, MESSAGE))
    assert letter is not None
    return Parcel(MESSAGE, "k" * 32, recipient, letter)


def test_a_mail_has_what_deliverability_wants(mailing: Settings) -> None:
    settings = mailing.model_copy(update={"mail_reply_to": "Grace <grace@ours.example>"})
    parcel = mail(settings)
    message = message_from_bytes(_composed(settings, _address(parcel.recipient), "<1@ours.example>", parcel.letter), policy=default)
    assert message.defects == []
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert {name: message.get_all(name) for name in ("From", "Reply-To", "Message-ID", "Auto-Submitted", "List-Unsubscribe-Post")} == {
        "From": ["Grace at Ours <grace@ours.example>"],
        "Reply-To": ["Grace <grace@ours.example>"],
        "Message-ID": ["<1@ours.example>"],
        "Auto-Submitted": ["auto-generated"],
        "List-Unsubscribe-Post": ["List-Unsubscribe=One-Click"],
    }
    assert parsedate_to_datetime(message["Date"]).tzinfo is not None
    link = message["List-Unsubscribe"].strip("<>")
    assert Links(settings).read("u", link.rpartition("/")[2]) == Link(UUID(int=1), Channel.EMAIL, MESSAGE)
    plain = message.get_body(("plain",))
    assert plain is not None
    assert "<" not in plain.get_content()
    assert link in plain.get_content()


async def test_a_mail_is_named_so_that_its_bounce_finds_it(mailing: Settings, office: PostOffice) -> None:
    settings = mailing.model_copy(update={"mail_bounces": "bounces@ours.example"})
    provider, tokens = Mail(settings), MailToken(settings)
    name = await handed(provider, mail(settings))
    assert tokens.find(name) == MESSAGE
    assert office.senders == [f"bounces+{tokens.of(MESSAGE)}@ours.example"]
    assert tokens.find(office.senders[0].upper()) == MESSAGE
    forged = tokens.of(MESSAGE)[:-1] + ("0" if tokens.of(MESSAGE)[-1] != "0" else "1")
    assert [tokens.find(text) for text in (forged, "", "<other@ours.example>")] == [None] * 3
    assert parseaddr(mailing.mail_from)[1] == MailToken(mailing).return_path(MESSAGE)


async def test_a_connection_is_used_again_also_after_a_no(mailing: Settings, office: PostOffice) -> None:
    provider = Mail(mailing)
    await provider.deliver(mail(mailing))
    office.at_recipient = "450 4.2.1 grey for now"
    with pytest.raises(AwayError, match="smtp_450"):
        await provider.deliver(mail(mailing))
    office.at_recipient = "250 OK"
    await handed(provider, mail(mailing))
    assert (len(office.letters), office.connections) == (2, 1)


async def test_a_connection_that_broke_meanwhile_is_replaced_before_anything_is_handed_over(mailing: Settings, office: PostOffice) -> None:
    provider = Mail(mailing)
    await provider.deliver(mail(mailing))
    office.hang_up()
    await handed(provider, mail(mailing))
    assert (len(office.letters), office.connections) == (2, 2)


@pytest.mark.parametrize(
    ("answer", "gone"),
    [("550 5.1.1 no such user", True), ("550 5.7.1 we think it is spam", False), ("554 no", False), ("552 5.2.2 mailbox full", False)],
)
async def test_only_an_address_that_does_not_exist_is_given_up(mailing: Settings, office: PostOffice, answer: str, gone: bool) -> None:
    office.at_recipient = answer
    with pytest.raises(RefusedError) as caught:
        await handed(Mail(mailing), mail(mailing))
    assert caught.value.gone is gone
