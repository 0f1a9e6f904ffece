"""Insights as pages: values in words, tables as people read them, and the figures that Plotly draws beside them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from markupsafe import Markup

from activities.insights.figures import Column, Insight, Share, Table
from api.board import times
from api.board.pages import templates
from models.schemas.insights import InsightName

TITLES: Final[Mapping[InsightName, str]] = {
    InsightName.FUNNEL: "Funnel",
    InsightName.SLA: "Service levels",
    InsightName.REPS: "Reps",
    InsightName.SOURCES: "Sources",
    InsightName.SCORING: "Scoring",
    InsightName.OVERRIDES: "Overrides",
    InsightName.HOLES: "Black holes",
    InsightName.REVIEW: "Qualified leads",
}
"""In the order of the tabs."""
PERIODS: Final = (("Last 7 days", 7), ("Last 30 days", 30), ("Last 90 days", 90), ("Last year", 365), ("All", 0))
"""How far back a page looks with one click."""
HORIZONS: Final = (7, 14, 30, 60, 90, 180)
NOTHING = "\N{EN DASH}"
"""What a cell shows where nothing is known."""
MOST_MARKS = 16
"""So many bars are drawn; the table has them all."""
_FEWEST = 3
"""As much room as so many bars take is there for fewer, so that a single one is no wall."""
_FEW = 6
"""Below this an axis of counts has a line for each."""
_NO_FIGURE = "No chart yet: there is no figure to draw."
_UNDRAWN = {"share": "No chart yet: nothing here is old enough to count in a rate.", "seconds": "No chart yet: nothing was timed so far."}
"""Why there is no chart, by the kind of what it would show."""
_BESIDE = 6
"""A table wider than this stands below its chart; a share is as wide as two."""
_UNITS = (("s", 1.0), ("min", 60.0), ("h", 3600.0), ("d", 86_400.0))
_NUMBERS = frozenset({"count", "share", "seconds", "number", "money"})


def duration(seconds: float | None) -> str:
    """A time span in words: "0.35 s", "12 s", "4 min", "2 h 10 min", "3.5 d"."""
    if seconds is None:
        return NOTHING
    if seconds < 60:
        return f"{seconds:.2f} s" if 0 < seconds < 10 else f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    if seconds < 2 * 86_400:
        hours, minutes = divmod(round(seconds / 60), 60)
        return f"{hours} h {minutes} min" if minutes and hours < 10 else f"{hours} h"
    return f"{seconds / 86_400:.1f} d"


def percent(rate: float) -> str:
    """A share in words, with a decimal where it is small."""
    return f"{100 * rate:.1f} %" if 0 < rate < 0.1 else f"{100 * rate:.0f} %"


def value(column: Column, found: Any, zone: str) -> Markup | str:
    """A value as a cell shows it."""
    if found is None or found == "":
        return NOTHING
    match column.kind:
        case "share":
            return _share(found)
        case "seconds":
            return duration(times.shown(timedelta(seconds=found)))
        case "count":
            return f"{found:,}"
        case "number":
            return f"{found:,.1f}".removesuffix(".0")
        case "money":
            return f"{found:,.0f}"
        case "time":
            return _time(found, zone)
        case "lead":
            return Markup('<a href="/leads/{}" dir="auto">{}</a>').format(found["id"], found["name"])
        case _:
            return str(found)


def _share(share: Share) -> Markup | str:
    if share.rate is None:
        return Markup('<span class="quiet">none old enough</span>')
    low, high = (100 * end for end in share.interval)
    digits = 1 if high - low < 2 else 0
    return Markup("<b>{}</b> <small>{} to {} %, n {}</small>").format(
        percent(share.rate), f"{low:.{digits}f}", f"{high:.{digits}f}", f"{share.of:,}"
    )


def _time(at: datetime, zone: str) -> Markup:
    local = at.astimezone(ZoneInfo(zone))
    return Markup('<time datetime="{}">{}</time>').format(at.astimezone(UTC).isoformat(), f"{local.day} {local:%b %Y, %H:%M}")


def is_number(column: Column) -> bool:
    """Whether a column's values stand to the right."""
    return column.kind in _NUMBERS


@dataclass(frozen=True, slots=True)
class Part:
    """A table as a page shows it.

    Args:
        table: the table.
        figure: what Plotly draws of it; None where nothing is drawn.
        beside: whether both fit side by side.
        undrawn: why there is no chart yet, where there will be one.
    """

    table: Table
    figure: dict[str, Any] | None
    beside: bool
    undrawn: str = ""


