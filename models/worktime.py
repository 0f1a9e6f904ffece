"""The clock people's deadlines run on: working hours, holidays and absences.

Pure and deterministic: the holidays of a country are resolved into dates when a policy is loaded
(:mod:`models.policy`), so the same policy version always gives the same deadline.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Block = tuple[time, time]
"""Start and end of a stretch of working time within one local day."""

_HORIZON_DAYS = 3660


@dataclass(frozen=True, slots=True)
class Away:
    """A stretch in which a person does not work.

    Args:
        start: when it begins (aware).
        until: when they are back; None when nobody knows yet.
    """

    start: datetime
    until: datetime | None = None

    def covers(self, at: datetime) -> bool:
        """Whether the person is away at this moment."""
        return self.start <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class WorkClock:
    """Adds durations of working time to a moment.

    Args:
        week: for each weekday (0 is Monday) its blocks of working time; empty means the clock always runs.
        zone: the time zone those blocks are local to.
        holidays: local dates on which nobody works.
    """

    week: tuple[tuple[Block, ...], ...] = ()
    zone: str = "UTC"
    holidays: frozenset[date] = frozenset()

    def add(self, start: datetime, duration: timedelta, away: Sequence[Away] = ()) -> datetime:
        """The moment at which `duration` of working time has passed since `start`.

        Args:
            start: an aware moment; outside working time the clock starts with the next block.
            duration: how much working time.
            away: the person's absences, in which the clock stands still. An absence without an end is
                ignored here: nobody can say when the clock would go on, so the caller decides.

        Returns:
            An aware UTC moment. The end of a block counts as inside it: eight hours from Monday 9:00
            on a 9-to-17 clock is Monday 17:00, not Tuesday 9:00.
        """
        if not self.week and not away:
            return start + duration
        closed = [a for a in away if a.until is not None and a.until > start]
        if not self.week and not closed:
            return start + duration
        left = duration
        end = start
        for begin, stop in self._open_from(start, closed):
            if begin + left <= stop:
                return begin + left
            left -= stop - begin
            end = stop
        return end + left

    def runs(self, at: datetime) -> bool:
        """Whether it is working time at this moment. The first moment of a block is inside it, its last is not."""
        if not self.week:
            return True
        local = at.astimezone(ZoneInfo(self.zone))
        if local.date() in self.holidays:
            return False
        clock = local.time()
        return any(opens <= clock < closes or (closes == time.max and clock >= opens) for opens, closes in self.week[local.weekday()])

    def next_start(self, at: datetime) -> datetime | None:
        """When working time goes on, at this moment where it runs; None when there is none to come."""
        if self.runs(at):
            return at
        return next((begin for begin, _ in self._working_from(at)), None)

    def _open_from(self, start: datetime, away: Sequence[Away]) -> Iterator[tuple[datetime, datetime]]:
        for begin, stop in self._working_from(start):
            yield from _without(begin, stop, away)

    def _working_from(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        if not self.week:
            yield start, start + timedelta(days=_HORIZON_DAYS)
            return
        zone = ZoneInfo(self.zone)
        day = start.astimezone(zone).date()
        for offset in range(_HORIZON_DAYS):
            local = day + timedelta(days=offset)
            if local in self.holidays:
                continue
            for opens, closes in self.week[local.weekday()]:
                begin = datetime.combine(local, opens, zone).astimezone(UTC)
                midnight = closes == time.max
                stop = datetime.combine(local + timedelta(days=midnight), time() if midnight else closes, zone).astimezone(UTC)
                if stop > max(begin, start):
                    yield max(begin, start), stop


def _without(begin: datetime, stop: datetime, away: Sequence[Away]) -> Iterator[tuple[datetime, datetime]]:
    """What is left of one stretch of working time once the absences are cut out."""
    for gap in sorted((a for a in away if a.until is not None), key=lambda a: a.start):
        if gap.until is None or gap.until <= begin or gap.start >= stop:
            continue
        if gap.start > begin:
            yield begin, gap.start
        begin = gap.until
        if begin >= stop:
            return
    yield begin, stop


def inside_quiet_hours(at: datetime, start: time, end: time, zone: str) -> datetime | None:
    """When quiet hours cover `at` in this zone, the moment they end; otherwise None.

    `start` is quiet, `end` no longer is; a window may pass midnight (20:00 to 08:00).
    """
    local = at.astimezone(ZoneInfo(zone))
    clock = local.time()
    quiet = start <= clock < end if start <= end else clock >= start or clock < end
    if not quiet:
        return None
    day = local.date() + timedelta(days=start > end and clock >= start)
    ends = datetime.combine(day, end, ZoneInfo(zone))
    if ends.astimezone(UTC) <= at:
        ends = ends.replace(fold=1)  # the clocks went back meanwhile, so this hour comes twice
    return ends.astimezone(UTC)


def known_zone(name: str) -> bool:
    """Whether there is a time zone of this name."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True
