"""Letters and postcards by Lob's print and mail API, and the signature by which its webhooks are known."""

import hmac
from hashlib import sha256
from typing import Any

from activities.providers.common import Api, Parcel, PostalAddress, RefusedError
from models.settings import Settings

_GONE = frozenset({"failed_deliverability_strictness", "address_length_exceeds_limit"})
WEBHOOK_AT = "/integrations/lob"
"""Where Lob tells us what became of what it printed."""
_SIZE = "4x6"
"""Of postcards, in inches: the only one that Lob sends to other countries."""


class Lob:
    """The way out for letters and postcards. Lob keeps an `Idempotency-Key` for 24 hours, so within these nothing is printed twice.

    Args:
        settings: the key, the sender's address, and how long one of them may take.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        key = settings.lob_key.get_secret_value()
        self._api = Api("lob", settings.lob_url, (key, ""), settings.outreach_timeout, _GONE)

    @property
    def configured(self) -> bool:
        """Whether there is a key and a sender."""
        return bool(self._settings.lob_key.get_secret_value() and self._settings.lob_from)

    async def deliver(self, parcel: Parcel) -> str:
        """Hand a letter over, or a postcard where it has a back.

        Returns:
            Its id.

        Raises:
            RefusedError: `lob_invalid` and the like.
            AwayError: as for every provider.
        """
        if parcel.address is None:
            raise RefusedError("no_address")
        letter = parcel.letter
        form: dict[str, Any] = {
            "to": _addressed(parcel.address),
            "from": self._settings.lob_from,
            "use_type": "marketing",
            "metadata": {"message": str(parcel.message)},
        }
        if letter.back:
            form |= {"front": letter.html, "back": letter.back, "size": _SIZE}
        else:
            form |= {"file": letter.html, "color": False}
        path = "/v1/postcards" if letter.back else "/v1/letters"
        return await self._api.create(path, "id", json=form, headers={"Idempotency-Key": parcel.key})

    async def close(self) -> None:
        """Close its connections."""
        await self._api.close()


def _addressed(to: PostalAddress) -> dict[str, Any]:
    return {
        "name": to.name[:40],
        "address_line1": to.line1,
        "address_line2": to.line2 or None,
        "address_city": to.city,
        "address_state": to.region or None,
        "address_zip": to.postal_code,
        "address_country": to.country,
    }


def signature(secret: str, stamp: str, body: bytes) -> str:
    """What Lob signs a webhook with: the time, a dot and the body as it came, by HMAC-SHA256 in hexadecimal.

    Args:
        secret: of the webhook.
        stamp: `Lob-Signature-Timestamp`.
        body: of the request.
    """
    return hmac.new(secret.encode(), stamp.encode() + b"." + body, sha256).hexdigest()
