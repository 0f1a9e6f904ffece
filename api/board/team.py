"""A user as a form: working hours a day a line, absences in the user's own time, and how each reads."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from functools import lru_cache
from itertools import groupby
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from pydantic import TypeAdapter, ValidationError

from api.board.pages import templates
from api.errors import Invalid
from api.forms import Sent, filled, text_of
from models.lifecycle import Role
from models.policy.clock import clock_of
from models.schemas.people import Absence, Hours, NewUser, UserChange, UserView

DAYS: Final = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}
"""The days of a week, as working hours name them and as people do."""
ROLES: Final = {
    Role.REP: ("Rep", "claims leads and makes contact"),
    Role.REVIEWER: ("Reviewer", "judges what cannot be told otherwise"),
    Role.MARKETER: ("Marketer", "imports, holds, re-scores, names accounts"),
    Role.MANAGER: ("Manager", "is told of deadlines, moves leads between reps, notes who is away"),
    Role.ADMIN: ("Admin", "manages users, erases people; passes every door"),
    Role.SERVICE: ("Program", "brings data in and reads none"),
}
"""Every role, and what it is for."""
_BLOCK = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?\s*(?:-|\N{EN DASH}|to)\s*(\d{1,2})(?:[:.](\d{2}))?")
_HOURS: TypeAdapter[Any] = TypeAdapter(Hours)
Form = TypeVar("Form", NewUser, UserChange)
_NOT_FOR_PEOPLE = ("Etc/", "System", "US/", "posix", "right")


@dataclass(frozen=True, slots=True)
class UserForm:
    """A user as the fields of a form, as they were sent or as they stand.

    Args:
        roles: what is ticked.
        territories: with commas.
        hours: for each day its stretches, with commas; empty is none.
    """

    email: str = ""
    name: str = ""
    roles: tuple[str, ...] = ()
    capacity: str = ""
    weight: str = "1"
    territories: str = ""
    timezone: str = "UTC"
    hours: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, user: UserView) -> "UserForm":
        """The form of a user there is."""
        week = _week(user.working_hours)
        return cls(
            email=user.email,
            name=user.name,
            roles=tuple(user.roles),
            capacity="" if user.capacity is None else str(user.capacity),
            weight=f"{user.weight:g}",
            territories=", ".join(user.territories),
            timezone=user.timezone,
            hours={day: ", ".join(week.get(day, ())) for day in DAYS},
        )

    @classmethod
    def sent(cls, form: Sent) -> "UserForm":
        """The form as a browser sent it."""
        plain = {name: text_of(form, name) for name in ("email", "name", "capacity", "weight", "territories", "timezone")}
        return cls(**plain, roles=tuple(form.getlist("roles")), hours={day: text_of(form, f"hours-{day}") for day in DAYS})

    def read(self, schema: type[Form], before: "UserForm | None" = None) -> Form:
        """The form as its schema has it.

        Args:
            schema: what it is about.
            before: the form as it stood; only what is different now is then in the answer.

        Raises:
            Invalid: naming every field at fault, and each day whose hours cannot be read as `hours-mon`.
        """
        plain: dict[str, object] = {name: getattr(self, name) for name in ("email", "name", "weight", "timezone")}
        places = [name.strip() for name in self.territories.split(",") if name.strip()]
        hours, problems = _hours({day: text for day, text in self.hours.items() if text})
        more = {"roles": list(self.roles), "capacity": self.capacity or None, "territories": places, "working_hours": hours}
        if not self.roles:
            problems["roles"] = "tick at least one"
        values = plain | more
        if before is not None:
            values = {name: value for name, value in values.items() if self._field(name) != before._field(name)}
        try:
            found = filled(schema, values)
        except Invalid as err:
            raise Invalid({error["field"]: error["message"] for error in err.fields["errors"]} | problems) from None
        if problems:
            raise Invalid(problems)
        return found

    def _field(self, name: str) -> object:
        """A field as it was filled in, by the name HTTP has for it."""
        return getattr(self, "hours" if name == "working_hours" else name)


def _hours(days: Mapping[str, str]) -> tuple[dict[str, list[str]] | None, dict[str, str]]:
    """Working hours from a line a day, and what is wrong with which. Without any they are the agreement's.

    Days that follow each other and are alike stand together.
    """
    problems: dict[str, str] = {}
    read: dict[str, list[str]] = {}
    for day, text in days.items():
        blocks = [_block(part) for part in text.split(",")]
        try:
            _HOURS.validate_python({day: blocks})
            read[day] = blocks
        except ValidationError as err:
            problems[f"hours-{day}"] = err.errors()[0]["msg"].removeprefix("Value error, ")
    found: dict[str, list[str]] = {}
    for alike, names in ((blocks, list(some)) for blocks, some in groupby(DAYS, read.get)):
        if alike:
            found[names[0] if len(names) == 1 else f"{names[0]}-{names[-1]}"] = alike
    return found or None, problems


def _block(text: str) -> str:
    """A stretch as `09:00-17:30`, however it was written: 9-17.30, 9:00 to 17:30. What cannot be read stays as it is."""
    found = _BLOCK.fullmatch(text.strip())
    if found is None:
        return text.strip()
    opens, opens_min, closes, closes_min = found.groups(default="00")
    return f"{int(opens):02}:{opens_min}-{int(closes):02}:{closes_min}"


def _week(hours: Mapping[str, list[str]] | None) -> dict[str, list[str]]:
    """For each working day its stretches."""
    if not hours:
        return {}
    week = clock_of(dict(hours), "UTC", frozenset()).week
    return {day: [f"{_clock(a)}-{_clock(b)}" for a, b in blocks] for day, blocks in zip(DAYS, week, strict=True) if blocks}


def _clock(at: time) -> str:
    return "24:00" if at == time.max else f"{at:%H:%M}"


def hours_in_words(hours: Mapping[str, list[str]] | None) -> list[str]:
    """Working hours as lines: "Mon to Fri 09:00-12:00, 13:00-17:30"."""
    week, lines = _week(hours), []
    for blocks, alike in groupby(DAYS, week.get):
        names = [day.capitalize() for day in alike]
        if blocks:
            lines.append(f"{names[0] if len(names) == 1 else f'{names[0]} to {names[-1]}'} {', '.join(blocks)}".replace("-", "\N{EN DASH}"))
    return lines


def absence(form: Sent, zone: str) -> Absence:
    """An absence as it was filled in, in the user's own time. Without a beginning it begins now, without an end nobody knows it yet.

    Raises:
        Invalid: when it cannot be, or is over.
    """
    sent = {"from": moment(form, "from", zone), "until": moment(form, "until", zone)}
    if sent["until"] and sent["until"] <= datetime.now(UTC):
        raise Invalid({"until": "is over already"})
    if sent["from"] and sent["until"] and sent["until"] <= sent["from"]:
        raise Invalid({"until": "must be after the beginning"})
    return filled(Absence, {name: at for name, at in sent.items() if at})


def moment(form: Sent, name: str, zone: str) -> datetime | None:
    """A moment that was written without an offset, in this zone; None when the field is empty."""
    if not (text := text_of(form, name)):
        return None
    try:
        local = datetime.fromisoformat(text)
        return (local if local.tzinfo else local.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid({name: "must be a day and a time, as 2026-01-31T09:00"}) from None


def there(at: datetime, zone: str) -> str:
    """A moment as somebody in this zone reads it: "12 Mar 2026, 14:20"."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%b %Y, %H:%M}"


def covering(user: UserView) -> Absence | None:
    """The absence the user is in now, if they are: of several the one that ends last."""
    now = datetime.now(UTC)
    late = datetime.max.replace(tzinfo=UTC)
    inside = [gap for gap in user.absences if gap.start <= now and (gap.until is None or now < gap.until)]
    return max(inside, key=lambda gap: gap.until or late, default=None)


@lru_cache(maxsize=1)
def zones() -> list[str]:
    """The time zones people are in, by name."""
    return ["UTC", *sorted(name for name in available_timezones() if "/" in name and not name.startswith(_NOT_FOR_PEOPLE))]


templates.filters |= {"hours_in_words": hours_in_words, "there": there, "covering": covering}
templates.globals |= {"DAYS": DAYS, "ROLES": ROLES}
