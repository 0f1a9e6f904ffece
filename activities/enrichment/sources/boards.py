"""What public job boards have in common."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from activities.enrichment.cleaning import line
from activities.enrichment.naming import label_of, name_key
from activities.enrichment.provider import Answer, Company, News, SignalKind

_TOKEN = re.compile(r"[a-z0-9_-]{2,60}")
KNOWN, GUESSED = 0.95, 0.6
"""How sure it is that a board is the company's: its site links there, or only the name is the same."""


@dataclass(frozen=True, slots=True)
class Job:
    """An open position: what it is called, and since when."""

    title: str
    at: datetime


def board_of(who: Company, fact: str) -> tuple[str, float] | None:
    """The name of a company's board, and how sure that is; None when there is nothing to try.

    Args:
        who: the company.
        fact: what its site's link to such a board is known as.
    """
    linked = who.known.get(fact)
    if isinstance(linked, str) and _TOKEN.fullmatch(linked):
        return linked, KNOWN
    guess = label_of(who.domain) if who.domain else name_key(who.name or "").replace(" ", "")
    return (guess, GUESSED) if _TOKEN.fullmatch(guess) else None


def hiring(jobs: Sequence[Job], page: str, confidence: float) -> Answer:
    """What a board's positions say. The same month's hiring is one signal, dated by the newest position.

    Args:
        jobs: all of them.
        page: where people read the board.
        confidence: that it is the company's.
    """
    if not jobs:
        return Answer({"open_roles": 0}, confidence=confidence)
    newest = max(jobs, key=lambda job: job.at)
    at = min(newest.at, datetime.now(UTC))
    count = f"{len(jobs)} open role{'s' if len(jobs) != 1 else ''}"
    title = f"{count}, the latest: {line(newest.title, 120)}"
    url = page if urlsplit(page).scheme in ("http", "https") else None
    news = News(SignalKind.HIRING, at, title, url, confidence, key=f"open roles {at:%Y-%m}")
    return Answer({"open_roles": len(jobs), "hiring": True}, (news,), confidence)
