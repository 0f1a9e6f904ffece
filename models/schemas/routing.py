"""Who gets a lead, and why, as HTTP shows it."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from models.schemas.common import Person, Schema, View
from models.schemas.fields import Address, Attributes, OptionalLine


class NotThem(View):
    """Somebody who does not get a lead, and why, as the end of a sentence about them."""

    rep: Person
    why_not: str


class RoutingView(View):
    """How the latest choice of a rep for a lead went.

    Attributes:
        at: when it was made.
        rep: who was chosen; null while nobody is free.
        why: sentences; the last is the reason for this rep, as the end of a sentence about them.
        others: everybody else who might have got it.
        account_owner: the named account is theirs.
        fallback: nobody was free for too long, so the agreement's fallback decided.
        waits_since: since when nobody was free; null for a lead that does not wait.
    """

    at: datetime
    rep: Person | None
    why: list[str]
    others: list[NotThem]
    account_owner: bool = False
    fallback: bool = False
    waits_since: datetime | None = None


class RoutingQuestion(Schema):
    """Which lead a preview is about: one that exists, or one that is only thought of.

    Attributes:
        lead_id: of one that exists. The other fields are for one that does not.
        score: 0-100; what its points are worth when left out.
    """

    lead_id: UUID | None = None
    email: Address | None = None
    first_name: OptionalLine = None
    last_name: OptionalLine = None
    company: OptionalLine = None
    title: OptionalLine = None
    phone: OptionalLine = None
    country: OptionalLine = None
    source: OptionalLine = None
    campaign: OptionalLine = None
    interest: OptionalLine = None
    attributes: Attributes = Field(default_factory=dict)
    score: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        given = self.model_fields_set - {"lead_id"}
        if self.lead_id is not None and any(getattr(self, name) for name in given):
            raise ValueError("send either lead_id or the fields of a lead, not both")
        if self.lead_id is None and not given:
            raise ValueError("send lead_id, or the fields of a lead, such as email, company or country")
        return self


class RoutingPreview(View):
    """Who would get a lead now, and why. Nothing was changed.

    Attributes:
        rep: null when nobody is free.
        why: sentences; the last is the reason for this rep, as the end of a sentence about them.
        others: everybody else who might have got it, and why not.
        account_owner: the named account is theirs.
        fallback: what the agreement says for when nobody is free.
        by_fallback: that is why they would get it.
        again_at: with nobody free, when time alone may change that.
        policy_version: of the agreement that says so.
    """

    rep: Person | None
    why: list[str]
    others: list[NotThem]
    account_owner: bool
    fallback: Literal["wait", "manager", "any_rep"]
    by_fallback: bool
    again_at: datetime | None
    policy_version: int
