"""The board's views: what each shows, in which order, and who it is for. The same for both teams.

A card belongs to views by its own facts alone (`views_of`), so a script only compares words; `mine` is everybody's own part
of the leads that somebody has.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from models.lifecycle import CLAIMABLE, OWNED, Role, Stage
from models.schemas.leads import LeadCard

Sort = Literal["newest", "score", "deadline", "handed_back"]
SORTS: Mapping[Sort, str] = {
    "newest": "Newest first",
    "score": "Best score first",
    "deadline": "Due first",
    "handed_back": "Last back first",
}
"""Every order of a list, in words."""
_EVERYWHERE: tuple[Sort, ...] = ("newest", "score", "deadline")
_MARKETING = frozenset({Stage.NURTURE, Stage.LONG_TERM, Stage.HELD})
_OVER = frozenset({Stage.DISQUALIFIED, Stage.WON, Stage.LOST})


@dataclass(frozen=True, slots=True)
class BoardView:
    """One list of leads.

    Args:
        slug: its name in addresses and scripts.
        title: its name for people.
        key: what follows `g` on the keyboard.
        empty: what it says when no lead is in it.
        wanted: the fields of a `LeadFilter` that select its leads.
        sort: the order it opens in.
        sorts: the orders it can have.
        counted: whether the rail shows how many there are; only for lists that somebody works off.
    """

    slug: str
    title: str
    key: str
    empty: str
    wanted: Mapping[str, Any] = field(default_factory=dict)
    sort: Sort = "newest"
    sorts: tuple[Sort, ...] = _EVERYWHERE
    counted: bool = True


VIEWS: Mapping[str, BoardView] = {
    view.slug: view
    for view in (
        BoardView("up", "Up for grabs", "u", "No lead is waiting.", {"claimable": True}),
        BoardView("mine", "Mine", "m", "You have no open leads. Take one from Up for grabs.", {"owner": ["me"]}, "deadline"),
        BoardView(
            "returned",
            "Handed back",
            "h",
            "Nothing came back. Every lead a rep took is still being worked, or has moved on.",
            {"handed_back": True},
            "handed_back",
            ("handed_back", *_EVERYWHERE),
        ),
        BoardView("review", "Review", "r", "Nothing waits for a look.", {"stage": [Stage.REVIEW]}, "deadline"),
        BoardView("nurture", "Nurture", "n", "Nobody is being nurtured now.", {"stage": sorted(_MARKETING)}),
        BoardView("closed", "Closed", "c", "No lead is closed yet.", {"stage": sorted(_OVER)}, sorts=("newest", "score"), counted=False),
        BoardView("all", "All leads", "a", "No lead has arrived yet.", counted=False),
    )
}
"""In the order of the rail."""

# Whoever does several of these lands on the first: what waits for a person goes before what only wants looking at.
_LANDING: tuple[tuple[Role, str], ...] = (
    (Role.REP, "up"),  # the first one wins, so what can be taken is in front
    (Role.REVIEWER, "review"),  # each waits for them alone, 24 hours long
    (Role.MANAGER, "returned"),  # where sales and marketing lose a lead to each other is where a manager is needed
    (Role.MARKETER, "nurture"),  # what automation has is theirs
)


def default_view(roles: Iterable[Role]) -> BoardView:
    """The view somebody with these roles lands on; admins see everything."""
    mine = frozenset(roles)
    return VIEWS[next((slug for role, slug in _LANDING if role in mine), "all")]


def views_of(card: LeadCard) -> tuple[str, ...]:
    """The views a lead is in. `mine` means: in its owner's."""
    belongs = {
        "up": card.claimable,
        "mine": card.stage in OWNED,
        "returned": card.handback is not None,
        "review": card.stage is Stage.REVIEW,
        "nurture": card.stage in _MARKETING,
        "closed": card.stage in _OVER,
        "all": True,
    }
    return tuple(slug for slug, holds in belongs.items() if holds)


def stages_of(view: BoardView) -> frozenset[Stage] | None:
    """The stages whose open leads are exactly a view's; None for a view that is not a matter of stages."""
    if view.wanted.get("claimable"):
        return CLAIMABLE
    return frozenset(view.wanted["stage"]) if "stage" in view.wanted else None
