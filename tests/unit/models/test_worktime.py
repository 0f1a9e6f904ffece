"""The clock people's deadlines run on, against hand-made cases and against a slow recomputation minute by minute."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.worktime import Away, Block, WorkClock, inside_quiet_hours, known_zone

HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
MS = timedelta(milliseconds=1)
NINE_TO_FIVE: Block = (time(9), time(17))
ALWAYS = WorkClock()


def office(*blocks: Block, zone: str = "UTC", days: int = 5, holidays: tuple[date, ...] = ()) -> WorkClock:
    """The same hours on the first days of every week."""
    week = tuple(tuple(sorted(blocks)) if day < days else () for day in range(7))
    return WorkClock(week, zone, frozenset(holidays))


def utc(month: int, day: int, hour: int = 0, minute: int = 0, year: int = 2026) -> datetime:
    """A moment, in 2026 unless told."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


MONDAY = utc(3, 2, 9)

# --- blocks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "duration", "end"),
    [
        (utc(3, 2, 9), 15 * MINUTE, utc(3, 2, 9, 15)),
        (utc(3, 2, 9), 8 * HOUR, utc(3, 2, 17)),
        (utc(3, 2, 9), 8 * HOUR + MS, utc(3, 3, 9) + MS),
        (utc(3, 2, 3), HOUR, utc(3, 2, 10)),
        (utc(3, 2, 17), HOUR, utc(3, 3, 10)),
        (utc(3, 6, 16), 2 * HOUR, utc(3, 9, 10)),
        (utc(3, 7, 12), HOUR, utc(3, 9, 10)),
        (utc(3, 2, 9), 40 * HOUR, utc(3, 6, 17)),
        (utc(3, 2, 9), 48 * HOUR, utc(3, 9, 17)),
    ],
    ids=[
        "within",
        "to the very end",
        "a moment more",
        "before opening",
        "at closing",
        "over the weekend",
        "on a saturday",
        "a week",
        "more",
    ],
)
def test_working_time_passes_only_within_its_blocks(start: datetime, duration: timedelta, end: datetime) -> None:
    assert office(NINE_TO_FIVE).add(start, duration) == end


def test_several_blocks_a_day_leave_out_the_break_between_them() -> None:
    clock = office((time(9), time(12)), (time(13), time(17)))
    assert clock.add(utc(3, 2, 11), 2 * HOUR) == utc(3, 2, 14)
    assert clock.add(utc(3, 2, 9), 3 * HOUR) == utc(3, 2, 12)
    assert clock.add(utc(3, 2, 12, 30), HOUR) == utc(3, 2, 14)


def test_a_block_may_end_at_midnight() -> None:
    late = office((time(18), time.max))
    assert late.add(utc(3, 2, 23), 2 * HOUR) == utc(3, 3, 19)
    assert late.add(utc(3, 2, 18), 6 * HOUR) == utc(3, 3, 0)
    assert office((time(0), time.max), days=7).add(utc(3, 2, 23), 30 * HOUR) == utc(3, 4, 5)


def test_a_clock_that_always_runs_adds_plainly() -> None:
    assert ALWAYS.add(MONDAY, 48 * HOUR) == MONDAY + 48 * HOUR


def test_blocks_are_local_to_their_zone() -> None:
    assert office(NINE_TO_FIVE, zone="Europe/Berlin").add(utc(3, 2, 7), HOUR) == utc(3, 2, 9)
    assert office(NINE_TO_FIVE, zone="Asia/Kathmandu").add(utc(3, 2), HOUR) == utc(3, 2, 4, 15)
    assert office(NINE_TO_FIVE, zone="Asia/Kolkata").add(utc(3, 2), HOUR) == utc(3, 2, 4, 30)
    assert office(NINE_TO_FIVE, zone="America/New_York").add(utc(3, 2), HOUR) == utc(3, 2, 15)


# --- the clocks change ----------------------------------------------------------------------------------------------


def test_a_day_is_worked_by_the_clock_on_the_wall_on_both_sides_of_a_change() -> None:
    clock = office(NINE_TO_FIVE, zone="Europe/Berlin", days=7)
    assert clock.add(utc(3, 28, 15), 2 * HOUR) == utc(3, 29, 8)
    assert clock.add(utc(10, 24, 14), 2 * HOUR) == utc(10, 25, 9)


