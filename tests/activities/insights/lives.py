"""Random lives of leads, lived by the tree itself and written by the ledger itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from activities.database import Database
from activities.ledger import write
from models.ids import uuid7
from models.lifecycle import (
    AnyEffect,
    ContactChannel,
    ContactOutcome,
    DispositionOutcome,
    Enrich,
    Entry,
    FastLaneRule,
    Known,
    LeadState,
    ReviewOutcome,
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
    Engage,
    Enriched,
    Erase,
    Event,
    Hold,
    Override,
    Release,
    Resume,
    Review,
    Routed,
    Scored,
    Sent,
    Standing,
    Tick,
)
from models.policy import Policy
from models.tables import Lead, Note
from tests.activities.rows import hire, store
from tests.unit.leads import CRITERIA
from workflows.decision import decide, due_effects, newborn, next_wake

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
"""When it is, for these lives: quiet hours and clock changes fall where they fell when the tests were written."""
REP = Standing(roles=(Role.REP,))
MANAGER = Standing(roles=(Role.MANAGER,))
SOURCES = ("web", "webinar", "ads", None)
REASONS = ("No budget.", "no budget", "student", "wrong country")


@dataclass
class Life:
    """What became of a lead, as the tree told it.

    Args:
        reason: why it was refused, where it was.
    """

    person: dict[str, Any]
    state: LeadState
    entries: list[Entry]
    reason: str | None = None

    @property
    def id(self) -> UUID:
        return UUID(self.state.lead_id)


class Living:
    """Lets a lead live: events at random, time as it comes, the world's answers a little late."""

    def __init__(self, random: Random, policy: Policy, reps: Sequence[UUID], born: datetime, until: datetime) -> None:
        self.random, self.policy, self.reps, self.until, self.at = random, policy, [str(rep) for rep in reps], until, born
        self.note = str(uuid7())
        self.life = Life({}, newborn(str(uuid7()), born, policy), [])

    def tell(self, event: Event) -> None:
        decision = decide(self.life.state, event, self.policy)
        self.life.state = decision.state
        self.life.entries += decision.entries

    def answer(self, effect: AnyEffect) -> Event:
        match effect:
            case Enrich():
                return Enriched(at=self.at, number=effect.number)
            case Score():
                points = self.random.choice([0, 20, 60, 80, 130, 150, 190, 210])
                known = Known(points=points, company=self.random.random() < 0.9)
                return Scored(at=self.at, number=effect.number, score=self.policy.points_as_score(points), known=known)
            case Route():
                free = [rep for rep in self.reps if rep not in effect.excluded and self.random.random() < 0.6]
                return Routed(at=self.at, number=effect.number, rep=free[0] if free else None)
            case Send():
                return Sent(at=self.at, number=effect.number)

    def settle(self) -> None:
        for _ in range(20):
            effects = due_effects(self.life.state, self.at)
            if not effects:
                return
            self.at += timedelta(milliseconds=self.random.randint(1, 4000))
            self.tell(self.answer(effects[0]))

    def wait_until(self, at: datetime) -> None:
        for _ in range(400):
            wake = next_wake(self.life.state, self.policy)
            if wake is None or wake > at:
                break
            self.at = max(self.at, wake + timedelta(milliseconds=self.random.choice([0, 3, 250, 90_000])))
            self.tell(Tick(at=self.at))
            self.settle()
        self.at = max(self.at, at)

    def happen(self) -> None:
        """One thing somebody does; the owner does most."""
        state, rep, at = self.life.state, self.random.choice(self.reps), self.at
        owner = state.owner or rep
        outcome = self.random.choice([*ContactOutcome, ContactOutcome.REACHED, ContactOutcome.REACHED])
        concluded = self.random.choice([*DispositionOutcome, DispositionOutcome.QUALIFIED, DispositionOutcome.WON, DispositionOutcome.WON])
        choices: list[Event] = [
            Claim(at=at, rep=rep, standing=REP),
            Contact(at=at, rep=owner, channel=self.random.choice(list(ContactChannel)), outcome=outcome),
            Disposition(at=at, actor=owner, outcome=concluded, criteria=CRITERIA, has_reason=True, note=self.note),
            Release(at=at, rep=owner, note=self.note),
            Override(at=at, actor=rep, standing=MANAGER, owner=self.random.choice([None, *self.reps]), owner_standing=REP,
                     stage=self.random.choice([None, Stage.NURTURE, Stage.WORKING, Stage.DISQUALIFIED]), note=self.note),
            Engage(at=at, stirring=True, rule=self.random.choice([None, None, FastLaneRule.CONSULTATION])),
            Hold(at=at, actor=rep),
            Resume(at=at, actor=rep),
            Review(at=at, actor=rep, outcome=self.random.choice(list(ReviewOutcome)), note=self.note),
            Arrived(at=at, known=Known(points=0, company=True)),
            Erase(at=at, actor=rep),
        ]  # fmt: skip
        self.tell(self.random.choices(choices, self._likely(state))[0])
        self.settle()

    def _likely(self, state: LeadState) -> list[float]:
        """How likely each of the things that can happen is where the lead stands now."""
        if state.closed:
            return [0, 0, 0, 0, 0, 1, 0, 0, 0, 9, 0]
        if state.stage is Stage.REVIEW:
            return [3, 0, 0, 0, 1, 1, 1, 0, 6, 0, 0]
        if state.owner:
            return [1, 8, 8, 1, 1, 1, 0, 0, 0, 0, 0.1]
        return [12, 0, 0, 0, 1, 4, 1, 1, 0, 0, 0.1]

    def whole(self) -> Life:
        """From its arrival to now."""
        self.tell(Arrived(at=self.at, known=Known(points=0, company=True), consultation=self.random.random() < 0.1))
        self.settle()
        for _ in range(self.random.randint(2, 14)):
            hours = self.random.choice([0.1, 0.4, 1, 3, 12, 40, 200, 900])
            then = self.at + timedelta(hours=hours * self.random.random())
            if then >= self.until:
                break
            self.wait_until(then)
            self.happen()
        self.wait_until(self.until - timedelta(hours=1))
        return self.life


async def live(database: Database, seed: int, leads: int, policy: Policy) -> list[Life]:
    """Leads of the last 200 days, in the database as the program would have them."""
    random = Random(seed)
    reps = [await hire(database, f"rep{n}-{seed}") for n in range(3)]
    lives = []
    for _ in range(leads):
        living = Living(random, policy, reps, NOW - timedelta(days=random.random() * 200, hours=2), NOW)
        life = living.whole()
        life.person = {"source": random.choice(SOURCES), "campaign": random.choice(("spring", "fall", None)), "attributes": {}}
        await store(database, Lead(id=life.id, email=f"{life.id.hex}@x.example", email_key=f"{life.id.hex}@x.example", **life.person))
        life.reason = random.choice(REASONS)
        await store(database, Note(id=UUID(living.note), lead_id=life.id, author_id=reps[0], body="", reason=life.reason))
        async with database.connection() as connection:
            await write(connection, life.state, life.entries)
        lives.append(life)
    return lives
