"""Suppressions in words, and what marketers fill in about them."""

from collections.abc import Mapping
from typing import Any, Final

from api.board.pages import templates
from api.forms import Sent, filled, text_of
from models.lifecycle import Channel
from models.schemas.suppressions import Lifting, NewSuppression, SuppressionReason, SuppressionView

REASONS: Final[Mapping[SuppressionReason, str]] = {
    SuppressionReason.BOUNCE: "There is no such address",
    SuppressionReason.SOFT_BOUNCE: "Five messages in a row came back",
    SuppressionReason.REFUSED: "Its provider does not know it",
    SuppressionReason.COMPLAINT: "Complained of a message as spam",
    SuppressionReason.STOP: "Answered STOP",
    SuppressionReason.ERASED: "The person was erased",
    SuppressionReason.ASKED: "Asked us not to write",
    SuppressionReason.DECIDED: "We decided not to write",
}
"""Why nothing is sent to an address."""
WRITTEN_WITH: Final[Mapping[Channel, str]] = {Channel.EMAIL: "E-mails", Channel.SMS: "Text messages", Channel.POST: "Letters"}
"""What is not sent any more, by channel."""
ADDED: Final = ("address", "channel", "reason", "note")
"""The fields of the form that adds one."""


def reason(one: SuppressionView) -> str:
    """Why nothing is sent to an address, as a sentence without its full stop."""
    return REASONS.get(SuppressionReason(one.reason), "") if one.reason in set(SuppressionReason) else "Told by another program"


def added(form: Sent) -> NewSuppression:
    """What is to be added.

    Raises:
        Invalid: naming every field at fault.
    """
    values: dict[str, Any] = {name: said for name in ADDED if (said := text_of(form, name))}
    return filled(NewSuppression, values)


def lifting(form: Sent) -> Lifting:
    """Why one is lifted.

    Raises:
        Invalid: when nothing is said.
    """
    return filled(Lifting, {"why": text_of(form, "why"), "asked_again": "asked_again" in form})


def written_with(channel: Channel) -> str:
    """What is not sent, within a sentence: "e-mails"."""
    return WRITTEN_WITH[channel].lower()


templates.filters |= {"suppression_reason": reason, "written_with": written_with}
templates.globals |= {"WRITTEN_WITH": WRITTEN_WITH}
