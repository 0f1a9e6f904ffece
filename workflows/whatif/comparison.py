"""Many lives under two agreements: as they were, and as they would have been."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappush, heappushpop
from random import Random
from typing import Any

from models.policy import Policy
from workflows.whatif.crowd import Crowd
from workflows.whatif.figures import BLOCKS, Sums, Wins, counted, taken
from workflows.whatif.life import Lived, PolicyOf, live
from workflows.whatif.record import Past, Row, way

SEEDS = 5
"""How many times chance is let decide, each time with the crowd drawn anew from what was seen."""
_CHECKED = 300
"""So many leads are also told again under their own agreement, to see that they are what they were."""
_LISTED = 200
"""So many of the leads that go another way are named, those with the highest scores."""
_DAY = 86_400.0
_UNSIMULATED = {
    "sal": "what makes a lead sales-accepted",
    "disqualify": "which leads are out",
    "tracking": "what is tracked",
    "signals": "which signals are machines'",
    "assessments": "assessments",
}
ASSUMPTIONS = (
    "What prospects did and how they were scored stays as it was and when it was; a changed points table or model is not applied to them.",
    "As long as a lead goes its old way, everything in it is as recorded, late timers included.",
    "A rep who has the same lead at the same time does with it what they did, whatever deadline stands over them: nobody hurries or idles.",
    "A rep who gets a lead they did not have acts as fast, and does the same, as on leads they did have (drawn from those; from "
    "everybody's where theirs are fewer than 20). Where a lead was taken from a rep before they did anything, what they would have "
    "done later is drawn from those that were left longer (Kaplan-Meier). Nobody acts later than anybody was seen to: deadlines that "
    "are longer than all that were in force look worse than they are.",
    "A lead that is longer for anybody to claim is claimed as leads of its tier were; one that comes to review is reviewed as others were.",
    "The tree gives leads to reps in proportion to how many each got; how full a rep is does not count. With fewer reps each works as fast "
    "as before, so the breaches with fewer reps are a lower bound: look at the load.",
    "Expected wins are the share of leads won among those with a like score that were reached as soon. That is no proof that reaching "
    "them sooner wins them.",
    "Both agreements are told up to the same moment; what is still open then is open in both.",
)
"""What a comparison takes for granted, in words."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Args:
        policy: the other agreement.
        own: the agreements that were in force, by version.
        since, until: when the leads arrived.
        as_of: up to when lives are told.
        without: reps who are not there.
        seed: of chance, so that the same question has the same answer.
    """

    policy: Policy
    own: Mapping[int, Policy]
    since: datetime
    until: datetime
    as_of: datetime
    without: frozenset[str] = frozenset()
    seed: int = 7


@dataclass(slots=True)
class Watched:
    """What was learnt in a first look at all leads.

    Attributes:
        crowd: what people were seen to do.
        wins: which leads were won.
        reps: who had leads.
        leads: how many were looked at.
    """

    crowd: Crowd = field(default_factory=Crowd)
    wins: Wins = field(default_factory=Wins)
    reps: set[str] = field(default_factory=set)
    leads: int = 0

    def watch(self, past: Past, as_of: datetime, chance: Random) -> None:
        """Learn from a lead."""
        self.leads += 1
        rows = cut(past.rows, as_of)
        self.crowd.watch(past if len(rows) == len(past.rows) else Past(past.lead, past.told, rows), as_of, chance)
        self.wins.watch(rows)
        self.reps.update(row.owner for row in rows if row.owner is not None)


def cut(rows: Iterable[Row], as_of: datetime) -> list[Row]:
    """A ledger up to a moment."""
    return [row for row in rows if row.at <= as_of]


class Comparison:
    """Tells leads again, one after the other, and keeps only sums.

    Args:
        question: what is asked.
        watched: what people were seen to do.
    """

    def __init__(self, question: Question, watched: Watched) -> None:
        self._question, self._watched = question, watched
        chance = Random(question.seed)  # noqa: S311 - no secrecy
        watched.crowd.without = question.without
        self._crowds = [watched.crowd.resampled(chance) for _ in range(SEEDS)]
        left = len(watched.reps - question.without)
        self._sums = Sums(SEEDS, (len(watched.reps), left))
        self._days = max((question.as_of - question.since).total_seconds() / _DAY, 1e-9)
        self._was: Counter[str] = Counter()
        self._would: Counter[str] = Counter()
        self._leads = self._checked = self._exact = 0
        self._changed = 0.0
        self._another: list[tuple[float, int, dict[str, Any]]] = []
        self._plain = Crowd()

    def add(self, past: Past) -> None:
        """Tell a lead's life under both agreements.

        Lives in which chance has a say are told once for every seed.
        """
        question, wins = self._question, self._watched.wins
        rows = cut(past.rows, question.as_of)
        if self._checked < _CHECKED:
            self._check(past, rows)
        lives = [self._live(past, self._policy, 0)]
        if lives[0].drawn:
            lives += [self._live(past, self._policy, seed) for seed in range(1, SEEDS)]
        was = counted(rows, question.as_of, wins, self._days)
        same = lives[0].as_recorded and not question.without
        would = [was] if same else [counted(life.rows, question.as_of, wins, self._days) for life in lives]
        self._sums.add(self._leads % BLOCKS, was, would)
        self._was.update(taken(rows))
        for life in lives:
            for rep, times in taken(life.rows).items():
                self._would[rep] += times * (SEEDS // len(lives))
        self._leads += 1
        if not same:
            self._note(past.lead, rows, lives)

    def _policy(self, _: int) -> Policy:
        return self._question.policy

    def _live(self, past: Past, policy_of: PolicyOf, seed: int) -> Lived:
        chance = Random(f"{self._question.seed} {seed} {past.lead}")  # noqa: S311 - no secrecy, the same every time
        return live(past, policy_of, self._question.as_of, self._crowds[seed], chance)

    def _check(self, past: Past, rows: list[Row]) -> None:
        """Told again under its own agreement a life must be the recorded one."""
        own = live(past, self._question.own.__getitem__, self._question.as_of, self._plain, Random(0))  # noqa: S311 - never asked
        self._checked += 1
        self._exact += own.rows == rows

    def _note(self, lead: str, rows: list[Row], lives: list[Lived]) -> None:
        """Keep in mind a lead that goes another way, with the first thing that is different."""
        old = way(rows)
        others = [path for path in (way(life.rows) for life in lives) if path != old]
        if not others:
            return
        self._changed += len(others) / len(lives)
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
        item = (-1.0 if score is None else score, -self._leads, found)
        heappush(self._another, item) if len(self._another) < _LISTED else heappushpop(self._another, item)

    def result(self) -> dict[str, Any]:
        """What came of it, as JSON; leads and reps by their ids."""
        question = self._question
        chance = Random(question.seed)  # noqa: S311 - no secrecy
        figures = [
            {"name": name, "was": _plain(was), "would": _plain(would), "difference": _plain(gain)}
            for name, was, would, gain in self._sums.intervals(chance)
        ]
        reps = sorted(self._watched.reps | set(self._would))
        return {
            "leads": self._leads,
            "as_of": question.as_of.isoformat(),
            "changed": round(self._changed, 2),
            "exact": {"checked": self._checked, "same": self._exact},
            "figures": figures,
            "reps": [{"rep": rep, "was": self._was[rep], "would": round(self._would[rep] / SEEDS, 2)} for rep in reps],
            "changed_leads": [found for _, _, found in sorted(self._another, key=lambda item: item[:2], reverse=True)],
            "behaviour": self._watched.crowd.seen(),
            "assumptions": list(ASSUMPTIONS),
            "not_simulated": unsimulated(question.own.values(), question.policy),
            "changes": changes(question.own[max(question.own)], question.policy) if question.own else [],
        }


def unsimulated(own: Iterable[Policy], other: Policy) -> list[str]:
    """What the other agreement says otherwise without its making a difference here."""
    found = [f"{key}: {words}" for key, words in _UNSIMULATED.items() if any(getattr(policy, key) != getattr(other, key) for policy in own)]
    if any(policy.score.points != other.score.points for policy in own):
        found.append("score.points: the points table")
    if any(policy.routing != other.routing for policy in own):
        found.append("routing: whom leads go to")
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


def _step(step: tuple[Any, ...]) -> dict[str, Any]:
    kind, stage, owner = step
    return {"kind": str(kind), "stage": str(stage), "owner": owner}


def _plain(interval: tuple[float, float, float]) -> dict[str, float]:
    value, low, high = interval
    return {"value": round(value, 3), "low": round(low, 3), "high": round(high, 3)}
