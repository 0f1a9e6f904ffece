"""One lead as one row of a list: HTML that is the same for every reader, so that a change is rendered once for all of them.

What depends on the reader (whether they may claim, whether it is theirs) is decided in the page, by comparing words that
stand in the row's attributes with those of `<body>`.
"""

from dataclasses import dataclass

from markupsafe import Markup

from api.board import times, words
from api.board.entries import attempted
from api.board.pages import templates
from api.board.views import views_of
from models.lifecycle import DeadlineKind, EntryKind, Stage
from models.schemas.common import Person
from models.schemas.leads import HandBackRef, LeadCard

_DUE = {
    **words.DUE,
    DeadlineKind.CONTACT: "Contact",
    DeadlineKind.MEAGER: "Follow up",
    DeadlineKind.NURTURE_STALE: "Quiet",
}
"""What is due, in a word or two: beside a clock there is room for no more."""
_WHY_BACK = {
    EntryKind.RELEASED: "handed back",
    EntryKind.LAPSED: "time ran out",
    EntryKind.MEAGER: "too few tries",
    EntryKind.NOT_READY: "not ready",
    EntryKind.OVERRIDDEN: "moved by hand",
}


@dataclass(frozen=True, slots=True)
class Row:
    """What a row says.

    Args:
        card: the lead.
        name: of the person, or what comes closest.
        about: title and company, where they do not stand in the name.
        reason: what speaks most for or against it.
        place: where it stands, as a sentence for when it leaves a list.
        back: from whom it came back and why, in one line; empty when it did not.
        message: what is said where the button was.
    """

    card: LeadCard
    name: str
    about: str
    reason: str
    place: str
    back: str
    message: str | None


def row(card: LeadCard, *, message: str | None = None) -> Row:
    """What a lead's row says.

    Args:
        card: the lead.
        message: to stand where the button was.
    """
    name, about = _who(card)
    return Row(card, name, about, top_reason(card), _place(card), back(card.handback) if card.handback else "", message)


def row_html(card: LeadCard, *, message: str | None = None) -> str:
    """A lead's row, the same for every reader.

    Args:
        card: the lead.
        message: to stand where the button was: why something was refused.
    """
    return templates.get_template("_row.html").render(row=row(card, message=message))


def top_reason(card: LeadCard) -> str:
    """What speaks most for or against a lead, in words; that it has no score yet, where that is so."""
    if card.reason and card.reason.get("text"):
        return str(card.reason["text"])
    return "Nothing is known about it yet" if card.score is None else "Nothing counts for it yet"


def back(handback: HandBackRef) -> str:
    """From whom a lead came back, why, and what they tried: "Mara Jung: time ran out · called, no answer"."""
    why = _WHY_BACK.get(handback.kind, "handed back")
    if handback.reason:
        why = f"“{handback.reason}”"
    who = f"{handback.rep.name}: " if handback.rep else ""
    tried = handback.attempt
    last = _lower(attempted(tried.channel, tried.outcome)) if tried else "never tried"
    return f"{who}{why} · {last}"


def initials(name: str) -> str:
    """The one or two letters that stand for a name."""
    parts = [part for part in name.split() if part[0].isalnum()] or name.split()
    ends = parts[:1] + parts[-1:] if len(parts) > 1 else parts
    return "".join(part[0] for part in ends).upper() or "?"


def _who(card: LeadCard) -> tuple[str, str]:
    """The name to call a lead by, and what else says who they are."""
    name = " ".join(part for part in (card.first_name, card.last_name) if part)
    about = [part for part in (card.title, card.company) if part]
    if name:
        return name, ", ".join(about) or card.email or ""
    return card.email or card.company or "Somebody without a name", ", ".join(about)


def _place(card: LeadCard) -> str:
    """Where a lead stands, said of one that just left a list."""
    if card.owner:
        verb = {Stage.CLAIMED: "Claimed by", Stage.ASSIGNED: "Assigned to", Stage.QUALIFIED: "Qualified by"}.get(card.stage, "With")
        return f"{verb} {card.owner.name}"
    if card.handback and card.handback.rep:
        return f"Handed back by {card.handback.rep.name}: now {_lower(words.STAGES[card.stage])}"
    return f"Now: {_lower(words.STAGES[card.stage])}"


def _lower(word: str) -> str:
    return word[:1].lower() + word[1:]


def _row_in_place(card: LeadCard) -> Markup:
    return Markup(row_html(card))  # noqa: S704 - what the template escaped already


def _initials_of(person: Person) -> str:
    return initials(person.name)


templates.globals |= {"DUE": _DUE, "words": words, "views_of": views_of, "times": times}
templates.filters |= {"initials": _initials_of, "row": _row_in_place}
