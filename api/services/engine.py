"""The one way from the API to leads' workflows.

A lead's workflow can be gone although the lead is not: it was never started because Temporal was away, it has ended
because the lead is closed, or Temporal lost its state. Whatever is sent to such a lead starts its workflow anew from
what the database knows, which is everything.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from time import monotonic
from typing import Any
from uuid import UUID, uuid4
from weakref import WeakValueDictionary

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio.client import Client, RetryConfig, WithStartWorkflowOperation, WorkflowHandle, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.common import Priority, SearchAttributePair, TypedSearchAttributes, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.service import RPCError, RPCStatusCode

from activities.database import Database
from activities.ledger import stored_state
from activities.policies import of_version
from api.errors import EngineAway, NotFound, OutcomeUnknown
from models.crm import CrmName
from models.lifecycle import LeadState
from models.messages import Answer, Event, LeadLife
from models.policy import Policy
from models.settings import Settings
from workflows.attributes import SOURCE, STAGE, TIER
from workflows.client import connect
from workflows.crm import hasten
from workflows.lead import LeadWorkflow

LIVE, SOON, BULK = (Priority(priority_key=key) for key in (2, 3, 4))
"""Leads that come in one by one go before those of an import, so that 100,000 rows do not delay a demo request; of an import's
rows those that go straight to a rep come first. Kept with the lead, for the sweep."""
CONSENT = "consent"
"""The signal that closed leads hear too, so that an unsubscribe outlives their coming back."""
AT_ONCE = 8
"""Updates of one lead that one process has under way. Temporal takes ten and turns the eleventh away."""
_TAKEN_BACK = "unexpected workflow task failure"
"""What Temporal says of an update whose decision it took back: an activity's answer or a message came in while the
workflow was ending, so the workflow is to decide again with it. Nobody was told yes, and asking again is right."""
_BREATH = 0.02
_BRIEF = RetryConfig(max_elapsed_time_millis=1500, max_retries=2)
_SLUG = re.compile(r"[a-z0-9_-]{1,40}")
_STORED = text("SELECT state, source FROM leads WHERE id = :lead AND stage <> 'erased'")
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a lead's workflow is started with.

    Args:
        life: its input.
        source: where the lead came from, as the form said.
        priority: before or after whom its tasks are worked off.
    """

    life: LeadLife
    source: str | None
    priority: Priority = LIVE

    @property
    def options(self) -> dict[str, Any]:
        """How it is started: twice is once, and nothing of it says who the lead is."""
        state = self.life.state
        slug = (self.source or "").strip().lower()
        source = slug if _SLUG.fullmatch(slug) else "other"
        attributes = [SearchAttributePair(STAGE, state.stage.value), SearchAttributePair(SOURCE, source)]
        if state.tier:
            attributes.append(SearchAttributePair(TIER, state.tier.value))
        return {
            "id": workflow_id(state.lead_id),
            "id_conflict_policy": WorkflowIDConflictPolicy.USE_EXISTING,
            "id_reuse_policy": WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            "search_attributes": TypedSearchAttributes(attributes),
            "static_summary": f"Lead from {source}",
            "priority": self.priority,
        }


def workflow_id(lead: UUID | str) -> str:
    """The id of a lead's workflow."""
    return f"lead-{lead}"


class EngineRefuses(EngineAway):
    """Temporal is there but will not take this message, however often it is sent."""


