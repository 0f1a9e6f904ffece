"""Lists of leads: filtered, sorted, and read a page at a time by where the last one ended."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.errors import Invalid
from api.services.leads import CARD, card
from models.lifecycle import CLAIMABLE
from models.schemas.common import Page, cursor_of, position_of
from models.schemas.leads import LeadCard, LeadFilter, LeadSet


@dataclass(frozen=True, slots=True)
class _Order:
    """How a list is sorted: by a column and then the id, rows without a value last.

    Args:
        column: which.
        down: descending, both.
        read: turns the value in a cursor back into what it was.
        present: the conditions under which a row has a value; nothing when every row has one.
    """

    column: str
    down: bool
    read: Callable[[Any], Any]
    present: tuple[str, ...] = ()

    @property
    def by(self) -> str:
        way = "DESC" if self.down else "ASC"
        return f"l.{self.column} {way}{' NULLS LAST' if self.nullable else ''}, l.id {way}"

    @property
    def nullable(self) -> bool:
        return bool(self.present)

    @property
    def beyond(self) -> str:
        return "<" if self.down else ">"


_ORDERS = {
    "newest": _Order("arrived_at", down=True, read=datetime.fromisoformat),
    "score": _Order("score", down=True, read=float, present=("l.score IS NOT NULL",)),
    "deadline": _Order("deadline_at", down=False, read=datetime.fromisoformat, present=("l.deadline_at IS NOT NULL", "NOT l.closed")),
    "handed_back": _Order("handed_back_at", down=True, read=datetime.fromisoformat, present=("l.handed_back_at IS NOT NULL",)),
}


@dataclass(slots=True)
class _Query:
    """Conditions and their values."""

    where: list[str] = field(default_factory=lambda: ["l.stage <> 'erased'"])
    values: dict[str, Any] = field(default_factory=dict)

    def add(self, condition: str, **values: Any) -> None:
        self.where.append(condition)
        self.values |= values

    def sql(self, *more: str) -> str:
        return " AND ".join((*self.where, *more))


async def page(connection: AsyncConnection, wanted: LeadFilter, me: UUID, *, among: Sequence[UUID] | None = None) -> Page[LeadCard]:
    """A page of leads.

    Args:
        connection: to the database.
        wanted: which leads, in which order, from where on.
        me: who `owner=me` is.
        among: only these leads; all when left out.

    Raises:
        Invalid: when the cursor is none of this list.
    """
    order, query = _ORDERS[wanted.sort], _conditions(wanted, me)
    if among is not None:
        query.add("l.id = ANY(:among)", among=list(among))
    rows: list[RowMapping] = []
    for condition, values in _stretches(order, _position(order, wanted)):
        left = wanted.limit + 1 - len(rows)
        if left:
            found = f"SELECT l.id FROM leads l WHERE {query.sql(*condition)} ORDER BY {order.by} LIMIT :left"  # noqa: S608 - ours
            statement = text(f"{CARD} WHERE l.id = ANY(ARRAY({found})) ORDER BY {order.by}")  # what a card takes is read for these only
            rows += (await connection.execute(statement, {**query.values, **values, "left": left})).mappings()
    shown = rows[: wanted.limit]
    more = len(rows) > wanted.limit
    cursor = cursor_of(wanted.sort, shown[-1][order.column], shown[-1]["id"]) if more else None
    return Page(items=[card(row) for row in shown], next_cursor=cursor)


Stretch = tuple[tuple[str, ...], dict[str, Any]]
"""Conditions that narrow a list down to a part of its order, and their values."""


def _stretches(order: _Order, position: tuple[Any, UUID] | None) -> list[Stretch]:
    """The parts of a list from a position on: rows with a value, then those without. Each is one walk along an index."""
    with_value = order.present
    without = (f"l.{order.column} IS NULL",)
    if position is None:
        return [(with_value, {}), (without, {})] if order.nullable else [(with_value, {})]
    value, last = position
    if value is None:
        return [((*without, f"l.id {order.beyond} :last"), {"last": last})]
    rest: Stretch = ((*with_value, f"(l.{order.column}, l.id) {order.beyond} (:value, :last)"), {"value": value, "last": last})
    return [rest, (without, {})] if order.nullable else [rest]


def _position(order: _Order, wanted: LeadFilter) -> tuple[Any, UUID] | None:
    """Where the page before ended: the last row's value, None for a row without one, and its id."""
    if wanted.cursor is None:
        return None
    try:
        sort, value, last = position_of(wanted.cursor, 3)
        found = None if value is None and order.nullable else order.read(value)
        position = found, UUID(str(last))
    except (ValueError, TypeError, OverflowError):
        sort, position = None, None
    if sort != wanted.sort:
        raise Invalid({"cursor": "is not a cursor of this list and order: leave it out to begin at the start"})
    return position


def condition(wanted: LeadSet, me: UUID) -> tuple[str, dict[str, Any]]:
    """What is true of these leads and no others, as SQL about `leads l`, and the values in it.

    Args:
        wanted: which leads.
        me: who `owner=me` is.
    """
    query = _conditions(wanted, me)
    return query.sql(), query.values


def _conditions(wanted: LeadSet, me: UUID) -> _Query:
    query = _Query()
    for column in ("stage", "tier", "source", "campaign"):
        values = getattr(wanted, column)
        if len(values) == 1:
            query.add(f"l.{column} = :{column}", **{column: str(values[0])})
        elif values:
            query.add(f"l.{column} = ANY(:{column})", **{column: [str(value) for value in values]})
    if wanted.account:
        query.add("l.account_id = ANY(:account)", account=wanted.account)
    if wanted.owner:
        owners = [me if owner == "me" else owner for owner in wanted.owner if owner != "none"]
        nobody = " OR l.owner_id IS NULL" if "none" in wanted.owner else ""
        query.add(f"(l.owner_id = ANY(:owner){nobody})", owner=owners)
    if wanted.claimable is not None:
        says = "(l.stage = ANY(:claimable) AND NOT l.closed)"
        query.add(says if wanted.claimable else f"NOT {says}", claimable=[stage.value for stage in CLAIMABLE])
    if wanted.handed_back is not None:
        query.add(f"l.handed_back_at IS {'NOT ' if wanted.handed_back else ''}NULL")
    if wanted.arrived_after is not None:
        query.add("l.arrived_at > :arrived_after", arrived_after=wanted.arrived_after)
    for number, word in enumerate(wanted.q.lower().split()[:10]):
        pattern = word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        query.add(f"l.search LIKE :word{number}", **{f"word{number}": f"%{pattern}%"})
    return query
