"""Text messages by Twilio's Messages API, and the signature by which its own requests are known."""

import base64
import hashlib
import hmac
from collections.abc import Mapping

from activities.providers.common import Api, Parcel
from models.settings import Settings

_GONE = frozenset({"21211", "21214", "21217", "21610", "21614"})
"""No number, none that takes texts, or one whose owner answered STOP: Twilio's error codes."""
STATUS_AT, REPLIES_AT = "/integrations/twilio/status", "/integrations/twilio/replies"
"""Where Twilio tells us what became of a message, and what people answer."""


class Twilio:
    """The way out for text messages.

    Twilio knows no idempotency key for messages: after a timeout, or a crash between its yes and our note, a message may leave twice.

    Args:
        settings: the account, the sender, and where we are.
    """

    def __init__(self, settings: Settings) -> None:
        s = self._settings = settings
        account = (s.twilio_account_sid, s.twilio_auth_token.get_secret_value())
        self._api = Api("twilio", s.twilio_url, account, s.outreach_timeout, _GONE)

    @property
    def configured(self) -> bool:
        """Whether there is an account and a sender."""
        s = self._settings
        return bool(s.twilio_account_sid and s.twilio_auth_token.get_secret_value() and s.twilio_from)

    async def deliver(self, parcel: Parcel) -> str:
        """Hand a text message over.

        Returns:
            Its SID.

        Raises:
            RefusedError: `twilio_21211` and the like.
            AwayError: as for every provider.
        """
        s = self._settings
        sender = "MessagingServiceSid" if s.twilio_from.startswith("MG") else "From"
        form = {"To": parcel.recipient, sender: s.twilio_from, "Body": parcel.letter.body}
        if s.public_url.startswith("https://"):  # elsewhere Twilio could not reach us
            form["StatusCallback"] = f"{s.public_url.rstrip('/')}{STATUS_AT}/{parcel.message}"
        return await self._api.create(f"/2010-04-01/Accounts/{s.twilio_account_sid}/Messages.json", "sid", data=form)

    async def close(self) -> None:
        """Close its connections."""
        await self._api.close()


def signature(token: str, url: str, form: Mapping[str, str]) -> str:
    """What Twilio signs a request to us with: the address and the sorted form, by HMAC-SHA1 with the account's token.

    Source: https://www.twilio.com/docs/usage/security#validating-requests
    """
    said = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), said.encode(), hashlib.sha1).digest()).decode()
