"""What might happen next, and what would then be known: so that a model can be asked what would change a score most."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from activities.scoring import phrases
from activities.scoring.features.computing import features
from activities.scoring.features.known import Deed, Features, Known

ACTIONS: Final = (
    "demo_requested", "consultation_requested", "reply", "pricing_view", "demo_view", "webinar_attended", "assessment_completed",
    "email_clicked",
)  # fmt: skip
"""What a lead can do, and a rep or a campaign can ask it to."""


def possibilities(known: Known, at: datetime, kinds: Iterable[str] = ACTIONS) -> dict[str, Features]:
    """The features a lead would have, by what would have happened right now, in words.

    Args:
        known: what is known of it.
        at: the moment.
        kinds: of engagement; leave out what no model was taught about.
    """
    done = {deed.kind for deed in known.deeds}
    return {phrases.one_more(kind, kind in done): features(replace(known, deeds=[*known.deeds, Deed(kind, at)]), at) for kind in kinds}