def test_a_night_shift_is_an_hour_shorter_in_spring_and_longer_in_autumn() -> None:
    night = office((time(0), time(8)), zone="Europe/Berlin", days=7)
    assert night.add(utc(3, 28, 23), 7 * HOUR) == utc(3, 29, 6)
    assert night.add(utc(3, 28, 23), 7 * HOUR + MS) == utc(3, 29, 22) + MS
    assert night.add(utc(10, 24, 22), 9 * HOUR) == utc(10, 25, 7)
    assert night.add(utc(10, 24, 22), 9 * HOUR + MS) == utc(10, 25, 23) + MS


def test_a_block_that_a_change_of_clocks_swallows_counts_for_nothing() -> None:
    clock = office((time(2, 30), time(3, 10)), (time(9), time(10)), zone="Europe/Berlin", days=7)
    assert clock.add(utc(3, 29), HOUR) == utc(3, 29, 8)


# --- holidays and the calendar --------------------------------------------------------------------------------------


def test_nobody_works_on_a_holiday() -> None:
    clock = office(NINE_TO_FIVE, holidays=(date(2026, 3, 3), date(2026, 3, 4)))
    assert clock.add(utc(3, 2, 16), 2 * HOUR) == utc(3, 5, 10)
    assert clock.add(utc(3, 3, 12), HOUR) == utc(3, 5, 10)


def test_a_holiday_is_a_day_of_the_clock_s_own_zone() -> None:
    clock = office(NINE_TO_FIVE, zone="Pacific/Auckland", holidays=(date(2026, 3, 3),))
    assert clock.add(utc(3, 2, 5), HOUR) == utc(3, 3, 21)


def test_a_leap_day_is_a_day_like_any_other() -> None:
    clock = office(NINE_TO_FIVE)
    assert clock.add(utc(2, 28, 16, year=2028), 2 * HOUR) == utc(2, 29, 10, year=2028)
    assert clock.add(utc(2, 29, 16, year=2028), 2 * HOUR) == utc(3, 1, 10, year=2028)
    assert clock.add(utc(2, 27, 16, year=2026), 2 * HOUR) == utc(3, 2, 10)


# --- absences -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("away", "end"),
    [
        ([Away(utc(3, 2, 10), utc(3, 2, 12))], utc(3, 2, 15)),
        ([Away(utc(3, 2, 7), utc(3, 2, 10))], utc(3, 2, 14)),
        ([Away(utc(3, 2, 12), utc(3, 3, 12))], utc(3, 3, 13)),
        ([Away(utc(3, 2, 10), utc(3, 2, 12)), Away(utc(3, 2, 11), utc(3, 2, 13))], utc(3, 2, 16)),
        ([Away(utc(3, 2, 14), utc(3, 2, 15)), Away(utc(3, 2, 10), utc(3, 2, 11))], utc(3, 2, 14)),
        ([Away(utc(3, 2, 13), utc(3, 2, 15))], utc(3, 2, 13)),
        ([Away(utc(3, 2, 10), None)], utc(3, 2, 13)),
        ([Away(utc(3, 1), utc(3, 2, 9))], utc(3, 2, 13)),
    ],
    ids=[
        "within",
        "at the start",
        "over night",
        "overlapping",
        "out of order",
        "after the end",
        "endless is the caller's matter",
        "over before",
    ],
)
def test_absences_stop_the_clock(away: list[Away], end: datetime) -> None:
    assert office(NINE_TO_FIVE).add(MONDAY, 4 * HOUR, away) == end


def test_absences_stop_a_clock_that_always_runs_as_well() -> None:
    assert ALWAYS.add(MONDAY, 24 * HOUR, [Away(MONDAY + HOUR, MONDAY + 4 * HOUR)]) == MONDAY + 27 * HOUR


@pytest.mark.parametrize(("moment", "covered"), [(MONDAY - MS, False), (MONDAY, True), (MONDAY + HOUR - MS, True), (MONDAY + HOUR, False)])
def test_an_absence_covers_its_start_but_not_its_end(moment: datetime, covered: bool) -> None:
    assert Away(MONDAY, MONDAY + HOUR).covers(moment) is covered
    assert Away(MONDAY).covers(moment) is (moment >= MONDAY)


# --- against the slow way -------------------------------------------------------------------------------------------

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Adelaide", "America/St_Johns"]
SEASONS = [utc(3, 6), utc(3, 27), utc(4, 2), utc(6, 10), utc(10, 2), utc(10, 22), utc(10, 30), utc(2, 27, year=2028)]
TICK = timedelta(minutes=5)
# hours at which clocks change are left out of the blocks' edges: there the wall shows a time twice, or never
EDGES = [time(0), time(4, 30), time(7), time(9), time(12), time(13, 15), time(17, 30), time(21), time.max]


