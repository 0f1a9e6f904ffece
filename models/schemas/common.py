"""What several schemas share: times, pages and cursors."""

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not hold the character NUL")
    return text


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # the first day there is, east of Greenwich
        raise ValueError("is beyond the calendar") from None


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_storable)]
"""A short text that must say something: a name, a label."""
Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A moment with its offset, kept in UTC. One without an offset is refused: nobody could say when it is."""
Limit = Annotated[int, Field(ge=1, le=200, description="How many at most.")]
"""How many items a part of a list may have."""
Item = TypeVar("Item")


class Schema(BaseModel):
    """Base of what HTTP accepts: an unknown field is refused by name, so that a misspelt one is not lost silently."""

    model_config = ConfigDict(extra="forbid")


class View(BaseModel):
    """Base of what HTTP returns."""

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)


class Person(View):
    """A user, as others see one."""

    id: UUID
    name: str


class Page(View, Generic[Item]):
    """A part of a list.

    Attributes:
        items: in the list's order.
        next_cursor: asks for the part after this one; null at the end.
    """

    items: list[Item]
    next_cursor: str | None = None


def cursor_of(*position: str | float | bool | datetime | UUID | None) -> str:
    """A cursor that stands for a position in a sorted list.

    Args:
        position: the values of the sort columns of the last item already seen.
    """
    plain = [item.isoformat() if isinstance(item, datetime) else str(item) if isinstance(item, UUID) else item for item in position]
    return base64.urlsafe_b64encode(json.dumps(plain, separators=(",", ":")).encode()).rstrip(b"=").decode()


def position_of(cursor: str, length: int) -> list[str | float | bool | None]:
    """The position a cursor stands for, as `cursor_of` was given it, with times and ids as text.

    Args:
        cursor: from `cursor_of`.
        length: how many values it must hold.

    Raises:
        ValueError: when it is no such cursor.
    """
    try:
        found = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or len(found) != length or any(not isinstance(item, str | int | float | None) for item in found):
        raise ValueError("is not a cursor of this list: leave it out to begin at the start")
    return found
