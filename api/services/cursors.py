"""Where a list goes on: cursors with the types their columns have."""

from datetime import datetime
from typing import Any
from uuid import UUID

from api.errors import Invalid
from models.schemas.common import position_of

_READ: dict[type, Any] = {datetime: datetime.fromisoformat, UUID: UUID, str: str, bool: bool, int: int}


def position(cursor: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """What stands in a cursor; None without one.

    Args:
        cursor: as the last part of the list named it.
        *kinds: the types of its values: `datetime`, `UUID`, `str`, `bool` or `int`.

    Raises:
        Invalid: when it is no cursor of this list.
    """
    if cursor is None:
        return None
    try:
        return tuple(_READ[kind](item) for kind, item in zip(kinds, position_of(cursor, len(kinds)), strict=True))
    except (ValueError, TypeError, AttributeError):
        raise Invalid({"cursor": "is not a cursor of this list: leave it out to begin at the start"}) from None
