"""Engagements as HTTP takes them in: in batches, each event judged by itself."""

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from models.schemas.common import Schema, View
from models.schemas.fields import Properties

_Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


def _not_ours(value: str) -> str:
    if value.startswith(("form-", "erased-")):
        raise ValueError("must not begin with 'form-' or 'erased-': those are given here")
    return value


class EventForm(Schema):
    """Something a lead or a visitor did.

    Attributes:
        id: the sender's; the same id again is the same event.
        kind: what: `page_view`, `pricing_view`, `demo_requested`, ...
        lead_id, email, anonymous_id: who did it; one of them is enough, and the first that is there counts.
    """

    id: Annotated[_Id, AfterValidator(_not_ours)]
    kind: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.:-]{0,63}$")]
    at: AwareDatetime
    lead_id: UUID | None = None
    email: Annotated[str, StringConstraints(min_length=3, max_length=320, pattern=r"^[^\x00]*$")] | None = None
    anonymous_id: _Id | None = None
    properties: Properties = Field(default_factory=dict)

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.lead_id is None and self.email is None and self.anonymous_id is None:
            raise ValueError("says nobody who did it: name lead_id, email or anonymous_id")
        return self


class Batch(Schema):
    """Up to 1,000 events."""

    events: Annotated[list[Any], Field(max_length=1000)]


class RefusedEvent(View):
    """An event that was not kept, and why."""

    id: str | None
    reason: str


class Receipt(View):
    """What became of a batch: how many events are new, how many were known already, and which were refused."""

    accepted: int
    duplicate: int
    refused: list[RefusedEvent]
