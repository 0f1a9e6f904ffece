"""How a policy's values are written, and what its parts have in common."""

import re
from datetime import time, timedelta
from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
)

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*$")
_LONGEST = timedelta(days=3650)


def parse_duration(value: object) -> timedelta:
    """Read ``3s``, ``15m``, ``4h``, ``2d`` or ``1w``.

    Raises:
        ValueError: when it is not written so.
    """
    if isinstance(value, timedelta):
        return value
    found = _DURATION.match(value) if isinstance(value, str) else None
    if not found:
        raise ValueError(f"{value!r} is not a duration: write a number and s, m, h, d or w, as in 15m or 2d")
    seconds = float(found[1]) * _UNITS[found[2]]
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f"{value!r} is longer than ten years")
    return timedelta(seconds=seconds)


def format_duration(value: timedelta) -> str:
    """The shortest way to write a duration in a policy, for example ``2d`` or ``90m``."""
    seconds = value.total_seconds()
    for unit in ("d", "h", "m"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds // _UNITS[unit]:.0f}{unit}"
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta():
        raise ValueError("must be longer than nothing")
    return value


Span = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration)]
"""A duration that may be zero."""
Wait = Annotated[Span, BeforeValidator(lambda v: _positive(parse_duration(v)))]
"""A duration longer than zero."""


class Rules(BaseModel):
    """Base of every part of a policy: frozen, and unknown keys are refused by name."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=False)


def time_of_day(text: str) -> time:
    """Read ``09:30``.

    Raises:
        ValueError: when it is no time of day, or names a time zone of its own.
    """
    value = time.fromisoformat(text.strip())
    if value.tzinfo is not None:
        raise ValueError(f"{text!r} names a time zone of its own")
    return value
