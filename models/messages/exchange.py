"""What a workflow answers, what it starts with, and what it hands to its activities."""

from datetime import date

from pydantic import BaseModel, ConfigDict

from models.lifecycle import AnyEffect, Entry, LeadState, Stage
from models.messages.events import Event, Moment


class Told(BaseModel):
    """An event that the tree was told and that changed the lead: what a replay tells it again.

    Attributes:
        event: what happened, and when. Without its sender's key; a new policy without its text, which its version names.
        version: the policy it was decided under.
        due: what was due by itself when it came, at what moment; None when nothing was. Timers come a little late.
        asked: number of the lead's latest effect afterwards, by which a replay sees that it still does the same.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    event: Event
    version: int
    due: Moment | None = None
    asked: int = 0


class Answer(BaseModel):
    """What an update returns.

    Attributes:
        ok: the event was accepted, and everybody can see so.
        seq: the ledger's latest entry then.
        stage, owner: where the lead stands.
        reason, message, missing: why not, when it was refused.
    """

    model_config = ConfigDict(frozen=True)

    ok: bool
    seq: int
    stage: Stage
    owner: str | None = None
    reason: str | None = None
    message: str | None = None
    missing: tuple[str, ...] = ()


class Remembered(BaseModel):
    """An answer kept for a request that may be repeated.

    Attributes:
        request: the idempotency key.
        digest: of the message, so that a key reused for something else is noticed.
    """

    model_config = ConfigDict(frozen=True)

    request: str
    digest: str
    answer: Answer


class Commit(BaseModel):
    """What one or more decisions in a row changed, for the ledger.

    Attributes:
        state: the lead after the last of them.
        entries: all their entries, in order.
        told: the events that led there from what was written before.
    """

    model_config = ConfigDict(frozen=True)

    state: LeadState
    entries: tuple[Entry, ...]
    told: tuple[Told, ...] = ()


class Order(BaseModel):
    """An effect to be carried out by an activity.

    Attributes:
        lead: whose.
        policy_version: the agreement to carry it out under.
        effect: what; its number makes a retry the same order.
    """

    model_config = ConfigDict(frozen=True)

    lead: str
    policy_version: int
    effect: AnyEffect


class DigestPlan(BaseModel):
    """Who gets the weekly digest.

    Attributes:
        week: the Monday of the week it is about.
        users: their ids.
    """

    model_config = ConfigDict(frozen=True)

    week: date
    users: tuple[str, ...] = ()


class DigestOrder(BaseModel):
    """The digest of a week for one user.

    Attributes:
        week: its Monday.
        user: their id.
    """

    model_config = ConfigDict(frozen=True)

    week: date
    user: str


class LeadLife(BaseModel):
    """What a run of a lead's workflow starts with: at arrival, after continue-as-new, and when it is restarted from the database.

    Attributes:
        state: the lead as of now.
        policy_version, policy: the agreement it runs under, as JSON.
        board: address of the board, for links in the Temporal UI.
        remembered: answers to recent requests.
        told: events since the latest ledger entry, not written down yet.
    """

    model_config = ConfigDict(frozen=True)

    state: LeadState
    policy_version: int
    policy: str
    board: str = ""
    remembered: tuple[Remembered, ...] = ()
    told: tuple[Told, ...] = ()
