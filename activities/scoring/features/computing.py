"""From what is known to features, without a database or a clock."""

from dataclasses import replace
from datetime import UTC, datetime

from activities.scoring.features.behaviour import behaviour
from activities.scoring.features.explicit import explicit
from activities.scoring.features.known import Deed, Features, Known, days
from activities.scoring.features.pages import pages
from activities.scoring.features.signals import signals


def features(known: Known, at: datetime) -> Features:
    """Everything a model may use of a lead; what is unknown is absent.

    Args:
        known: what was known as of the moment, and nothing that was recorded later.
        at: the moment. Nothing the lead did is later: an event whose sender's clock is ahead counts as now.
    """
    now = at.astimezone(UTC)
    deeds = sorted((_by(deed, now) for deed in known.deeds), key=lambda deed: deed.at)
    found = explicit(known) | signals(known.signs, now) | behaviour(deeds, now) | pages(deeds, known.usual, now)
    found["lead.age_days"] = days(known.created_at, now)
    return {name: found[name] for name in sorted(found) if found[name] is not None}


def _by(deed: Deed, at: datetime) -> Deed:
    if deed.at.tzinfo is UTC and deed.at <= at:
        return deed
    return replace(deed, at=min(deed.at.astimezone(UTC), at))
