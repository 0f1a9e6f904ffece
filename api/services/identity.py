"""Who a visitor is: devices and leads, joined when somebody names themselves.

From a naming on, what the device does is that lead's, until it names another. What it did before anybody was named is the
first lead's. A form and `identify` name whoever they say; a click on a personal link is weaker, since mails are passed on,
and only names a device that nobody has named yet. See docs/decisions/0016-tracking-and-identity.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import Database


class How(StrEnum):
    """How a visitor named themselves."""

    FORM = "form"
    IDENTIFY = "identify"
    CLICK = "click"


_JOIN = text(
    """
    INSERT INTO namings (anonymous_id, at, lead_id, how)
    SELECT CAST(:visitor AS text), clock_timestamp(), CAST(:lead AS uuid), CAST(:how AS text)
    WHERE CAST(:lead AS uuid) IS DISTINCT FROM
            (SELECT lead_id FROM namings WHERE anonymous_id = CAST(:visitor AS text) ORDER BY at DESC LIMIT 1)
        AND (CAST(:how AS text) <> 'click' OR NOT EXISTS (SELECT FROM namings WHERE anonymous_id = CAST(:visitor AS text)))"""
)
_ADOPT = """
    UPDATE engagements e SET lead_id = found.lead_id
    FROM (
        SELECT orphan.id, (
            SELECT n.lead_id FROM namings n WHERE n.anonymous_id = orphan.anonymous_id
            ORDER BY n.at <= orphan.at DESC, CASE WHEN n.at <= orphan.at THEN n.at END DESC, n.at LIMIT 1) AS lead_id
        FROM engagements orphan WHERE orphan.lead_id IS NULL AND {which}) AS found
    WHERE e.id = found.id AND e.lead_id IS NULL AND found.lead_id = ANY(:leads)
    RETURNING e.lead_id, e.kind, e.at, e.verdict"""
_ADOPT_ONE = text(_ADOPT.format(which="orphan.anonymous_id = :visitor"))
_LATE = "orphan.anonymous_id IN (SELECT anonymous_id FROM namings) AND orphan.received_at > now() - interval '1 day'"
_ADOPT_ALL = text(_ADOPT.format(which=_LATE))
_ORPHANS = text(
    f"""
    SELECT id FROM leads WHERE stage <> 'erased' AND id IN (
        SELECT n.lead_id FROM namings n JOIN engagements orphan ON orphan.anonymous_id = n.anonymous_id
        WHERE orphan.lead_id IS NULL AND {_LATE})
    ORDER BY id FOR KEY SHARE"""  # noqa: S608 - a constant of ours
)
_HOLDERS = text("SELECT anonymous_id, at, lead_id FROM namings WHERE anonymous_id = ANY(:visitors) ORDER BY anonymous_id, at")


@dataclass(frozen=True, slots=True)
class Adopted:
    """Something a visitor did before they were named, now a lead's."""

    lead: UUID
    kind: str
    at: datetime
    verdict: str


class Devices:
    """Whose these visitors' devices were, and when.

    Args:
        namings: of each visitor, the earliest first.
    """

    def __init__(self, namings: Mapping[str, Sequence[tuple[datetime, UUID]]]) -> None:
        self._namings = namings

    @property
    def leads(self) -> set[UUID]:
        """Everybody who ever named themselves on one of them."""
        return {lead for found in self._namings.values() for _, lead in found}

    def holder(self, visitor: str, at: datetime) -> UUID | None:
        """Whose doing something on this device was: of who had named themselves last by then, else of who did so first."""
        found = self._namings.get(visitor)
        if not found:
            return None
        return next((lead for since, lead in reversed(found) if since <= at), found[0][1])


async def devices(connection: AsyncConnection, visitors: Iterable[str]) -> Devices:
    """What is known of these visitors' devices."""
    asked = list(set(visitors))
    found: dict[str, list[tuple[datetime, UUID]]] = {}
    for row in (await connection.execute(_HOLDERS, {"visitors": asked})).all() if asked else ():
        found.setdefault(row.anonymous_id, []).append((row.at, row.lead_id))
    return Devices(found)


async def join(connection: AsyncConnection, visitor: str, lead: UUID, how: How) -> list[Adopted]:
    """A visitor named themselves. Doing it again changes nothing.

    Args:
        connection: in a transaction that keeps the lead from being erased meanwhile.
        visitor: the device.
        lead: who they are.
        how: what they did.

    Returns:
        What they had done before and nobody's was yet.
    """
    await connection.execute(_JOIN, {"visitor": visitor, "lead": lead, "how": how.value})
    rows = await connection.execute(_ADOPT_ONE, {"visitor": visitor, "leads": [lead]})
    return [Adopted(*row) for row in rows.all()]


async def adopt(database: Database) -> int:
    """Find what was stored in the very moment in which its visitor named themselves, and so became nobody's.

    Returns:
        How much there was.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    async with database.connection() as connection:
        leads = (await connection.execute(_ORPHANS)).scalars().all()
        return len((await connection.execute(_ADOPT_ALL, {"leads": list(leads)})).all()) if leads else 0
