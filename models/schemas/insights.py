"""What an insight is asked with."""

import re
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from models.schemas.common import Instant, Line, Schema

_FIRST, _LAST = 1970, 2200
_NEITHER = "must be a day as 2026-03-31, or a moment with its offset as 2026-03-31T09:00:00Z"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class InsightName(StrEnum):
    """The insights there are; the first six are the contract's."""

    FUNNEL = "funnel"
    SLA = "sla"
    REPS = "reps"
    SOURCES = "sources"
    SCORING = "scoring"
    OVERRIDES = "overrides"
    HOLES = "holes"
    REVIEW = "review"


def _within_reach(value: date) -> date:
    """A day that has a day before and after it in every time zone, and some sense here."""
    if not _FIRST <= value.year <= _LAST:
        raise ValueError(f"must be between the years {_FIRST} and {_LAST}")
    return value


def _day_first(value: Any) -> Any:
    """A day as a day: a moment at midnight would do for one, too."""
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value} is no day of the calendar") from None
        return _within_reach(day)
    if isinstance(value, str) and not value:
        return None
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value.replace(" ", "+"))  # an offset's plus sign that was not encoded
        except ValueError:
            raise ValueError(_NEITHER) from None
        if found.tzinfo is None:
            raise ValueError(_NEITHER)
        return _within_reach(found)
    return value


When = Annotated[Instant | date | None, BeforeValidator(_day_first)]
"""A moment with its offset, or a day, which begins at midnight in the policy's time zone."""


class InsightQuery(Schema):
    """Over which time, divided by what.

    Attributes:
        since: the first moment or day; 90 days ago when left out.
        until: a moment that is the first one no longer asked about, or the last day; now when left out.
        by: what leads are divided by.
        horizon: how many days a lead is given to get somewhere before it counts in a rate.
    """

    since: When = None
    until: When = None
    by: Line | None = None
    horizon: int = Field(30, ge=1, le=365)


class InsightForm(InsightQuery):
    """The same, and how it is to be answered.

    Attributes:
        format: `json` or `csv`; what `Accept` asks for when left out.
        table: which table as CSV; the first one when left out.
    """

    format: Literal["json", "csv"] | None = None
    table: Line | None = None
