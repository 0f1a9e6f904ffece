"""What the pages of what-if say: the usual changes as fields of a form, and what a replay found in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from api.board.pages import templates
from api.errors import Invalid
from models.policy import Policy
from models.schemas.whatif import Bounded, ChangedLead, ComparedFigure, SimulationSummary, Turn
from workflows.whatif.figures import Figure

FIGURES: Final[Mapping[str, str]] = {
    Figure.CONTACTED: "Leads a rep reached",
    Figure.CONTACTED_WITHIN_DAY: "… within 24 hours",
    Figure.HAND_BACKS: "Hand-backs",
    Figure.BREACHES: "Deadlines that reps let pass",
    Figure.TAKEN: "Times a rep got a lead",
    Figure.OPEN_LOAD: "Leads a rep has at a time",
    Figure.QUEUED: "Leads nobody was free for",
    Figure.TO_NURTURE: "Times a lead went to nurture",
    Figure.NURTURE_SENDS: "Nurture messages",
    Figure.EXPECTED_WINS: "Expected wins",
}
"""What is compared, in words."""
_GOOD: Final = frozenset({Figure.CONTACTED, Figure.CONTACTED_WITHIN_DAY, Figure.EXPECTED_WINS})
_KINDS: Final[Mapping[str, str]] = {
    "arrived": "arrived",
    "reopened": "came back",
    "claimed": "claimed",
    "assigned": "assigned",
    "contacted": "reached",
    "qualified": "qualified",
    "not_ready": "not ready",
    "disqualified": "not a fit",
    "won": "won",
    "lost": "lost",
    "released": "handed back",
    "lapsed": "lapsed",
    "meager": "followed up too little",
    "overridden": "set by hand",
    "reviewed": "reviewed",
    "to_review": "sent to review",
    "held": "held by marketing",
    "resumed": "given back to automation",
    "nurtured": "sent to nurture",
    "promoted": "promoted",
    "stale": "let go as stale",
    "tree_ended": "unreached after 48 hours",
    "closed": "closed",
    "erased": "erased",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A usual change, as a field of the form.

    Args:
        name: the field's.
        key: the policy's, dotted.
        label: in words, with the unit.
        seconds: how long one unit is; None for a plain number.
        highest: the most it may be.
    """

    name: str
    key: str
    label: str
    seconds: int | None
    highest: float


USUAL: Final[tuple[Change, ...]] = (
    Change("contact", "deadlines.contact", "Hours to first contact", 3600, 2000),
    Change("window_high", "deadlines.claim_window.high", "Minutes to claim a high lead", 60, 20_000),
    Change("window_medium", "deadlines.claim_window.medium", "Minutes to claim a medium lead", 60, 20_000),
    Change("window_low", "deadlines.claim_window.low", "Minutes to claim a low lead", 60, 20_000),
    Change("high", "score.tiers.high", "Score from which a lead is high", None, 100),
    Change("medium", "score.tiers.medium", "Score from which a lead is medium", None, 100),
)
"""The usual changes, in the order of the form."""


def values(policy: Policy) -> dict[str, str]:
    """The usual fields as the agreement has them."""
    return {change.name: _shown(change, _at(policy, change.key)) for change in USUAL}


def chosen(policy: Policy, sent: Mapping[str, str]) -> dict[str, Any]:
    """What a form changes, by dotted key.

    Args:
        policy: the agreement in force.
        sent: the form's fields.

    Raises:
        Invalid: naming the fields that hold no number.
    """
    now = values(policy)
    found: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for change in USUAL:
        text = sent.get(change.name, "").strip().replace(",", ".")
        if not text or text == now[change.name]:
            continue
        try:
            number = float(text)
        except ValueError:
            number = -1.0
        if not 0 <= number <= change.highest:
            wrong[change.label] = f"must be a number from 0 to {change.highest:g}"
        else:
            found[change.key] = f"{number * change.seconds:g}s" if change.seconds else number
    if wrong:
        raise Invalid(wrong)
    return found


def _at(policy: Policy, key: str) -> Any:
    found: Any = policy
    for part in key.split("."):
        found = getattr(found, part)
    return found


def _shown(change: Change, value: Any) -> str:
    number = value.total_seconds() / change.seconds if isinstance(value, timedelta) and change.seconds else float(value)
    return f"{number:g}"


def in_words(turn: Turn | None) -> str:
    """A turn of a lead's life: what happened, and to whom."""
    if turn is None:
        return "nothing more"
    said = _KINDS.get(turn.kind, turn.kind.replace("_", " "))
    who = turn.owner.name if turn.owner else ""
    return f"{said} ({who})" if who else said


def ways(lead: ChangedLead) -> tuple[str, str]:
    """What is different first: as it was, and as it would be; with where it goes where the words alone are the same."""
    was, would = in_words(lead.was), in_words(lead.would)
    if was == would and lead.was and lead.would:
        was, would = (f"{said}, to {turn.stage.replace('_', '-')}" for said, turn in ((was, lead.was), (would, lead.would)))
    return was, would


def verdict(figure: ComparedFigure) -> str:
    """Whether a difference is better, worse, or within what chance explains."""
    low, high = figure.difference.low, figure.difference.high
    if low <= 0 <= high:
        return "even"
    if figure.name in {Figure.TAKEN, Figure.OPEN_LOAD, Figure.TO_NURTURE, Figure.NURTURE_SENDS}:
        return "other"
    return "better" if (figure.difference.value > 0) == (figure.name in _GOOD) else "worse"


def share(simulation: SimulationSummary) -> int:
    """How much of a replay is done, in percent; 100 only once it is over."""
    if simulation.state.over:
        return 100
    return min(99, simulation.done * 100 // simulation.leads if simulation.leads else 0)


def _number(value: float) -> str:
    digits = 0 if abs(value) >= 100 or value == int(value) else 2 if abs(value) < 10 else 1
    return f"{value:,.{digits}f}".replace("-", "\u2212")


def _between(bounded: Bounded) -> str:
    return f"{_number(bounded.low)} to {_number(bounded.high)}"


def _signed(value: float) -> str:
    return f"+{_number(value)}" if value > 0 else _number(value)


templates.filters |= {
    "number": _number,
    "between": _between,
    "signed": _signed,
    "ways": ways,
    "whatif_share": share,
    "verdict": verdict,
}
templates.globals |= {"WHATIF_FIGURES": FIGURES, "WHATIF_USUAL": USUAL}
