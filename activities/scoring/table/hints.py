"""Names of columns that are filled in after the outcome, and how strong such a column must be to be accused."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from activities.scoring.table.kinds import USEFUL, Kind

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
BEFORE = frozenset({"prev", "previous", "prior", "past", "former", "historical", "avg", "average", "estimated", "expected"})
"""Words that say that something was known before."""


@dataclass(frozen=True, slots=True)
class _Hint:
    """Names for what is only known afterwards, and how strong such a column must be to be accused."""

    words: frozenset[str]
    strength: float
    why: str
    also: frozenset[str] = frozenset()
    kinds: frozenset[Kind] = USEFUL
    gaps: float = 0.0


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


JUDGED = _words("score index grade rating")
"""Names of judgements, in words."""
PARTLY = 0.2
"""A column with a greater share of gaps than this was filled in for part of the leads only."""
_WORDED = frozenset({Kind.CATEGORY, Kind.TEXT})
_HINTS = (
    _Hint(_words("outcome result converted conversion won lost churned disposition"), 0.62, "its name is that of an outcome"),
    _Hint(
        _words("closed close closing signed invoice invoiced onboarding onboarded"),
        0.62,
        "its name is that of something that follows the outcome",
    ),
    _Hint(
        _words("contract"),
        0.62,
        "its name is that of something that follows the outcome",
        also=_words("date day signed start sent value number no id"),
    ),
    _Hint(_words("tags tag lead_tag"), 0.65, "tags are set while the lead is worked", kinds=_WORDED),
    _Hint(
        _words("quality profile rating grade"),
        0.58,
        "it is a judgement made while the lead is worked",
        also=_words("lead prospect sales opportunity deal"),
    ),
    _Hint(
        _words("stage status"),
        0.7,
        "it says where the lead ended up",
        also=_words("lead deal sales opportunity pipeline funnel current final"),
    ),
    _Hint(_words("stage status"), 0.75, "it says where the lead ended up", kinds=_WORDED),
    _Hint(
        _words("reason"),
        0.65,
        "reasons are written down afterwards",
        also=_words("lost close closed loss win won disqualified rejection churn"),
    ),
    _Hint(
        _words("duration"), 0.7, "how long a conversation took is known only after it", also=_words("call talk conversation phone contact")
    ),
    _Hint(_words("duration"), 0.75, "how long it took is known only after it"),
    _Hint(
        _words("revenue amount value price paid payment mrr arr"),
        0.7,
        "it is the value of a sale that was made",
        also=_words("deal won close closed contract order sale final booked"),
    ),
    _Hint(
        _words("activity notable status action"),
        0.64,
        "it is overwritten by whatever happened last, the outcome's own traces included",
        also=_words("last latest"),
        kinds=_WORDED,
    ),
    _Hint(
        JUDGED,
        0.68,
        "it is a judgement that only part of the leads ever got, given while they were worked",
        gaps=PARTLY,
    ),
)


def accused_by_name(name: str, kind: Kind, strength: float, gaps: float) -> Iterator[str]:
    """Why a column is held to leak for its name and a strength that bears it out.

    Args:
        name: of the column.
        kind: what it holds.
        strength: the ROC AUC it reaches by itself.
        gaps: the share of rows in which it is not known.
    """
    words = parts_of(name)
    if words & BEFORE:
        return
    for hint in _HINTS:
        if (
            words & hint.words
            and (not hint.also or words & hint.also)
            and kind in hint.kinds
            and strength >= hint.strength
            and gaps >= hint.gaps
        ):
            yield f"{hint.why}, and by itself it reaches ROC AUC {strength:.3f}; keep it with --keep if it is known when a lead is scored"


def parts_of(name: str) -> frozenset[str]:
    """The words in a column's name, however it is spelled."""
    return frozenset(word.lower() for word in _WORD.findall(name))
