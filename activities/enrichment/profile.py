"""What is known of a lead, put together from what everybody said: whom to believe, and what is missing.

The order, first to last: what the form says, the customer's attributes (both win when facts are read,
`activities.scoring.facts`), a source with a key, a registry, the company's site, a guess. Within a rank the one
asked on a later day counts, then the surer one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from activities.enrichment.provider import MISSING, Rank, Value, Why

ABOUT_FINDINGS: Final = frozenset({"provenance", "missing", "why"})
"""The keys of a profile that are no facts."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing a source says.

    Args:
        fact: its name.
        value: what it is.
        source: who says so.
        at: when they were asked.
        confidence: 0-1.
    """

    fact: str
    value: Value
    source: str
    at: datetime
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Said:
    """What sources said of somebody.

    Args:
        claims: all of it.
        why: by source, why it said nothing.
        asked: everybody who was asked, whatever came of it.
    """

    claims: tuple[Claim, ...] = ()
    why: Mapping[str, Why] = field(default_factory=dict)
    asked: frozenset[str] = frozenset()


def settled(claims: Iterable[Claim], ranks: Mapping[str, Rank]) -> dict[str, Claim]:
    """The one to believe, by fact.

    Args:
        claims: what everybody says.
        ranks: by source; one nobody knows is a guess.
    """
    found: dict[str, Claim] = {}
    for claim in claims:
        other = found.get(claim.fact)
        if other is None or _weight(claim, ranks) > _weight(other, ranks):
            found[claim.fact] = claim
    return found


def _weight(claim: Claim, ranks: Mapping[str, Rank]) -> tuple[int, int, float, datetime]:
    """Seconds make nobody wiser: sources are asked one after the other, so freshness counts by the day."""
    return ranks.get(claim.source, Rank.GUESS), claim.at.toordinal(), claim.confidence, claim.at


def profile(said: Iterable[Said], ranks: Mapping[str, Rank]) -> dict[str, Any]:
    """A lead's profile as it is stored: the facts by name, `provenance` (of each its `source`, `at` and `confidence`), `missing`
    (the sources that may have had something to say) and `why` (by source, why it said nothing).

    Args:
        said: of the person and of their company.
        ranks: by source.
    """  # noqa: D205 - one sentence
    parts = list(said)
    best = settled((claim for part in parts for claim in part.claims), ranks)
    why = {source: reason for part in parts for source, reason in part.why.items()}
    return {
        **{fact: claim.value for fact, claim in sorted(best.items())},
        "provenance": {
            fact: {"source": claim.source, "at": claim.at.isoformat(), "confidence": round(claim.confidence, 3)}
            for fact, claim in sorted(best.items())
        },
        "missing": sorted(source for source, reason in why.items() if reason in MISSING),
        "why": {source: reason.value for source, reason in sorted(why.items())},
    }


def said_in(document: Mapping[str, Any], sources: Iterable[str]) -> Said:
    """What these sources said, out of a stored profile. One of an older version, which knew no confidence, is read too."""
    names = set(sources)
    origins: Mapping[str, Mapping[str, Any]] = document.get("provenance", {})
    claims = tuple(
        Claim(fact, document[fact], origin["source"], datetime.fromisoformat(origin["at"]), float(origin.get("confidence", 1.0)))
        for fact, origin in origins.items()
        if origin["source"] in names and fact in document
    )
    why = {source: Why(reason) for source, reason in document.get("why", {}).items() if source in names}
    return Said(claims, why)


def facts_in(document: Mapping[str, Any]) -> dict[str, Any]:
    """The facts alone of a stored profile."""
    return {name: value for name, value in document.items() if name not in ABOUT_FINDINGS}
