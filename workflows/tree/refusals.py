"""Reasons to say no that several messages share."""

from models.lifecycle import Refusal, RefusalReason, Stage
from workflows.tree.draft import Draft


def closed(d: Draft) -> Refusal | None:
    """The refusal when the lead is closed; None while it is open."""
    if d.state.closed:
        return Refusal(RefusalReason.CLOSED, f"This lead is closed ({in_words(d.state.stage)}); nothing more can be done with it.")
    return None


def not_owner(d: Draft, user: str) -> Refusal | None:
    """The refusal when this user does not own the lead; None when they do."""
    s = d.state
    if s.closed:
        return closed(d)
    if s.owner is None:
        return Refusal(RefusalReason.NOT_OWNED, f"Nobody owns this lead ({in_words(s.stage)}); claim it first.")
    if s.owner != user:
        return Refusal(RefusalReason.NOT_OWNER, "Somebody else has this lead.", owner=s.owner)
    return None


def in_words(stage: Stage) -> str:
    """A stage as sentences call it."""
    return stage.replace("_", "-")
