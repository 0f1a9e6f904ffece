"""What is known of a lead's past: the events it was told, and the ledger that came of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from pydantic import TypeAdapter

from models.lifecycle import Entry, EntryKind, Stage, Tier
from models.messages import Claim, Moment, Routed, Told
from models.routing import Wanted


class Row(NamedTuple):
    """An entry of the ledger, as far as a replay is held against it."""

    kind: EntryKind
    from_stage: Stage
    to_stage: Stage
    owner: str | None
    at: datetime
    tier: Tier | None
    score: float | None
    due: datetime | None


_Columns = tuple[EntryKind, Stage, Stage, str | None, Moment, Tier | None, float | None, Moment | None]
_TOLD = TypeAdapter(list[Told])
_ROWS = TypeAdapter(list[_Columns])
_ASIDE = frozenset(
    {
        EntryKind.REMINDED,
        EntryKind.RETIMED,
        EntryKind.POLICY_CHANGED,
        EntryKind.ENGAGED,
        EntryKind.SCORED,
        EntryKind.NURTURE_STEP,
        EntryKind.STEP_SKIPPED,
        EntryKind.UNROUTED,
        EntryKind.WORKED,
        EntryKind.FAST_LANE,
        EntryKind.UNSUBSCRIBED,
        EntryKind.CONSENTED,
    }
)
"""Entries that do not say which way a lead goes."""


class Turn(NamedTuple):
    """A lead changes hands.

    Args:
        at: when.
        lost, got: who had it, and who has it now.
        how: what the ledger calls it.
        by: the claim, or the tree's choice; None for a person's hand, and where it is not known.
        number: of the latest event on record then.
        version: of the agreement then.
    """

    at: datetime
    lost: str | None
    got: str | None
    how: EntryKind
    by: Claim | Routed | None = None
    number: int = 0
    version: int = 0


Way = tuple[tuple[EntryKind, Stage, str | None], ...]
"""Which way a lead went: what happened, where to, and in whose hands."""


@dataclass(frozen=True, slots=True)
class Past:
    """A lead's past, complete from its arrival.

    Args:
        lead: its id.
        told: the events, in their order.
        rows: the ledger, in its order.
        wanted: what a rep is chosen by; asked for only where one is.
    """

    lead: str
    told: Sequence[Told]
    rows: Sequence[Row]
    wanted: Callable[[], Wanted] = Wanted


def past_of(lead: str, told: str, rows: str, wanted: Callable[[], Wanted] = Wanted) -> Past:
    """A past as the database has it.

    Args:
        lead: its id.
        told: JSON, a list of `models.messages.Told`.
        rows: JSON, a list of the columns of `Row`.
        wanted: what a rep is chosen by.

    Raises:
        pydantic.ValidationError: when it is none.
    """
    return Past(lead, _TOLD.validate_json(told), rows_of(rows), wanted)


def rows_of(rows: str) -> list[Row]:
    """A ledger as the database has it, a list of the columns of `Row` as JSON."""
    return [Row(*columns) for columns in _ROWS.validate_json(rows)]


def turns_of(rows: Sequence[Row]) -> list[Turn]:
    """The changes of hands in a ledger."""
    found, owner = [], None
    for row in rows:
        if row.owner != owner:
            found.append(Turn(row.at, owner, row.owner, row.kind))
            owner = row.owner
    return found


def row_of(entry: Entry) -> Row:
    """An entry as a row."""
    due = entry.deadline.at if entry.deadline else None
    return Row(entry.kind, entry.from_stage, entry.to_stage, entry.owner, entry.at, entry.tier, entry.score, due)


def is_row(entry: Entry, row: Row) -> bool:
    """Whether an entry is that row: `row_of(entry) == row`, sooner known."""
    kind, from_stage, to_stage, owner, at, tier, score, due = row
    deadline = entry.deadline
    return (
        entry.at == at
        and entry.kind is kind
        and entry.to_stage is to_stage
        and entry.from_stage is from_stage
        and entry.owner == owner
        and entry.score == score
        and entry.tier is tier
        and (due is None if deadline is None else deadline.at == due)
    )


def way(rows: Sequence[Row]) -> Way:
    """Which way a lead went."""
    return tuple((row.kind, row.to_stage, row.owner) for row in rows if row.kind not in _ASIDE)