def parts(found: Insight) -> Iterator[Part]:
    """An insight's tables, each with the figure that is drawn of it, or why there is none yet."""
    for table in found.tables:
        drawn = figure(table)
        beside = sum(1 + (column.kind == "share") for column in table.columns) <= _BESIDE
        yield Part(table, drawn, beside, "" if drawn or not table.chart else _UNDRAWN.get(_up(table)[0].kind, _NO_FIGURE))


def _up(table: Table) -> list[Column]:
    """The columns that are drawn."""
    columns = {column.key: column for column in table.columns}
    return [columns[key] for key in table.chart.up] if table.chart else []


def figure(table: Table) -> dict[str, Any] | None:
    """What Plotly draws of a table: its axes start at zero, a share has its interval. None where there is nothing to draw."""
    chart = table.chart
    if chart is None or table.nothing:
        return None
    shown = table.rows if chart.mark == "line" else table.rows[:MOST_MARKS]
    up = _up(table)
    if not any(each.of if isinstance(each := row[column.key], Share) else each for row in shown for column in up):
        return None
    unit, scale = _unit(up, shown)
    across = [str(row[chart.across]) for row in shown]
    data = [_trace(column, shown, across, chart.mark, scale) for column in up]
    axis: dict[str, Any] = {"rangemode": "tozero", "title": {"text": unit or (up[0].label if len(up) == 1 else "")}}
    if up[0].kind == "share":
        axis |= {"tickformat": ".0%"}
    if up[0].kind == "count" and max(row[column.key] or 0 for row in shown for column in up) < _FEW:
        axis |= {"dtick": 1}
    places: dict[str, Any] = {"type": "category"}
    if chart.mark == "bar" and len(across) < _FEWEST:
        places |= {"range": [-0.5, _FEWEST - 0.5]}
    return {"data": data, "layout": {"yaxis": axis, "xaxis": places, "showlegend": len(data) > 1, "barmode": "group"}}


def _unit(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> tuple[str, float]:
    """The unit that time spans are drawn in: the largest one that the longest of them reaches."""
    if columns[0].kind != "seconds":
        return "", 1.0
    longest = max((times.shown(timedelta(seconds=row[c.key] or 0)) for row in rows for c in columns), default=0.0)
    name, seconds = next((unit for unit in reversed(_UNITS) if longest >= unit[1]), _UNITS[0])
    return {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}[name], times.shown(timedelta(seconds=1)) / seconds


def _trace(column: Column, rows: Sequence[Mapping[str, Any]], across: list[str], mark: str, scale: float) -> dict[str, Any]:
    found = [row[column.key] for row in rows]
    trace: dict[str, Any] = {"type": "scatter", "mode": "lines+markers"} if mark == "line" else {"type": "bar"}
    trace |= {"name": column.label, "x": across}
    if column.kind != "share":
        return trace | {"y": [None if each is None else each * scale for each in found]}
    rates = [each.rate for each in found]
    reach = [each.interval for each in found]
    bars = {
        "type": "data",
        "symmetric": False,
        "array": [None if rate is None else high - rate for rate, (_, high) in zip(rates, reach, strict=True)],
        "arrayminus": [None if rate is None else rate - low for rate, (low, _) in zip(rates, reach, strict=True)],
        "thickness": 1,
        "width": 3,
    }
    text = [f"{each.count:,} of {each.of:,}" for each in found]
    return trace | {"y": rates, "error_y": bars, "hovertext": text, "hoverinfo": "x+y+text+name"}


def periods(today: date, query: Mapping[str, str]) -> list[tuple[str, dict[str, str], bool]]:
    """How far back a page can look: the words, what the address then says, and whether it does so now."""
    found = []
    for words, days in PERIODS:
        since = (today - timedelta(days=days)).isoformat() if days else "2000-01-01"
        found.append((words, {"since": since}, query.get("since", "") == since and not query.get("until")))
    return found


def _day(at: datetime, zone: str) -> str:
    local = at.astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%b %Y}"


def _iso_day(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).date().isoformat()


templates.filters |= {"day": _day, "iso_day": _iso_day, "exact": times.exact}
templates.globals |= {"cell": value, "is_number": is_number}
