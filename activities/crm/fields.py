"""What a lead looks like in a CRM, and how both sides' spellings of it are made the same."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from models.crm import MOMENTS, NUMBERS, OWN, SAID

_CONCLUDED = ("won", "lost")
_LONGEST = 200


def own(lead: Mapping[str, Any]) -> dict[str, str]:
    """Our fields of a lead's row, spelt as we do: numbers to a tenth, moments to a second in UTC, nothing as an empty text."""
    outcome = lead["stage"] if lead["stage"] in _CONCLUDED else None
    row = {**lead, "lead_id": lead["id"], "outcome": outcome}
    return {name: canonical(name, row[name]) for name in OWN}


def said(lead: Mapping[str, Any]) -> dict[str, str]:
    """What is known of the person, without what is empty."""
    return {name: lead[name] for name in SAID if lead[name]}


def canonical(name: str, value: Any) -> str:
    """A value of one of our fields as we spell it, whichever way a CRM does.

    Args:
        name: of the field, as in `OWN`.
        value: what stands there. What makes no sense is kept as it is, so that it differs from ours.
    """
    if value is None or value == "":
        return ""
    try:
        if name in NUMBERS:
            return f"{round(float(value), 1 if name == 'score' else 2):.10g}"
        if name in MOMENTS:
            return spelt(moment(value))
    except (ValueError, TypeError, OverflowError):
        return str(value)[:_LONGEST]
    return str(value)[:_LONGEST]


def moment(value: Any) -> datetime:
    """A time as CRMs write it: ISO 8601, or milliseconds since 1970.

    Raises:
        ValueError: when it is none.
        TypeError: when it is not even a text or a number.
    """
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    text = str(value)
    if isinstance(value, int | float) or text.isdigit():
        return datetime.fromtimestamp(float(value) / 1000, UTC)
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def spelt(at: datetime) -> str:
    """A moment as both CRMs take it: to a second, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def digest(fields: Mapping[str, str]) -> str:
    """The same for the same values of our fields. None of them says who somebody is."""
    return sha256(json.dumps({name: fields.get(name, "") for name in OWN}, sort_keys=True).encode()).hexdigest()[:32]
