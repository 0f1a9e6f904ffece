"""Replays of past leads under another agreement, as HTTP takes and shows them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from models.schemas.bulk import JobState
from models.schemas.common import Instant, Person, Schema, View

_LONGEST = 200_000


class SimulationOrder(Schema):
    """What is to be replayed.

    Attributes:
        policy: the other agreement, as YAML or as JSON; what it leaves out is as by default. Left out, the one in force.
        since, until: leads that arrived from `since` on and before `until`; the last 30 days when left out.
        without: ids of reps who are not there, for "two reps fewer".
    """

    policy: Annotated[str, Field(max_length=_LONGEST)] | dict[str, Any] | None = None
    since: Instant | None = None
    until: Instant | None = None
    without: Annotated[tuple[UUID, ...], Field(max_length=500)] = ()


class Bounded(View):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


class ComparedFigure(View):
    """A figure under both agreements: as it was, as it would have been, and the difference."""

    name: str
    was: Bounded
    would: Bounded
    difference: Bounded


class ComparedRep(View):
    """How many times a rep got a lead and how many they had at a time, and would have on average."""

    rep: Person
    was: int
    would: float
    open_was: float = 0.0
    open_would: float = 0.0


class Turn(View):
    """The first thing that is different in a lead's life; null where one of the two lives ended before."""

    kind: str
    stage: str
    owner: Person | None


class ChangedLead(View):
    """A lead that goes another way; `share` of the times it was told again."""

    id: UUID
    name: str
    score: float | None
    share: float
    was: Turn | None
    would: Turn | None


class Exactness(View):
    """So many leads were also replayed under their own agreement, and for so many the recorded ledger came out exactly."""

    checked: int
    same: int


class ChangedKey(View):
    """A key of the policy that says something else than in the one in force."""

    key: str
    was: str
    would: str


class Comparison(View):
    """What a replay found.

    Attributes:
        leads: that were replayed.
        unreplayable: that came in that time and cannot be: erased, or from before events were kept.
        as_of: up to when lives are told.
        changed: leads that go another way; a mean, because chance has a say.
        behaviour: how much was seen of what people do.
        assumptions: what is taken for granted, in words.
        changes: what the other agreement says otherwise than the one in force.
        not_simulated: what the other agreement changes without its making a difference here.
    """

    leads: int
    unreplayable: int
    as_of: datetime
    changed: float
    exact: Exactness
    figures: list[ComparedFigure]
    reps: list[ComparedRep]
    changed_leads: list[ChangedLead]
    behaviour: dict[str, float | None]
    assumptions: list[str]
    changes: list[ChangedKey]
    not_simulated: list[str]


class SimulationOrdered(View):
    """A replay that will be made."""

    id: UUID


class SimulationSummary(View):
    """A replay, without what it found.

    Attributes:
        name: of the other agreement.
        state: `waiting`, `running`, `done` or `failed`.
        leads, done: how many there are to replay, and how far it is.
    """

    id: UUID
    by: Person
    name: str
    since: datetime
    until: datetime
    without: list[Person]
    state: JobState
    leads: int
    done: int
    error: str | None
    created_at: datetime
    finished_at: datetime | None


class SimulationView(SimulationSummary):
    """A replay and, once it is done, what it found.

    Attributes:
        policy: the other agreement, with every default written out.
    """

    policy: dict[str, Any]
    result: Comparison | None = None
