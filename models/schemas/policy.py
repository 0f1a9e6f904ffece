"""The policy room over HTTP: proposing, signing and publishing an agreement, and what a change would do."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from models.lifecycle import DeadlineKind, Stage, TakesEffect
from models.schemas.common import Person, Schema, View
from models.schemas.records import LeadRef


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not hold the character NUL")
    return text


Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000), AfterValidator(_storable)]
"""What somebody says: a reason, a comment."""
Source = Annotated[str, StringConstraints(max_length=200_000), AfterValidator(_storable)]
"""A policy as YAML."""


class Team(StrEnum):
    """Who signs: a manager for sales, a marketer for marketing."""

    SALES = "sales"
    MARKETING = "marketing"


class Change(View):
    """One key that differs between two versions, in words.

    Attributes:
        text: all of it in a line, as in `First contact: 24 h → 12 h`.
    """

    key: str
    label: str
    before: str
    after: str
    text: str


class Proposed(Schema):
    """A policy to propose: as a document, or as YAML.

    Attributes:
        document: the rules as an object; keys that are left out have their defaults.
        source: the rules as YAML.
        why: the reason, for those who are to sign.
        takes_effect: what happens to leads in flight.
        based_on: the version that was read; refused when another is in force. Left out: the one in force.
    """

    document: dict[str, Any] | None = None
    source: Source | None = None
    why: Said = "No reason was given."
    takes_effect: TakesEffect = TakesEffect.NEXT_STAGE
    based_on: Annotated[int | None, Field(ge=1, le=2**31 - 1)] = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.document is None) == (self.source is None):
            raise ValueError("send either document, an object, or source, as YAML")
        return self


class Signing(Schema):
    """A signature.

    Attributes:
        digest: of what was read. Left out: the latest revision.
        team: for whom; needed only by somebody who could sign for either.
    """

    digest: str | None = None
    team: Team | None = None


class Comment(Schema):
    """Something to say about a proposal."""

    body: Said


class Withdrawal(Schema):
    """Taking a proposal back."""

    why: Said | None = None


class SignatureView(View):
    """A signature. `valid` is false for one under a revision that was edited since."""

    team: Team
    by: Person
    at: datetime
    revision: int
    digest: str
    valid: bool


class CommentView(View):
    """A comment."""

    id: UUID
    by: Person
    body: str
    at: datetime


class RevisionView(View):
    """What a proposal said from a moment on."""

    number: int
    by: Person
    why: str
    takes_effect: TakesEffect
    based_on: int
    digest: str
    at: datetime


class ProposalSummary(View):
    """A proposal in a list.

    Attributes:
        state: `open`, `published` as `version`, or `withdrawn`.
        missing: the teams whose signature it still takes.
    """

    id: UUID
    state: Literal["open", "published", "withdrawn"]
    name: str
    why: str
    takes_effect: TakesEffect
    by: Person
    created_at: datetime
    based_on: int
    revision: int
    digest: str
    missing: list[Team]
    version: int | None


class ProposalView(ProposalSummary):
    """A proposal: what it says, how that differs from what it is based on, who said and signed what.

    Attributes:
        diff: what it changes in the version it is based on.
        moved: what else changed since then; while there is any, it has to be revised.
        problems: why it cannot be published yet, in sentences.
    """

    document: dict[str, Any]
    source: str
    diff: list[Change]
    moved: list[Change]
    problems: list[str]
    signatures: list[SignatureView]
    comments: list[CommentView]
    revisions: list[RevisionView]
    ended_by: Person | None
    ended_at: datetime | None
    ended_why: str | None


class Moves(View):
    """A lead whose running deadline would move."""

    lead: LeadRef
    stage: Stage
    kind: DeadlineKind
    old_at: datetime | None
    new_at: datetime | None
    past: bool


class StageMoves(View):
    """How many leads of a stage there are, how many of their deadlines would move, and to the past."""

    stage: Stage
    leads: int
    moved: int
    past: int


class DryRun(View):
    """What publishing would do to leads in flight. Nothing was written.

    Attributes:
        leads: open leads that were looked at; `unreadable` ones could not be.
        moved: running deadlines that would move.
        past: those that would be over at once.
        first: of the leads concerned those whose new deadline is the earliest, at most 50.
    """

    takes_effect: TakesEffect
    leads: int
    unreadable: int
    moved: int
    past: int
    tiers: int
    stages: list[StageMoves]
    first: list[Moves]
    at: datetime


class Vote(Schema):
    """What a data point is worth: `points`, or less (-1), as much (0) or more (1) than now. Neither takes the vote back."""

    point: Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(_storable)]
    points: Annotated[float | None, Field(ge=-10_000, le=10_000)] = None
    stance: Annotated[int | None, Field(ge=-1, le=1)] = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.points is not None and self.stance is not None:
            raise ValueError("send either points or stance")
        return self


class Votes(Schema):
    """Somebody's votes; data points that are not named keep theirs."""

    votes: Annotated[list[Vote], Field(min_length=1, max_length=500)]


class VotesProposed(Schema):
    """Making a proposal of the medians."""

    why: Said = "Sales voted on the data points: these are the medians."
    takes_effect: TakesEffect = TakesEffect.NEXT_STAGE


class PointView(View):
    """A data point of the points table, and what sales thinks it is worth.

    Attributes:
        point: its id, for voting.
        label: in words.
        points: in force now.
        n: how many voted; `median`, `low` and `high` (the middle half lies between) of their votes, null without any.
        agreement: `agreed` when the middle half lies within a quarter of the median, or 5 points; `split` otherwise; null below two votes.
        mine: the reader's own vote.
    """

    point: str
    label: str
    points: float
    n: int
    median: float | None
    low: float | None
    high: float | None
    agreement: Literal["agreed", "split"] | None
    mine: Vote | None


class PointsView(View):
    """All data points."""

    version: int
    voters: int
    items: list[PointView]
