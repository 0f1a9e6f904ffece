"""Users, their tokens and absences, and the accounts they own, as HTTP accepts and returns them."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import idna
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from models.lifecycle import Role
from models.policy import Clock
from models.schemas.common import Instant, Line, Person, Schema, View
from models.schemas.fields import Address

MOST_ABSENCES = 100
"""How many absences a user may have ahead."""
Email = Annotated[Address, AfterValidator(str.lower)]
"""How a user is written to; two that differ in case only are the same."""


class Absence(Schema):
    """A stretch in which a user does not work.

    Attributes:
        start: when it begins; now when left out. `from` in JSON.
        until: when they are back; null when nobody knows yet.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    start: Instant = Field(default_factory=lambda: datetime.now(UTC), alias="from")
    until: Instant | None = None

    @model_validator(mode="after")
    def _forwards(self) -> "Absence":
        if self.until is not None and self.until <= self.start:
            raise ValueError("until must be after from")
        return self


def _as_absences(value: object) -> object:
    """`true` is from now with no known end; `false` and `null` are present; one stretch may stand without its list."""
    if value is True:
        return [{}]
    if value is False or value is None:
        return []
    return [value] if isinstance(value, dict) else value


Absences = Annotated[list[Absence], BeforeValidator(_as_absences), Field(max_length=MOST_ABSENCES)]
"""When a user is away: true, false, null, one stretch or a list of them."""


def _unique_roles(roles: list[Role]) -> list[Role]:
    return sorted(set(roles), key=list(Role).index)


def _as_in_a_policy(**part: object) -> None:
    """A user's clock is written and checked as the policy's is.

    Raises:
        ValueError: saying what is wrong.
    """
    try:
        Clock.model_validate(part)
    except ValidationError as err:
        raise ValueError(err.errors()[0]["msg"].removeprefix("Value error, ")) from None


def _zone(name: str) -> str:
    _as_in_a_policy(timezone=name)
    return name


def _hours(value: dict[str, list[str]] | None) -> dict[str, list[str]] | None:
    if value is not None:
        _as_in_a_policy(hours=value)
    return value


Roles = Annotated[list[Role], Field(min_length=1), AfterValidator(_unique_roles)]
"""What a user may do, at least one."""
Capacity = Annotated[int, Field(ge=0, le=100_000)]
"""How many open leads a rep may have; null is as many as the policy allows."""
Weight = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
"""A rep's share of the leads that are given out, beside the others' weights; 0 takes no turns."""
Territories = Annotated[list[Line], Field(max_length=200)]
"""The territories a rep serves, as the agreement's rules or countries call them; none is all."""
Hours = Annotated[dict[str, list[str]] | None, AfterValidator(_hours)]
"""Working hours, as `{"mon-fri": ["09:00-12:00", "13:00-17:30"]}`; null is the agreement's clock."""
Zone = Annotated[str, AfterValidator(_zone)]
"""An IANA time zone, as Europe/Berlin."""


class NewUser(Schema):
    """A user to be."""

    email: Email
    name: Line
    roles: Roles
    capacity: Capacity | None = None
    weight: Weight = 1.0
    territories: Territories = Field(default=[])
    working_hours: Hours = None
    timezone: Zone = "UTC"
    absent: Absences = Field(default=[])


class UserChange(Schema):
    """What is to be different about a user; what is left out stays as it is.

    Attributes:
        active: false shuts the user out and hands their leads on.
    """

    email: Email | None = None
    name: Line | None = None
    roles: Roles | None = None
    capacity: Capacity | None = None
    weight: Weight | None = None
    territories: Territories | None = None
    working_hours: Hours = None
    timezone: Zone | None = None
    absent: Absences = Field(default=[])
    active: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _not_null(cls, data: Any) -> Any:
        nullable = ("capacity", "working_hours", "absent")
        if isinstance(data, dict) and (empty := [name for name in data if data[name] is None and name not in nullable]):
            raise ValueError(f"{', '.join(map(str, empty))} must not be null; leave out what is to stay as it is")
        return data


class UserView(View):
    """A user.

    Attributes:
        absent: whether they are away at this moment.
        absences: when they are away, from now on.
    """

    id: UUID
    email: str
    name: str
    roles: list[Role]
    capacity: int | None
    weight: float
    territories: list[str]
    working_hours: dict[str, list[str]] | None
    timezone: str
    absent: bool
    absences: list[Absence]
    active: bool
    created_at: datetime


class NewToken(Schema):
    """A token to be. `name` says what it is for."""

    name: Line = "token"


class TokenView(View):
    """A token, without its text."""

    id: UUID
    name: str
    created_at: datetime
    revoked_at: datetime | None


class IssuedToken(TokenView):
    """A token with its text, which is shown this once."""

    token: str


class IssuedLink(View):
    """A link that signs its user in once, shown this once.

    Attributes:
        url: the page it opens; looking at the page does not use it up.
        expires_at: when it stops working, used or not.
    """

    url: str
    expires_at: datetime


_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_LONGEST_DOMAIN = 253


def domain_of(text: str) -> str:
    """The domain someone means, in lower case and as DNS writes it.

    Args:
        text: a domain, or an address of a website.

    Raises:
        ValueError: when there is no domain in it.
    """
    host = re.sub(r"^[a-z][a-z0-9+.-]*://", "", text.strip().lower())
    host = re.split(r"[/?#]", host, maxsplit=1)[0].rpartition("@")[2].partition(":")[0].rstrip(".").removeprefix("www.")
    try:
        found = idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        found = host
    labels = found.split(".")
    if len(labels) < 2 or len(found) > _LONGEST_DOMAIN or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdigit():
        raise ValueError("is not a domain: write it as acme.com")
    return found


Domain = Annotated[str, StringConstraints(max_length=2000), AfterValidator(domain_of)]
"""A company's domain, however it is written."""


class NewAccount(Schema):
    """A named account to be. `owner` is the id of the rep whose it is."""

    name: Line
    domain: Domain
    owner: UUID


class AccountChange(Schema):
    """What is to be different about a named account; what is left out stays as it is."""

    name: Line | None = None
    domain: Domain | None = None
    owner: UUID | None = None


class AccountView(View):
    """A named account.

    Attributes:
        leads: how many leads belong to it.
    """

    id: UUID
    name: str
    domain: str
    owner: Person
    leads: int
    created_at: datetime
