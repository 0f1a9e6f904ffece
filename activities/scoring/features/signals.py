"""What happens at a lead's company: hiring, funding, expansion, new leaders. Marketers call such data exegraphic."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from activities.scoring.features.known import Features, Sign, days

KINDS: Final = ("hiring", "funding", "expansion", "leadership")
_SPANS: Final = (("30d", 30.0), ("90d", 90.0))
_CALLED: Final = {"leadership_change": "leadership", "new_leader": "leadership", "job_opening": "hiring", "jobs": "hiring"}
_PLAIN: Final = re.compile(r"[^a-z0-9_]+")
_MOST: Final = 20


def signals(signs: Sequence[Sign], at: datetime) -> Features:
    """Recency, count and kind of what happened at the company.

    Args:
        signs: in any order; one dated after the moment counts as of the moment, for it was announced.
        at: the moment it is seen from.
    """
    ages: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for sign in sorted(signs, key=lambda sign: (sign.at, sign.kind)):
        kind = _PLAIN.sub("_", sign.kind.lower())
        ages.setdefault(_CALLED.get(kind, kind), []).append(days(sign.at, at))
    found: Features = {"signal.count": float(len(signs)), "signal.kinds": float(sum(1 for one in ages.values() if one))}
    for kind, one in list(ages.items())[:_MOST]:
        found[f"signal.{kind}.count"] = float(len(one))
        for name, span in _SPANS:
            found[f"signal.{kind}.count_{name}"] = float(sum(age <= span for age in one))
        if one:
            found[f"signal.{kind}.days"] = min(one)
    if signs:
        found["signal.days"] = min(min(one) for one in ages.values() if one)
        found["signal.latest"] = min((min(one), kind) for kind, one in ages.items() if one)[1]
    return found


def signs_of(enrichment: Mapping[str, Any], seen_at: datetime | None, at: datetime) -> list[Sign]:
    """The signs among a provider's findings that were seen by a moment. The one place that knows how findings hold them.

    Args:
        enrichment: findings by name; `signals` is a list of `{kind, at, seen_at}`.
        seen_at: when the findings came, for signs that do not say when they were seen.
        at: the moment.
    """
    found = enrichment.get("signals")
    return list(_readable(found, seen_at, at)) if isinstance(found, list) else []


def _readable(found: Iterable[Any], seen_at: datetime | None, at: datetime) -> Iterable[Sign]:
    for item in found:
        if not isinstance(item, Mapping) or not isinstance(item.get("kind"), str):
            continue
        when = _moment(item.get("at"), at)
        seen = _moment(item.get("seen_at"), at) or seen_at
        if when is not None and (seen is None or seen <= at):
            yield Sign(item["kind"], when)


def _moment(value: object, like: datetime) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=like.tzinfo)
