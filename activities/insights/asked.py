"""What somebody wants to know: over which time, divided by what, in whose weeks."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

MOST_GROUPS = 30
"""So many groups are told apart, the largest first; the others are one more."""
USUAL = timedelta(days=90)
"""How far an insight looks back unless told otherwise."""
HORIZON = 30
"""How many days a lead is given to get somewhere before it counts in a rate, unless told otherwise."""
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""No lead is older: weeks are counted from here at the earliest."""
REST = "everything else"
UNKNOWN = "not known"

GROUPS = {
    "source": "j.source",
    "campaign": "j.campaign",
    "interest": "j.interest",
    "segment": "j.segment",
    "tier": "j.tier",
    "week": "",
}
"""What leads can be divided by, and the column that does it. A week begins on Monday in the policy's time zone (`Asked.weeks`)."""


@dataclass(frozen=True)
class Asked:
    """A question.

    Args:
        since, until: the first moment, and the first one after it. Whatever is counted belongs to the moment its lead arrived,
            unless its definition says otherwise.
        by: what leads are divided by.
        zone: whose weeks and days: the policy's.
        now: the moment the answer is for.
        days: how many days a lead is given before it counts in a rate.
        hour: how long an hour takes; in a demo a second or so.
    """

    since: datetime
    until: datetime
    by: str
    zone: str
    now: datetime
    days: int = HORIZON
    hour: timedelta = timedelta(hours=1)

    @property
    def horizon(self) -> timedelta:
        """How long a lead is given before it counts in a rate."""
        return 24 * self.days * self.hour

    @property
    def parameters(self) -> dict[str, Any]:
        """As queries have them."""
        return {
            "since": self.since,
            "until": self.until,
            "zone": self.zone,
            "now": self.now,
            "horizon": self.horizon.total_seconds(),
            "span": self.horizon,
            "old": self.now - self.horizon,
        }

    @cached_property
    def weeks(self) -> list[datetime]:
        """When each week of the time asked for begins, Mondays at midnight in the zone; the first one no later than `since`."""
        return self._starts(lambda day: day - timedelta(days=day.weekday()), lambda day: day + timedelta(days=7))

    @cached_property
    def months(self) -> list[datetime]:
        """When each month begins, as `weeks`."""
        return self._starts(lambda day: day.replace(day=1), lambda day: (day + timedelta(days=31)).replace(day=1))

    def week(self, number: int) -> str:
        """The Monday of a week by its place in `weeks`, from 1."""
        return self.weeks[number - 1].astimezone(ZoneInfo(self.zone)).date().isoformat()

    def month(self, number: int) -> str:
        """A month by its place in `months`, from 1, as `2026-03`."""
        return self.months[number - 1].astimezone(ZoneInfo(self.zone)).date().isoformat()[:7]

    def number(self, week: str) -> int:
        """The place in `weeks` of the week that begins on that Monday."""
        return self.weeks.index(moment(date.fromisoformat(week), self.zone)) + 1

    def _starts(self, first: Callable[[date], date], following: Callable[[date], date]) -> list[datetime]:
        day = first(max(self.since, EARLIEST).astimezone(ZoneInfo(self.zone)).date())
        found = [moment(day, self.zone)]
        while (begins := moment(day := following(day), self.zone)) < min(self.until, self.now + USUAL):
            found.append(begins)
        return found

    @property
    def facts(self) -> dict[str, Any]:
        """As answers repeat them."""
        return {
            "since": self.since,
            "until": self.until,
            "by": self.by,
            "timezone": self.zone,
            "as_of": self.now,
            "horizon_days": self.days,
        }


def moment(asked: date | datetime, zone: str, *, end: bool = False) -> datetime:
    """A moment as people name it: with its offset as it stands, or a day, which begins and ends at midnight in a zone.

    Args:
        asked: the moment or the day.
        zone: whose midnight.
        end: the first moment after a day, and not its first one.
    """
    if isinstance(asked, datetime):
        return asked.astimezone(UTC)
    day = asked + timedelta(days=1) if end else asked
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
