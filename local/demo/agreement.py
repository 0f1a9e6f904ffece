"""The agreement of the demo: the one a team would have, with every duration shrunk."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from models.policy import Policy, format_duration, load_policy

HOUR = 1.0
"""Seconds an hour takes in the demo."""
_LEAST = timedelta(seconds=6)
"""No duration shrinks below this: who watches must be able to see it, and to click."""
_BY_THE_REAL_CLOCK: dict[str, Any] = {
    "name": "demo",
    "claims": {"per_rep_daily": 100_000, "per_rep_open": 12},
    "review": {"band": 0.02},
    "rescore": {"debounce": "1s"},
    "routing": {"retry": "2s"},
    "nurture": {"caps": {"per_week": 100}, "quiet_hours": None},
}
"""What counts real days or hours of the day, which do not shrink, and what would be too little for a stream of leads."""


def agreement(policy: Path | None) -> str:
    """A policy for the demo, as YAML.

    Args:
        policy: the file to shrink; the default agreement when there is none.

    Raises:
        PolicyError: when the file is no policy.
    """
    found = load_policy(policy, today=datetime.now(UTC).date()) if policy else Policy()
    document = _shrunk(found)
    for name, values in _BY_THE_REAL_CLOCK.items():
        document[name] = {**document[name], **values} if isinstance(values, Mapping) else values
    document.pop("version", None)
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def _shrunk(value: Any) -> Any:
    if isinstance(value, BaseModel):
        names = (*type(value).model_fields, *(value.model_extra or ()))
        return {name: _shrunk(getattr(value, name)) for name in names if getattr(value, name) is not None}
    if isinstance(value, timedelta):
        return format_duration(max(value * HOUR / 3600, _LEAST)) if value else "0s"
    if isinstance(value, Mapping):
        return {name: _shrunk(part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return [_shrunk(part) for part in value]
    return value
