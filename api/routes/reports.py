"""What providers tell us, each proven: mail services by a secret address, Twilio and Lob by their signatures."""

import time
from hmac import compare_digest
from typing import Annotated
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response
from pydantic import ValidationError

from activities.links import MailToken
from activities.providers import lob
from activities.providers.twilio import REPLIES_AT, STATUS_AT, signature
from api.deps import Configured, Db, Engined
from api.errors import Forbidden, Invalid, NotFound
from api.services import mail_parsing, reports
from api.services.mail_parsing import ReportKind
from models.schemas.reports import LobEvent, MailEvent, MailEvents, Taken
from models.settings import Settings

router = APIRouter(tags=["integrations"])

_SHORTEST_KEY = 16
_STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
"""The words at which Twilio itself stops a number."""
_TWILIO = {
    "delivered": ReportKind.DELIVERED,
    "read": ReportKind.DELIVERED,
    "undelivered": ReportKind.BOUNCE,
    "failed": ReportKind.BOUNCE,
}
_DEAD = frozenset({"30005", "30006", "21211", "21610", "21614"})
"""Twilio's codes for a number that does not exist, takes no texts, or answered STOP."""
_LOB = {
    "delivered": (ReportKind.DELIVERED, False),
    "returned_to_sender": (ReportKind.BOUNCE, True),
    "failed": (ReportKind.BOUNCE, False),
}
"""By the end of an event's type: what it says, and whether the address is at fault; what failed was never printed."""
_FRESH = 300.0
"""Seconds after which a signed request of Lob's is too old, so that nobody can send it again later."""
_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
_XML = "application/xml"


@router.post("/integrations/mail/{key}")
async def mail(
    key: str,
    request: Request,
    database: Db,
    engine: Engined,
    settings: Configured,
    content_type: Annotated[str, Header()] = "application/json",
) -> Taken:
    """What became of mails: JSON `{"events": [...]}`, or one bounce or abuse report as it came, as `message/rfc822`.

    `key` is `TWOWAY_MAIL_WEBHOOK_KEY`. What is told again changes nothing.
    """
    ours = settings.mail_webhook_key.get_secret_value()
    if len(ours) < _SHORTEST_KEY or not compare_digest(key.encode(), ours.encode()):
        raise NotFound("page")
    body, tokens = await request.body(), MailToken(settings)
    if content_type.partition(";")[0].strip().lower() == "message/rfc822":
        found = mail_parsing.parsed(body)
        message = tokens.find("\n".join(found.named)) if found else None
        known = bool(found and message and await reports.take(database, engine, message, found.kind, found.code))
        return Taken(taken=int(known), unknown=int(not known))
    try:
        events = MailEvents.model_validate_json(body).events
    except ValidationError as err:
        raise Invalid({".".join(map(str, error["loc"])) or "body": error["msg"] for error in err.errors()}) from None
    taken = [await _told(database, engine, tokens, event) for event in events]
    return Taken(taken=sum(taken), unknown=len(taken) - sum(taken))


async def _told(database: Db, engine: Engined, tokens: MailToken, event: MailEvent) -> bool:
    kind = ReportKind(event.kind)
    message = tokens.find(event.message_id or "")
    if message is not None and await reports.take(database, engine, message, kind, event.code):
        return True
    if event.address and kind in (ReportKind.BOUNCE, ReportKind.COMPLAINT):
        await reports.suppress_address(database, event.address, kind.value)
        return True
    return False


async def _proven(request: Request, settings: Settings) -> dict[str, str]:
    """The form of a request of Twilio's.

    Raises:
        NotFound: when no account is set up.
        Forbidden: when it is not signed with the account's token.
    """
    token = settings.twilio_auth_token.get_secret_value()
    if not token:
        raise NotFound("page")
    try:
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
    except UnicodeDecodeError:
        raise Invalid({"body": "is no form"}) from None
    query = f"?{request.url.query}" if request.url.query else ""
    expected = signature(token, f"{settings.public_url.rstrip('/')}{request.url.path}{query}", form)
    if not compare_digest(request.headers.get("x-twilio-signature", "").encode(), expected.encode()):
        raise Forbidden("X-Twilio-Signature does not fit the address, the form and our token.")
    return form


@router.post(STATUS_AT + "/{message}", include_in_schema=False)
async def twilio_status(message: UUID, request: Request, database: Db, engine: Engined, settings: Configured) -> Response:
    """What became of a text message."""
    form = await _proven(request, settings)
    kind, code = _TWILIO.get(form.get("MessageStatus", "")), form.get("ErrorCode", "")
    code = code if code.isascii() and code.isdigit() and len(code) <= 6 else ""
    if kind is not None:
        await reports.take(database, engine, message, kind, f"twilio_{code}" if code else None, gone=code in _DEAD)
    return Response(status_code=204)


@router.post(REPLIES_AT, include_in_schema=False)
async def twilio_reply(request: Request, database: Db, engine: Engined, settings: Configured) -> Response:
    """What somebody answered. STOP stops text messages for good; a later START does not open them again."""
    form = await _proven(request, settings)
    number, sid = form.get("From", ""), form.get("MessageSid", "")
    if number and sid.isalnum() and len(sid) <= 64:
        words = form.get("Body", "").strip().strip(".!").upper()
        stop = form.get("OptOutType", "").upper() == "STOP" or words in _STOP
        await reports.texted_back(database, engine, number, sid, stop=stop)
    return Response(_TWIML, media_type=_XML)


@router.post(lob.WEBHOOK_AT, include_in_schema=False)
async def lob_event(request: Request, database: Db, engine: Engined, settings: Configured) -> Response:
    """What became of a letter or a postcard. One that came back takes its address, and no e-mail address, out of use."""
    body = await request.body()
    _demand_lobs_signature(request, body, settings)
    try:
        event = LobEvent.model_validate_json(body)
    except ValidationError:
        raise Invalid({"body": "is no event of Lob's"}) from None
    found = _LOB.get(event.what)
    if found is not None and event.message is not None:
        kind, gone = found
        code = None if kind is ReportKind.DELIVERED else f"lob_{event.what}"
        await reports.take(database, engine, event.message, kind, code, gone=gone)
    return Response(status_code=204)


def _demand_lobs_signature(request: Request, body: bytes, settings: Settings) -> None:
    """Let only Lob pass.

    Raises:
        NotFound: when no secret is set, so that there is no such door.
        Forbidden: when the signature is missing, wrong or old.
    """
    secret = settings.lob_webhook_secret.get_secret_value()
    if not secret:
        raise NotFound("page")
    stamp = request.headers.get("lob-signature-timestamp", "")
    given = request.headers.get("lob-signature", "")
    fresh = stamp.isdecimal() and len(stamp) < 16 and abs(time.time() - _seconds(int(stamp))) <= _FRESH
    if not compare_digest(given.encode(), lob.signature(secret, stamp, body).encode()) or not fresh:
        raise Forbidden("Lob-Signature does not fit the time, the body and our secret, or is too old.")


def _seconds(stamp: int) -> float:
    """A time since 1970 that is in milliseconds, or in seconds; before the year 5138 the two cannot be confused."""
    return stamp / 1000 if stamp >= 10**11 else stamp
