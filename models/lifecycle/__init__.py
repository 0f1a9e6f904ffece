"""The vocabulary of a lead's life: stages, tiers, the state, and what a decision consists of.

Nothing here holds personal data. A lead, a rep and a note are ids; everything else is an enum, a number or a time.
"""

from models.lifecycle.decisions import Decision, Entry, Notice, Refusal, RefusalReason
from models.lifecycle.effects import AnyEffect, Effect, Enrich, Route, Score, Send
from models.lifecycle.state import Deadline, Holder, Kept, Known, LeadState, Nurture, changed
from models.lifecycle.vocabulary import (
    AWAITING_CONTACT,
    CLAIMABLE,
    CLOSED,
    HUMAN,
    OWNED,
    ActorKind,
    Channel,
    ContactChannel,
    ContactOutcome,
    DeadlineKind,
    DispositionOutcome,
    EntryKind,
    FastLaneRule,
    NoticeKind,
    ReviewOutcome,
    Role,
    Stage,
    TakesEffect,
    Tier,
)

__all__ = [
    "AWAITING_CONTACT",
    "CLAIMABLE",
    "CLOSED",
    "HUMAN",
    "OWNED",
    "ActorKind",
    "AnyEffect",
    "Channel",
    "ContactChannel",
    "ContactOutcome",
    "Deadline",
    "DeadlineKind",
    "Decision",
    "DispositionOutcome",
    "Effect",
    "Enrich",
    "Entry",
    "EntryKind",
    "FastLaneRule",
    "Holder",
    "Kept",
    "Known",
    "LeadState",
    "Notice",
    "NoticeKind",
    "Nurture",
    "Refusal",
    "RefusalReason",
    "ReviewOutcome",
    "Role",
    "Route",
    "Score",
    "Send",
    "Stage",
    "TakesEffect",
    "Tier",
    "changed",
]
