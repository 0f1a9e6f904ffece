"""What is different: what two agreements say, and the leads that go another way."""

from collections.abc import Iterable, Mapping, Sequence
from heapq import heappush, heappushpop
from typing import Any

from models.policy import Policy
from workflows.whatif.life import Lived
from workflows.whatif.record import Row, way

_LISTED = 200
"""So many of the leads that go another way are named, those with the highest scores."""
_UNSIMULATED = {
    "sal": "what makes a lead sales-accepted",
    "disqualify": "which leads are out",
    "tracking": "what is tracked",
    "signals": "which signals are machines'",
    "assessments": "assessments",
}


class Changed:
    """The leads that go another way, with the first thing that is different.

    Attributes:
        leads: how many; a mean over the times each was told.
    """

    def __init__(self) -> None:
        self.leads = 0.0
        self._listed: list[tuple[float, int, dict[str, Any]]] = []

    def add(self, number: int, lead: str, rows: Sequence[Row], lives: Sequence[Lived]) -> None:
        """Look at a lead: its record, and its lives as they were told."""
        old = way(rows)
        others = [path for path in (way(life.rows) for life in lives) if path != old]
        if not others:
            return
        self.leads += len(others) / len(lives)
        new = others[0]
        place = next((n for n, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), min(len(old), len(new)))
        score = next((row.score for row in reversed(rows) if row.score is not None), None)
        found = {
            "lead": lead,
            "score": score,
            "share": len(others) / len(lives),
            "was": _step(old[place]) if place < len(old) else None,
            "would": _step(new[place]) if place < len(new) else None,
        }
        item = (-1.0 if score is None else score, -number, found)
        heappush(self._listed, item) if len(self._listed) < _LISTED else heappushpop(self._listed, item)

    def listed(self) -> list[dict[str, Any]]:
        """Those with the highest scores, the highest first."""
        return [found for _, _, found in sorted(self._listed, key=lambda item: item[:2], reverse=True)]


def _step(step: tuple[Any, ...]) -> dict[str, Any]:
    kind, stage, owner = step
    return {"kind": str(kind), "stage": str(stage), "owner": owner}


def unsimulated(own: Iterable[Policy], other: Policy) -> list[str]:
    """What the other agreement says otherwise without its making a difference here."""
    found = [f"{key}: {words}" for key, words in _UNSIMULATED.items() if any(getattr(policy, key) != getattr(other, key) for policy in own)]
    if any(policy.score.points != other.score.points for policy in own):
        found.append("score.points: the points table")
    if any(policy.routing.existing_owner != other.routing.existing_owner for policy in own):
        found.append("routing.existing_owner: whose company a lead belongs to")
    return found


def changes(own: Policy, other: Policy) -> list[dict[str, str]]:
    """What the other agreement says otherwise than the latest one, key by key."""
    before, after = (_flat(policy.model_dump(mode="json")) for policy in (own, other))
    keys = [key for key in (*before, *(key for key in after if key not in before)) if before.get(key) != after.get(key)]
    return [{"key": key, "was": str(before.get(key, "")), "would": str(after.get(key, ""))} for key in keys]


def _flat(document: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in document.items():
        found |= _flat(value, f"{above}{key}.") if isinstance(value, dict) and value else {above + key: value}
    return found
