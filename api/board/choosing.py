"""Choosing a lead on a page without a script: by the address of its page, or by words that find it."""

from dataclasses import dataclass
from uuid import UUID

from activities.database import Database
from api.auth import Principal
from api.board.routing import lead_of
from api.errors import Invalid
from api.services import lead_lists, leads
from models.schemas.leads import LeadCard, LeadFilter

_OFFERED = 6
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Chosen:
    """What came of it.

    Args:
        lead: the one; None when nothing was found.
        others: who else the words find, or who else came lately.
        text: what was looked for.
    """

    lead: LeadCard | None
    others: tuple[LeadCard, ...] = ()
    text: str = ""


async def choice(database: Database, me: Principal, text: str, pick: UUID | None) -> Chosen:
    """The lead somebody means.

    Args:
        database: where leads are.
        me: who asks.
        text: an address of a lead's page, an id, or words as the board's search takes them; nothing is whoever came last.
        pick: the lead they chose from those that were offered.
    """
    number = pick or _number(text)
    async with database.autocommit() as connection:
        if number is not None:
            known = await leads.cards(connection, [number])
            return Chosen(known[0] if known else None, text=text)
        found = (await lead_lists.page(connection, LeadFilter(q=text[:_LONGEST], limit=_OFFERED), me.id)).items
    return Chosen(found[0] if found else None, tuple(found[1:]), text)


def _number(text: str) -> UUID | None:
    try:
        return lead_of(text)
    except Invalid:
        return None
