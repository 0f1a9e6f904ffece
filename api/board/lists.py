"""What a list of the board is asked for in its address, and what it answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth import Principal
from api.board.views import VIEWS, BoardView, Sort, default_view
from api.errors import NotFound
from api.services import lead_lists
from models.lifecycle import Tier
from models.schemas.common import Page
from models.schemas.leads import LeadCard, LeadFilter

ROWS = 50
_MOST_CHOICES = 50


def _or_none(value: Any) -> Any:
    """An empty field of a form says nothing."""
    return value or None


def _ids(value: Any) -> Any:
    """Ids separated by commas; none at all is no restriction."""
    listed = value if isinstance(value, list) else [value]
    return [word for item in listed for word in str(item or "").split(",") if word] or None


Word = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$"), BeforeValidator(str.strip)]


class BoardQuery(BaseModel):
    """A list as its address names it. An address without a view means where the reader lands.

    Attributes:
        ids: only these leads.
    """

    view: Word = ""
    q: Word = ""
    tier: Annotated[Tier | None, BeforeValidator(_or_none)] = None
    source: Word = ""
    campaign: Word = ""
    owner: Literal["", "me", "none"] = ""
    sort: Annotated[Sort | None, BeforeValidator(_or_none)] = None
    cursor: Annotated[str, Field(max_length=500)] | None = None
    ids: Annotated[list[UUID] | None, Field(max_length=200), BeforeValidator(_ids)] = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A list that was asked for.

    Args:
        view: whose leads.
        query: what narrows it down.
        sort: its order.
    """

    view: BoardView
    query: BoardQuery
    sort: Sort

    @property
    def filters(self) -> dict[str, str]:
        """What narrows the view down, by the names in its address."""
        q = self.query
        found = {"q": q.q, "tier": q.tier.value if q.tier else "", "source": q.source, "campaign": q.campaign, "owner": q.owner}
        return {name: value for name, value in found.items() if value}

    def address(self, path: str = "/", **more: str) -> str:
        """An address of the same list, changed in this."""
        sort = {} if self.sort == self.view.sort else {"sort": self.sort}
        return f"{path}?{urlencode({'view': self.view.slug, **self.filters, **sort, **more})}"

    def wanted(self) -> LeadFilter:
        """The same in the API's terms."""
        q = self.query
        own: dict[str, Any] = {"owner": [q.owner]} if q.owner else {}
        own |= {"tier": [q.tier]} if q.tier else {}
        return LeadFilter.model_validate(
            {"q": q.q, "sort": self.sort, "limit": ROWS, "cursor": q.cursor, **own, **self.view.wanted}
            | {name: [value] for name, value in (("source", q.source), ("campaign", q.campaign)) if value}
        )


def asked(query: BoardQuery, me: Principal) -> Asked:
    """The list an address means to this reader.

    Raises:
        NotFound: when there is no such view.
    """
    view = VIEWS.get(query.view) if query.view else default_view(me.roles)
    if view is None:
        raise NotFound("view")
    return Asked(view, query, query.sort if query.sort in view.sorts else view.sort)


async def read(connection: AsyncConnection, wanted: Asked, me: Principal) -> Page[LeadCard]:
    """The part of a list that was asked for.

    Raises:
        Invalid: when its cursor is of another list.
    """
    return await lead_lists.page(connection, wanted.wanted(), me.id, among=wanted.query.ids)


# Steps from one value to the next along the index, where DISTINCT would read every row.
_CHOICES = """
    WITH RECURSIVE steps AS (
        (SELECT {column} AS value FROM leads WHERE {column} > '' ORDER BY {column} LIMIT 1)
        UNION ALL
        SELECT (SELECT {column} FROM leads WHERE {column} > steps.value ORDER BY {column} LIMIT 1) FROM steps WHERE steps.value IS NOT NULL)
    SELECT value FROM steps WHERE value IS NOT NULL LIMIT :most"""


async def choices(connection: AsyncConnection, wanted: Asked) -> Mapping[str, Sequence[str]]:
    """The sources and campaigns there are, at most fifty of each, and always the one that is chosen."""
    found: dict[str, Sequence[str]] = {}
    for column, chosen in (("source", wanted.query.source), ("campaign", wanted.query.campaign)):
        values = (await connection.execute(text(_CHOICES.format(column=column)), {"most": _MOST_CHOICES})).scalars().all()
        found[column] = sorted({*values, chosen} - {""}, key=str.casefold)
    return found
