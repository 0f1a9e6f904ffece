"""Builders: policies, leads in every stage, and a world that answers what the tree asks for."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from textwrap import dedent

from models.lifecycle import (
    AnyEffect,
    Channel,
    ContactChannel,
    ContactOutcome,
    Decision,
    DispositionOutcome,
    Enrich,
    Entry,
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
    Contact,
    Disposition,
    Enriched,
    Erase,
    Event,
    Hold,
    Rescore,
    Routed,
    Scored,
    Sent,
    Standing,
    Tick,
)
from models.policy import Policy, parse_policy
from models.worktime import Away
from workflows.decision import decide, due_effects, newborn, next_wake

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""A Monday morning, three weeks before Europe's clocks change."""
MS = timedelta(milliseconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

REP = Standing(roles=(Role.REP,))
MARKETER = Standing(roles=(Role.MARKETER,))
MANAGER = Standing(roles=(Role.MANAGER,))
NOBODY = Standing()
CRITERIA: dict[str, float | bool] = {"budget_usd": 20000.0, "authority": True, "need": True}
KNOWN = Known(company=True)


def policy(text: str = "", version: int = 1) -> Policy:
    """The default policy, with whatever this YAML changes."""
    return parse_policy(dedent(text), today=START.date()).numbered(version)


DEFAULT = policy()
COMPRESSED = policy("""
    name: compressed
    deadlines:
      claim_window: {high: 3s, medium: 6s, low: 9s}
      score_by: 2s
      contact: 10s
      tree: 20s
      next_touch: 30s
      meager: {after: 60s, touches: 3, channels: 2}
      review: 8s
      hold: 20s
      nurture_stale: 2m
      long_term_stale: 4m
      opportunity: 3m
      reopenable: 3m
      remind_before: 2s
    absence: {wait: 10s}
    claims: {cooldown_after_lapse: 10s}
    routing: {retry: 5s}
    rescore: {debounce: 1s, repromote_after: 1m}
    nurture:
      quiet_hours: null
      caps: {per_week: 1000}
      campaigns:
        welcome: {steps: [{after: 1s, email: welcome}, {after: 5s, email: case-study}]}
        medium: {steps: [{after: 3s, email: guide}, {after: 10s, sms: check-in}]}
        long-term: {steps: [{every: 20s, email: newsletter}]}
""")
WORKING_HOURS = policy("""
    name: working hours
    clock: {hours: {mon-fri: ["09:00-12:00", "13:00-17:30"]}, timezone: Europe/Berlin, holidays: DE}
""")


@dataclass(frozen=True)
class World:
    """How the world answers what the tree asks for.

    Args:
        score: what the scorer says; None when it fails.
        known: the facts it reports with the score; None for no news.
        rep: whom the router finds; None when nobody is free.
        silent: effects nobody ever answers.
        away: the found rep's absences.
    """

    score: float | None = 40.0
    known: Known | None = None
    rep: str | None = "rita"
    silent: tuple[type[AnyEffect], ...] = ()
    away: tuple[Away, ...] = ()

    def answer(self, effect: AnyEffect, at: datetime) -> Event:
        """The event that answers an effect."""
        match effect:
            case Enrich():
                return Enriched(at=at, number=effect.number)
            case Score():
                return Scored(at=at, number=effect.number, score=self.score, known=self.known)
            case Route():
                rep = None if self.rep in effect.excluded else self.rep
                return Routed(at=at, number=effect.number, rep=rep, away=self.away)
            case Send():
                return Sent(at=at, number=effect.number)


MEDIUM, LOW, HIGH, NEAR_HIGH = World(40.0), World(10.0), World(80.0), World(60.0)


def walk(state: LeadState, *events: Event, rules: Policy = DEFAULT) -> LeadState:
    """The lead after these events, none of which may be refused."""
    for event in events:
        decision = decide(state, event, rules)
        assert decision.refusal is None, f"{event!r} was refused: {decision.refusal}"
        state = decision.state
    return state


def answered(state: LeadState, at: datetime, world: World = MEDIUM, rules: Policy = DEFAULT, log: list[Entry] | None = None) -> LeadState:
    """The lead after the world has answered everything that is under way."""
    for _ in range(50):
        due = [effect for effect in due_effects(state, at) if not isinstance(effect, world.silent)]
        if not due:
            return state
        state = _logged(decide(state, world.answer(due[0], at), rules), log)
    raise AssertionError(f"the tree never stops asking: {state.effects}")


def run_clock_until(
    state: LeadState, at: datetime, world: World = MEDIUM, rules: Policy = DEFAULT, log: list[Entry] | None = None
) -> LeadState:
    """The lead at `at`, having been ticked at every `next_wake` and answered at once."""
    now = state.since
    for _ in range(20_000):
        wake = next_wake(state, rules)
        if wake is None or wake > at:
            return answered(_logged(decide(state, Tick(at=at), rules), log), at, world, rules, log)
        now = max(wake, now)
        state = answered(_logged(decide(state, Tick(at=now), rules), log), now, world, rules, log)
    raise AssertionError(f"the clock never comes to rest: {state}")


def tick(state: LeadState, at: datetime, rules: Policy = DEFAULT) -> LeadState:
    """The lead after nothing but time."""
    return walk(state, Tick(at=at), rules=rules)


def _logged(decision: Decision, log: list[Entry] | None) -> LeadState:
    assert decision.refusal is None, decision.refusal
    if log is not None:
        log.extend(decision.entries)
    return decision.state


def arrive(
    at: datetime = START,
    *,
    rules: Policy = DEFAULT,
    known: Known = KNOWN,
    consent: tuple[Channel, ...] = (Channel.EMAIL,),
    interest: str | None = None,
    zone: str | None = None,
    consultation: bool = False,
) -> LeadState:
    """A lead that just came in; nothing the tree asked for is answered yet."""
    event = Arrived(at=at, known=known, consent=consent, interest=interest, zone=zone, consultation=consultation)
    return walk(newborn("lead", at, rules), event, rules=rules)


def scored(world: World = MEDIUM, at: datetime = START, **how: object) -> LeadState:
    """A new lead that was scored at once."""
    state = arrive(at, **how)  # type: ignore[arg-type]
    rules = how.get("rules", DEFAULT)
    assert isinstance(rules, Policy)
    return answered(state, at, world, rules)


def rescored(
    state: LeadState, score: float | None, at: datetime, *, actor: str | None = None, known: Known | None = None, rules: Policy = DEFAULT
) -> LeadState:
    """The lead after a fresh score; whatever else that set off is not answered yet."""
    asked = walk(state, Rescore(at=at, actor=actor), rules=rules)
    number = next(effect.number for effect in asked.effects if isinstance(effect, Score))
    return walk(asked, Scored(at=at, number=number, score=score, known=known), rules=rules)


def claim(at: datetime, rep: str = "rita", standing: Standing = REP) -> Claim:
    """A rep claims."""
    return Claim(at=at, rep=rep, standing=standing)


def reached(at: datetime, rep: str = "rita", channel: ContactChannel = ContactChannel.CALL) -> Contact:
    """The owner reaches the lead."""
    return Contact(at=at, rep=rep, channel=channel, outcome=ContactOutcome.REACHED)


def tried(at: datetime, rep: str = "rita", channel: ContactChannel = ContactChannel.CALL) -> Contact:
    """The owner tries and nobody answers."""
    return Contact(at=at, rep=rep, channel=channel, outcome=ContactOutcome.NO_ANSWER)


def concluded(outcome: DispositionOutcome, at: datetime, actor: str = "rita") -> Disposition:
    """The owner concludes, with everything stated that could be asked for."""
    return Disposition(at=at, actor=actor, outcome=outcome, criteria=CRITERIA, has_reason=True, note="n1")


def in_claimed() -> LeadState:
    """A low lead that rita claimed a minute after it came."""
    return walk(scored(LOW), claim(START + MINUTE))


def in_assigned() -> LeadState:
    """A high lead that nobody claimed, routed to rita after 15 minutes."""
    return run_clock_until(scored(HIGH), START + 15 * MINUTE + MS, HIGH)


def in_working() -> LeadState:
    """A low lead that rita claimed and reached."""
    return walk(in_claimed(), reached(START + 2 * MINUTE))


def in_nurture() -> LeadState:
    """A medium lead that nobody claimed within 4 hours."""
    return run_clock_until(scored(MEDIUM), START + 4 * HOUR + MS, MEDIUM)


def in_long_term() -> LeadState:
    """A low lead that nobody claimed within 24 hours."""
    return run_clock_until(scored(LOW), START + 24 * HOUR + MS, LOW)


def in_review() -> LeadState:
    """A lead whose score is at a threshold."""
    return run_clock_until(scored(NEAR_HIGH), START + 15 * MINUTE + MS, NEAR_HIGH)


def in_qualified() -> LeadState:
    """A sales-qualified lead of rita's."""
    return walk(in_working(), concluded(DispositionOutcome.QUALIFIED, START + 3 * MINUTE))


def in_disqualified() -> LeadState:
    """A lead that rita concluded is none."""
    return walk(in_working(), concluded(DispositionOutcome.DISQUALIFIED, START + 3 * MINUTE))


def _over() -> LeadState:
    state = in_disqualified()
    return tick(state, state.since + 90 * DAY + MS)


LEADS: dict[str, Callable[[], LeadState]] = {
    "new": lambda: scored(LOW),
    "review": in_review,
    "claimed": in_claimed,
    "assigned": in_assigned,
    "working": in_working,
    "held": lambda: walk(scored(LOW), Hold(at=START + MINUTE, actor="mark")),
    "nurture": in_nurture,
    "long_term": in_long_term,
    "qualified": in_qualified,
    "disqualified": in_disqualified,
    "over": _over,
    "won": lambda: walk(in_qualified(), concluded(DispositionOutcome.WON, START + 4 * MINUTE)),
    "lost": lambda: walk(in_qualified(), concluded(DispositionOutcome.LOST, START + 4 * MINUTE)),
    "erased": lambda: walk(scored(LOW), Erase(at=START + MINUTE, actor="ada")),
}
"""A lead in every stage, reached by real events; `over` is a disqualified lead that can no longer be reopened."""


def lead(name: str) -> LeadState:
    """A lead in a stage; rita owns it where somebody does."""
    state = LEADS[name]()
    assert state.stage == (Stage.DISQUALIFIED if name == "over" else name), state
    return state


def later(state: LeadState, by: timedelta = MINUTE) -> datetime:
    """A moment after everything that happened to the lead so far."""
    return max(filter(None, (state.since, state.scored_at, state.quiet_since))) + by


def kinds(entries: list[Entry] | tuple[Entry, ...]) -> list[str]:
    """The kinds of these ledger entries."""
    return [str(entry.kind) for entry in entries]
