"""Who sends forms' submissions: how each signs its requests, and where it puts what somebody filled in."""

import hmac
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from api.errors import BadSignature, Invalid
from models.schemas.integrations import FormKind
from models.schemas.leads import Submission

_TOLERANCE = 300
_OWN = frozenset(Submission.model_fields)
_DECODED = {"%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(", "%29": ")"} | {
    **{"%2A": "*", "%2C": ",", "%3B": ";"}
}
"""What HubSpot has decoded in the address before it signs."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a sender sent.

    Args:
        headers: by lower-case name.
        body: as received.
        path: where to, with what follows a question mark.
    """

    headers: Mapping[str, str]
    body: bytes
    path: str


@dataclass(frozen=True, slots=True)
class Found:
    """A submission as its sender has it.

    Args:
        event: what makes it this one; None when the sender does not say.
        values: by the sender's names.
        own: by ours, where the sender's form says by itself what a field is.
    """

    event: str | None
    values: Any
    own: Mapping[str, Any]


def _fresh(stamp: str, per_second: int = 1) -> bool:
    if not (stamp.isascii() and stamp.isdigit()) or len(stamp) > 20:
        return False
    return abs(datetime.now(UTC).timestamp() - int(stamp) / per_second) <= _TOLERANCE


def _same(expected: str, said: str) -> bool:
    return hmac.compare_digest(expected.encode(), said.encode())


def _demand(request: Request, *names: str) -> list[str]:
    missing = {name: "is required: the request must be signed" for name in names if name not in request.headers}
    if missing:
        raise Invalid(missing)
    return [request.headers[name] for name in names]


def _generic_signature(secret: str, request: Request, _: str) -> None:
    """Standard Webhooks, or `X-Signature-256: sha256=<hex>` over the body for who cannot do more.

    Raises:
        BadSignature: when it is neither.
    """
    if "webhook-signature" in request.headers:
        try:
            Webhook(secret.encode() if not secret.startswith("whsec_") else secret).verify(
                request.body, {**request.headers}, json_parse=False
            )
        except (WebhookVerificationError, ValueError, UnicodeDecodeError):
            raise BadSignature("Sign it as the Standard Webhooks specification says, not more than five minutes ago.") from None
        return
    (said,) = _demand(request, "x-signature-256")
    if not _same("sha256=" + hmac.new(secret.encode(), request.body, sha256).hexdigest(), said.lower()):
        raise BadSignature("X-Signature-256 must be sha256= and the hexadecimal HMAC-SHA256 of the body, with this form's secret.")


def _hubspot_signature(secret: str, request: Request, public_url: str) -> None:
    """HubSpot's signature, version 3: over method, address, body and time.

    Raises:
        BadSignature: when it is not HubSpot's, or too old.
    """
    said, stamp = _demand(request, "x-hubspot-signature-v3", "x-hubspot-request-timestamp")
    address = public_url.rstrip("/") + request.path
    for coded, plain in _DECODED.items():
        address = address.replace(coded, plain).replace(coded.lower(), plain)
    signed = b"POST" + address.encode() + request.body + stamp.encode()
    expected = b64encode(hmac.new(secret.encode(), signed, sha256).digest()).decode()
    if not _fresh(stamp, 1000) or not _same(expected, said):
        raise BadSignature("It must carry HubSpot's version 3 signature for this address, made with your app's client secret.")


def _typeform_signature(secret: str, request: Request, _: str) -> None:
    """Typeform's signature over the body.

    Raises:
        BadSignature: when it is not Typeform's.
    """
    (said,) = _demand(request, "typeform-signature")
    if not _same("sha256=" + b64encode(hmac.new(secret.encode(), request.body, sha256).digest()).decode(), said):
        raise BadSignature("It must carry Typeform's signature, made with this form's secret.")


DEMANDS_SIGNATURE: dict[FormKind, Callable[[str, Request, str], None]] = {
    FormKind.GENERIC: _generic_signature,
    FormKind.HUBSPOT: _hubspot_signature,
    FormKind.TYPEFORM: _typeform_signature,
}
"""Given secret, request and our address: raises `BadSignature` when it is not its sender's, `Invalid` when it is not signed at all."""


def _generic(document: Any) -> Found:
    if not isinstance(document, dict):
        raise Invalid({"body": "must be a JSON object"})
    return Found(None, document, {name: value for name, value in document.items() if name in _OWN})


_HUBSPOT_OWN = {
    **{"email": "email", "firstname": "first_name", "lastname": "last_name", "company": "company", "jobtitle": "title"},
    **{"phone": "phone", "country": "country", "message": "message"},
}


def _hubspot(document: Any) -> Found:
    """A contact as HubSpot's workflows send one (`properties`, each a value or an object with one), or one made by hand.

    Raises:
        Invalid: for an app's notifications, which say that a contact changed but not what it is.
    """
    if isinstance(document, list):
        raise Invalid({"body": "is a list of notifications without the contact's fields; send the contact from a workflow"})
    if not isinstance(document, dict):
        raise Invalid({"body": "must be a JSON object"})
    properties = document.get("properties")
    contact = properties if isinstance(properties, dict) else document
    values = {name: item.get("value") if isinstance(item, dict) and "value" in item else item for name, item in contact.items()}
    filled = document.get("form-submissions")
    latest = filled[0] if isinstance(filled, list) and filled and isinstance(filled[0], dict) else {}
    event = latest.get("conversion-id")
    own = {ours: values[theirs] for theirs, ours in _HUBSPOT_OWN.items() if values.get(theirs) not in (None, "")}
    return Found(str(event) if event else None, {**document, **values}, own)


_TYPEFORM_OWN = {"email": "email", "phone_number": "phone"}


def _typeform(document: Any) -> Found:
    """A response: answers by the reference, the id and the title of their field, and the hidden fields.

    Raises:
        Invalid: when it is none.
    """
    response = document.get("form_response") if isinstance(document, dict) else None
    if not isinstance(response, dict):
        raise Invalid({"form_response": "is required: this must be a response of Typeform's"})
    definition: dict[str, Any] = next(_dicts([response.get("definition")]), {})
    titles = {field.get("id"): field.get("title") for field in _dicts(definition.get("fields"))}
    values: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for answer in _dicts(response.get("answers")):
        field: dict[str, Any] = next(_dicts([answer.get("field")]), {})
        value = _answered(answer)
        names = (field.get("ref"), field.get("id"), titles.get(field.get("id")))
        values |= {str(name): value for name in names if name}
        if answer.get("type") in _TYPEFORM_OWN:
            own.setdefault(_TYPEFORM_OWN[answer["type"]], value)
    hidden = response.get("hidden")
    values |= {"hidden": hidden if isinstance(hidden, dict) else {}}
    event = response.get("token") or document.get("event_id")
    return Found(str(event) if event else None, values, own)


def _dicts(items: Any) -> Iterator[dict[str, Any]]:
    """Those of a list that are objects; none when it is no list."""
    yield from (item for item in (items if isinstance(items, list) else ()) if isinstance(item, dict))


def _answered(answer: Mapping[str, Any]) -> Any:
    value = answer.get(str(answer.get("type")))
    if isinstance(value, dict):
        return value.get("label") or value.get("labels") or value.get("other")
    return value


READS: dict[FormKind, Callable[[Any], Found]] = {FormKind.GENERIC: _generic, FormKind.HUBSPOT: _hubspot, FormKind.TYPEFORM: _typeform}
"""Given the JSON that was sent: raises `Invalid` when it holds no submission."""
