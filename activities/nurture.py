"""Sending nurture messages: each once, and none after a person has taken the lead."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities import policies, wording
from activities.database import Database, engine_errors
from activities.ledger import send_lock
from activities.letters import Letter, Letters
from activities.links import Link
from activities.providers import AwayError, Lob, Mail, Parcel, PostalAddress, Provider, RefusedError, Twilio
from activities.recipients import dialled, postal
from activities.suppressions import suppress, suppressed
from models.ids import uuid7
from models.lifecycle import CLOSED, HUMAN, Channel, Send, Stage
from models.messages import Order, Sent
from models.policy import Condition, Policy
from models.settings import Settings


class MessageState(StrEnum):
    """What became of a message."""

    SENDING = "sending"
    """Handed over, and no answer yet; with a `why`, tried and to be tried again."""
    SENT = "sent"
    KEPT = "kept"
    """There is no provider for this channel: it is shown, not sent."""
    REFUSED = "refused"
    BOUNCED = "bounced"
    """It left, and the provider said later that it could not be delivered."""
    WITHHELD = "withheld"
    """Not sent, for the reason in `why`; it may be, if the tree decides on it again."""


_OVER = frozenset({MessageState.SENT, MessageState.KEPT, MessageState.REFUSED, MessageState.BOUNCED})
_NOBODYS = CLOSED | {Stage.DISQUALIFIED}

_READ = text(
    """
    SELECT l.stage, l.closed, l.email, l.phone, l.first_name, l.last_name, l.company, l.title, l.country, l.attributes,
        l.state -> 'consent' AS consent, l.state -> 'unsubscribed' AS unsubscribed,
        (l.state ->> 'effect_number')::int AS effect_number,
        l.state -> 'effects' @> jsonb_build_array(jsonb_build_object('number', CAST(:number AS int))) AS owed,
        EXISTS (SELECT FROM outbox o WHERE o.lead_id = l.id AND o.signal = 'consent'
            AND o.payload -> 'stopped' @> to_jsonb(CAST(:channel AS text))) AS stopping,
        m.id AS message, m.state AS message_state
    FROM leads l LEFT JOIN messages m ON m.lead_id = l.id AND m.key = :key WHERE l.id = :lead"""
)
_RECORD = text(
    """
    INSERT INTO messages (id, lead_id, key, campaign, step, channel, template, state, why, recipient, subject, body, language,
        variant, template_version, decided_at)
    VALUES (:id, :lead, :key, :campaign, :step, :channel, :template, :state, :why, :recipient, :subject, :body, :language,
        :variant, :version, clock_timestamp())
    ON CONFLICT (lead_id, key) DO UPDATE SET state = excluded.state, why = excluded.why, template = excluded.template,
        recipient = coalesce(excluded.recipient, messages.recipient), subject = coalesce(excluded.subject, messages.subject),
        body = coalesce(excluded.body, messages.body), language = coalesce(excluded.language, messages.language),
        variant = coalesce(excluded.variant, messages.variant),
        template_version = coalesce(excluded.template_version, messages.template_version), decided_at = excluded.decided_at"""
)
_DID = text(
    """
    SELECT EXISTS (SELECT FROM engagements WHERE lead_id = :lead AND kind = ANY(:kinds) AND verdict = 'human'
        AND at > now() - CAST(:within AS interval))"""
)
_SEEN = text(
    """
    SELECT opened_at IS NOT NULL AS opened, clicked_at IS NOT NULL AS clicked FROM messages
    WHERE lead_id = :lead AND campaign = :campaign AND key <> :key AND sent_at IS NOT NULL ORDER BY sent_at DESC LIMIT 1"""
)
_EVER = "100 years"
_CONCLUDE = text(
    """
    UPDATE messages SET state = CASE WHEN state = 'bounced' THEN state ELSE CAST(:state AS text) END,
        why = CASE WHEN state = 'bounced' THEN why ELSE :why END, provider_id = :provider_id,
        sent_at = CASE WHEN CAST(:state AS text) = 'sent' THEN clock_timestamp() END
    WHERE id = :id"""
)


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a message goes.

    Args:
        recipient: as it is recorded; None where nothing is known.
        address: of a letter.
        keys: what the list of suppressed addresses knows it by.
    """

    recipient: str | None
    address: PostalAddress | None = None
    keys: tuple[str | None, ...] = ()


