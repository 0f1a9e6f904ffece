"""Outgoing webhooks as the Standard Webhooks specification has them (standardwebhooks.com, version 1.0.0)."""

import json
import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from standardwebhooks.webhooks import Webhook

from activities.posting import Poster, Reply

PING = "webhook.ping"
"""The type of a test event."""
_SECRET_BYTES = 32
"""The specification wants 24 to 64."""


def new_secret() -> str:
    """A new signing secret, as it is shown to people."""
    return "whsec_" + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def content(kind: str, at: datetime, data: Mapping[str, Any]) -> str:
    """The body of an event.

    Args:
        kind: its type.
        at: when it happened.
        data: the particulars.
    """
    stamp = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return json.dumps({"type": kind, "timestamp": stamp, "data": data}, separators=(",", ":"), ensure_ascii=False)


def signed(message: str, body: str, valid: Sequence[str], at: datetime) -> dict[str, str]:
    """The headers an event is sent with.

    Args:
        message: its id, the same whenever it is sent again.
        body: as sent.
        valid: the secrets that are valid now; there are two while one takes the other's place.
        at: now.
    """
    signatures = [Webhook(secret).sign(message, at, body) for secret in valid]
    return {"webhook-id": message, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": " ".join(signatures)}


async def offer(poster: Poster, url: str, message: UUID, body: str, valid: Sequence[str]) -> Reply:
    """Offer an event to an endpoint, once.

    Args:
        poster: the guarded way out.
        url: of the endpoint.
        message: the event's id.
        body: of the event.
        valid: the endpoint's secrets.
    """
    headers = signed(f"msg_{message}", body, valid, datetime.now(UTC)) | {"content-type": "application/json"}
    return await poster.post(url, body.encode(), headers)
