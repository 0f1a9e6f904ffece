"""The figures once more, slowly and obviously: entry by entry, lead by lead, with nothing but `docs/insights.md` in mind."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from math import ceil, floor
from typing import Any
from zoneinfo import ZoneInfo

from models.lifecycle import ActorKind, Entry, EntryKind, Stage
from tests.activities.insights.lives import Life

CONTACTED = (Stage.WORKING, Stage.QUALIFIED)
PICKED_UP = (Stage.CLAIMED, Stage.ASSIGNED)


def first(entries: Iterable[Entry], holds: Callable[[Entry], bool]) -> datetime | None:
    return next((entry.at for entry in entries if holds(entry)), None)


def contact(life: Life) -> datetime | None:
    return first(life.entries, lambda e: e.to_stage in CONTACTED)


def won(life: Life) -> datetime | None:
    return first(life.entries, lambda e: e.kind is EntryKind.WON)


def mql(life: Life) -> datetime | None:
    return first(life.entries, lambda e: e.tier == "high" or e.kind is EntryKind.FAST_LANE)


def sal(life: Life) -> datetime | None:
    """A rep took it: claimed, or contacted an assigned one, or qualified it; or took it by override as a claim."""

    def accepted(e: Entry) -> bool:
        claimed = e.kind is EntryKind.CLAIMED or (e.kind is EntryKind.OVERRIDDEN and e.to_stage is Stage.CLAIMED)
        return claimed or e.kind in (EntryKind.CONTACTED, EntryKind.QUALIFIED)

    return first(life.entries, accepted)


def sql(life: Life) -> datetime | None:
    return first(life.entries, lambda e: e.kind is EntryKind.QUALIFIED)


def refused(life: Life) -> datetime | None:
    """The last time a person disqualified it."""
    moved = [e for e in life.entries if e.to_stage is Stage.DISQUALIFIED and e.from_stage is not Stage.DISQUALIFIED]
    return next((e.at for e in reversed(moved) if e.actor_kind is ActorKind.USER), None)


def first_score(life: Life) -> tuple[str | None, float | None]:
    return next(((str(e.tier), e.score) for e in life.entries if e.tier is not None), (None, None))


def waits(life: Life) -> dict[str, float]:
    """Seconds before the first contact, on whom."""
    found: defaultdict[str, float] = defaultdict(float)
    searching: str | None = None
    for entry, following in pairwise(life.entries):
        if entry.to_stage in CONTACTED:
            return dict(found)
        passed = entry.kind is EntryKind.REVIEWED and entry.to_stage is Stage.REVIEW
        handed_back = entry.to_stage is Stage.NEW and entry.from_stage in PICKED_UP
        if passed or handed_back or (entry.kind is EntryKind.FAST_LANE and entry.owner is None):
            searching = "routing"
        elif entry.kind is EntryKind.UNROUTED:
            searching = "nobody"
        elif entry.from_stage is not entry.to_stage or entry.kind in (EntryKind.ARRIVED, EntryKind.REOPENED):
            searching = None
        ends = following.at if entry.deadline is None else min(following.at, max(entry.deadline.at, entry.at))
        found[_who(entry, searching)] += (ends - entry.at).total_seconds()
        found["late"] += (following.at - ends).total_seconds()
    return dict(found)


def _who(entry: Entry, searching: str | None) -> str:
    match entry.to_stage:
        case Stage.CLAIMED | Stage.ASSIGNED:
            return "owner"
        case Stage.HELD:
            return "marketer"
        case _ if searching == "routing":
            return "system"
        case _ if searching == "nobody":
            return "sales"
        case Stage.REVIEW:
            return "reviewer"
        case Stage.NEW:
            return "system" if entry.tier is None else "sales"
        case Stage.NURTURE | Stage.LONG_TERM:
            return "agreed"
        case _:
            return "nobody"


def tenures(life: Life) -> list[dict[str, Any]]:
    """Each stretch in one rep's hands."""
    found = []
    numbered = list(enumerate(life.entries))
    for owner, group in groupby(numbered, lambda pair: pair[1].owner):
        held = list(group)
        if owner is None:
            continue
        last = held[-1][0]
        after = life.entries[last + 1] if last + 1 < len(life.entries) else None
        entries = [entry for _, entry in held]
        ended = str(after.kind) if after else None
        excused = any(
            after and h.rep == owner and h.until == after.at and not h.lapsed and ended in ("lapsed", "meager") for h in life.state.holders
        )
        found.append({
            "lead": str(life.id),
            "rep": owner,
            "since": entries[0].at,
            "began": str(entries[0].kind),
            "score": entries[0].score,
            "tier": str(entries[0].tier) if entries[0].tier else None,
            "contacted_at": first(entries, lambda e: e.to_stage in CONTACTED),
            "sql_at": first(entries, lambda e: e.kind is EntryKind.QUALIFIED),
            "attempts": sum(e.kind in (EntryKind.CONTACTED, EntryKind.WORKED) for e in entries),
            "ended": ended,
            "ended_at": after.at if after else None,
            "excused": excused,
        })  # fmt: skip
    return found


def overruns(life: Life) -> list[tuple[datetime, str, int]]:
    """When, which deadline, and how late in milliseconds."""
    found = []
    for before, entry in pairwise(life.entries):
        if before.deadline and entry.at > before.deadline.at and entry.kind is not EntryKind.ERASED:
            late = entry.at - max(before.deadline.at, before.at)
            found.append((entry.at, str(before.deadline.kind), late // timedelta(milliseconds=1)))
    return found


def in_time(life: Life, at: datetime | None, span: timedelta) -> bool:
    return at is not None and at - life.entries[0].at <= span


def middle(values: Sequence[float], share: float) -> float | None:
    """A percentile, interpolated as PostgreSQL's percentile_cont."""
    if not values:
        return None
    ordered, place = sorted(values), share * (len(values) - 1)
    low, high = ordered[floor(place)], ordered[ceil(place)]
    return low + (high - low) * (place - floor(place))


def rank(values: Sequence[int], share: float) -> int:
    """The least value that so large a share does not exceed."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]


def monday(at: datetime, zone: str) -> str:
    local = at.astimezone(ZoneInfo(zone)).date()
    return (local - timedelta(days=local.weekday())).isoformat()
