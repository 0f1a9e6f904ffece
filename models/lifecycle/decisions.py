"""What follows from an event: a new state and ledger entries, or a refusal with its reason."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from models.lifecycle.state import Deadline, LeadState
from models.lifecycle.vocabulary import ActorKind, EntryKind, NoticeKind, Role, Stage, Tier


@dataclass(frozen=True, slots=True)
class Notice:
    """A person, or everybody in a role, is to be told.

    Args:
        kind: what.
        user: to whom; None for a role.
        role: to everybody in this role; None for a user.
    """

    kind: NoticeKind
    user: str | None = None
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the ledger: a change, who made it and why, and what held then.

    Args:
        seq: its number in the lead's ledger, from 1 without a gap.
        actor: a user's id where a person acted; `actor_kind` says what acted otherwise.
        note: id of the note that holds the free text, which never leaves PostgreSQL.
        detail: further facts, numbers and enums only.
    """

    seq: int
    at: datetime
    kind: EntryKind
    from_stage: Stage
    to_stage: Stage
    actor_kind: ActorKind
    actor: str | None
    owner: str | None
    score: float | None
    tier: Tier | None
    policy_version: int
    deadline: Deadline | None
    note: str | None = None
    detail: tuple[tuple[str, str | float | bool | None], ...] = ()
    notices: tuple[Notice, ...] = ()


class RefusalReason(StrEnum):
    """Why an event is not allowed: a stable code for programs; the sentence for people goes with it."""

    OWNED = "owned"
    NOT_OWNER = "not_owner"
    NOT_OWNED = "not_owned"
    WRONG_STAGE = "wrong_stage"
    CLOSED = "closed"
    CRITERIA_MISSING = "criteria_missing"
    REASON_MISSING = "reason_missing"
    TOO_MANY_OPEN = "too_many_open"
    TOO_MANY_TODAY = "too_many_today"
    COOLING_OFF = "cooling_off"
    NOT_ALLOWED = "not_allowed"
    UNKNOWN_REP = "unknown_rep"
    STALE_ANSWER = "stale_answer"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of no, which changes nothing.

    Args:
        reason: code.
        message: what a person reads.
        owner: who has the lead, where that is the reason.
        missing: what is missing, where that is the reason.
    """

    reason: RefusalReason
    message: str
    owner: str | None = None
    missing: tuple[str, ...] = ()


class Decision(NamedTuple):
    """What follows from an event.

    Args:
        state: the lead afterwards; the very same object when the event was refused or changed nothing.
        entries: what the ledger gains, in order.
        refusal: set when the event was not allowed. Entries may still be there: time that had run out
            before the event is acted on first.
    """

    state: LeadState
    entries: tuple[Entry, ...] = ()
    refusal: Refusal | None = None
