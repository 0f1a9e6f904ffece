"""What is known of a lead as of a moment: the input of features, without a database."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Feature = str | float | bool | datetime | None
"""A value a model may use. None, like a name that is absent, means unknown."""
Features = dict[str, Feature]
"""One lead as of one moment: a flat row under stable, dotted names such as `title.seniority` or `did.pricing_view.count_7d`."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Something the lead did.

    Args:
        kind: of engagement.
        at: when, never after the moment the features are for.
        properties: what is known of it, by name; values are texts, as the sender wrote them, or None for what is not known.
    """

    kind: str
    at: datetime
    properties: Mapping[str, str | None] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """A property as text; None where it is blank or absent."""
        found = self.properties.get(name)
        return found.strip() or None if found else None

    def number(self, name: str) -> float | None:
        """A property as a finite number; None for anything else."""
        found = self.properties.get(name)
        return number(found) if found else None


@dataclass(frozen=True, slots=True)
class Sign:
    """Something that happened at the lead's company: an exegraphic signal.

    Args:
        kind: `hiring`, `funding`, `expansion`, `leadership`, …
        at: when it happened.
    """

    kind: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Usual:
    """How long others stay, as natural logarithms of seconds, in the geometric mean.

    Args:
        paths: on each page by its path, for pages that enough others saw.
        word: for each word of a page.
        pixel: for each pixel of a page's height.
    """

    paths: Mapping[str, float] = field(default_factory=dict)
    word: float | None = None
    pixel: float | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """Everything known of a lead as of a moment.

    Args:
        created_at: when it first came.
        person: what forms said, as `lead_facts` of kind `person` has it.
        enrichment: findings by name, without where they come from.
        signs: what happened at its company, in any order.
        deeds: what it did, the earliest first.
        usual: how long others stay on the pages it saw.
    """

    created_at: datetime
    person: Mapping[str, Any] = field(default_factory=dict)
    enrichment: Mapping[str, Any] = field(default_factory=dict)
    signs: Sequence[Sign] = ()
    deeds: Sequence[Deed] = ()
    usual: Usual = Usual()


def number(value: object) -> float | None:
    """The finite number something is, written as a number or as text; None where it is none."""
    if value is None or isinstance(value, bool):
        return None
    try:
        found = float(value) if isinstance(value, int | float) else float(str(value).replace(",", "").strip())
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def days(earlier: datetime, later: datetime) -> float:
    """Days between two moments, at least 0, to the minute: finer would only say which lead it is."""
    return max(round((later - earlier).total_seconds() / 60), 0) / 1440
