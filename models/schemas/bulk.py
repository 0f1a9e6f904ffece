"""Many leads at once, as HTTP takes them in and gives them out: files that are imported, and one thing done to a set of leads."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from models.schemas.common import Person, Schema, View
from models.schemas.fields import OptionalProse
from models.schemas.leads import LeadSet


class JobState(StrEnum):
    """Where work on many leads stands."""

    DRAFT = "draft"
    """A file that is stored; nobody has said yet that its columns are right."""
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        """Nothing more will come of it."""
        return self in (JobState.DONE, JobState.FAILED)


class BatchKind(StrEnum):
    """What can be done to many leads at once."""

    RESCORE = "rescore"
    HOLD = "hold"
    RESUME = "resume"


class RowProblem(View):
    """A row that cannot be used.

    Attributes:
        row: the line of the file on which it ends, from 1.
        problem: why not.
    """

    row: int
    problem: str


class ImportSummary(View):
    """A file of leads on its way in.

    Attributes:
        file: its name.
        size: in bytes.
        by: who ordered it.
        rows: how many it has.
        done: how many of them are done with: `created`, `merged` with a lead that was there, or `refused`.
        error: why it failed. What was done until then stays.
    """

    id: UUID
    file: str
    size: int
    by: Person
    state: JobState
    rows: int
    done: int
    created: int
    merged: int
    refused: int
    error: str | None
    created_at: datetime
    finished_at: datetime | None


class ImportView(ImportSummary):
    """A file of leads, with what its columns are and what was wrong with it.

    Attributes:
        header: the names of its columns.
        columns: what each is: a field, `attributes.NAME`, or empty for one that is left out.
        errors: the first hundred refused rows. All of them, with their cells, are in `refused.csv` for 30 days.
    """

    header: list[str]
    columns: dict[str, str]
    errors: list[RowProblem]


class ImportPreview(View):
    """A file of leads as it would be read. Nothing was stored.

    Attributes:
        columns: what each column would be by its name or the map.
        first: the cells of its first rows, 500 characters of each at most.
        problem: why it cannot be imported like this.
        looked_at: how many rows were tried.
        refused: how many of those cannot be used.
        problems: the first of those.
    """

    file: str
    rows: int
    header: list[str]
    columns: dict[str, str]
    first: list[list[str]]
    problem: str | None
    looked_at: int
    refused: int
    problems: list[RowProblem]


class RescoreOrder(Schema):
    """Which leads to score again. No filter means all."""

    filter: LeadSet = LeadSet()


class NotedOrder(RescoreOrder):
    """Which leads, and a remark that each of them gets."""

    note: OptionalProse = None


class BatchOrdered(View):
    """Work that was ordered.

    Attributes:
        count: for how many leads.
    """

    batch_id: UUID
    count: int


class BatchView(View):
    """One thing done to many leads.

    Attributes:
        by: who ordered it.
        filter: which leads those were, as far as it names nobody: words, sources and campaigns are not kept.
        count: how many leads there were when it was ordered.
        done: how many of them are done with, the refused ones included.
        refused: how many did not allow it.
        reasons: these by reason; `erased` for a lead that is gone, `no_answer` for one whose outcome is not known.
        error: why it failed. What was done until then stays.
    """

    id: UUID
    kind: BatchKind
    by: Person
    filter: dict[str, Any]
    state: JobState
    count: int
    done: int
    refused: int
    reasons: dict[str, int]
    error: str | None
    created_at: datetime
    finished_at: datetime | None


Columns = Annotated[dict[str, Annotated[str, Field(max_length=1000)]], Field(max_length=500)]
"""What is what: fields and the columns they come from, or the other way about."""
