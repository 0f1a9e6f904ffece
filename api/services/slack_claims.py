"""Slack's claim button: who pressed it, the claim itself, and who has the lead then, within the three seconds Slack waits."""

import asyncio
import json
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import Database
from activities.posting import Poster
from activities.slack import Slack, escaped, genuine
from api.auth import Principal
from api.errors import BadSignature, EngineAway, Invalid, NotFound, OutcomeUnknown, Problem
from api.services import outbox
from api.services.actions import Actions
from api.services.engine import Engine
from api.services.notice_words import CLAIM_ACTION
from models.lifecycle import Role
from models.messages import Claim
from models.schemas.common import Page, Person
from models.schemas.integrations import SlackLinkView
from models.settings import Settings

_PATIENCE = 2.5
"""Seconds for all of it; Slack waits three."""
_HOW = "Sign it with the app's signing secret: Slack does so by itself, and it is to be set as TWOWAY_SLACK_SIGNING_SECRET."

_KNOWN = text("SELECT u.id, u.name, u.roles FROM slack_users s JOIN users u ON u.id = s.user_id WHERE s.slack_id = :slack AND u.active")
_BY_EMAIL = text("SELECT id, name, roles FROM users WHERE lower(email) = lower(:email) AND active")
_LEARN = text("INSERT INTO slack_users (slack_id, user_id, by_hand) VALUES (:slack, :user, false) ON CONFLICT DO NOTHING")
_LINKS = text("SELECT s.slack_id, s.by_hand, u.id, u.name FROM slack_users s JOIN users u ON u.id = s.user_id ORDER BY s.slack_id")
_LINK = text(
    """
    INSERT INTO slack_users (slack_id, user_id, by_hand) SELECT :slack, id, true FROM users WHERE id = :user
    ON CONFLICT (slack_id) DO UPDATE SET user_id = excluded.user_id, by_hand = true
    RETURNING slack_id, by_hand, user_id AS id, (SELECT name FROM users WHERE id = :user) AS name"""
)
_UNLINK = text("DELETE FROM slack_users WHERE slack_id = :slack RETURNING slack_id")


@dataclass(frozen=True, slots=True)
class Pressed:
    """Somebody pressed the button.

    Args:
        slack_id: who, in Slack.
        lead: which lead.
        trigger: this press, as Slack names it.
        respond_at: where Slack wants to read what came of it.
    """

    slack_id: str
    lead: UUID
    trigger: str
    respond_at: str | None


