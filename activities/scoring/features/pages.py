"""What page views, media, forms and assessments tell: how deep, for how long against others, and where from."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from activities.scoring.features.known import Deed, Features, Usual, days

LONGEST_STAY: Final = 1800.0
"""Seconds beyond which a page was left open rather than read."""
PAGES: Final = frozenset({"page_view", "pricing_view", "demo_view"})
"""Kinds that are views of a page."""
_UTM: Final = ("source", "medium", "campaign")


def pages(deeds: Sequence[Deed], usual: Usual, at: datetime) -> Features:
    """How a lead reads, watches and fills in.

    Args:
        deeds: what it did, the earliest first.
        usual: how long others stay.
        at: the moment it is seen from.
    """
    return _views([deed for deed in deeds if deed.kind in PAGES], usual) | _media(deeds, at) | _forms(deeds) | _origin(deeds)


def _views(views: Sequence[Deed], usual: Usual) -> Features:
    found: Features = {"did.pages.count": float(len(views))}
    depths = [min(max(depth, 0.0), 1.0) for view in views if (depth := view.number("depth")) is not None]
    stays = [(view, stay) for view in views if (stay := stay_of(view)) is not None]
    paths = {path for view in views if (path := view.text("path"))}
    if paths:
        found["did.pages.distinct"] = float(len(paths))
    if depths:
        found |= {"did.pages.depth_mean": math.fsum(depths) / len(depths), "did.pages.depth_max": max(depths)}
    if stays:
        seconds = [stay for _, stay in stays]
        found |= {"did.pages.seconds": math.fsum(seconds), "did.pages.seconds_mean": math.fsum(seconds) / len(seconds)}
    against = [gap for view, stay in stays if (gap := _against(view, stay, usual)) is not None]
    if against:
        found |= {"did.pages.dwell": math.exp(math.fsum(against) / len(against)), "did.pages.dwell_max": math.exp(max(against))}
    sequence = [number for view in views if (number := view.number("sequence")) is not None]
    if sequence:
        found["did.pages.in_a_visit"] = max(sequence)
    return found


def stay_of(view: Deed) -> float | None:
    """How many seconds somebody spent on a page; None where nobody measured it."""
    seconds = view.number("seconds")
    return min(seconds, LONGEST_STAY) if seconds is not None and seconds > 0 else None


def _against(view: Deed, stay: float, usual: Usual) -> float | None:
    """The logarithm of a stay over what others need: on this page; else by its words; else by its height."""
    path = usual.paths.get(view.text("path") or "")
    if path is not None:
        return math.log(stay) - path
    for measure, each in (("words", usual.word), ("page_height", usual.pixel)):
        size = view.number(measure)
        if each is not None and size is not None and size > 0:
            return math.log(stay / size) - each
    return None


def _media(deeds: Sequence[Deed], at: datetime) -> Features:
    found: Features = {}
    shares = [(deed, _share(share)) for deed in deeds if (share := deed.number("share")) is not None]
    for name, these in (("media", shares), ("webinar", [(deed, share) for deed, share in shares if _is_webinar(deed)])):
        if these:
            deed, most = max(these, key=lambda one: (one[1], one[0].at))
            found |= {f"did.{name}.share_max": most, f"did.{name}.title": deed.text("title"), f"did.{name}.days": days(deed.at, at)}
    if shares:
        found["did.media.distinct"] = float(len({deed.text("title") or deed.text("path") or deed.kind for deed, _ in shares}))
    return found


def _is_webinar(deed: Deed) -> bool:
    return "webinar" in deed.kind or "webinar" in (deed.text("title") or deed.text("path") or "").lower()


def _share(value: float) -> float:
    """A share; one above 1 was sent in per cent."""
    return min(max(value / 100 if value > 1 else value, 0.0), 1.0)


def _forms(deeds: Sequence[Deed]) -> Features:
    found: Features = {}
    steps = [step for deed in deeds if deed.kind == "form_step" and (step := deed.number("step")) is not None]
    if steps:
        found["did.form.furthest_step"] = max(steps)
    for deed in deeds:
        if deed.kind == "assessment_completed":
            for name in ("score", "readiness", "authority", "budget"):
                answer = deed.number(name)
                said = deed.text(name)
                if answer is not None or said is not None:
                    found[f"assessment.{name}"] = answer if answer is not None else said
    return found


def _origin(deeds: Sequence[Deed]) -> Features:
    """Where visits came from: at first, and lately."""
    found: Features = {}
    for deed in deeds:
        for name in _UTM:
            said = deed.text(f"utm_{name}")
            if said:
                found.setdefault(f"visit.utm_{name}_first", said.lower())
                found[f"visit.utm_{name}"] = said.lower()
        host = _host(deed.text("referrer"))
        if host:
            found.setdefault("visit.referrer_first", host)
            found["visit.referrer"] = host
    return found


def _host(referrer: str | None) -> str | None:
    if not referrer:
        return None
    try:
        host = urlsplit(referrer if "//" in referrer else f"//{referrer}").hostname
    except ValueError:
        return None
    return host.removeprefix("www.") if host else None
