"""What a lead did: how often, how lately, in which order, how deeply, where and when."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Final

from activities.scoring.features.known import Deed, Features, days

ALWAYS: Final = (
    "page_view", "pricing_view", "demo_view", "webinar_attended", "media_progress", "form_step", "form_submitted",
    "assessment_completed", "email_opened", "email_clicked", "reply", "demo_requested", "consultation_requested",
)  # fmt: skip
"""Kinds whose count is said even where it is 0. Any other kind has features once it was seen."""
MOST_KINDS: Final = 60
"""Kinds of one lead beyond the most frequent ones are an accident of its sender."""
_SPANS: Final = (("1d", 1.0), ("7d", 7.0), ("30d", 30.0))
_NEVER: Final[dict[str, Features]] = {
    kind: {f"did.{kind}.count": 0.0, **{f"did.{kind}.count_{name}": 0.0 for name, _ in _SPANS}} for kind in ALWAYS
}
_MAIL: Final = frozenset({"email_opened", "email_open", "email_clicked", "email_click", "reply", "unsubscribe"})
_EVENTS: Final = re.compile(r"webinar|event|conference|workshop|booth")
_TALK: Final = re.compile(r"^(call|phone|chat|meeting|sms|message)")
_CASE: Final = re.compile(r"case[-_ ]?stud|customer[-_ ]?stor|success[-_ ]?stor|referenz|cas[-_ ]client", re.IGNORECASE)
_CROSS: Final = timedelta(days=7)
_PLAIN: Final = re.compile(r"[^a-z0-9_]+")


def behaviour(deeds: Sequence[Deed], at: datetime) -> Features:
    """Everything about when and in which order, without what a page view in particular tells.

    Args:
        deeds: what the lead did, the earliest first.
        at: the moment it is seen from.
    """
    kinds = [_plain(deed.kind) for deed in deeds]
    ages = [days(deed.at, at) for deed in deeds]
    found = _counts(kinds, ages)
    if deeds:
        found |= _rhythm(deeds, ages) | _order(kinds, deeds) | _hours(deeds)
    return found | _channels(deeds, at)


@lru_cache(maxsize=1024)
def _plain(kind: str) -> str:
    return _PLAIN.sub("_", kind)


def _counts(kinds: Sequence[str], ages: Sequence[float]) -> Features:
    by_kind: defaultdict[str, list[float]] = defaultdict(list)
    for kind, age in zip(kinds, ages, strict=True):
        by_kind[kind].append(age)
    most = [kind for kind, _ in Counter(kinds).most_common(MOST_KINDS)]
    found: Features = {"did.count": float(len(kinds)), "did.kinds": float(len(by_kind))}
    for name, span in _SPANS:
        found[f"did.count_{name}"] = float(sum(age <= span for age in ages))
    for kind in (*ALWAYS, *(kind for kind in most if kind not in ALWAYS)):
        one = by_kind.get(kind)
        if one is None:
            found |= _NEVER[kind]
            continue
        found[f"did.{kind}.count"] = float(len(one))
        found[f"did.{kind}.days"] = min(one)
        for name, span in _SPANS:
            found[f"did.{kind}.count_{name}"] = float(sum(age <= span for age in one))
    return found


def _rhythm(deeds: Sequence[Deed], ages: Sequence[float]) -> Features:
    """Recency, frequency, and whether it is getting more: this week against the mean of the four weeks before."""
    active = sorted({deed.at.date() for deed in deeds})
    week, before = sum(age <= 7 for age in ages), sum(7 < age <= 35 for age in ages)
    found: Features = {
        "did.days": min(ages),
        "did.first_days": max(ages),
        "did.active_days": float(len(active)),
        "did.per_active_day": len(deeds) / len(active),
        "did.acceleration": (week + 1) / (before / 4 + 1),
    }
    visits = {visit for deed in deeds if (visit := deed.text("visit"))}
    if visits:
        found["did.visits"] = float(len(visits))
    if len(active) > 1:
        found["did.gap_days"] = (active[-1] - active[0]).days / (len(active) - 1)
    return found


def _order(kinds: Sequence[str], deeds: Sequence[Deed]) -> Features:
    """What came first and last, the last kinds in a row, and the orders that tell of somebody who is making up their mind."""
    turns = [kinds[0], *(later for earlier, later in pairwise(kinds) if later != earlier)]
    cases = [_is_case(deed) for deed in deeds]
    found: Features = {
        "did.first": kinds[0],
        "did.last": kinds[-1],
        "did.last_2": " > ".join(turns[-2:]),
        "did.last_3": " > ".join(turns[-3:]),
        "did.turns": float(len(turns)),
        "did.case_study.count": float(sum(cases)),
        "did.pricing_after_case_study": _follows((kind == "pricing_view" for kind in kinds), cases),
        "did.demo_after_pricing": _follows(
            (kind in {"demo_view", "demo_requested"} for kind in kinds), [k == "pricing_view" for k in kinds]
        ),
        "did.pricing_after_email": _follows((kind == "pricing_view" for kind in kinds), [kind in _MAIL for kind in kinds]),
    }
    steps = [place for place, kind in enumerate(kinds) if kind == "form_step"]
    found["did.form_left_open"] = bool(steps) and "form_submitted" not in kinds[steps[-1] :]
    return found


def _is_case(deed: Deed) -> bool:
    said = deed.properties
    return bool(_CASE.search(f"{deed.kind} {said.get('path') or ''} {said.get('title') or ''}"))


def _follows(later: Iterable[bool], earlier: Sequence[bool]) -> bool:
    seen = False
    for one, before in zip(later, earlier, strict=True):
        if seen and one:
            return True
        seen = seen or before
    return False


def _hours(deeds: Sequence[Deed]) -> Features:
    """When of the day and the week, by the visitor's own clock as far as it is known, and on what kind of device."""
    found: Features = {
        "did.weekend_share": sum(deed.at.weekday() > 4 for deed in deeds) / len(deeds),
        "did.last_weekday": _weekday(deeds[-1]),
    }
    hours = [hour for deed in deeds if (hour := deed.number("hour")) is not None and 0 <= hour < 24]
    if hours:
        found["did.office_hours_share"] = sum(8 <= hour < 18 for hour in hours) / len(hours)
        found["did.night_share"] = sum(hour >= 22 or hour < 6 for hour in hours) / len(hours)
        found["did.last_hour"] = hours[-1]
    devices = [device.lower() for deed in deeds if (device := deed.text("device"))]
    if devices:
        found["did.device.last"] = devices[-1]
        found["did.device.mobile_share"] = devices.count("mobile") / len(devices)
        found["did.device.kinds"] = float(len(set(devices)))
    return found


def _weekday(deed: Deed) -> str:
    return ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")[deed.at.weekday()]


@lru_cache(maxsize=1024)
def channel(kind: str) -> str:
    """The channel an engagement came by: `email`, `event`, `talk`, or else `web`."""
    if kind in _MAIL or kind.startswith("email"):
        return "email"
    if _EVENTS.search(kind):
        return "event"
    return "talk" if _TALK.search(kind) else "web"


def _channels(deeds: Sequence[Deed], at: datetime) -> Features:
    """By which channels, and whether by several within the same seven days."""
    came = [(deed.at, channel(deed.kind)) for deed in deeds]
    counts = Counter(name for _, name in came)
    found: Features = {f"did.channel.{name}": float(counts[name]) for name in ("web", "email", "event", "talk")}
    found["did.channels"] = float(len(counts))
    found["did.channels_7d"] = float(len({name for when, name in came if at - when <= _CROSS}))
    latest: dict[str, datetime] = {}
    most = 0
    for when, name in came:
        latest[name] = when
        most = max(most, sum(when - last <= _CROSS for last in latest.values()))
    found["did.channels_most_7d"] = float(most)
    return found
