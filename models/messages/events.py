"""What can happen to a lead: the events of the decision tree, each a message that its workflow may be sent."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from models.lifecycle import (
    Channel,
    ContactChannel,
    ContactOutcome,
    DispositionOutcome,
    FastLaneRule,
    Known,
    ReviewOutcome,
    Role,
    Stage,
    TakesEffect,
)
from models.worktime import Away

EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _plain(at: datetime) -> datetime:
    """With Python's own UTC: moments that share their zone object are compared and subtracted in a tenth of the time."""
    return at if at.tzinfo is UTC or at.tzinfo is None else at.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_plain)]
"""A moment of a message."""


class Message(BaseModel):
    """Base of all messages.

    Attributes:
        at: when it happened. The workflow sets it on receipt, so that a sender's clock decides nothing.
        request: the sender's idempotency key, if it has one.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    at: Moment = EPOCH
    request: str | None = None


class Standing(BaseModel):
    """What the tree needs to know about a user who acts: looked up, never claimed by the sender.

    Attributes:
        roles: what the user may do; empty for a user who does not exist or is deactivated.
        open: leads they own now.
        today: leads they claimed since their midnight.
        away: their absences.
    """

    model_config = ConfigDict(frozen=True)

    roles: tuple[Role, ...] = ()
    open: int = 0
    today: int = 0
    away: tuple[Away, ...] = ()

    def has(self, *roles: Role) -> bool:
        """Whether the user has one of these roles; an admin has all of them."""
        return Role.ADMIN in self.roles or any(role in self.roles for role in roles)


class Arrived(Message):
    """A lead came in for the first time, or again after its last life was over."""

    kind: Literal["arrived"] = "arrived"
    interest: str | None = None
    consent: tuple[Channel, ...] = ()
    zone: str | None = None
    consultation: bool = False
    known: Known = Field(default_factory=Known)


class Claim(Message):
    """A rep takes the lead."""

    kind: Literal["claim"] = "claim"
    rep: str
    standing: Standing | None = None


class Contact(Message):
    """The owner tried to reach the lead."""

    kind: Literal["contact"] = "contact"
    rep: str
    channel: ContactChannel
    outcome: ContactOutcome
    note: str | None = None


class Disposition(Message):
    """The owner or a manager concludes.

    Attributes:
        by_manager: the actor may act on leads they do not own.
        criteria: the SQL criteria as far as stated now.
        has_reason: a reason was given; its text is in the note.
    """

    kind: Literal["disposition"] = "disposition"
    actor: str
    by_manager: bool = False
    outcome: DispositionOutcome
    criteria: dict[str, float | bool] = {}
    amount_usd: float | None = None
    has_reason: bool = False
    note: str | None = None


class Release(Message):
    """The owner hands the lead back."""

    kind: Literal["release"] = "release"
    rep: str
    note: str | None = None


class Override(Message):
    """Owner and/or stage set by hand.

    Attributes:
        standing: of the actor.
        owner: the new owner; `owner_standing` is theirs.
    """

    kind: Literal["override"] = "override"
    actor: str
    standing: Standing | None = None
    owner: str | None = None
    owner_standing: Standing | None = None
    stage: Stage | None = None
    note: str | None = None


class Review(Message):
    """A reviewer concludes."""

    kind: Literal["review"] = "review"
    actor: str
    outcome: ReviewOutcome
    note: str | None = None


class Hold(Message):
    """A marketer works the lead in person."""

    kind: Literal["hold"] = "hold"
    actor: str
    note: str | None = None


class Resume(Message):
    """A marketer gives a held lead back to automation."""

    kind: Literal["resume"] = "resume"
    actor: str
    note: str | None = None


class Engage(Message):
    """The lead did something.

    Attributes:
        stirring: worth a new score.
        rule: the fast-lane rule it sets off by itself, if any.
        occurred_at: when it did so, which may be a while ago.
        known: what is known now, where the sender computed it.
        kinds: what it did, of those kinds that campaigns wait for or end with; others stay in the database.
    """

    kind: Literal["engage"] = "engage"
    stirring: bool = False
    rule: FastLaneRule | None = None
    occurred_at: Moment | None = None
    known: Known | None = None
    kinds: tuple[str, ...] = ()


class Rescore(Message):
    """Score the lead again; `actor` is the marketer who asked, None for a schedule."""

    kind: Literal["rescore"] = "rescore"
    actor: str | None = None


class Consent(Message):
    """The prospect allowed or stopped channels."""

    kind: Literal["consent"] = "consent"
    granted: tuple[Channel, ...] = ()
    stopped: tuple[Channel, ...] = ()


class Retime(Message):
    """The owner's availability changed, so their running deadline moves now."""

    kind: Literal["retime"] = "retime"
    rep: str
    away: tuple[Away, ...] = ()


class PlaceFreed(Message):
    """Somebody who could take the lead may have room now, so it is asked again at once."""

    kind: Literal["place_freed"] = "place_freed"


class PolicyChanged(Message):
    """A new version of the agreement.

    Attributes:
        version: its number.
        document: the policy as JSON; the workflow parses it.
        takes_effect: whether what runs moves at once, or only what begins at the lead's next stage.
        former: the terms the lead ran under until then, as `Policy.terms` writes them; the workflow adds them.
    """

    kind: Literal["policy_changed"] = "policy_changed"
    version: int
    document: str
    takes_effect: TakesEffect = TakesEffect.NOW
    former: str = ""


class Erase(Message):
    """The person is to be forgotten."""

    kind: Literal["erase"] = "erase"
    actor: str


class Tick(Message):
    """Time passed."""

    kind: Literal["tick"] = "tick"


class Enriched(Message):
    """Answer to `Enrich`. `ok` is False when a provider failed and the lead goes on without."""

    kind: Literal["enriched"] = "enriched"
    number: int
    ok: bool = True


class Scored(Message):
    """Answer to `Score`.

    Attributes:
        score: 0-100; None when the scorer failed, so that the points already known decide.
        known: the facts as of the score.
    """

    kind: Literal["scored"] = "scored"
    number: int
    score: float | None = None
    known: Known | None = None


class Routed(Message):
    """Answer to `Route`.

    Attributes:
        rep: who gets the lead; None when nobody is free.
        away: the rep's absences.
        account_owner: the rep was chosen because the account is theirs.
        again_at: with nobody free, when time alone may change that; None when it does not.
    """

    kind: Literal["routed"] = "routed"
    number: int
    rep: str | None = None
    away: tuple[Away, ...] = ()
    account_owner: bool = False
    again_at: Moment | None = None


class Sent(Message):
    """Answer to `Send`.

    Attributes:
        sent: it left, now or in an earlier try.
        why: when it did not.
    """

    kind: Literal["sent"] = "sent"
    number: int
    sent: bool = True
    why: str | None = None


Event = Annotated[
    Arrived
    | Claim
    | Contact
    | Disposition
    | Release
    | Override
    | Review
    | Hold
    | Resume
    | Engage
    | Rescore
    | Consent
    | Retime
    | PlaceFreed
    | PolicyChanged
    | Erase
    | Tick
    | Enriched
    | Scored
    | Routed
    | Sent,
    Field(discriminator="kind"),
]
"""Anything `decide` can be given."""
