"""What a column holds: numbers, dates, categories, text, or nothing to learn from.

Judged by the distinct texts in it and how often each occurs. What a kind says about a text (`numbers`, `moments`) is used alike when
training and when scoring.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from activities.scoring.table.columns import Column

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

MISSING = frozenset(
    {
        *(
            "",
            "-",
            "--",
            "---",
            "?",
            "??",
            ".",
            "\\n",
            "na",
            "n/a",
            "n.a.",
            "#n/a",
            "nan",
            "<na>",
            "nat",
            "null",
            "nil",
            "#ref!",
            "#value!",
        ),
        *("unknown", "unkown", "(unknown)", "not known", "undefined", "missing", "blank", "(blank)", "(none)", "none given", "tbd"),
        *("not specified", "unspecified", "not provided", "not available", "not set", "(not set)"),
        *("select", "-select-", "--select--", "select one", "please select"),
    }
)
"""What people and programs write where they know nothing."""
_SENTINELS = (-1.0, -9.0, -99.0, -999.0, -9999.0, 99.0, 999.0, 9999.0, 99999.0, 999999.0)
_LONGEST_NUMBER = 40
_MOSTLY = 0.95
_FEWEST_ALIKE = 0.98
_IDENTIFIER = re.compile(
    r"(?:^|[^a-z])(?:u?u?id|guid|key|number|no|nr|num|code|ref|reference|serial|index|row|hash|token|phone|mobile|fax)s?$", re.IGNORECASE
)
_REFERENCE = re.compile(r"(?:^|[^a-z])(?:id|code|zip|zip_?code|postal_?code|postcode|plz)$", re.IGNORECASE)
_CAMEL_ID = re.compile(r"[a-z](?:Id|ID|No|Nr|Key|UUID)$")
_NOT_NUMBER = re.compile(r"[€$£¥%\s\u00a0\u202f']|(?:USD|EUR|GBP|CHF)", re.IGNORECASE)
_THOUSANDS = re.compile(r"^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?$")
_COMMA = re.compile(r"^[+-]?(?:\d{1,3}(?:\.\d{3})+|\d+)?,\d+$")
_DATE_LIKE = re.compile(r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|^\d{1,2}[ -][A-Za-z]{3}|^[A-Za-z]{3,9}\.? \d{1,2}|^\d{4}-\d{2}$")
_MAIL = re.compile(r"^[^@\s]+@([^@\s]+\.[^@\s]+)$")
_SITE = re.compile(r"^(?:https?://|www\.)([^/\s?#]+)", re.IGNORECASE)
_DAYS = (
    *("%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%m/%d/%y", "%d/%m/%y", "%d.%m.%y"),
    *("%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%d %B %Y", "%b %d %Y", "%Y-%m"),
)
_TIMES = ("", " %H:%M:%S", " %H:%M", " %I:%M %p", " %I:%M:%S %p", ", %H:%M:%S", "T%H:%M:%S")
_FORMATS = tuple(f"{day}{time}" for day in _DAYS for time in _TIMES)
ISO = "iso"


class Kind(StrEnum):
    """What a column holds."""

    NUMBER = "number"
    DATE = "date"
    CATEGORY = "category"
    TEXT = "text"
    HOST = "domain of an address"
    EMPTY = "empty"
    CONSTANT = "always the same"
    IDENTIFIER = "identifier"
    DUPLICATE = "same as another"


USEFUL = frozenset({Kind.NUMBER, Kind.DATE, Kind.CATEGORY, Kind.TEXT, Kind.HOST})
"""Kinds there is something to learn from."""


@dataclass(frozen=True, slots=True)
class Detected:
    """What a column was found to hold.

    Args:
        kind: what.
        how: a date's format; empty otherwise.
        sentinels: numbers that stand for "not known".
        note: what a person should know of it; empty when there is nothing.
    """

    kind: Kind
    how: str = ""
    sentinels: tuple[float, ...] = ()
    note: str = ""


def is_missing(level: str) -> bool:
    """Whether a text says that nothing is known."""
    return level.strip().lower() in MISSING


def present(column: Column) -> Booleans:
    """For each row, whether the cell says something."""
    return np.array([not is_missing(level) for level in column.levels] or [False])[column.codes]


def numbers(levels: Sequence[str], sentinels: Sequence[float] = ()) -> Floats:
    """Each text as a number; NaN where it is none, or stands for "not known"."""
    try:
        found = np.array(levels, dtype=np.float64) if levels else np.empty(0)
    except ValueError:
        found = np.array([_number(level) for level in levels])
    bad = ~np.isfinite(found) | np.isin(found, np.array(sentinels, dtype=np.float64)) | (np.abs(found) > 1e30)
    return np.where(bad, np.nan, found)


def moments(levels: Sequence[str], how: str) -> Floats:
    """Each text as days since 1970; NaN where it is no date in this format."""
    return np.array([_moment(level, how) for level in levels], dtype=np.float64)


def hosts(levels: Sequence[str]) -> list[str]:
    """The domain of each e-mail address or web address, in lower case; empty where there is none."""
    return [_host(level) for level in levels]


def detect(column: Column) -> Detected:
    """Say what a column holds."""
    counts = np.bincount(column.codes, minlength=len(column.levels))
    said = [(level, int(count)) for level, count in zip(column.levels, counts, strict=True) if count and not is_missing(level)]
    total = sum(count for _, count in said)
    if not total:
        return Detected(Kind.EMPTY, note="no row has a value")
    if len(said) == 1 and total == len(column.codes):
        return Detected(Kind.CONSTANT, note=f"every row has {_short(said[0][0])}")
    levels = [level for level, _ in said]
    weights = np.array([count for _, count in said])
    values = numbers(levels)
    if weights[np.isfinite(values)].sum() >= _MOSTLY * total:
        return _numeric(column, levels, values, weights)
    how = _date_format(levels)
    if how is not None:
        return Detected(Kind.DATE, how=how, note="" if _unambiguous(levels, how) else "taken as month/day/year; it could be day/month/year")
    return _worded(column, levels, weights)


def _numeric(column: Column, levels: list[str], values: Floats, weights: npt.NDArray[np.int64]) -> Detected:
    total = int(weights.sum())
    finite = np.isfinite(values)
    if len(np.unique(values[finite])) == 1 and total == len(column.codes):
        return Detected(Kind.CONSTANT, note=f"every row has {_short(levels[0])}")
    if _many_coded(column.name, levels, total):
        return Detected(Kind.CATEGORY, note="numbers that are names")
    if _serial(column, values[finite], total):
        return Detected(Kind.IDENTIFIER, note="a number of its own for nearly every row")
    sentinels = _disguised(values[finite], weights[finite])
    shown = " and ".join(f"{value:g}" for value in sentinels)
    return Detected(Kind.NUMBER, sentinels=sentinels, note=f"{shown} taken for “not known”" if sentinels else "")


def _serial(column: Column, values: Floats, total: int) -> bool:
    """Whether whole numbers are a running number or a key, not a quantity: nearly all distinct, and named, ordered or dense like one."""
    if total < 50 or len(values) < _FEWEST_ALIKE * total or np.any(values != np.floor(values)):
        return len(values) >= 0.8 * total >= 40 and _named_identifier(column.name) and bool(np.all(values == np.floor(values)))
    dense = np.ptp(values) <= 3 * len(values)
    in_order = np.sign(np.diff(numbers(column.levels)))
    ordered = bool(np.mean(in_order > 0) > _FEWEST_ALIKE or np.mean(in_order < 0) > _FEWEST_ALIKE)
    return bool(_named_identifier(column.name) or dense or ordered or values.min() > 1e8)


def _many_coded(name: str, levels: list[str], total: int) -> bool:
    """Whether numbers name things that come again and again, as the id of a campaign does."""
    return len(levels) > 30 and len(levels) <= total / 2 and bool(_REFERENCE.search(name) or _CAMEL_ID.search(name))


def _named_identifier(name: str) -> bool:
    return bool(_IDENTIFIER.search(name) or _CAMEL_ID.search(name))


def _disguised(values: Floats, weights: npt.NDArray[np.int64]) -> tuple[float, ...]:
    """Numbers like 999 and -1 that stand apart from all others and come often."""
    found = []
    for sentinel in _SENTINELS:
        here = values == sentinel
        others = values[~here]
        if not here.any() or len(others) < 2 or weights[here].sum() < 0.01 * weights.sum():
            continue
        low, high = float(others.min()), float(others.max())
        apart = sentinel > high + 3 * (high - low) or sentinel < low - 3 * (high - low) or (sentinel < 0 <= low)
        if apart or (len(others) > 5 and sentinel > 3 * high > 0):
            found.append(sentinel)
    return tuple(found)


def _worded(column: Column, levels: list[str], weights: npt.NDArray[np.int64]) -> Detected:
    total = int(weights.sum())
    sample = levels[:2_000]
    for pattern in (_MAIL, _SITE):
        if sum(bool(pattern.match(level)) for level in sample) >= _MOSTLY * len(sample):
            return Detected(Kind.HOST, note="only the domain was used")
    words = float(np.mean([len(level.split()) for level in sample]))
    distinct = len(levels) / total
    if words >= 4 and distinct > 0.2 and len(levels) > 50:
        return Detected(Kind.TEXT)
    if total >= 50 and (distinct >= _FEWEST_ALIKE or (distinct > 0.8 and _named_identifier(column.name))):
        return Detected(Kind.TEXT) if words >= 3 else Detected(Kind.IDENTIFIER, note="a value of its own for nearly every row")
    return Detected(Kind.CATEGORY)


def _date_format(levels: list[str]) -> str | None:
    sample = levels[:: max(1, len(levels) // 400)]
    if sum(bool(_DATE_LIKE.match(level)) for level in sample) < _MOSTLY * len(sample):
        return None
    for how in (ISO, *_FORMATS):
        if np.isfinite(moments(sample[:20], how)).sum() >= 0.4 * len(sample[:20]) and np.isfinite(moments(levels, how)).mean() >= _MOSTLY:
            return how
    return None


def _unambiguous(levels: list[str], how: str) -> bool:
    swapped = {"%m/%d/": "%d/%m/", "%m-%d-": "%d-%m-"}.get(how[:6])
    return swapped is None or bool(np.isfinite(moments(levels[:2_000], swapped + how[6:])).mean() < 1)


def _number(level: str) -> float:
    if len(level) > _LONGEST_NUMBER:
        return float("nan")
    text = _NOT_NUMBER.sub("", level)
    if _THOUSANDS.match(text):
        text = text.replace(",", "")
    elif _COMMA.match(text):
        text = text.replace(".", "").replace(",", ".")
    try:
        return float(text.replace("_", " "))
    except ValueError:
        return float("nan")


def _moment(level: str, how: str) -> float:
    try:
        found = datetime.fromisoformat(level) if how == ISO else datetime.strptime(level, how)  # noqa: DTZ007 - a table says no zone
    except ValueError:
        return float("nan")
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    return (aware - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() / 86_400


def _host(level: str) -> str:
    found = _MAIL.match(level) or _SITE.match(level)
    return found.group(1).lower().removeprefix("www.") if found else ""


def _short(level: str) -> str:
    return f"“{level[:40]}…”" if len(level) > 40 else f"“{level}”"