def read(settings: Settings, stamp: str, signature: str, body: bytes) -> Pressed | None:
    """What Slack says happened; None for what needs no answer, as a link that was opened.

    Raises:
        NotFound: when Slack was not set up.
        BadSignature: when it is not Slack that speaks, or it spoke too long ago.
        Invalid: when it makes no sense.
    """
    secret = settings.slack_signing_secret.get_secret_value()
    if not secret:
        raise NotFound("integration")
    if not genuine(secret, stamp, body, signature, time.time()):
        raise BadSignature(_HOW)
    try:
        payload = json.loads(parse_qs(body.decode())["payload"][0])
        actions = payload.get("actions") or [] if payload["type"] == "block_actions" else []
        chosen = next((action for action in actions if action["action_id"] == CLAIM_ACTION), None)
        if chosen is None:
            return None
        # Somebody of another company in a shared channel is vouched for by that company only.
        stranger = payload["user"].get("team_id", payload["team"]["id"]) != payload["team"]["id"]
        slack_id = "" if stranger else str(payload["user"]["id"])
        return Pressed(slack_id, UUID(chosen["value"]), str(payload.get("trigger_id", "")), payload.get("response_url"))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        raise Invalid({"payload": "is no action of the claim button"}) from None


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims from Slack.

    Args:
        database: where users are.
        engine: the way to the leads.
        settings: of Slack.
        poster: what Slack is asked with.
    """

    database: Database
    engine: Engine
    settings: Settings
    poster: Poster

    async def claim(self, pressed: Pressed) -> dict[str, Any]:
        """Claim for who pressed the button, and say who has the lead now.

        A claim that is not answered in time is left with the lead as a signal, which is not lost.
        """
        until = asyncio.get_running_loop().time() + _PATIENCE
        try:
            async with asyncio.timeout_at(until - 1):
                me = await self._who(pressed.slack_id)
        except TimeoutError:
            return _private("Slack did not say in time who you are. Please press again.")
        if me is None:
            return _private("Nobody here has the e-mail address you have in Slack. Ask an admin to connect the two.")
        request = f"slack-{sha256(pressed.trigger.encode()).hexdigest()[:32]}" if pressed.trigger else None
        try:
            async with asyncio.timeout_at(until):
                lead = await Actions(self.database, self.engine, me, request).claim(pressed.lead)
        except (TimeoutError, EngineAway, OutcomeUnknown):
            return await self._leave(me, pressed.lead)
        except NotFound:
            return _private("There is no such lead any more.")
        except Problem as err:
            return _private(escaped(err.detail or err.title))
        return _public(lead.owner.name if lead.owner else me.name, self._link(pressed.lead))

    async def answer(self, pressed: Pressed, said: dict[str, Any]) -> None:
        """Say in the conversation what came of it."""
        if pressed.respond_at:
            await Slack(self.settings, self.poster).answer(pressed.respond_at, said)

    async def _leave(self, me: Principal, lead: UUID) -> dict[str, Any]:
        async with self.database.connection() as connection:
            await outbox.store(connection, [(lead, Claim(rep=str(me.id)))])
        self.engine.outbox_filled.set()
        return _private(f"Your claim is on its way. Who has the lead is on its page in a moment: {self._link(lead)}")

    async def _who(self, slack_id: str) -> Principal | None:
        async with self.database.autocommit() as connection:
            row = (await connection.execute(_KNOWN, {"slack": slack_id})).one_or_none()
        if row is None and slack_id:
            slack = Slack(self.settings, self.poster)
            email = await slack.email_of(slack_id) if slack.knows_people else None
            row = await self._learn(slack_id, email) if email else None
        return Principal(row.id, row.name, frozenset(map(Role, row.roles))) if row else None

    async def _learn(self, slack_id: str, email: str) -> Any:
        async with self.database.connection() as connection:
            row = (await connection.execute(_BY_EMAIL, {"email": email})).one_or_none()
            if row is not None:
                await connection.execute(_LEARN, {"slack": slack_id, "user": row.id})
            return row

    def _link(self, lead: UUID) -> str:
        return f"<{self.settings.public_url.rstrip('/')}/leads/{lead}|Open it>"


def _private(words: str) -> dict[str, Any]:
    return {"response_type": "ephemeral", "replace_original": False, "text": words}


def _public(name: str, link: str) -> dict[str, Any]:
    return {"response_type": "in_channel", "replace_original": True, "text": f"{escaped(name)} has this lead now. {link}"}


async def links(database: Database) -> Page[SlackLinkView]:
    """Who in Slack is who here."""
    async with database.autocommit() as connection:
        return Page(items=[_link_view(row) for row in await connection.execute(_LINKS)])


async def link(connection: AsyncConnection, slack_id: str, user: UUID) -> SlackLinkView:
    """Say whose Slack account it is.

    Raises:
        Invalid: when there is no such user.
    """
    row = (await connection.execute(_LINK, {"slack": slack_id, "user": user})).one_or_none()
    if row is None:
        raise Invalid({"user": "must be the id of a user"})
    return _link_view(row)


async def unlink(connection: AsyncConnection, slack_id: str) -> None:
    """Forget whose Slack account it is.

    Raises:
        NotFound: when it was not known.
    """
    if (await connection.execute(_UNLINK, {"slack": slack_id})).one_or_none() is None:
        raise NotFound("Slack account")


def _link_view(row: Any) -> SlackLinkView:
    return SlackLinkView(slack_id=row.slack_id, by_hand=row.by_hand, user=Person(id=row.id, name=row.name))
