"""What a visitor's browser sends, read with suspicion: anybody can send anything.

    {"anonymous_id": "…", "sent_at": 1767225600000, "events": [{"id": "…", "kind": "page_view", "at": 1767225590000,
     "properties": {…}}], "email": "…", "link": "…", "automated": true}

Times are milliseconds by the browser's clock. `sent_at` tells how wrong that is, and every event is corrected by it.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from api.errors import Invalid
from api.services.stirring import FAST_LANE
from models.schemas.engagements import EventForm
from models.schemas.fields import address_key

LARGEST = 64 << 10
"""Bytes of one beacon."""
MOST_EVENTS = 50
PREFIX = "t:"
"""What ids of visitors' events begin with; the visitor's own id follows, so that nobody can take another's ids."""
_OLDEST = timedelta(days=2)
"""A tab may be open for long; what is older was not seen by us and is made up, or of no use any more."""
_AHEAD = timedelta(seconds=30)
"""What lies this little in the future, once corrected, happened now."""
_STEADY = timedelta(seconds=2)
"""A clock that is wrong by less is right: that long a request may take."""
_VISITOR = re.compile(r"[A-Za-z0-9_-]{16,64}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KIND = re.compile(r"[a-z][a-z0-9_]{0,63}")
_OURS = re.compile(r"(?:email|sms|post|form)_(?!step$).*|unsubscribe|complaint|reply|call.*")
"""Kinds that only we or the customer's own programs tell: nobody's visitor may say that a mail bounced."""
_NAMES = frozenset({"lead_id", "email", "lead"})
_KNOWN: Mapping[str, tuple[float, float]] = {
    "seconds": (0, 86_400), "depth": (0, 1), "share": (0, 1), "hour": (0, 23), "sequence": (0, 10_000), "words": (0, 1e7),
    "page_height": (0, 1e7), "step": (0, 1000), "steps": (0, 1000), "duration": (0, 1e6),
}  # fmt: skip
"""Numbers we know the meaning of, and between what they can lie."""
_DEVICES = frozenset({"desktop", "mobile", "tablet"})
_MOST_PROPERTIES, _LONGEST_NAME, _LONGEST_TEXT, _MOST_ANSWERS = 30, 64, 500, 50


@dataclass(slots=True)
class Beacon:
    """What one request brought.

    Args:
        visitor: whose browser.
        events: well-formed, with the visitor as who did them.
        refused: how many were not, by why.
        email: who they say they are.
        link: the token of a personal link that led them here.
        automated: the browser says that a program steers it.
        agent, address, site: of the request; the last is a host.
    """

    visitor: str
    events: list[EventForm] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    email: str | None = None
    link: str | None = None
    automated: bool = False
    agent: str | None = None
    address: str | None = None
    site: str | None = None


def read(body: bytes, now: datetime) -> Beacon:
    """A beacon out of a request's body.

    Args:
        body: JSON, whatever it calls itself: browsers send it as text.
        now: by our clock.

    Raises:
        Invalid: when it cannot be read at all. Single events that are no good are left out and counted.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Invalid({"body": "must be JSON"}) from None
    if not isinstance(found, dict):
        raise Invalid({"body": "must be an object"})
    visitor, events = found.get("anonymous_id"), found.get("events", [])
    if not isinstance(visitor, str) or not _VISITOR.fullmatch(visitor):
        raise Invalid({"anonymous_id": "must be 16 to 64 letters, digits, hyphens and underscores"})
    if not isinstance(events, list) or len(events) > MOST_EVENTS:
        raise Invalid({"events": f"must be a list of at most {MOST_EVENTS}"})
    if "lead_id" in found:
        raise Invalid({"lead_id": "is not for visitors to say"})
    beacon = Beacon(visitor, email=_email(found.get("email")), link=_text(found.get("link")), automated=found.get("automated") is True)
    wrong = _wrong_by(found.get("sent_at"), now)
    known: set[str] = set()
    for event in events:
        form, why = _event(event, visitor, wrong, now)
        if form is None:
            beacon.refused[why] += 1
        elif form.id in known:
            beacon.refused["duplicate"] += 1
        else:
            known.add(form.id)
            beacon.events.append(form)
    return beacon


def _event(event: Any, visitor: str, wrong: timedelta, now: datetime) -> tuple[EventForm | None, str]:
    """An event, or why it is none."""
    if not isinstance(event, dict):
        return None, "malformed"
    if not _NAMES.isdisjoint(event):
        return None, "forged"
    name, kind, at, properties = event.get("id"), event.get("kind"), _moment(event.get("at")), event.get("properties", {})
    if not isinstance(name, str) or not _ID.fullmatch(name) or not isinstance(kind, str) or not _KIND.fullmatch(kind):
        return None, "malformed"
    if at is None or not isinstance(properties, dict):
        return None, "malformed"
    if kind in FAST_LANE or _OURS.fullmatch(kind):
        return None, "reserved"
    at += wrong
    if at > now + _AHEAD:
        return None, "future"
    if at < now - _OLDEST:
        return None, "too_old"
    form = EventForm.model_construct(
        id=f"{PREFIX}{visitor}:{name}",
        kind=kind,
        at=min(at, now),
        lead_id=None,
        email=None,
        anonymous_id=visitor,
        properties=_plain(properties),
    )
    return form, ""


def _moment(value: Any) -> datetime | None:
    """Milliseconds since 1970 as a time."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _wrong_by(sent_at: Any, now: datetime) -> timedelta:
    """By how much the browser's clock is slow; nothing when it does not say, or is about right."""
    said = _moment(sent_at)
    if said is None or abs(now - said) < _STEADY:
        return timedelta()
    return now - said


def _email(value: Any) -> str | None:
    """The key of an address; None for what is none."""
    if not isinstance(value, str) or not 3 <= len(value) <= 320 or "\x00" in value or "@" not in value:
        return None
    try:
        return address_key(value)
    except ValueError:
        return None


def _plain(properties: dict[Any, Any]) -> dict[str, Any]:
    """Properties within bounds: so many, flat but for an assessment's answers, known numbers between what they can be."""
    found: dict[str, Any] = {}
    for name, value in properties.items():
        if len(found) == _MOST_PROPERTIES:
            break
        kept = _answers(value) if name == "answers" else _value(name, value)
        key = _text(name, _LONGEST_NAME)
        if kept is not None and key:
            found[key] = kept
    return found


def _answers(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    said = ((_text(question, 200), _value("", answer)) for question, answer in list(value.items())[:_MOST_ANSWERS])
    return {question: answer for question, answer in said if question and answer is not None}


def _value(name: str, value: Any) -> str | float | bool | None:
    """A text, a number or a yes or no that can be stored; None for everything else."""
    if isinstance(value, str):
        return None if (name == "device" and value not in _DEVICES) or name in _KNOWN else _text(value)
    if isinstance(value, bool):
        return value
    if not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > 1e15:
        return None
    least, most = _KNOWN.get(name, (-1e15, 1e15))
    return min(max(value, least), most)


def _text(value: Any, longest: int = _LONGEST_TEXT) -> str | None:
    """A text that PostgreSQL can keep, cut to what is reasonable."""
    if not isinstance(value, str):
        return None
    return value[:longest].replace("\x00", "").encode("utf-8", "ignore").decode() or None


def is_visitor(text: str) -> bool:
    """Whether this can be a visitor's id."""
    return _VISITOR.fullmatch(text) is not None
