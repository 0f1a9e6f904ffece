"""What mail servers and mailbox providers say about mails of ours: delivery status notifications and feedback reports.

RFC 3464 (delivery status), RFC 5965 (abuse reports), each as the whole message that came to the mailbox for bounces.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.message import Message
from email.policy import compat32
from enum import StrEnum


class ReportKind(StrEnum):
    """What became of a message after it had left."""

    DELIVERED = "delivered"
    BOUNCE = "bounce"
    """Never to be delivered to this address."""
    SOFT_BOUNCE = "soft_bounce"
    """Not delivered this time: a full mailbox, a server that was away, a message it did not like."""
    COMPLAINT = "complaint"
    """Its reader called it spam."""


@dataclass(frozen=True, slots=True)
class Report:
    """One thing that was said.

    Args:
        named: texts that may name the message: return paths and Message-IDs.
        code: the enhanced status (RFC 3463) or the provider's own, without personal data.
    """

    kind: ReportKind
    named: tuple[str, ...]
    code: str | None = None


_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_SOFT = ("5.2.2", "5.2.3", "5.3.", "5.5.", "5.6.", "5.7.")
"""Permanent failures of this message, not of the address: a full mailbox (5.2.2), too long (5.2.3), a server's, protocol's or
message's own trouble, and policy, such as a filter that took it for spam (5.7)."""
_DELIVERED = frozenset({"delivered", "relayed", "expanded"})
_NAMES = ("message-id", "return-path", "to", "delivered-to", "x-original-to", "original-mail-from", "x-failed-recipients")


def kind_of(action: str, status: str | None) -> ReportKind | None:
    """What an action and a status of a notification amount to; None when they decide nothing, as a first delay."""
    action = action.strip().lower()
    if action in _DELIVERED:
        return ReportKind.DELIVERED
    if action != "failed":
        return None
    hard = status is None or (status.startswith("5.") and not status.startswith(_SOFT))
    return ReportKind.BOUNCE if hard else ReportKind.SOFT_BOUNCE


def parsed(content: bytes) -> Report | None:
    """What a message says about one of ours; None when it is neither of the two kinds of report, or decides nothing."""
    try:
        message = message_from_bytes(content, policy=compat32)
        parts = list(message.walk())
    except (MessageError, ValueError, LookupError, RecursionError):
        return None
    types = {part.get_content_type() for part in parts}
    named = tuple(_named(parts))
    if "message/feedback-report" in types:
        return Report(ReportKind.COMPLAINT, named, _feedback(parts))
    if "message/delivery-status" not in types:
        return None
    for block in _recipients(parts):
        found = _STATUS.search(str(block.get("Status", "")))
        status = found[0] if found else None
        kind = kind_of(str(block.get("Action", "")), status)
        if kind is not None:
            return Report(kind, named, status)
    return None


def _recipients(parts: list[Message]) -> Iterator[Message]:
    """The blocks of fields about recipients."""
    for part in parts:
        payload = part.get_payload()
        if part.get_content_type() == "message/delivery-status" and isinstance(payload, list):
            yield from (block for block in payload if isinstance(block, Message) and block.get("Action"))


def _feedback(parts: list[Message]) -> str | None:
    """The type of the complaint, one of the few registered words."""
    for part in parts:
        payload = part.get_payload()
        if part.get_content_type() == "message/feedback-report":
            fields = payload[0] if isinstance(payload, list) and payload and isinstance(payload[0], Message) else part
            said = str(fields.get("Feedback-Type", "")).strip().lower()
            return said if said.replace("-", "").isalpha() and len(said) <= 20 else None
    return None


def _named(parts: list[Message]) -> Iterator[str]:
    for part in parts:
        for name in _NAMES:
            yield from (str(value) for value in part.get_all(name, ()))
        if part.get_content_type() in ("text/rfc822-headers", "message/feedback-report") and isinstance(part.get_payload(), str):
            yield str(part.get_payload(decode=False))
