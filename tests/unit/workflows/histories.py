"""Random lives as a workflow would lead them: timers come late, answers take a while, people are refused, and all is written down."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from activities.ledger import told_document
from models.lifecycle import (
    Channel,
    ContactChannel,
    ContactOutcome,
    DispositionOutcome,
    Entry,
    FastLaneRule,
    Known,
    LeadState,
    ReviewOutcome,
    Stage,
)
from models.messages import (
    Arrived,
    Claim,
    Commit,
    Consent,
    Contact,
    Disposition,
    Engage,
    Event,
    Hold,
    Override,
    PolicyChanged,
    Release,
    Rescore,
    Resume,
    Retime,
    Review,
    Scored,
    Tick,
    Told,
)
from models.policy import Policy
from models.worktime import Away
from tests.unit.leads import CRITERIA, DEFAULT, HOUR, MANAGER, REP, START, World
from workflows.decision import decide, due_effects, newborn, next_wake, told
from workflows.whatif.record import Past, past_of, row_of

REPS = tuple(f"00000000-0000-7000-8000-00000000000{number}" for number in (1, 2, 3))
MARK, MONA, REX, NOTE = (f"00000000-0000-7000-8000-0000000000a{number}" for number in (1, 2, 3, 4))


@dataclass
class Life:
    """A lead that lives, and what is written down of it."""

    policies: dict[int, Policy]
    chance: Random
    state: LeadState
    policy: Policy
    at: datetime
    told: list[Told] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    unwritten: list[Told] = field(default_factory=list)

    def tell(self, event: Event) -> None:
        event = event.model_copy(update={"at": self.at})
        if isinstance(event, Arrived) and self.state.closed and self.state.stage is not Stage.ERASED:
            self.policy = self.policies[max(self.policies)]
            self.state.policy_version = self.policy.version
        decision = decide(self.state, event, self.policy)
        kept = told(self.state, event, decision, self.policy)
        if kept is not None:
            self.told.append(kept)
            self.unwritten.append(kept)
        self.state = decision.state
        self.entries += decision.entries
        if decision.entries:
            self.commits.append(Commit(state=decision.state, entries=decision.entries, told=tuple(self.unwritten)))
            self.unwritten = []

    def past(self) -> Past:
        """What is on record, by way of JSON as in the database."""
        columns = [
            [*row[:4], row.at.isoformat(), row.tier, row.score, row.due and row.due.isoformat()] for row in map(row_of, self.entries)
        ]
        return past_of(self.state.lead_id, json.dumps([told_document(one) for one in self.told]), json.dumps(columns))


def history(seed: int, policies: dict[int, Policy] | None = None, steps: int = 40, name: str = "lead", until: datetime = START) -> Life:
    """A random life of so many steps, and of more where it takes them to get to `until`."""
    chance = Random(seed)
    policies = policies or {1: DEFAULT}
    policy = policies[min(policies)]
    at = START + chance.random() * timedelta(days=20)
    life = Life(policies, chance, newborn(name, at, policy), policy, at)
    life.tell(Arrived(consent=(Channel.EMAIL,), known=_known(chance), zone=chance.choice([None, "Europe/Berlin"])))
    while steps > 0 or life.at < until:
        steps -= 1
        _answer(life)
        _step(life)
    for _ in range(3):  # what became due by the last of it, as a workflow does at once
        life.tell(Tick())
    return life


def _known(chance: Random) -> Known:
    points = chance.choice([0.0, 60.0, 120.0, 199.0, 240.0])
    return Known(points=points, company=chance.random() < 0.8, disqualified=chance.random() < 0.05, sal=chance.random() < 0.9)


def _answer(life: Life) -> None:
    chance = life.chance
    for _ in range(6):
        due = due_effects(life.state, life.at)
        if not due or chance.random() < 0.1:
            return
        effect = chance.choice(due)
        life.at += timedelta(milliseconds=chance.randint(1, 4000))
        rep = chance.choice([*REPS, None])
        answer = World(score=chance.choice([None, chance.uniform(0, 100)]), known=_known(chance), rep=rep).answer(effect, life.at)
        life.tell(answer.model_copy(update={"number": effect.number + 1}) if chance.random() < 0.03 else answer)


def _step(life: Life) -> None:
    chance, state = life.chance, life.state
    wake = next_wake(state, life.policy)
    if wake is not None and chance.random() < 0.5:
        life.at = max(life.at, wake) + timedelta(microseconds=chance.choice([0, 1500, 20_000, 900_000_000]))
        life.tell(Tick())
        return
    life.at += chance.choice([timedelta(seconds=3), timedelta(minutes=7), HOUR, 9 * HOUR, timedelta(days=2), timedelta(days=12)])
    life.tell(chance.choice(_DEEDS)(life))


def _policy_changed(life: Life) -> Event:
    later = [version for version in life.policies if version > life.policy.version]
    if not later:
        return Tick()
    life.policy = life.policies[min(later)]
    return PolicyChanged(version=life.policy.version, document="long")


def _rep(life: Life) -> str:
    return life.state.owner or life.chance.choice(REPS)


_DEEDS: list[Callable[[Life], Event]] = [
    lambda life: Claim(rep=life.chance.choice(REPS), standing=REP.model_copy(update={"away": (Away(life.at, life.at + 5 * HOUR),)})),
    lambda life: Claim(rep=life.chance.choice(REPS), standing=REP),
    lambda life: Contact(
        rep=_rep(life), channel=life.chance.choice(list(ContactChannel)), outcome=life.chance.choice(list(ContactOutcome))
    ),
    lambda life: Contact(rep=_rep(life), channel=ContactChannel.CALL, outcome=ContactOutcome.REACHED, note=NOTE),
    lambda life: Disposition(
        actor=_rep(life), outcome=life.chance.choice(list(DispositionOutcome)), criteria=CRITERIA, has_reason=True, note=NOTE
    ),
    lambda life: Release(rep=_rep(life), note=NOTE),
    lambda life: Engage(stirring=life.chance.random() < 0.5, occurred_at=life.at - HOUR),
    lambda life: Engage(rule=life.chance.choice(list(FastLaneRule))),
    lambda life: Rescore(actor=life.chance.choice([None, MARK])),
    lambda life: Hold(actor=MARK) if life.state.stage is not Stage.HELD else Resume(actor=MARK),
    lambda life: Review(actor=REX, outcome=life.chance.choice(list(ReviewOutcome))),
    lambda life: Consent(granted=(Channel.SMS,), stopped=life.chance.choice([(), (Channel.EMAIL,)])),
    lambda life: Override(actor=MONA, standing=MANAGER, owner=life.chance.choice(REPS), owner_standing=REP, note=NOTE),
    lambda life: Retime(rep=_rep(life), away=(Away(life.at, life.at + 3 * HOUR),)),
    lambda life: Scored(number=life.state.effect_number + 9, score=50.0),
    lambda life: Arrived(consent=(Channel.POST,), known=_known(life.chance), interest="crm"),
    _policy_changed,
    lambda life: Tick(),
]
