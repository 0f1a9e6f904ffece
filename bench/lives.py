"""Lives of leads as a company would have them, written down as a workflow writes them: to tell again."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from activities.ledger import told_document
from models.lifecycle import (
    Channel,
    ContactChannel,
    ContactOutcome,
    DispositionOutcome,
    Enrich,
    Entry,
    Known,
    LeadState,
    Role,
    Route,
    Score,
    Send,
)
from models.messages import Arrived, Claim, Contact, Disposition, Enriched, Event, Routed, Scored, Sent, Standing, Tick, Told
from models.policy import Policy
from workflows.decision import decide, due_effects, newborn, next_wake, told
from workflows.whatif.record import row_of

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_REP = Standing(roles=(Role.REP,))
_LATE = timedelta(milliseconds=20)
_CRITERIA: dict[str, float | bool] = {"budget_usd": 20_000.0, "authority": True, "need": True}
_CLAIMED = 0.1
_NOTE = "00000000-0000-7000-a000-000000000001"


@dataclass(frozen=True, slots=True)
class Company:
    """Who works there, and how.

    Args:
        policy: its agreement.
        reps: their ids.
        hours: how long a rep takes to reach a lead, on average; exponentially distributed.
        days: over how many days leads arrive.
        after: how many days they live on after that.
        begin: when the first of them arrive.
    """

    policy: Policy
    reps: tuple[str, ...] = ("00000000-0000-7000-8000-000000000001", "00000000-0000-7000-8000-000000000002")
    hours: float = 20.0
    days: float = 30.0
    after: float = 21.0
    begin: datetime = BEGIN

    @property
    def as_of(self) -> datetime:
        """Up to when its leads live."""
        return self.begin + timedelta(days=self.days + self.after)


@dataclass
class Life:
    """A lead that lives, and what is written down of it.

    Attributes:
        company: where.
        chance: decides what people do.
        state: the lead by now.
        told: what it was told.
        entries: its ledger.
    """

    company: Company
    chance: Random
    state: LeadState
    told: list[Told] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    def tell(self, event: Event) -> None:
        """Decide on an event, and write it down."""
        decision = decide(self.state, event, self.company.policy)
        kept = told(self.state, event, decision, self.company.policy)
        if kept:
            self.told.append(kept)
        self.state = decision.state
        self.entries += decision.entries


def lived(company: Company, number: int) -> tuple[str, str, str]:
    """A lead's life, as the database would give it: its id, what it was told and its ledger as JSON.

    Args:
        company: where.
        number: of the lead; the same one lives the same life.
    """
    life = live(company, number)
    rows = [
        [row.kind, row.from_stage, row.to_stage, row.owner, row.at.isoformat(), row.tier, row.score, row.due and row.due.isoformat()]
        for row in map(row_of, life.entries)
    ]
    return life.state.lead_id, json.dumps([told_document(one) for one in life.told]), json.dumps(rows)


def standing(company: Company, number: int) -> LeadState:
    """How that lead stands at the company's `as_of`."""
    return live(company, number).state


def live(company: Company, number: int) -> Life:
    """Live a lead's life; the same number lives the same one."""
    chance = Random(number)  # noqa: S311 - so that every run measures the same
    at = company.begin + chance.random() * timedelta(days=company.days)
    lead = f"00000000-0000-7000-9000-{number:012d}"
    life = Life(company, chance, newborn(lead, at, company.policy))
    known = Known(points=chance.choice((0.0, 40.0, 90.0)), company=True)
    life.tell(Arrived(at=at, known=known, consent=(Channel.EMAIL,) if chance.random() < 0.5 else ()))
    score = chance.uniform(0, 90)
    if chance.random() < _CLAIMED:
        claim = Claim(at=at + chance.expovariate(1) * timedelta(minutes=10), rep=chance.choice(company.reps), standing=_REP)
    else:
        claim = None
    _run(life, at, known, score, claim)
    return life


def _run(life: Life, at: datetime, known: Known, score: float, claim: Claim | None) -> None:
    company, chance = life.company, life.chance
    planned: list[Event] = [claim] if claim else []
    owner: tuple[str | None, datetime | None] = (None, None)
    while not life.state.closed:
        due = due_effects(life.state, at)
        if due:
            at += _LATE
            life.tell(_answer(due[0], at, known, score, chance, company.reps))
            continue
        if (life.state.owner, life.state.owned_since) != owner:
            owner = (life.state.owner, life.state.owned_since)
            planned = [event for event in planned if isinstance(event, Claim)]
            planned += _work(*owner, chance, company.hours)
        planned.sort(key=lambda event: event.at)
        wake = next_wake(life.state, company.policy)
        next_at = min((moment for moment in (wake, planned[0].at if planned else None) if moment), default=None)
        if next_at is None or next_at > company.as_of:
            return
        at = max(at, next_at + _LATE if next_at == wake else next_at)
        life.tell(Tick(at=at) if next_at == wake else planned.pop(0).model_copy(update={"at": at}))


def _answer(effect: object, at: datetime, known: Known, score: float, chance: Random, reps: tuple[str, ...]) -> Event:
    match effect:
        case Enrich():
            return Enriched(at=at, number=effect.number)
        case Score():
            return Scored(at=at, number=effect.number, score=score, known=known)
        case Route():
            left = [rep for rep in reps if rep not in effect.excluded]
            return Routed(at=at, number=effect.number, rep=chance.choice(left) if left else None)
        case Send():
            return Sent(at=at, number=effect.number)
        case _:
            raise TypeError(effect)


def _work(rep: str | None, since: datetime | None, chance: Random, hours: float) -> list[Event]:
    """What a rep will do with a lead they just got, if they keep it."""
    if rep is None or since is None:
        return []
    at = since + timedelta(hours=chance.expovariate(1 / hours))
    reached = Contact(at=at, rep=rep, channel=ContactChannel.CALL, outcome=ContactOutcome.REACHED)
    if chance.random() < 0.3:
        end = DispositionOutcome.QUALIFIED
        won = Disposition(at=at + timedelta(days=5), actor=rep, outcome=DispositionOutcome.WON, amount_usd=1000.0, note=_NOTE)
    else:
        end, won = DispositionOutcome.NOT_READY, None
    concluded = Disposition(at=at + timedelta(days=2), actor=rep, outcome=end, criteria=_CRITERIA, has_reason=True, note=_NOTE)
    return [reached, concluded, *([won] if won else [])]
