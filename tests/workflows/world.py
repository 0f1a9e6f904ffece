"""A world in memory for a lead's workflow: every activity answers at once, as the test says, and what was committed is kept.

The workflow, the engine and time are real; only what lies behind the activities is not.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from models.ids import uuid7
from models.lifecycle import Channel, Entry, Known, LeadState, Role, Route, Score, Send
from models.messages import Answer, Arrived, Claim, Commit, Enriched, LeadLife, Order, Routed, Scored, Sent, Standing
from models.policy import Policy
from workflows import attributes
from workflows.decision import decide, newborn
from workflows.lead import LeadWorkflow
from workflows.sandbox import Sandbox

REP = Standing(roles=(Role.REP,))


@dataclass
class World:
    """What the activities answer, and what they were asked.

    Attributes:
        known: the facts the scorer finds; the score follows from the points.
        reps: who the router may choose, the first not excluded wins.
        roles: what a user found by `standing` may do.
        commits, sent, asked: what reached the ledger, the mail and the activities.
        away: how many times each activity fails before it works again.
    """

    policy: Policy
    known: Known = field(default_factory=Known)
    reps: tuple[str, ...] = ()
    roles: dict[str, tuple[Role, ...]] = field(default_factory=dict)
    commits: list[Commit] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    away: dict[str, int] = field(default_factory=dict)

    @property
    def ledger(self) -> list[Entry]:
        """Every entry committed, in the order of its number, once."""
        return sorted({entry.seq: entry for commit in self.commits for entry in commit.entries}.values(), key=lambda e: e.seq)

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.away.get(what, 0) > 0:
            self.away[what] -= 1
            raise ApplicationError(f"{what} is away")

    @activity.defn(name="commit")
    async def commit(self, change: Commit) -> int:
        self._ask("commit")
        self.commits.append(change)
        return change.state.seq

    @activity.defn(name="enrich")
    async def enrich(self, order: Order) -> Enriched:
        self._ask("enrich")
        return Enriched(number=order.effect.number)

    @activity.defn(name="score")
    async def score(self, order: Order) -> Scored:
        self._ask("score")
        assert isinstance(order.effect, Score)
        return Scored(number=order.effect.number, score=self.policy.points_as_score(self.known.points), known=self.known)

    @activity.defn(name="route")
    async def route(self, order: Order) -> Routed:
        self._ask("route")
        assert isinstance(order.effect, Route)
        free = [rep for rep in self.reps if rep not in order.effect.excluded]
        return Routed(number=order.effect.number, rep=free[0] if free else None)

    @activity.defn(name="send")
    async def send(self, order: Order) -> Sent:
        self._ask("send")
        assert isinstance(order.effect, Send)
        self.sent.append(order.effect.key)
        return Sent(number=order.effect.number)

    @activity.defn(name="standing")
    async def standing(self, user: str) -> Standing:
        self._ask("standing")
        return Standing(roles=self.roles.get(user, ()))

    @property
    def activities(self) -> list[Any]:
        """For a worker."""
        return [self.commit, self.enrich, self.score, self.route, self.send, self.standing]


def user() -> str:
    """An id as users have them."""
    return str(uuid7())


def born(policy: Policy, at: datetime, **arrival: Any) -> LeadState:
    """A lead as the API leaves it: arrived, and written down by the API itself."""
    arrival.setdefault("consent", (Channel.EMAIL,))
    lead = newborn(str(uuid7()), at, policy)
    return decide(lead, Arrived(at=at, **arrival), policy).state


def life(state: LeadState, policy: Policy) -> LeadLife:
    """What the lead's workflow starts with."""
    return LeadLife(state=state, policy_version=policy.version, policy=policy.model_dump_json(), board="http://board.example")


@asynccontextmanager
async def worker(client: Client, world: World, **options: Any) -> AsyncIterator[str]:
    """A real worker on a queue of its own, whose name it gives."""
    queue = f"test-{uuid4()}"
    async with Worker(
        client, task_queue=queue, workflows=[LeadWorkflow], workflow_runner=Sandbox(), activities=world.activities, **options
    ):
        yield queue


Lead = WorkflowHandle[LeadWorkflow, None]


async def start(client: Client, queue: str, state: LeadState, policy: Policy) -> Lead:
    """Start a lead's workflow as the API does."""
    return await client.start_workflow(
        LeadWorkflow.run,
        life(state, policy),
        id=f"lead-{state.lead_id}",
        task_queue=queue,
        search_attributes=attributes.of(state, "web"),
    )


async def claim(lead: Lead, rep: str, **more: Any) -> Answer:
    """Claim as the API does."""
    return await lead.execute_update(LeadWorkflow.claim, Claim(rep=rep, standing=REP, **more))


def moment() -> datetime:
    """Now, to the millisecond."""
    found = datetime.now(UTC)
    return found.replace(microsecond=found.microsecond // 1000 * 1000)
