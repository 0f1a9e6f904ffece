"""Times as people read them. `assets/time.js` says the same words, and goes on saying them as time passes.

In a demo an hour takes a second or so; what is shown is the demo's time.
"""

from datetime import UTC, datetime, timedelta

from models.settings import settings

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_SHORT = 10 * _MINUTE
_LONG = 10 * _HOUR


def ago(at: datetime, now: datetime | None = None) -> str:
    """How long ago something was: "just now", "2 min ago", "3 h ago", "5 d ago", and a date beyond a month."""
    seconds = shown((now or datetime.now(UTC)) - at)
    if seconds < _MINUTE:
        return "just now"
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)} min ago"
    if seconds < _DAY:
        return f"{int(seconds // _HOUR)} h ago"
    if seconds < 30 * _DAY:
        return f"{int(seconds // _DAY)} d ago"
    return f"{at.day} {at:%b %Y}"


def left(at: datetime, now: datetime | None = None) -> str:
    """How much time is left: "6 d", "23 h", "2 h 14 min", "14 min", "4:05"; "late" with how late, roughly, once it has run out."""
    seconds = int(shown(at - (now or datetime.now(UTC))))
    if seconds >= 0:
        return _span(seconds)
    late = -seconds
    return f"{_span(late) if late < _HOUR or late >= 2 * _DAY else f'{late // _HOUR} h'} late"


def shown(span: timedelta) -> float:
    """Seconds, by the clock that is shown."""
    hour = settings().demo_hour
    return span.total_seconds() * (_HOUR / hour if hour else 1)


def _span(seconds: int) -> str:
    if seconds < _SHORT:
        return f"{seconds // _MINUTE}:{seconds % _MINUTE:02}"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    if seconds < 2 * _DAY:
        minutes = f" {seconds % _HOUR // _MINUTE} min" if seconds < _LONG else ""
        return f"{seconds // _HOUR} h{minutes}"
    return f"{seconds // _DAY} d"


def sortable(at: datetime) -> str:
    """The moment as a page's attribute: of one length, so that text sorts as time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def exact(at: datetime) -> str:
    """The moment itself, for whoever hovers: "12 Mar 2026, 14:20 UTC"."""
    return f"{at.day} {at:%b %Y, %H:%M} UTC"
