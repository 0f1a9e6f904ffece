"""Addresses that nothing is sent to any more: looking at the list, adding to it, and lifting what stands there."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text

from activities.database import Database
from activities.recipients import dialled
from activities.suppressions import hashed, suppress
from api.errors import Conflict, Invalid, NotFound
from api.services.cursors import position
from models.lifecycle import Channel
from models.schemas.common import Page, Person, cursor_of
from models.schemas.fields import address
from models.schemas.records import LeadRef
from models.schemas.suppressions import OWN_WISH, LiftedView, Lifting, NewSuppression, SuppressionReason, SuppressionView

_SHORTEST = 5
_ADDED = "s.id, s.channel, s.why AS reason, s.note, s.at, s.by_id, u.name AS by_name"
_LIST = text(
    f"""
    SELECT {_ADDED} FROM suppressions s LEFT JOIN users u ON u.id = s.by_id
    WHERE (CAST(:keys AS text[]) IS NULL OR s.address = ANY(:keys)) AND (CAST(:channel AS text) IS NULL OR s.channel = :channel)
        AND (CAST(:reason AS text) IS NULL OR s.why = :reason)
        AND (CAST(:at AS timestamptz) IS NULL OR (s.at, s.id) < (:at, CAST(:id AS uuid)))
    ORDER BY s.at DESC, s.id DESC LIMIT :limit"""  # noqa: S608 - a constant of ours
)
_FOUND = text(
    f"""
    SELECT {_ADDED} FROM suppressions s LEFT JOIN users u ON u.id = s.by_id
    WHERE s.channel = :channel AND s.address = :address"""  # noqa: S608 - a constant of ours
)
_LIFTED = text(
    f"""
    SELECT {_ADDED}, s.lifted_at, s.lifted_by_id, l.name AS lifted_by_name, s.lifted_why, s.asked_again
    FROM lifted_suppressions s LEFT JOIN users u ON u.id = s.by_id LEFT JOIN users l ON l.id = s.lifted_by_id
    WHERE (CAST(:keys AS text[]) IS NULL OR s.address = ANY(:keys))
        AND (CAST(:at AS timestamptz) IS NULL OR (s.lifted_at, s.id) < (:at, CAST(:id AS uuid)))
    ORDER BY s.lifted_at DESC, s.id DESC LIMIT :limit"""  # noqa: S608 - a constant of ours
)
_WHY = text("SELECT why FROM suppressions WHERE id = :id FOR UPDATE")
_LIFT = text(
    f"""
    WITH s AS (DELETE FROM suppressions WHERE id = :id RETURNING *),
    kept AS (
        INSERT INTO lifted_suppressions (id, channel, address, why, note, at, by_id, lifted_at, lifted_by_id, lifted_why, asked_again)
        SELECT id, channel, address, why, note, at, by_id, now(), :by, :why, :asked FROM s
        RETURNING id, lifted_at, lifted_by_id, lifted_why, asked_again)
    SELECT {_ADDED}, kept.lifted_at, kept.lifted_by_id, l.name AS lifted_by_name, kept.lifted_why, kept.asked_again
    FROM s JOIN kept ON kept.id = s.id LEFT JOIN users u ON u.id = s.by_id LEFT JOIN users l ON l.id = kept.lifted_by_id"""  # noqa: S608
)
_LEADS = text("SELECT id, first_name, last_name, company FROM leads WHERE email_key = lower(:email) AND stage <> 'erased'")


async def suppressions(
    database: Database,
    *,
    address: str | None = None,
    channel: Channel | None = None,
    reason: SuppressionReason | None = None,
    cursor: str | None = None,
    limit: int,
) -> Page[SuppressionView]:
    """The addresses that nothing is sent to, the latest first.

    Args:
        database: where they are.
        address: only this one, in any spelling; on every channel that goes by it.
        channel: only this channel's.
        reason: only those for this reason.
        cursor: where the list goes on.
        limit: at most so many.

    Raises:
        Invalid: when the address is none, or the cursor none of this list.
    """
    at, last = position(cursor, datetime, UUID) or (None, None)
    values = {"keys": keys_of(address) if address else None, "channel": channel, "reason": reason, "at": at, "id": last}
    async with database.autocommit() as connection:
        rows = (await connection.execute(_LIST, {**values, "limit": limit + 1})).mappings().all()
    items = [SuppressionView.model_validate(_with_people(row)) for row in rows[:limit]]
    return Page(items=items, next_cursor=cursor_of(items[-1].at, items[-1].id) if len(rows) > limit else None)


async def lifted(database: Database, *, address: str | None = None, cursor: str | None = None, limit: int) -> Page[LiftedView]:
    """What was lifted, the latest first, with who did so and why.

    Args:
        database: where it is kept.
        address: only of this one, in any spelling.
        cursor: where the list goes on.
        limit: at most so many.

    Raises:
        Invalid: when the address is none, or the cursor none of this list.
    """
    at, last = position(cursor, datetime, UUID) or (None, None)
    values = {"keys": keys_of(address) if address else None, "at": at, "id": last, "limit": limit + 1}
    async with database.autocommit() as connection:
        rows = (await connection.execute(_LIFTED, values)).mappings().all()
    items = [LiftedView.model_validate(_with_people(row)) for row in rows[:limit]]
    return Page(items=items, next_cursor=cursor_of(items[-1].lifted_at, items[-1].id) if len(rows) > limit else None)


async def add(database: Database, form: NewSuppression, by: UUID) -> tuple[SuppressionView, bool]:
    """Send nothing more to an address.

    Args:
        database: where the list is.
        form: which address, and why.
        by: who says so.

    Returns:
        What stands on the list now, and whether that is new: a reason that was there before stays, unless only this one is the
        person's own wish.

    Raises:
        Invalid: when the address is none of its channel's.
    """
    written = _of_channel(form.channel, form.address)
    async with database.connection() as connection:
        new = await suppress(connection, form.channel, written, form.reason, by=by, note=form.note)
        row = (await connection.execute(_FOUND, {"channel": form.channel, "address": hashed(form.channel, written)})).mappings().one()
    return SuppressionView.model_validate(_with_people(row)), new


async def lift(database: Database, suppression: UUID, form: Lifting, by: UUID) -> LiftedView:
    """Let an address be written to again. What stood there is kept, with who lifted it and why.

    A lead that unsubscribed stays unsubscribed: that is the lead's own state, and for good.

    Raises:
        NotFound: when there is none of that id, or it was lifted before.
        Conflict: when the person wanted it themselves, and nobody says that they asked to be written to again.
    """
    async with database.connection() as connection:
        why = (await connection.execute(_WHY, {"id": suppression})).scalar_one_or_none()
        if why is None:
            raise NotFound("suppression")
        if why in OWN_WISH and not form.asked_again:
            raise Conflict("The person wanted this themselves, so it is lifted only when they asked to be written to again.", "asked_again")
        values = {"id": suppression, "by": by, "why": form.why, "asked": form.asked_again}
        row = (await connection.execute(_LIFT, values)).mappings().one()
    return LiftedView.model_validate(_with_people(row))


async def leads_at(database: Database, written: str) -> list[LeadRef]:
    """The leads an e-mail address belongs to; none for a phone number."""
    async with database.autocommit() as connection:
        rows = (await connection.execute(_LEADS, {"email": written.strip()})).mappings().all()
    return [LeadRef.model_validate(dict(row)) for row in rows]


def keys_of(written: str) -> list[str]:
    """What the list may know an address by: an e-mail address is the same for letters, anything else is a phone number or a postal address.

    Raises:
        Invalid: when it is none of these.
    """
    if "@" in written:
        return [hashed(Channel.EMAIL, _of_channel(Channel.EMAIL, written))]
    if sum(map(str.isalnum, written)) < _SHORTEST:
        raise Invalid({"address": "must be an e-mail address, a phone number or a postal address"})
    number = dialled(written, None)
    return [*(hashed(Channel.SMS, one) for one in (written, number) if one), hashed(Channel.POST, written)]


def _of_channel(channel: Channel, written: str) -> str:
    """An address as its channel writes it. Letters go by the e-mail address of whom they are for: that is the same at every place."""
    if channel is Channel.SMS:
        number = dialled(written, None)
        if number is None:
            raise Invalid({"address": "must be a phone number with its country, as +49 30 901820"})
        return number
    try:
        return address(written)
    except ValueError:
        raise Invalid({"address": "must be an e-mail address, as ada@example.com"}) from None


def _with_people(row: RowMapping) -> dict[str, Any]:
    found: dict[str, Any] = dict(row)
    for name in ("by", "lifted_by"):
        who, called = found.pop(f"{name}_id", None), found.pop(f"{name}_name", None)
        found[name] = Person(id=who, name=called) if who else None
    return found
