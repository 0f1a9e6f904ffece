"""Notices in words: a headline, and whom it is about."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from api.board.pages import templates
from models.lifecycle import NoticeKind, Role
from models.schemas.records import LeadRef, NoticeView

TITLES = {
    NoticeKind.ASSIGNED: "A lead was assigned to you",
    NoticeKind.DEADLINE_NEAR: "Your time with this lead runs out soon",
    NoticeKind.LAPSED: "You ran out of time: this lead went back",
    NoticeKind.HANDED_BACK: "A lead came back to marketing",
    NoticeKind.TAKEN_OVER: "Somebody else has this lead now",
    NoticeKind.FAST_LANE: "A lead of yours wants to talk",
    NoticeKind.NAMED_ACCOUNT: "A named account responded",
    NoticeKind.REVIEW_WAITING: "A lead waits for your review",
    NoticeKind.NOBODY_FREE: "No rep is free for this lead",
    NoticeKind.OUTCOME_DUE: "What came of this opportunity?",
    NoticeKind.UNSUBSCRIBED: "A lead of yours unsubscribed",
    NoticeKind.MODEL_TRAINED: "A new scoring model is trained",
    NoticeKind.MODEL_DRIFTS: "The scoring model drifts",
    NoticeKind.MODEL_PROMOTED: "A new model scores leads now",
    NoticeKind.WEBHOOK_OFF: "A webhook was switched off: it could not be told of this lead",
}
"""The headline of each kind, as its reader is told."""
_TO_A_ROLE = {NoticeKind.LAPSED: "A rep ran out of time: this lead went back"}

_MODELS = {
    NoticeKind.MODEL_TRAINED: "See how it does beside the one in service",
    NoticeKind.MODEL_DRIFTS: "See what moved, and whether a new one is better",
}


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """A notice as it is shown.

    Args:
        id: the notice's.
        kind: what it tells.
        address: where it leads to: the lead it is about, or the page on scoring.
        about_lead: whether it is about a lead.
        title: the headline.
        text: the lead's name and company, or what there is to see.
        at: when it happened.
        change: its number in the live feed.
        read: whether it was read.
        loud: it is for this reader alone, so it is said aloud; what a whole role is told only waits in the list.
    """

    id: UUID
    kind: NoticeKind
    address: str
    about_lead: bool
    title: str
    text: str
    at: datetime
    change: int
    read: bool
    loud: bool


def headline(kind: NoticeKind, role: Role | None) -> str:
    """The headline of a notice.

    Args:
        kind: what it tells.
        role: whom it is for, where that is everybody in a role.
    """
    return _TO_A_ROLE.get(kind, TITLES[kind]) if role else TITLES[kind]


def line(notice: NoticeView) -> NoticeLine:
    """A notice in words."""
    title = headline(notice.kind, notice.role)
    read = notice.read_at is not None
    address = "/models" if notice.lead is None else f"/leads/{notice.lead.id}"
    text = _MODELS.get(notice.kind, "See how leads are scored") if notice.lead is None else about(notice.lead)
    loud, about_lead = notice.role is None, notice.lead is not None
    return NoticeLine(notice.id, notice.kind, address, about_lead, title, text, notice.at, notice.change, read, loud)


def notice_html(notice: NoticeView) -> str:
    """A notice as an item of the list of notices."""
    return templates.get_template("_notice.html").render(notice=line(notice))


def about(lead: LeadRef) -> str:
    """Who a lead is, in a few words."""
    name = " ".join(part for part in (lead.first_name, lead.last_name) if part)
    return ", ".join(part for part in (name, lead.company) if part) or "A lead without a name"
