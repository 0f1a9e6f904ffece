"""Why a model gives a lead its score, in sentences whose points add up to it; what would change it most; how sure it is.

A model's SHAP contributions (Lundberg and Lee, "A unified approach to interpreting model predictions", 2017) are additive in
log-odds. Points of the score are shares of the way from a usual lead's score to this one's, as each contributed to the log-odds.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from activities.scoring.features.known import Features
from activities.scoring.features.sayings import say
from activities.scoring.features.topics import called, topic
from activities.scoring.points import Behaviour, Reason, next_points
from models.policy import Policy

MOST: Final = 5
"""Reasons of a lead, the last of which is everything else."""
_LEAST: Final = 0.05
_COUNTER: Final = 0.5
NO_MODEL: Final = "Nobody has measured it: no model is in service yet, and these are the points that sales and marketing agreed on."
"""How sure the points table is."""
_REACH: Final = 1.96
"""Standard deviations on either side that hold 95 % of a normal distribution."""
_WORTH_IT: Final = 1.0


def explain(features: Features, contributions: Mapping[str, float], *, base: float, probability: float, at: datetime) -> list[Reason]:
    """The reasons of a score: at most five whose points add up to it, to the tenth.

    Args:
        features: of the lead.
        contributions: of each feature to the log-odds, by its name; missing ones are 0.
        base: the log-odds a lead has of which nothing is known, which the contributions are added to.
        probability: the calibrated chance; the score is 100 times that.
        at: as of when the features are.
    """
    start, gap = _chance(base), math.fsum(contributions.values())
    # where a lead is where everybody starts, a contribution is worth what the curve rises there
    slope = (_chance(base + gap) - start) / gap if abs(gap) > 1e-6 else start * (1 - start)
    worth = {name: 100 * slope * part for name, part in contributions.items()}
    return tell(features, worth, score=100 * probability, usual=100 * start, at=at)


def tell(features: Features, worth: Mapping[str, float], *, score: float, usual: float, at: datetime) -> list[Reason]:
    """The same from points of the score by feature.

    Features that one sentence is about count together. One reason that speaks against the others is among them if it counts.

    Args:
        features: of the lead.
        worth: points of the score by feature; what is not among them is everything else.
        score: 0 to 100, which all reasons add up to.
        usual: the score a lead has of which nothing is known.
        at: as of when the features are.
    """
    about: dict[str, list[str]] = {}
    for name in sorted(worth, key=lambda name: (-abs(worth[name]), name)):
        about.setdefault(topic(name), []).append(name)
    points = {one: math.fsum(worth[name] for name in names) for one, names in about.items()}
    order = sorted((one for one in about if abs(points[one]) >= _LEAST), key=lambda one: (-abs(points[one]), one))
    found = []
    for one in _both_sides(order, points):
        text, when = say(one, about[one], features, at)
        found.append(Reason(text, round(points[one], 1), when))
    rest = round(round(score, 1) - math.fsum(reason.points for reason in found), 1)
    return [*found, Reason(f"Everything else, from the {usual:.0f} of a usual lead on", rest)]


def _both_sides(order: Sequence[str], points: Mapping[str, float]) -> list[str]:
    best = list(order[: MOST - 1])
    if len(best) == MOST - 1 and len({points[one] > 0 for one in best}) == 1:
        against = [one for one in order[MOST - 1 :] if (points[one] > 0) != (points[best[0]] > 0) and abs(points[one]) >= _COUNTER]
        best[-1:] = against[:1] or best[-1:]
    return best


def _chance(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds)) if log_odds > -700 else 0.0


def judgement(by: str, **more: Any) -> dict[str, Any]:
    """Who judged, and what else is to be said of it, as it stands in `leads.judgement`.

    Args:
        by: `points`, or the version of a model.
        **more: `probability`, `usual` (a usual lead's score), `sure` and `change`.
    """
    return {"by": by, "probability": None, "usual": None, "sure": None, "change": None, **more}


def by_points(behaviour: Iterable[Behaviour], points: float, policy: Policy) -> dict[str, Any]:
    """What is to be said of a judgement by the points table, as it stands in `leads.judgement`.

    Args:
        behaviour: what the lead did.
        points: what it has.
        policy: whose table it is.
    """
    score = policy.points_as_score(points)
    return judgement(
        "points",
        points=round(points, 1),
        full=policy.score.points_to_sales,
        sure={"text": NO_MODEL, "seen": None, "low": None, "high": None},
        change=change(score, next_points(behaviour, points, policy)),
    )


def sure(won: int, seen: int, unknown: Iterable[str] = ()) -> dict[str, Any]:
    """How sure a score is, by what became of leads like this one.

    Args:
        won: how many of them succeeded.
        seen: how many there were.
        unknown: features that matter and that are unknown of this lead.

    Returns:
        `text`, `seen`, and `low` and `high`: the scores between which the truth lies in 95 of 100 cases.
    """
    low, high = wilson(won, seen)
    return sure_between(100 * low, 100 * high, seen, unknown)


def sure_between(low: float, high: float, seen: int, unknown: Iterable[str] = ()) -> dict[str, Any]:
    """The same where the interval, in points of the score, is known already."""
    leads = "1 lead like this one" if seen == 1 else f"{seen:,} leads like this one" if seen else "no lead like this one"
    names = dict.fromkeys(called(name) for name in unknown)
    gaps = f" Not known: {', '.join(names)}." if names else ""
    text = f"Between {low:.0f} and {high:.0f}, going by {leads} seen before.{gaps}"
    return {"text": text, "seen": seen, "low": round(low, 1), "high": round(high, 1)}


def wilson(won: int, seen: int) -> tuple[float, float]:
    """The interval in which a rate lies in 95 of 100 cases (Wilson's, 1927, which holds for small counts too); all of it for none."""
    if seen <= 0:
        return 0.0, 1.0
    rate, square = won / seen, _REACH**2
    middle = (rate + square / (2 * seen)) / (1 + square / seen)
    reach = _REACH / (1 + square / seen) * math.sqrt(rate * (1 - rate) / seen + square / (4 * seen**2))
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def change(score: float, scores: Mapping[str, float]) -> dict[str, Any] | None:
    """What would change a score most, of the things that can happen.

    Args:
        score: as it is.
        scores: what it would be, by what would have happened (“a demo request”), as `possibilities` names them.

    Returns:
        `text` and `points`; None where nothing would change it by a point.
    """

    def weight(what: str) -> tuple[float, bool, str]:
        return abs(scores[what] - score), not what.startswith("another "), what  # of two alike, what is new

    best = max(scores, key=weight, default=None)
    if best is None or abs(scores[best] - score) < _WORTH_IT:
        return None
    points = round(scores[best] - score, 1)
    does = f"would add about {points:.0f}" if points > 0 else f"would take away about {-points:.0f}"
    return {"text": f"{best[:1].upper()}{best[1:]} {does}", "points": points}
