"""What people may do with a lead, as HTTP takes it in."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StrictBool, StringConstraints, model_validator

from models.lifecycle import ContactChannel, ContactOutcome, DispositionOutcome, ReviewOutcome, Stage
from models.schemas.common import Schema
from models.schemas.fields import OptionalProse, Prose

Number = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e15, le=1e15)]
Fact = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Nothing(Schema):
    """An empty object."""


class ContactForm(Schema):
    """An attempt to reach the lead."""

    channel: ContactChannel
    outcome: ContactOutcome
    note: OptionalProse = None


class DispositionForm(Schema):
    """What is concluded about the lead.

    Attributes:
        reason: why; required to disqualify, because marketing learns from it.
        criteria: what the agreement asks of a qualified lead, by name: `budget_usd`, `authority`, `need`, `timeline_days`, ...
            One that asks for words (`region: emea`) is confirmed by `true`.
        amount_usd: what the deal is worth, once it is won or lost.
    """

    outcome: DispositionOutcome
    reason: OptionalProse = None
    note: OptionalProse = None
    criteria: Annotated[dict[Fact, StrictBool | Number], Field(max_length=20)] = Field(default_factory=dict)
    amount_usd: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1e15)] | None = None

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.outcome is DispositionOutcome.DISQUALIFIED and self.reason is None:
            raise ValueError("a reason is required to disqualify a lead: marketing learns from it")
        return self


class ReleaseForm(Schema):
    """The owner hands the lead back."""

    reason: Prose


class OverrideForm(Schema):
    """Owner and/or stage set by hand."""

    owner: UUID | None = None
    stage: Stage | None = None
    reason: Prose


class ReviewForm(Schema):
    """What a reviewer concludes."""

    outcome: ReviewOutcome
    note: OptionalProse = None


class NoteForm(Schema):
    """A remark, if there is one."""

    note: OptionalProse = None
