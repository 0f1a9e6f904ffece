"""The clock people's deadlines run on: working hours, time zone, holidays."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, time
from functools import cached_property
from itertools import pairwise
from typing import Literal, Self

import holidays as public_holidays
from pydantic import (
    field_validator,
    model_validator,
)

from models.policy.base import Rules, time_of_day
from models.worktime import Block, WorkClock, known_zone

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOLIDAY_YEARS = 6


def _parse_block(text: str) -> Block:
    try:
        start, end = text.split("-")
        opens = time_of_day(start)
        closes = time.max if end.strip() == "24:00" else time_of_day(end)
    except ValueError:
        raise ValueError(f"{text!r} is not a stretch of hours: write it as 09:00-17:30") from None
    if opens >= closes:
        raise ValueError(f"{text!r} ends before it begins")
    return opens, closes


def _parse_days(text: str) -> list[int]:
    days: list[int] = []
    for part in text.lower().split(","):
        ends = [name.strip()[:3] for name in part.split("-")]
        if any(name not in _DAYS for name in ends) or len(ends) > 2:
            raise ValueError(f"{text!r} names no weekdays: write mon, sat,sun or mon-fri")
        first, last = _DAYS.index(ends[0]), _DAYS.index(ends[-1])
        days += [(first + n) % 7 for n in range((last - first) % 7 + 1)]
    return days


def _week(hours: Mapping[str, list[str]]) -> tuple[tuple[Block, ...], ...]:
    """For each weekday its blocks in order, which must not overlap: an hour that counts twice is no hour."""
    week: list[list[Block]] = [[] for _ in _DAYS]
    for days, texts in hours.items():
        for day in _parse_days(days):
            week[day] += map(_parse_block, texts)
    for name, blocks in zip(_DAYS, week, strict=True):
        blocks.sort()
        if any(later[0] < earlier[1] for earlier, later in pairwise(blocks)):
            raise ValueError(f"two stretches of hours on {name} overlap")
    return tuple(map(tuple, week))


def clock_of(hours: Mapping[str, list[str]], zone: str, days_off: frozenset[date]) -> WorkClock:
    """The clock of somebody with working hours of their own.

    Args:
        hours: as a policy or a user has them, checked before.
        zone: theirs.
        days_off: dates on which nobody works.
    """
    return WorkClock(_week(hours), zone, days_off)


class Clock(Rules):
    """The clock people's deadlines run on: `always`, or working hours in one time zone with its holidays."""

    hours: Literal["always"] | dict[str, list[str]] = "always"
    timezone: str = "UTC"
    holidays: str | None = None
    holiday_dates: tuple[date, ...] = ()

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if not known_zone(value):
            raise ValueError(f"there is no time zone {value!r}")
        return value

    @field_validator("hours")
    @classmethod
    def _hours_parse(cls, value: str | dict[str, list[str]]) -> str | dict[str, list[str]]:
        if isinstance(value, dict) and not any(_week(value)):
            raise ValueError("there is no working time in it at all")
        return value

    @model_validator(mode="after")
    def _known_country(self) -> Self:
        if self.holidays is not None:
            country, _, region = self.holidays.upper().partition("-")
            known = public_holidays.list_supported_countries(include_aliases=True)
            if country not in known or (region and region not in known[country]):
                raise ValueError(f"no public holidays are known for {self.holidays!r}: write a country as DE, or a region as DE-BY")
        return self

    def resolved(self, today: date) -> Self:
        """The same clock with its country's holidays written out as dates, so that deadlines no longer depend on a library's version."""
        found = self._public(range(today.year - 1, today.year - 1 + _HOLIDAY_YEARS))
        return self.model_copy(update={"holiday_dates": tuple(sorted({*self.holiday_dates, *found}))})

    @property
    def own_days(self) -> tuple[date, ...]:
        """The days off that people wrote themselves, and not the country's holidays that were written out."""
        found = self._public({day.year for day in self.holiday_dates})
        return tuple(day for day in self.holiday_dates if day not in found)

    def _public(self, years: Iterable[int]) -> Collection[date]:
        if self.holidays is None:
            return ()
        country, _, region = self.holidays.upper().partition("-")
        found: Collection[date] = public_holidays.country_holidays(country, subdiv=region or None, years=years)
        return found

    @cached_property
    def days_off(self) -> frozenset[date]:
        """The holidays."""
        return frozenset(self.holiday_dates)

    @cached_property
    def work(self) -> WorkClock:
        """The clock as arithmetic."""
        if self.hours == "always":
            return WorkClock(holidays=frozenset())
        return WorkClock(_week(self.hours), self.timezone, self.days_off)
