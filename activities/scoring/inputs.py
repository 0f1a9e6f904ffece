"""Features as the cells of a table: the same when a model is trained and when it is asked."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from activities.scoring.features import Feature, Features
from activities.scoring.outcomes import History

AS_OF = "judged at"
"""The column that says as of when a row is: dates are told by how long before it they were."""


def cell(value: Feature) -> str:
    """A feature as it would stand in a file of leads."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float() | int():
            return f"{value:.10g}" if value == value else ""  # noqa: PLR0124 - only NaN differs from itself
        case datetime():
            return value.isoformat(timespec="seconds")
        case _:
            return value


def row(columns: Mapping[str, str], found: Features, at: datetime) -> list[str]:
    """A lead's cells under a model's own columns, and last the moment it is judged as of.

    Args:
        columns: for each of the model's columns the feature it is.
        found: the lead's features.
        at: the moment.
    """
    return [*(cell(found.get(name)) for name in columns.values()), cell(at)]


def columns(known: History, features: Mapping[UUID, Features], only: Iterable[str] | None = None) -> dict[str, list[str]]:
    """The features of all examples, feature by feature, in the history's order.

    Args:
        known: the examples; one whose features are not there any more has none.
        features: by lead.
        only: the features that are wanted; None for all there are.
    """
    found = [features.get(example.life.lead, {}) for example in known.examples]
    names = sorted({name for each in found for name in each}) if only is None else sorted(set(only))
    return {name: [cell(each.get(name)) for each in found] for name in names}
