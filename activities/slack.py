"""Slack: posting to it, knowing who is who, and telling its requests from others'."""

import hmac
import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from activities.posting import Poster, Reply
from models.settings import Settings

_TOLERANCE = 300
"""Seconds between Slack's clock and ours at which a request is still believed."""
_JSON = {"content-type": "application/json; charset=utf-8"}
_FOR_NOW = frozenset({"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"})
"""Errors of Slack's that pass."""
_GONE = frozenset({403, 404, 410})
"""What an incoming webhook answers that was revoked, or whose channel has gone."""


def genuine(secret: str, stamp: str, body: bytes, signature: str, now: float) -> bool:
    """Whether a request is Slack's: HMAC-SHA256 over `v0:<timestamp>:<body>`, not older than five minutes.

    Args:
        secret: the app's signing secret.
        stamp: `X-Slack-Request-Timestamp`.
        body: as received.
        signature: `X-Slack-Signature`.
        now: seconds since 1970.
    """
    if not (stamp.isascii() and stamp.isdigit()) or abs(now - int(stamp)) > _TOLERANCE:
        return False
    expected = "v0=" + hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode())


def escaped(words: str) -> str:
    """Text that Slack shows as it is: a prospect's words must not become a mention or a link."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Slack:
    """The way to Slack.

    Args:
        settings: the incoming webhook, or the bot and its channel.
        poster: what requests are sent with.
    """

    def __init__(self, settings: Settings, poster: Poster) -> None:
        self._webhook = settings.slack_webhook_url
        self._token = settings.slack_bot_token.get_secret_value()
        self._channel = settings.slack_channel
        self._api = settings.slack_api_url.rstrip("/")
        self._poster = poster

    @property
    def knows_people(self) -> bool:
        """Whether messages can go to people directly."""
        return bool(self._token)

    @property
    def has_channel(self) -> bool:
        """Whether messages can go to the company's channel."""
        return bool(self._webhook or (self._token and self._channel))

    async def tell_channel(self, message: Mapping[str, Any]) -> Reply:
        """Post to the company's channel."""
        if self._token and self._channel:
            return await self.tell(self._channel, message)
        reply = await self._poster.post(self._webhook, json.dumps(message).encode(), _JSON)
        return Reply(reply.status, "refused", None, reply.body) if reply.status in _GONE else reply

    async def tell(self, recipient: str, message: Mapping[str, Any]) -> Reply:
        """Post to a channel or, by their Slack id, to a person."""
        return (await self._call("chat.postMessage", {"channel": recipient, **message}))[0]

    async def id_of(self, email: str) -> tuple[str | None, Reply]:
        """Somebody's Slack id by their e-mail address; None when Slack knows nobody of it, or does not answer."""
        reply, said = await self._call(f"users.lookupByEmail?email={quote(email)}")
        found = said.get("user")
        return (str(found["id"]) if isinstance(found, dict) and "id" in found else None), reply

    async def email_of(self, person: str) -> str | None:
        """The e-mail address of somebody by their Slack id; None for a guest of another company, or when Slack does not say."""
        _, said = await self._call(f"users.info?user={quote(person)}")
        found = said.get("user")
        if not isinstance(found, dict) or found.get("deleted") or found.get("is_bot") or found.get("is_stranger"):
            return None
        profile = found.get("profile")
        email = profile.get("email") if isinstance(profile, dict) else None
        return email if isinstance(email, str) and email else None

    async def answer(self, url: str, message: Mapping[str, Any]) -> Reply:
        """Answer where a request of Slack's said to (`response_url`)."""
        return await self._poster.post(url, json.dumps(message).encode(), _JSON)

    async def _call(self, what: str, arguments: Mapping[str, Any] | None = None) -> tuple[Reply, dict[str, Any]]:
        """Call a method. Slack says in the answer's `ok` whether it worked, whatever the status."""
        headers = {"authorization": f"Bearer {self._token}"}
        method, content = ("GET", b"") if arguments is None else ("POST", json.dumps(arguments).encode())
        if arguments is not None:
            headers |= _JSON
        reply = await self._poster.send(method, f"{self._api}/{what}", content, headers)
        if not reply.arrived:
            return reply, {}
        try:
            said = json.loads(reply.body)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            return Reply(reply.status, "broken"), {}
        if said.get("ok") is not True:
            error = str(said.get("error", "unknown"))[:40]
            return Reply(reply.status, f"slack_{error}" if error in _FOR_NOW else f"refused_{error}"), {}
        return reply, said
