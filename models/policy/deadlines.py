"""Who must act by when."""

from datetime import timedelta

from pydantic import (
    Field,
)

from models.policy.base import Rules, Span, Wait


class ClaimWindow(Rules):
    """How long any rep may claim a new lead before it is routed, by tier."""

    high: Wait = timedelta(minutes=15)
    medium: Wait = timedelta(hours=4)
    low: Wait = timedelta(hours=24)


class Meager(Rules):
    """What a follow-up must amount to: `touches` on `channels` kinds of channel, `after` this long."""

    after: Wait = timedelta(days=14)
    touches: int = Field(3, ge=1)
    channels: int = Field(2, ge=1, le=5)


class Deadlines(Rules):
    """Who must act by when."""

    claim_window: ClaimWindow = ClaimWindow()
    score_by: Wait = timedelta(minutes=10)
    contact: Wait = timedelta(hours=24)
    tree: Wait = timedelta(hours=48)
    next_touch: Wait = timedelta(days=7)
    meager: Meager = Meager()
    review: Wait = timedelta(hours=24)
    hold: Wait = timedelta(days=7)
    nurture_stale: Wait = timedelta(days=30)
    long_term_stale: Wait = timedelta(days=180)
    opportunity: Wait = timedelta(days=90)
    reopenable: Wait = timedelta(days=90)
    remind_before: Span = timedelta(hours=4)
