"""Addresses that nothing is sent to any more, as HTTP takes them in and gives them out: why, told by whom, and who lifted which."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StrictBool, StringConstraints, model_validator

from models.lifecycle import Channel
from models.schemas.common import Line, Person, Schema, View
from models.schemas.fields import OptionalLine


class SuppressionReason(StrEnum):
    """Why nothing is sent to an address."""

    BOUNCE = "bounce"
    SOFT_BOUNCE = "soft_bounce"
    REFUSED = "refused"
    COMPLAINT = "complaint"
    STOP = "stop"
    ERASED = "erased"
    ASKED = "asked"
    DECIDED = "decided"


OWN_WISH = frozenset({SuppressionReason.COMPLAINT, SuppressionReason.STOP, SuppressionReason.ERASED, SuppressionReason.ASKED})
"""What the person wanted themselves: only they can want otherwise."""
Source = Literal["provider", "person", "erasure", "user"]
"""Who told us: a mail or message provider, the person by a complaint or STOP, the erasure of the person, or one of us."""
_OURS = frozenset({SuppressionReason.ASKED, SuppressionReason.DECIDED})
_THEIRS = frozenset({SuppressionReason.COMPLAINT, SuppressionReason.STOP})


def source_of(reason: str) -> Source:
    """Who told us."""
    if reason in _OURS:
        return "user"
    if reason in _THEIRS:
        return "person"
    return "erasure" if reason == SuppressionReason.ERASED else "provider"


Written = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=320, pattern=r"^[^\x00]*$")]
"""An address, as somebody writes it."""


class NewSuppression(Schema):
    """An address that nothing is to be sent to any more.

    Attributes:
        address: an e-mail address (letters go by it, too), or for `sms` a phone number with its country, as +49 30 901820.
        reason: `asked` when the person wants it, `decided` when we do.
        note: how it came about, for who looks at it later.
    """

    channel: Channel = Channel.EMAIL
    address: Written
    reason: Literal["asked", "decided"]
    note: OptionalLine = None


class Lifting(Schema):
    """Why an address may be written to again.

    Attributes:
        why: in words; it is kept with who said so.
        asked_again: the person asked for it themselves, after they had wanted none.
    """

    why: Line
    asked_again: StrictBool = False


class SuppressionView(View):
    """An address that nothing is sent to, without the address: only its hash is kept.

    Attributes:
        reason: a `SuppressionReason`.
        source: who told us.
        own_wish: the person wanted it themselves; it is lifted only when they ask for it (`asked_again`).
        by: the user who added it, if one did.
    """

    id: UUID
    channel: Channel
    reason: str
    source: Source = "provider"
    own_wish: bool = False
    note: str | None
    at: datetime
    by: Person | None

    @model_validator(mode="after")
    def _says_who_wanted_it(self) -> "SuppressionView":
        self.source, self.own_wish = source_of(self.reason), self.reason in OWN_WISH
        return self


class LiftedView(SuppressionView):
    """An address that may be written to again, with who said so, when and why."""

    lifted_at: datetime
    lifted_by: Person | None
    lifted_why: str | None
    asked_again: bool = Field(default=False)
