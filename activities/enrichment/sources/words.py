"""What kind of news a headline is, by words of our own (`signal_words.csv`)."""

import csv
import re
from functools import cache
from pathlib import Path

from activities.enrichment.naming import name_key
from activities.enrichment.provider import SignalKind

_LONGEST = 300


def kind_of(headline: str) -> SignalKind | None:
    """The first kind whose words a headline has; None for none."""
    for kind, pattern in _patterns():
        if pattern.search(headline[:_LONGEST]):
            return kind
    return None


def names(headline: str, company: str) -> bool:
    """Whether a headline names a company, as whole words."""
    return f" {name_key(company)} " in f" {name_key(headline)} "


@cache
def _patterns() -> list[tuple[SignalKind, re.Pattern[str]]]:
    with Path(__file__).with_name("signal_words.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return [(SignalKind(kind), re.compile(",".join(pattern), re.IGNORECASE)) for kind, *pattern in rows]