def slow_add(clock: WorkClock, start: datetime, duration: timedelta, away: list[Away]) -> datetime:
    """Working time counted off five minutes at a time."""
    zone, moment, left = ZoneInfo(clock.zone), start, duration
    while left > timedelta():
        local = moment.astimezone(zone)
        working = local.date() not in clock.holidays and any(
            opens <= local.time() < closes for opens, closes in clock.week[local.weekday()]
        )
        if working and not any(absence.until and absence.covers(moment) for absence in away):
            left -= TICK
        moment += TICK
    return moment


@st.composite
def clocks(draw: st.DrawFn) -> WorkClock:
    """A week with up to four blocks on some days, and a few holidays."""
    edges = sorted(draw(st.sets(st.sampled_from(EDGES), min_size=2, max_size=8)))
    blocks = tuple(zip(edges[::2], edges[1::2], strict=False))
    days = draw(st.sets(st.integers(0, 6), min_size=2))
    start = draw(st.sampled_from(SEASONS))
    off = draw(st.sets(st.integers(0, 4), max_size=2))
    week = tuple(blocks if day in days else () for day in range(7))
    return WorkClock(week, draw(st.sampled_from(ZONES)), frozenset(start.date() + day * DAY for day in off))


@settings(max_examples=150)
@given(
    clock=clocks(),
    season=st.sampled_from(SEASONS),
    start=st.integers(0, 4 * 288),
    length=st.integers(1, 40 * 12),
    absences=st.lists(st.tuples(st.integers(-100, 600), st.integers(1, 300) | st.none()), max_size=3),
)
def test_working_time_is_what_counting_it_off_gives(
    clock: WorkClock, season: datetime, start: int, length: int, absences: list[tuple[int, int | None]]
) -> None:
    begin = season + start * TICK
    away = [Away(begin + at * TICK, None if long is None else begin + (at + long) * TICK) for at, long in absences]
    assert clock.add(begin, length * TICK, away) == slow_add(clock, begin, length * TICK, away)


@settings(max_examples=80)
@given(clock=clocks(), season=st.sampled_from(SEASONS), first=st.integers(1, 300), second=st.integers(1, 300))
def test_adding_in_two_goes_is_adding_at_once(clock: WorkClock, season: datetime, first: int, second: int) -> None:
    in_two = clock.add(clock.add(season, first * TICK), second * TICK)
    assert in_two == clock.add(season, (first + second) * TICK)


# --- quiet hours ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "ends"),
    [
        (utc(3, 2, 19, 59), None),
        (utc(3, 2, 20), utc(3, 3, 8)),
        (utc(3, 3, 0), utc(3, 3, 8)),
        (utc(3, 3, 8) - MS, utc(3, 3, 8)),
        (utc(3, 3, 8), None),
    ],
)
def test_quiet_hours_may_pass_midnight(at: datetime, ends: datetime | None) -> None:
    assert inside_quiet_hours(at, time(20), time(8), "UTC") == ends


@pytest.mark.parametrize(("at", "ends"), [(utc(3, 2, 11, 59), None), (utc(3, 2, 12), utc(3, 2, 14)), (utc(3, 2, 14), None)])
def test_quiet_hours_may_lie_within_a_day(at: datetime, ends: datetime | None) -> None:
    assert inside_quiet_hours(at, time(12), time(14), "UTC") == ends


def test_quiet_hours_that_end_in_an_hour_that_comes_twice_end_in_the_future() -> None:
    first, second = utc(10, 25, 0, 10), utc(10, 25, 1, 10)  # both 2:10 in Berlin
    assert inside_quiet_hours(first, time(20), time(2, 30), "Europe/Berlin") == utc(10, 25, 0, 30)
    assert inside_quiet_hours(second, time(20), time(2, 30), "Europe/Berlin") == utc(10, 25, 1, 30)


@settings(max_examples=120)
@given(
    at=st.integers(0, 365 * 24 * 60 * 60).map(lambda seconds: utc(1, 1) + timedelta(seconds=seconds)),
    start=st.times(),
    end=st.times(),
    zone=st.sampled_from([*ZONES, "Australia/Lord_Howe", "Africa/Cairo"]),
)
def test_quiet_hours_always_end_later_than_now_and_within_a_long_day(at: datetime, start: time, end: time, zone: str) -> None:
    ends = inside_quiet_hours(at, start, end, zone)
    assert ends is None or at < ends <= at + 25 * HOUR


@pytest.mark.parametrize(
    ("name", "known"), [("Europe/Berlin", True), ("UTC", True), ("Mars/Olympus", False), ("", False), ("../etc/passwd", False)]
)
def test_a_time_zone_is_known_or_not(name: str, known: bool) -> None:
    assert known_zone(name) is known