class Engine:
    """Starts leads' workflows and speaks to them.

    Args:
        settings: how long to wait, and where workers listen.
        database: what a workflow that is gone is started from.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._client: Client | None = None
        self._away_since: float | None = None
        self._noticed = 0.0
        self._lines: WeakValueDictionary[UUID, asyncio.Semaphore] = WeakValueDictionary()
        self.outbox_filled = asyncio.Event()

    async def connect(self) -> None:
        """Get ready. The connection itself is made by the first call, so Temporal may be away now and come later."""
        self._client = await connect(lazy=True, retries=_BRIEF, runtime=_quiet())

    async def close(self) -> None:
        """Let go of the connection."""
        self._client = None

    @property
    def client(self) -> Client:
        """Temporal's own client.

        Raises:
            RuntimeError: before `connect`.
        """
        if self._client is None:
            raise RuntimeError("Engine.connect was not called")
        return self._client

    @property
    def believed_away(self) -> bool:
        """Whether Temporal did not answer a moment ago, so that it is not worth making somebody wait for it."""
        return self._away_since is not None and monotonic() < self._noticed + self._settings.sweep_every

    async def ready(self) -> bool:
        """Whether Temporal answers now."""
        try:
            async with self._talking(self._settings.start_timeout):
                return await self.client.service_client.check_health()
        except (EngineAway, OutcomeUnknown):
            return False

    def beginning(self, state: LeadState, policy: Policy, source: str | None, priority: Priority = LIVE) -> Beginning:
        """What to start a lead's workflow with.

        Args:
            state: the lead as the database has it.
            policy: the version the state was decided under. A later one reaches the workflow as a message of its own.
            source: where the lead came from.
            priority: before or after whom its tasks are worked off.
        """
        board = self._settings.public_url.rstrip("/")
        begun = replace(state, life=state.life + 1)
        life = LeadLife(state=begun, policy_version=policy.version, policy=policy.document, board=board)
        return Beginning(life, source, priority)

    async def start(self, beginning: Beginning, *, replace: bool = False) -> None:
        """Start a lead's workflow; does nothing where it runs already.

        Args:
            beginning: what with.
            replace: end one that still runs. For a lead that was closed and has come back: what runs is its former life.

        Raises:
            EngineAway: when Temporal is out of reach.
            OutcomeUnknown: when it did not answer in time.
        """
        options = beginning.options
        if replace:
            options["id_conflict_policy"] = WorkflowIDConflictPolicy.TERMINATE_EXISTING
        async with self._talking(self._settings.start_timeout):
            await self.client.start_workflow(LeadWorkflow.run, beginning.life, task_queue=self._settings.task_queue, **options)

    async def begin(self, run: Callable[..., Awaitable[None]], asked: Any, *, workflow_id: str, priority: Priority) -> None:
        """Start a workflow that is about no single lead; does nothing where it runs already.

        Args:
            run: the workflow's `run`.
            asked: its input.
            workflow_id: the same for the same work.
            priority: before or after whom its tasks are worked off.

        Raises:
            EngineAway: when Temporal is out of reach.
            OutcomeUnknown: when it did not answer in time.
        """
        async with self._talking(self._settings.start_timeout):
            await self.client.start_workflow(
                run,
                asked,
                id=workflow_id,
                task_queue=self._settings.task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                priority=priority,
            )

    async def update(self, lead: UUID, name: str, message: Event) -> Answer:
        """Put an event to a lead and wait for what its tree decides.

        Args:
            lead: which.
            name: of the workflow's update.
            message: with `request` set, the same message again gets the same answer.

        Returns:
            The answer, which may be a refusal. An accepted event is in the database by then.

        Raises:
            NotFound: when there is no such lead.
            EngineAway: when Temporal is out of reach.
            OutcomeUnknown: when the answer did not come in time.
        """
        line = self._lines.setdefault(lead, asyncio.Semaphore(AT_ONCE))
        request = _update_id(name, message)
        async with self._talking(self._settings.engine_timeout), line:
            while True:
                try:
                    return Answer.model_validate(await self._put(lead, name, message, request))
                except RPCError as err:
                    if err.status is not RPCStatusCode.FAILED_PRECONDITION or _TAKEN_BACK not in err.message:
                        raise
                await asyncio.sleep(_BREATH)

    async def _put(self, lead: UUID, name: str, message: Event, request: str) -> Any:
        try:
            handle: WorkflowHandle[LeadWorkflow, None] = self.client.get_workflow_handle_for(LeadWorkflow.run, workflow_id(lead))
            return await handle.execute_update(name, message, id=request, result_type=Answer)
        except RPCError as err:
            if err.status is not RPCStatusCode.NOT_FOUND:
                raise
            return await self._update_anew(lead, name, message, request)

    async def _update_anew(self, lead: UUID, name: str, message: Event, request: str) -> Any:
        beginning = await self.stored(lead)
        if beginning is None:
            raise NotFound("lead") from None
        start = WithStartWorkflowOperation(LeadWorkflow.run, beginning.life, task_queue=self._settings.task_queue, **beginning.options)
        return await self.client.execute_update_with_start_workflow(
            name, message, start_workflow_operation=start, id=request, result_type=Answer
        )

    async def signal(self, lead: UUID, name: str, payload: Mapping[str, Any]) -> None:
        """Tell a lead something without waiting for what it makes of it. A closed lead is told of consent only: it listens to nothing else.

        Args:
            lead: which; one that does not exist any more is no error.
            name: of the workflow's signal.
            payload: the message as JSON.

        Raises:
            EngineAway: when Temporal is out of reach.
            OutcomeUnknown: when it did not answer in time.
            EngineRefuses: when Temporal will never take this message.
        """
        async with self._talking(self._settings.start_timeout):
            try:
                await self.client.get_workflow_handle(workflow_id(lead)).signal(name, payload)
            except RPCError as err:
                if err.status is RPCStatusCode.INVALID_ARGUMENT:
                    raise EngineRefuses(err.message) from None
                if err.status is not RPCStatusCode.NOT_FOUND:
                    raise
                beginning = await self.stored(lead)
                if beginning is not None and (name == CONSENT or not beginning.life.state.closed):
                    await self.client.start_workflow(
                        LeadWorkflow.run,
                        beginning.life,
                        task_queue=self._settings.task_queue,
                        start_signal=name,
                        start_signal_args=[payload],
                        **beginning.options,
                    )

    async def hasten(self, crm: CrmName) -> None:
        """Have a CRM synced soon.

        Raises:
            EngineAway: when Temporal is out of reach, or no worker has scheduled the syncing yet.
            OutcomeUnknown: when it did not answer in time.
        """
        async with self._talking(self._settings.start_timeout):
            try:
                await hasten(self.client, crm)
            except RPCError as err:
                if err.status is not RPCStatusCode.NOT_FOUND:
                    raise
                raise EngineAway("The worker has not scheduled it yet.") from None

    async def stored(self, lead: UUID) -> Beginning | None:
        """What the database knows to start a lead's workflow with; None when there is no such lead, or it was erased."""
        async with self._database.autocommit() as connection:
            row = (await connection.execute(_STORED, {"lead": lead})).one_or_none()
            return await self.revived(connection, row.state, row.source) if row else None

    async def revived(self, connection: AsyncConnection, document: dict[str, Any], source: str | None) -> Beginning:
        """What to start a lead's workflow with, from its row.

        Args:
            connection: to read the policy the lead lives under.
            document: `leads.state`.
            source: `leads.source`.
        """
        state = stored_state(document)
        return self.beginning(state, await of_version(connection, state.policy_version), source)

    @asynccontextmanager
    async def _talking(self, seconds: float) -> AsyncIterator[None]:
        """One exchange with Temporal: errors in our words, and a note of whether it is there."""
        try:
            async with asyncio.timeout(seconds):
                yield
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            raise OutcomeUnknown from None
        except RPCError as err:
            self._is_away(err.message)
            raise EngineAway from None
        except RuntimeError as err:
            if "client connect" not in str(err):
                raise
            self._is_away("no connection")
            raise EngineAway from None
        self._is_back()

    def _is_away(self, why: str) -> None:
        self._noticed = monotonic()
        if self._away_since is None:
            self._away_since = self._noticed
            _log.warning("Temporal is away; leads are accepted and will be started when it is back", why=why)

    def _is_back(self) -> None:
        if self._away_since is not None:
            _log.info("Temporal is back", away_seconds=round(monotonic() - self._away_since, 1))
            self._away_since = None


@lru_cache
def _quiet() -> Runtime:
    """A runtime of the SDK's core that leaves it to us to say that Temporal is away."""
    errors = LoggingConfig(filter=TelemetryFilter(core_level="ERROR", other_level="ERROR"))
    return Runtime(telemetry=TelemetryConfig(logging=errors))


def _update_id(name: str, message: Event) -> str:
    """The same for the same request sent again, so that Temporal does it once; unlike for a key that is used for something else."""
    if message.request is None:
        return str(uuid4())
    content = message.model_dump_json(exclude={"at", "standing", "owner_standing", "note"})
    return sha256(f"{name} {content}".encode()).hexdigest()[:32]
