"""What strangers say, made safe to store and to show: their answers may hold anything."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from activities.enrichment.provider import Answer, Findings, News, Value

_LONGEST = 300
_LONGEST_LIST = 100
_LARGEST = 1e15
"""More than anything that is counted of a company; beyond it numbers lose their last digits."""
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def line(text: str, most: int = _LONGEST) -> str:
    """A text as one line of bounded length, without what cannot be printed: control characters, lone surrogates, NUL."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def findings(said: Mapping[str, Value | None], most: int = 200) -> Findings:
    """What a source tells: each text in one line, and nothing that it leaves out.

    Args:
        said: its answer, by our names for facts.
        most: letters of a text.
    """
    lined = {fact: line(value, most) if isinstance(value, str) else value for fact, value in said.items()}
    return {fact: value for fact, value in lined.items() if value not in (None, "", [])}


def cleaned(answer: Answer) -> Answer:
    """An answer with what can be stored and shown: bounded lines, finite numbers, dates that were, addresses of the web."""
    facts: Findings = {}
    for fact, value in answer.facts.items():
        clean = _value(value)
        if clean is not None:
            facts[fact] = clean
    news = tuple(_news(item) for item in answer.news if line(item.title))
    return Answer(facts, news, min(max(answer.confidence, 0.0), 1.0))


def _value(value: Value) -> Value | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if abs(value) <= _LARGEST else None  # which no NaN is either
    if isinstance(value, list):
        return [word for word in map(line, value[:_LONGEST_LIST]) if word] or None
    return line(value, 500) or None


def _news(news: News) -> News:
    now = datetime.now(UTC)
    return replace(
        news,
        at=min(max(news.at, _EARLIEST), now),
        title=line(news.title),
        url=web_address(news.url),
        key=line(news.key or news.url or news.title, 2000),
    )


def web_address(url: str | None) -> str | None:
    """An address that may be linked: http or https, of bounded length; None for any other."""
    if not url or not url.isprintable() or len(url) > 2000:
        return None
    try:
        return url if urlsplit(url).scheme in ("http", "https") else None
    except ValueError:
        return None
