"""What the pages of imports and batches say: fields and states in words, and the set of leads that a form carries on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode
from uuid import uuid4

from activities.leads_csv import ATTRIBUTE
from api.board import times
from api.board.pages import templates
from api.services.bulk.batches import GONE, SILENT
from models.lifecycle import RefusalReason
from models.schemas.bulk import BatchKind, BatchView, ImportPreview, ImportSummary, JobState
from models.schemas.leads import LeadSet

FIELDS: Final[Mapping[str, str]] = {
    "email": "E-mail address",
    "first_name": "First name",
    "last_name": "Last name",
    "company": "Company",
    "title": "Job title",
    "phone": "Phone",
    "country": "Country",
    "source": "Source",
    "campaign": "Campaign",
    "interest": "Interest",
    "message": "Message",
    "consultation_requested": "Wants to be contacted (yes or no)",
    "consent.email": "May be e-mailed (yes or no)",
    "consent.sms": "May be texted (yes or no)",
    "consent.post": "May be sent post (yes or no)",
    "anonymous_id": "Visitor id",
}
"""What a column may be, in words; in the order of a form."""
STATES: Final[Mapping[JobState, str]] = {
    JobState.DRAFT: "Not started",
    JobState.WAITING: "Waiting",
    JobState.RUNNING: "Running",
    JobState.DONE: "Done",
    JobState.FAILED: "Failed",
}
"""Where work stands."""
_TITLES: Final[Mapping[BatchKind, tuple[str, str, str]]] = {
    BatchKind.RESCORE: ("Scoring {} again", "Asked for new scores of {}", "None of {} can be scored again"),
    BatchKind.HOLD: ("Putting {} on hold", "Put {} on hold", "None of {} can be put on hold"),
    BatchKind.RESUME: ("Giving {} back to automation", "Gave {} back to automation", "None of {} can be given back"),
}
"""What a batch is doing, what it has done, and what it could not do to a single one."""
_REASONS: Final[Mapping[str, str]] = {
    RefusalReason.CLOSED: "closed",
    RefusalReason.OWNED: "in a rep's hands",
    RefusalReason.WRONG_STAGE: "in a stage that does not allow it",
    RefusalReason.NOT_ALLOWED: "not allowed for you",
    GONE: "erased meanwhile",
    SILENT: "gave no answer: look at these again later",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A column of a file on the form that says what it is.

    Args:
        name: the column's.
        input: the form field's.
        value: what it is now.
        examples: what stands in it.
        options: what it may be, with the words for it.
    """

    name: str
    input: str
    value: str
    examples: list[str]
    options: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class LeadSetForm:
    """A set of leads as a form or an address carries it on.

    Args:
        fields: the filter's, as text.
        count: how many leads there are now; None where nobody has counted.
    """

    fields: list[tuple[str, str]]
    count: int | None = None

    @property
    def address(self) -> str:
        """The page on which to say what is to be done with them."""
        return f"/bulk?{urlencode(self.fields)}"

    @property
    def key(self) -> str:
        """A new key, by which a form that is sent twice is recognised."""
        return uuid4().hex


def lead_set_form(wanted: LeadSet, count: int | None = None) -> LeadSetForm:
    """A set of leads, to be carried on.

    Args:
        wanted: which; of a `LeadFilter` its order and part are left out.
        count: how many there are, if that is known.
    """
    found = wanted.model_dump(mode="json", include=set(LeadSet.model_fields), exclude_defaults=True)
    return LeadSetForm([(name, _text(value)) for name, value in found.items()], count)


def choices(preview: ImportPreview) -> list[Choice]:
    """The columns of a file and what each may be."""
    found = []
    for number, name in enumerate(preview.header):
        if not name:
            continue
        value = preview.columns.get(name, "")
        own = value if value.startswith(ATTRIBUTE) else ATTRIBUTE + name
        examples = [cells[number] for cells in preview.first if number < len(cells) and cells[number].strip()]
        options = [*FIELDS.items(), (own, "Keep as an attribute"), ("", "Leave out")]
        found.append(Choice(name, f"column-{number}", value, examples[:2], options))
    return found


def chosen(header: Iterable[str], sent: Mapping[str, str]) -> dict[str, str]:
    """What a form says its file's columns are.

    Args:
        header: the columns.
        sent: the form's fields.
    """
    return {name: sent.get(f"column-{number}", "") for number, name in enumerate(header) if name}


def leads(count: int) -> str:
    """So many leads, in words."""
    return f"{count:,} lead{'' if count == 1 else 's'}"


def title(batch: BatchView) -> str:
    """What a batch does, or has done."""
    doing, done, not_one = _TITLES[batch.kind]
    if batch.state is not JobState.DONE:
        return doing.format(leads(batch.count))
    return done.format(leads(batch.done - batch.refused)) if batch.refused < batch.done else not_one.format(leads(batch.count))


def reasons(batch: BatchView) -> list[tuple[int, str]]:
    """Why leads did not allow it, the most frequent reason first."""
    return [(count, _REASONS.get(reason, "refused it")) for reason, count in sorted(batch.reasons.items(), key=lambda one: -one[1])]


def share(job: ImportSummary | BatchView) -> int:
    """How much of some work is done, in percent; 100 only once it is over."""
    whole = job.rows if isinstance(job, ImportSummary) else job.count
    return 100 if job.state is JobState.DONE else min(99, job.done * 100 // whole if whole else 0)


def in_words(problem: str) -> str:
    """What is wrong with a row, with fields called what the form calls them."""
    parts = []
    for part in problem.split("; "):
        field, colon, said = part.partition(": ")
        parts.append(f"{FIELDS[field].partition(' (')[0]}: {said}" if colon and field in FIELDS else part)
    return "; ".join(parts)


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _size(count: int) -> str:
    return f"{count / (1 << 20):.1f} MiB" if count >= 1 << 20 else f"{max(1, count >> 10)} KiB"


templates.filters |= {"figure": "{:,}".format, "share": share, "size": _size, "in_words": in_words}
templates.globals |= {"times": times, "JOB_STATES": STATES, "JobState": JobState, "lead_set_form": lead_set_form}
