"""Random lives told to the pure tree alone and to the real workflow give the same ledger.

The workflow lives on the time-skipping server, so its clock decides when things happen; the pure tree is then told
the same messages at the moments the workflow heard them. What the world answers is the same on both sides.
"""

from datetime import datetime, timedelta
from random import Random

import pytest
from temporalio.testing import WorkflowEnvironment

from models.lifecycle import AnyEffect, Channel, ContactChannel, ContactOutcome, Enrich, Entry, Known, LeadState, Role, Route, Score, Send
from models.messages import Arrived, Claim, Contact, Engage, Enriched, Event, Release, Routed, Scored, Sent, Tick, Told
from models.policy import Policy
from tests.workflows.world import REP, World, born, claim, start, user, worker
from workflows.decision import decide, due_effects, newborn, next_wake
from workflows.lead import LeadWorkflow
from workflows.whatif.record import Past, row_of
from workflows.whatif.telling import Telling

PLAIN = Policy.model_validate({"review": {"when": ["near_threshold"]}})


def answered(effect: AnyEffect, world: World, at: datetime) -> Event:
    """What the world says to an effect, on the pure side."""
    match effect:
        case Enrich():
            return Enriched(at=at, number=effect.number)
        case Score():
            return Scored(at=at, number=effect.number, score=PLAIN.points_as_score(world.known.points), known=world.known)
        case Route():
            free = [rep for rep in world.reps if rep not in effect.excluded]
            return Routed(at=at, number=effect.number, rep=free[0] if free else None)
        case Send():
            return Sent(at=at, number=effect.number)


class Alone:
    """The tree without an engine: time goes straight to the next thing that is due, and effects are answered at once."""

    def __init__(self, state: LeadState, world: World) -> None:
        self.state, self.world = state, world
        self.ledger: list[Entry] = []

    def tell(self, event: Event) -> None:
        decision = decide(self.state, event, PLAIN)
        self.state = decision.state
        self.ledger += decision.entries

    def settle(self, at: datetime) -> None:
        while effects := due_effects(self.state, at):
            self.tell(answered(effects[0], self.world, at))

    def wait_until(self, at: datetime) -> None:
        while (wake := next_wake(self.state, PLAIN)) is not None and wake <= at:
            self.tell(Tick(at=wake))
            self.settle(wake)


def story(entries: list[Entry]) -> list[tuple[object, ...]]:
    """What a ledger says, but for the milliseconds an engine takes."""
    return [(e.seq, e.kind, e.from_stage, e.to_stage, e.owner, e.actor, e.tier, e.score) for e in entries]


def replayed(state: LeadState, born_at: datetime, known: Known, world: World) -> list[Entry]:
    """The ledger that comes of what the workflow wrote down of what it was told, after the arrival."""
    arrival = Arrived(at=born_at, known=known, consent=(Channel.EMAIL,))
    rows = [row_of(entry) for entry in (*decide(newborn(state.lead_id, born_at, PLAIN), arrival, PLAIN).entries, *world.ledger)]
    events = [told for commit in world.commits for told in commit.told]
    past = Past(state.lead_id, [Told(event=arrival, version=PLAIN.version, asked=state.effect_number), *events], rows)
    return Telling(past, lambda _: PLAIN, events[-1].event.at).alone().lived.entries[state.seq :]


@pytest.mark.parametrize("seed", range(30))
async def test_the_workflow_does_what_the_tree_says(env: WorkflowEnvironment, seed: int) -> None:
    random = Random(seed)
    reps = (user(), user(), user())
    known = Known(points=random.choice([0, 45, 60, 100, 130, 180]), company=True)
    world = World(PLAIN, known=known, reps=reps, roles=dict.fromkeys(reps, (Role.REP,)))
    async with worker(env.client, world) as queue:
        born_at = await env.get_current_time()
        state = born(PLAIN, born_at, known=known)
        alone = Alone(state, World(PLAIN, known=known, reps=reps))
        lead = await start(env.client, queue, state, PLAIN)
        await env.sleep(timedelta(seconds=1))
        alone.settle(born_at)
        for _ in range(14):
            step = timedelta(minutes=random.choice([1, 20, 200, 1_300, 2_000, 11_000, 50_000]), seconds=random.randint(5, 1_800))
            await env.sleep(step)
            now = await env.get_current_time()
            alone.wait_until(now)
            rep = random.choice(reps)
            match random.choice(["claim", "reached", "no_answer", "release", "engage", "points", "nothing"]):
                case "claim":
                    await claim(lead, rep)
                    said: Event = Claim(at=now, rep=rep, standing=REP)
                case "reached" | "no_answer" as outcome:
                    said = Contact(at=now, rep=rep, channel=ContactChannel.CALL, outcome=ContactOutcome(outcome))
                    await lead.execute_update(LeadWorkflow.contact, said)
                case "release":
                    said = Release(at=now, rep=rep, note=rep)
                    await lead.execute_update(LeadWorkflow.release, said)
                case "engage":
                    said = Engage(at=now, stirring=True)
                    await lead.signal("engage", said)
                case "points":
                    world.known = alone.world.known = Known(points=random.choice([0, 60, 130, 190]), company=True)
                    said = Engage(at=now, stirring=True)
                    await lead.signal("engage", said)
                case _:
                    said = Tick(at=now)
            alone.tell(said)
            alone.settle(now)
            await env.sleep(timedelta(seconds=1))
            if alone.state.closed:
                break
        await env.sleep(timedelta(minutes=1))
        alone.wait_until(await env.get_current_time())
        assert story(world.ledger) == story(alone.ledger)
        assert len(alone.ledger) > 3
        assert replayed(state, born_at, known, world) == world.ledger
        if not alone.state.closed:
            await lead.terminate()