class NurtureActivities:
    """Carries out `Send`.

    Args:
        database: where leads and messages are.
        settings: the providers, the sender, and what links are made from. A message holds a connection to the database
            while it leaves, so no more than a quarter of the pool leave at a time.
        providers: the ways out, in place of those the settings describe.
    """

    def __init__(self, database: Database, settings: Settings, providers: Mapping[Channel, Provider] | None = None) -> None:
        self._database = database
        self._letters = Letters(settings)
        ways: dict[Channel, Provider] = {Channel.EMAIL: Mail(settings), Channel.SMS: Twilio(settings), Channel.POST: Lob(settings)}
        self._providers = {**ways, **(providers or {})}
        self._slots = asyncio.Semaphore(max(1, settings.database_pool // 4))
        self._policy: Policy | None = None

    async def close(self) -> None:
        """Close the connections to providers."""
        for provider in self._providers.values():
            await provider.close()

    @activity.defn(name="send")
    async def send(self, order: Order) -> Sent:
        """Send one touch of a campaign, unless it has left already or must not leave any more.

        All of it happens under the lead's send lock, which the ledger takes too: a claim is granted either before, and then
        the ledger says so here, or only after the message has left. `(lead_id, key)` makes the touch one row, which gives the
        message a name that never changes: a mail's Message-ID, a letter's idempotency key. Between the provider's yes and our
        writing it down lies a window that only a provider which honours such a key closes: a process that dies in it leaves
        `sending`, and the retry sends again under the same name.

        Returns:
            Not `sent`, with the reason in `why`: `taken`, `closed`, `erased`, `unsubscribed`, `no_consent`, `moot`
            (the tree no longer wants it), `condition_unmet` (the lead did not do what the step asks for), `suppressed`
            (nothing may go to this address), `no_address`, `no_template`, `refused` (by the provider, for good), `bounced`, `kept`.

        Raises:
            ApplicationError: retryable, when the provider or the database is out of reach, or the ledger is behind.
        """
        effect, lead = order.effect, UUID(order.lead)
        assert isinstance(effect, Send)  # noqa: S101 - narrows the type
        with engine_errors("the message could not be sent"):
            async with self._slots, self._database.locked(send_lock(lead)) as connection:
                async with connection.begin():
                    ready = await self._prepare(connection, lead, effect, order.policy_version)
                return ready if isinstance(ready, Sent) else await self._hand_over(connection, effect, ready)

    async def _prepare(self, connection: AsyncConnection, lead: UUID, effect: Send, version: int) -> Sent | Parcel:
        """Look at the lead under the lock, and write down what is about to happen before it does."""
        what = {"lead": lead, "key": effect.key, "number": effect.number, "channel": effect.channel.value}
        row = (await connection.execute(_READ, what)).mappings().one_or_none()
        if row is None or row["stage"] == Stage.ERASED:
            return Sent(number=effect.number, sent=False, why="erased")
        if row["message_state"] in _OVER:
            return _as_before(effect, row["message_state"])
        found = dict(row)
        link = Link(lead, effect.channel, found["message"] or uuid7())
        provider, target = self._providers[effect.channel], _target(effect.channel, found)
        why = hindrance(found, effect) or await self._doubt(connection, lead, effect, version, target, leaves=provider.configured)
        template = None if why else await self._template(connection, lead, effect, version, found)
        if template is None:
            perhaps = found["message_state"] == MessageState.SENDING  # an earlier try may have got through: nobody knows
            why = why or "no_template"
            await _record(connection, link, effect, MessageState.SENDING if perhaps else MessageState.WITHHELD, why=why)
            return Sent(number=effect.number, sent=False, why=why)
        letter = self._letters.fill(template, found, link)
        state = MessageState.SENDING if provider.configured else MessageState.KEPT
        await _record(connection, link, effect, state, recipient=target.recipient, letter=letter, template=template)
        if not provider.configured:
            return _as_before(effect, state)
        key = sha256(f"{lead}:{effect.key}".encode()).hexdigest()[:32]
        return Parcel(link.message, key, target.recipient or "", letter, target.address)

    async def _doubt(
        self, connection: AsyncConnection, lead: UUID, effect: Send, version: int, target: _Target, *, leaves: bool
    ) -> str | None:
        """What else speaks against a message, beside what the ledger tells."""
        if target.recipient is None and (leaves or effect.channel is not Channel.POST):
            return "no_address"
        if leaves and effect.channel is Channel.SMS and not (target.recipient or "").startswith("+"):
            return "no_address"  # no number, or one of nobody knows which country
        if await suppressed(connection, effect.channel, *target.keys):
            return "suppressed"
        campaign = (await self._agreement(connection, version)).nurture.campaigns.get(effect.campaign)
        step = campaign.steps[effect.step] if campaign and effect.step < len(campaign.steps) else None
        if step is None or not step.conditional:
            return None
        wanted = step.only_if is None or await _holds(connection, lead, effect, step.only_if)
        unwanted = step.unless is not None and await _holds(connection, lead, effect, step.unless)
        return None if wanted and not unwanted else "condition_unmet"

    async def _template(
        self, connection: AsyncConnection, lead: UUID, effect: Send, version: int, found: Mapping[str, Any]
    ) -> wording.Template | None:
        available = await wording.available(connection, effect.template, effect.channel)
        plan = (await self._agreement(connection, version)).nurture
        return wording.chosen(available, lead, wording.languages(found, plan))

    async def _agreement(self, connection: AsyncConnection, version: int) -> Policy:
        """The policy of a version, which never changes; before one was ever published, the default one."""
        if self._policy is None or self._policy.version != version:
            try:
                self._policy = await policies.of_version(connection, version)
            except LookupError:
                return Policy()
        return self._policy

    async def _hand_over(self, connection: AsyncConnection, effect: Send, parcel: Parcel) -> Sent:
        try:
            name = await self._providers[effect.channel].deliver(parcel)
        except RefusedError as err:
            gone = (effect.channel, parcel.recipient) if err.gone else None
            await _conclude(connection, parcel.message, MessageState.REFUSED, why=err.why, gone=gone)
            return _as_before(effect, MessageState.REFUSED)
        except AwayError as err:
            await _conclude(connection, parcel.message, MessageState.SENDING, why=err.why)
            who = "mail server" if effect.channel is Channel.EMAIL else "provider"
            said = f"the {who} could not take the message ({err.why})"
            raise ApplicationError(said, type="ProviderAway", next_retry_delay=err.after) from None
        await _conclude(connection, parcel.message, MessageState.SENT, provider_id=name)
        return Sent(number=effect.number)


def _target(channel: Channel, lead: Mapping[str, Any]) -> _Target:
    """Where a message to a lead goes, and what the list of suppressed addresses may know that by."""
    email, phone = lead["email"], lead["phone"]
    if channel is Channel.EMAIL:
        return _Target(email, keys=(email,))
    if channel is Channel.SMS:
        number = dialled(phone, lead["country"])
        return _Target(number or phone, keys=(number, phone))
    address = postal(lead)
    return _Target(str(address) if address else None, address, keys=(email, str(address) if address else None))


async def _holds(connection: AsyncConnection, lead: UUID, effect: Send, condition: Condition) -> bool:
    """Whether a lead did what a condition names."""
    if condition.engaged is not None:
        what = {"lead": lead, "kinds": list(condition.engaged), "within": condition.within or _EVER}
        if not (await connection.execute(_DID, what)).scalar_one():
            return False
    if condition.opened is None and condition.clicked is None:
        return True
    seen = (await connection.execute(_SEEN, {"lead": lead, "campaign": effect.campaign, "key": effect.key})).one_or_none()
    return seen is not None and (seen.opened or not condition.opened) and (seen.clicked or not condition.clicked)


def hindrance(lead: Mapping[str, Any], effect: Send) -> str | None:
    """Why a message must not leave, as far as the ledger tells; None when it may.

    The ledger may not yet hold the decision that asked for the message. Then what it says about consent is older than
    that decision; an unsubscribe is for good whenever it was; and a stage in which a person has the lead may be over.

    Args:
        lead: the row as it stands under the send lock.
        effect: the order.

    Raises:
        ApplicationError: retryable, when only a newer ledger can tell.
    """
    stage, known = Stage(lead["stage"]), lead["effect_number"]
    behind = known is not None and known < effect.number
    if stage in HUMAN or stage in _NOBODYS or lead["closed"]:
        if behind:
            raise ApplicationError("the ledger does not hold the decision to send this yet", type="LedgerBehind")
        return "taken" if stage in HUMAN else "closed"
    if lead["stopping"] or effect.channel in (lead["unsubscribed"] or ()):
        return "unsubscribed"
    if known is None or behind:
        return None
    if effect.channel not in (lead["consent"] or ()):
        return "no_consent"
    return None if lead["owed"] else "moot"


def _as_before(effect: Send, state: str) -> Sent:
    return Sent(number=effect.number) if state == MessageState.SENT else Sent(number=effect.number, sent=False, why=state)


async def _record(
    connection: AsyncConnection,
    link: Link,
    effect: Send,
    state: MessageState,
    *,
    recipient: str | None = None,
    letter: Letter | None = None,
    template: wording.Template | None = None,
    why: str | None = None,
) -> None:
    touch = {"id": link.message, "lead": link.lead, "channel": link.channel.value, "key": effect.key, "campaign": effect.campaign}
    said = {"recipient": recipient or None, "subject": letter.subject if letter else None, "body": letter.body if letter else None}
    which = {name: getattr(template, name, None) for name in ("language", "variant", "version")}
    row = {**touch, **said, **which, "step": effect.step, "template": effect.template, "state": state, "why": why}
    await connection.execute(_RECORD, row)


async def _conclude(
    connection: AsyncConnection,
    message: UUID,
    state: MessageState,
    *,
    why: str | None = None,
    provider_id: str | None = None,
    gone: tuple[Channel, str] | None = None,
) -> None:
    async with connection.begin():
        await connection.execute(_CONCLUDE, {"id": message, "state": state, "why": why, "provider_id": provider_id})
        if gone:
            await suppress(connection, *gone, "refused")
