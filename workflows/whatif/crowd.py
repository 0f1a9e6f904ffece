"""What people were seen to do, and drawing from it what they would do where nobody knows.

How long something takes is often known only as "at least so long": a lead lapsed before its rep did anything. Such an
observation counts until then, and what is unknown after it is drawn from those that lasted longer. That is the product-limit
estimator (Kaplan and Meier 1958) in its form of Efron 1967: weight that is cut off moves to the right.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from random import Random
from typing import Any, Generic, TypeVar

from models.lifecycle import AWAITING_CONTACT, OWNED, EntryKind, ReviewOutcome, Stage, Tier
from models.messages import Contact, Disposition, Event, Release, Review
from workflows.whatif.record import Past, Row

Deed = Contact | Disposition | Release
"""What a rep does with a lead they have."""
Script = tuple[tuple[timedelta, Deed], ...]
"""What a rep did with a lead, and how long after they got it."""
What = TypeVar("What")
ENOUGH = 20
"""So many observations of one's own, or those of everybody are drawn from."""
_KEPT = 400
"""Observations of each kind that are kept, a fair sample of all (Vitter's algorithm R)."""
_GAVE_UP = frozenset({EntryKind.RELEASED, EntryKind.NOT_READY, EntryKind.DISQUALIFIED, EntryKind.WON, EntryKind.LOST})


@dataclass(frozen=True, slots=True)
class Seen(Generic[What]):
    """How long something took, or was waited for.

    Args:
        after: so long.
        what: what happened then; None when it had not happened until then, and nobody knows what would have.
    """

    after: timedelta
    what: What | None


_after = attrgetter("after")


class Times(Generic[What]):
    """Observed times, some of them cut off."""

    def __init__(self, seen: Iterable[Seen[What]] = ()) -> None:
        self._kept: list[Seen[What]] = sorted(seen, key=_after)
        self._sorted = True
        self.count = len(self._kept)

    def add(self, seen: Seen[What], chance: Random) -> None:
        """Take an observation into the sample."""
        self.count += 1
        self._sorted = False
        if len(self._kept) < _KEPT:
            self._kept.append(seen)
        elif (place := chance.randrange(self.count)) < _KEPT:
            self._kept[place] = seen

    def draw(self, chance: Random, beyond: timedelta = timedelta()) -> Seen[What] | None:
        """How long it takes, given that it takes longer than this; None when nobody was seen to take that long."""
        if not self._sorted:
            self._kept.sort(key=_after)
            self._sorted = True
        while True:
            first = bisect_right(self._kept, beyond, key=_after)
            if first == len(self._kept):
                return None
            found = self._kept[chance.randrange(first, len(self._kept))]
            if found.what is not None:
                return found
            beyond = found.after

    def resampled(self, chance: Random, without: Container[What] = ()) -> "Times[What]":
        """As if as many others had been seen: drawn from these with replacement (Efron 1979).

        What is left out by `without` is taken for cut off: until then, and nobody knows what would have come without it.
        """
        drawn = chance.choices(self._kept, k=len(self._kept)) if self._kept else []
        return Times(Seen(seen.after, None) if seen.what in without else seen for seen in drawn)

    def middle(self) -> timedelta | None:
        """The time by which half are through, the cut-off ones counted as above; None when fewer are."""
        alive, weight = 1.0, len(self._kept)
        for number, seen in enumerate(sorted(self._kept, key=_after)):
            if seen.what is not None:
                alive *= 1 - 1 / (weight - number)
                if alive <= 0.5:
                    return seen.after
        return None


@dataclass(frozen=True, slots=True)
class Tenure:
    """The time one rep had a lead.

    Args:
        rep: who.
        start, end: from when to when; `end` None while they have it.
        gave_up: they ended it themselves.
    """

    rep: str
    start: datetime
    end: datetime | None
    gave_up: bool


def tenures(rows: Sequence[Row]) -> Iterator[Tenure]:
    """Who had a lead, one after the other."""
    rep, start = None, None
    for row in rows:
        if row.owner == rep:
            continue
        if rep is not None and start is not None:
            yield Tenure(rep, start, row.at, row.kind in _GAVE_UP)
        rep, start = row.owner, row.at
    if rep is not None and start is not None:
        last = rows[-1]
        over = last.to_stage not in OWNED
        yield Tenure(rep, start, last.at if over else None, over)


def offered(rows: Sequence[Row]) -> tuple[datetime, datetime | None, str | None]:
    """When a lead was first for anybody to claim, until when (None: still), and who claimed it."""
    start = rows[0].at
    for row in rows:
        if row.owner is not None or row.to_stage is not Stage.NEW:
            return start, row.at, row.owner if row.kind is EntryKind.CLAIMED else None
    return start, None, None


def actor(event: Deed) -> str:
    """Who did it."""
    return event.actor if isinstance(event, Disposition) else event.rep


