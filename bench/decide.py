"""How many decisions a second the tree makes on one core."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from time import process_time

from bench.measure import Result, p50
from models.lifecycle import (
    OWNED,
    AnyEffect,
    Channel,
    ContactChannel,
    ContactOutcome,
    DispositionOutcome,
    Enrich,
    Known,
    LeadState,
    Role,
    Route,
    Score,
    Send,
    Stage,
)
from models.messages import (
    Arrived,
    Claim,
    Consent,
    Contact,
    Disposition,
    Engage,
    Enriched,
    Event,
    Hold,
    Override,
    Release,
    Rescore,
    Resume,
    Routed,
    Scored,
    Sent,
    Standing,
    Tick,
)
from models.policy import Policy
from workflows.decision import decide, due_effects, newborn, next_wake

_START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_REP, _MANAGER = Standing(roles=(Role.REP,)), Standing(roles=(Role.MANAGER,))
_REPS = ("rita", "tom", "uma")
_LONGEST = 60
_WEIGHTS = {
    "clock": 40,
    "engage": 20,
    "claim": 12,
    "contact": 14,
    "conclude": 5,
    "release": 3,
    "rescore": 2,
    "hold": 2,
    "consent": 1,
    "override": 1,
}


@dataclass(frozen=True, slots=True)
class Question:
    """Something that was decided in some lead's life, to be decided again.

    Args:
        state: the lead before.
        event: what happened.
    """

    state: LeadState
    event: Event


async def run(*, quick: bool) -> list[Result]:
    """Every event of many random lives under the default agreement, decided again and again: the tree alone, without its workflow."""
    policy = Policy().numbered(1)
    chance = Random(7)  # noqa: S311 - so that every run decides the same
    questions = [question for _ in range(100 if quick else 1000) for question in life(chance, policy)]
    rates = [_rate(questions, policy) for _ in range(3 if quick else 9)]
    return [Result("decisions_rate", p50(rates[1:]), "/s per core", "higher", bar=20_000)]


def _rate(questions: list[Question], policy: Policy) -> float:
    begun = process_time()
    for question in questions:
        decide(question.state, question.event, policy)
    return len(questions) / (process_time() - begun)


def life(chance: Random, policy: Policy) -> list[Question]:
    """One lead's life from its arrival: what the world answers, what people do, and the clock. Some of it is refused, as in life.

    Args:
        chance: decides what happens next.
        policy: the agreement.
    """
    at = _START
    state = newborn("lead", at, policy)
    known = Known(points=chance.choice((0.0, 40.0, 90.0)), company=True)
    event: Event = Arrived(at=at, known=known, consent=(Channel.EMAIL,), zone="Europe/Berlin")
    asked: list[Question] = []
    while True:
        asked.append(Question(state, event))
        state = decide(state, event, policy).state
        if state.closed or len(asked) == _LONGEST:
            return asked
        owed = due_effects(state, at)
        if owed:
            at += timedelta(milliseconds=20)
            event = _answer(owed[0], at, chance, known)
        else:
            at, event = _next(state, at, chance, policy)


def _answer(effect: AnyEffect, at: datetime, chance: Random, known: Known) -> Event:
    match effect:
        case Enrich():
            return Enriched(at=at, number=effect.number)
        case Score():
            return Scored(at=at, number=effect.number, score=chance.uniform(0, 80), known=known)
        case Route():
            return Routed(at=at, number=effect.number, rep=chance.choice(_REPS))
        case Send():
            return Sent(at=at, number=effect.number)


def _next(state: LeadState, at: datetime, chance: Random, policy: Policy) -> tuple[datetime, Event]:
    """What happens next to a lead nobody is busy with: the clock strikes, or somebody does something before it does."""
    (what,) = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
    wake = next_wake(state, policy) or at + timedelta(days=1)
    if what == "clock":
        at = max(at, wake + timedelta(milliseconds=1))
        return at, Tick(at=at)
    at += min(timedelta(minutes=chance.uniform(1, 600)), max(wake - at, timedelta()) / 2)
    return at, _deed(what, state, at, chance)


def _deed(what: str, state: LeadState, at: datetime, chance: Random) -> Event:
    rep = state.owner or chance.choice(_REPS)
    match what:
        case "claim":
            return Claim(at=at, rep=chance.choice(_REPS), standing=_REP)
        case "contact" if state.stage in OWNED:
            outcome = chance.choice((ContactOutcome.REACHED, ContactOutcome.NO_ANSWER))
            return Contact(at=at, rep=rep, channel=chance.choice(list(ContactChannel)), outcome=outcome)
        case "conclude" if state.stage in OWNED:
            criteria = {"budget_usd": 20_000.0, "authority": True, "need": True}
            conclusion = chance.choice(list(DispositionOutcome))
            return Disposition(at=at, actor=rep, outcome=conclusion, criteria=criteria, has_reason=True, note="n1")
        case "release" if state.owner:
            return Release(at=at, rep=rep, note="n1")
        case "rescore":
            return Rescore(at=at, actor="mark")
        case "hold":
            return Resume(at=at, actor="mark") if state.stage is Stage.HELD else Hold(at=at, actor="mark")
        case "consent":
            return Consent(at=at, stopped=(Channel.SMS,))
        case "override":
            return Override(at=at, actor="mona", standing=_MANAGER, owner=rep, owner_standing=_REP, note="n1")
        case _:
            return Engage(at=at, stirring=chance.random() < 0.3, occurred_at=at)