def done_by(event: Deed, rep: str, at: datetime) -> Deed:
    """The same, done by somebody else at another time."""
    return event.model_copy(update={"at": at, "actor" if isinstance(event, Disposition) else "rep": rep})


@dataclass(slots=True)
class Crowd:
    """What everybody was seen to do.

    Attributes:
        works: from getting a lead to the first thing a rep does with it, by rep (`""`: all), with all they did.
        claims: from a lead's arrival to a claim, by tier (None: all), with who claimed it.
        reviews: from a lead's coming to review to the reviewer's conclusion.
    """

    works: defaultdict[str, Times[Script]] = field(default_factory=lambda: defaultdict(Times))
    claims: defaultdict[Tier | None, Times[str]] = field(default_factory=lambda: defaultdict(Times))
    reviews: Times[ReviewOutcome] = field(default_factory=Times)

    def watch(self, past: Past, until: datetime, chance: Random) -> None:
        """Learn from a lead's past.

        Args:
            past: the lead.
            until: up to when it is known.
            chance: which observations are kept when there are more than enough.
        """
        deeds = [told.event for told in past.told if isinstance(told.event, Deed)]
        for tenure in tenures(past.rows):
            self._saw_work(tenure, deeds, until, chance)
        start, end, rep = offered(past.rows)
        tier = next((row.tier for row in past.rows if row.tier is not None), None)
        seen = Seen(max((end or until) - start, timedelta()), rep)
        self.claims[tier].add(seen, chance)
        self.claims[None].add(seen, chance)
        self._saw_reviews(past, chance)

    def _saw_work(self, tenure: Tenure, deeds: Sequence[Deed], until: datetime, chance: Random) -> None:
        end = tenure.end or until
        script = tuple((e.at - tenure.start, e) for e in deeds if actor(e) == tenure.rep and tenure.start <= e.at <= end)
        seen: Seen[Script] = Seen(script[0][0], script) if script else Seen(max(end - tenure.start, timedelta()), None)
        self.works[tenure.rep].add(seen, chance)
        self.works[""].add(seen, chance)

    def _saw_reviews(self, past: Past, chance: Random) -> None:
        since = None
        outcomes = [told.event for told in past.told if isinstance(told.event, Review)]
        for row in past.rows:
            if since is not None and (row.to_stage is not Stage.REVIEW or row.kind is EntryKind.REVIEWED):
                found = next((e.outcome for e in outcomes if e.at == row.at), None)
                self.reviews.add(Seen(row.at - since, found), chance)
                since = None
            elif row.kind is EntryKind.TO_REVIEW:
                since = row.at

    def resampled(self, chance: Random, without: frozenset[str] = frozenset()) -> "Crowd":
        """The crowd as it might as well have been seen, so that what is not known of it shows.

        Args:
            chance: what is drawn.
            without: who is not there any more. What they claimed is left to whoever else would have come for it, later.
        """
        fresh = Crowd(reviews=self.reviews.resampled(chance))
        fresh.works.update({rep: times.resampled(chance) for rep, times in self.works.items()})
        fresh.claims.update({tier: times.resampled(chance, without) for tier, times in self.claims.items()})
        return fresh

    def work(self, rep: str, chance: Random, beyond: timedelta = timedelta()) -> Script:
        """What this rep does with a lead, given that they did nothing for so long; nothing where nobody was seen to."""
        own = self.works.get(rep)
        found = own.draw(chance, beyond) if own is not None and own.count >= ENOUGH else None
        found = found or self.works[""].draw(chance, beyond)
        return found.what or () if found else ()

    def claim(self, tier: Tier | None, chance: Random, beyond: timedelta) -> Seen[str] | None:
        """Who claims a lead of this tier, and how long after it came, given that nobody did for so long; None: nobody."""
        own = self.claims.get(tier)
        return (own.draw(chance, beyond) if own is not None and own.count >= ENOUGH else None) or self.claims[None].draw(chance, beyond)

    def review(self, chance: Random) -> Seen[ReviewOutcome] | None:
        """How long a review takes, and what comes of it."""
        return self.reviews.draw(chance)

    def seen(self) -> dict[str, Any]:
        """How much was seen, in figures."""
        everybody = self.works[""]
        middle = everybody.middle()
        return {
            "tenures": everybody.count,
            "claims_watched": self.claims[None].count,
            "reviews": self.reviews.count,
            "median_hours_to_first_act": None if middle is None else round(middle.total_seconds() / 3600, 2),
        }


def waits_for_contact(stage: Stage) -> bool:
    """Whether a rep has a lead and has not reached it."""
    return stage in AWAITING_CONTACT


def is_deed(event: Event) -> bool:
    """Whether it is something a rep does with a lead they have."""
    return isinstance(event, Deed)
