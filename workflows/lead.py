"""One lead's life as a durable workflow: an inbox, timers, and effects that run beside it.

There is no business rule in here. A message or the passing of time goes to `decide`; what comes out is written to
the ledger, and what the world owes an answer for (`state.effects`) is kept under way until the answer arrives as a
message of its own. Because effects stand in the state, a new run after continue-as-new, or one restarted from the
database, takes them up again without knowing what happened before.
"""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.enrichment import EnrichmentActivities
    from activities.ledger import LedgerActivities
    from activities.nurture import NurtureActivities
    from activities.people import PeopleActivities
    from activities.routing import RoutingActivities
    from activities.scoring import ScoringActivities
    from models.lifecycle import AnyEffect, Decision, Enrich, Entry, LeadState, Route, Score, Send
    from models.messages import (
        Answer,
        Claim,
        Commit,
        Consent,
        Contact,
        Disposition,
        Engage,
        Enriched,
        Erase,
        Event,
        Hold,
        LeadLife,
        Order,
        Override,
        PlaceFreed,
        PolicyChanged,
        Release,
        Remembered,
        Rescore,
        Resume,
        Retime,
        Review,
        Routed,
        Scored,
        Sent,
        Standing,
        Tick,
        Told,
    )
    from models.policy import stored_policy
    from workflows.attributes import DEADLINE, OWNER, STAGE, TIER
    from workflows.decision import decide, due_effects, next_wake, told

REMEMBERED = 100
"""Requests whose answers a lead keeps, across continue-as-new too."""
_PATIENT = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
_AT_ONCE = RetryPolicy(initial_interval=timedelta(milliseconds=50), maximum_interval=timedelta(seconds=1), maximum_attempts=4)
_ATTEMPT = timedelta(seconds=30)
_PROMPT = timedelta(seconds=5)
"""As a schedule-to-close timeout only: a local activity's start-to-close timer outlives its worker and makes the SDK's core panic."""


@workflow.defn(name="LeadWorkflow")
class LeadWorkflow:
    """A lead, from its arrival until it is won, lost, let go or erased."""

    @workflow.init
    def __init__(self, life: LeadLife) -> None:
        """Restore everything: messages may come before `run` does."""
        self._state: LeadState = life.state
        self._policy_document = life.policy
        self._policy = stored_policy(life.policy_version, life.policy)
        self._board = life.board
        self._written = life.state.seq
        self._unwritten: list[Entry] = []
        self._told: list[Told] = list(life.told)
        self._inbox: list[Event] = []
        self._stirred = False
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._remembered = {kept.request: kept for kept in life.remembered}
        self._shown = self._seen()

    @workflow.run
    async def run(self, life: LeadLife) -> None:
        """Live until the lead is closed."""
        while True:
            self._stirred = False
            self._keep_effects_going()
            await self._hear()
            await self._write()
            self._show()
            if self._state.closed and self._at_rest():
                await workflow.wait_condition(workflow.all_handlers_finished)
                if self._state.closed and self._at_rest():
                    return
            if workflow.info().is_continue_as_new_suggested() and self._at_rest():
                await self._rotate()
            await self._sleep()

    def _at_rest(self) -> bool:
        return not self._unwritten and not self._inbox

    async def _sleep(self) -> None:
        """Wait for a message, an answer or the next thing that is due; then look at the state, not at what woke us."""
        if not self._stirred and self._at_rest():
            wake = next_wake(self._state, self._policy, self._tasks)
            left = None if wake is None else wake - workflow.now()
            if left is None or left > timedelta():
                with suppress(TimeoutError):  # the time has come; what that means is the tree's business
                    await workflow.wait_condition(lambda: self._stirred, timeout=left, timeout_summary=self._due())
        self._tell(Tick())

    def _due(self) -> str:
        deadline = self._state.deadline
        return f"{self._state.stage}: {deadline.kind} until {deadline.at:%Y-%m-%d %H:%M:%S} UTC" if deadline else self._state.stage

    def _tell(self, message: Event) -> Decision:
        """Put a message to the tree and take over what it decides."""
        event: Event = message.model_copy(update={"at": workflow.now()})
        decision = decide(self._state, event, self._policy)
        kept = told(self._state, event, decision, self._policy)
        if kept is not None:
            self._told.append(kept)
        if decision.state is not self._state:
            self._stirred = self._stirred or kept is not None
            self._state = decision.state
        self._unwritten += decision.entries
        if decision.refusal is not None and not isinstance(message, Tick):
            workflow.logger.info("%s refused: %s", message.kind, decision.refusal.reason)
        return decision

    async def _answer(self, message: Event) -> Answer:
        """Decide at once and answer when everybody can see it; the same request again gets the same answer."""
        digest = sha256(message.model_dump_json(exclude={"at", "standing", "owner_standing", "note"}).encode()).hexdigest()[:16]
        kept = self._remembered.get(message.request) if message.request else None
        if kept is not None and kept.digest == digest:
            return kept.answer
        decision = self._tell(message)
        state, refusal = decision.state, decision.refusal
        answer = Answer(
            ok=refusal is None,
            seq=state.seq,
            stage=state.stage,
            owner=(refusal.owner if refusal else None) or state.owner,
            reason=refusal.reason if refusal else None,
            message=refusal.message if refusal else None,
            missing=refusal.missing if refusal else (),
        )
        if message.request:
            self._remembered[message.request] = Remembered(request=message.request, digest=digest, answer=answer)
            while len(self._remembered) > REMEMBERED:
                del self._remembered[next(iter(self._remembered))]
        await workflow.wait_condition(lambda: self._written >= state.seq)
        return answer

    # --- what the workflow keeps going -----------------------------------------------------------------------------

    async def _write(self) -> None:
        """Bring the ledger up to date: at once where PostgreSQL answers, patiently where it does not."""
        if not self._unwritten:
            return
        change = Commit(state=self._state, entries=tuple(self._unwritten), told=tuple(self._told))
        self._unwritten, self._told = [], []
        summary = ", ".join(entry.kind for entry in change.entries)
        try:
            await workflow.execute_local_activity_method(
                LedgerActivities.commit,
                change,
                schedule_to_close_timeout=_PROMPT,
                retry_policy=_AT_ONCE,
                summary=summary,
            )
        except FailureError:  # a local activity's own, not wrapped into an ActivityError
            await workflow.execute_activity_method(
                LedgerActivities.commit, change, start_to_close_timeout=_ATTEMPT, retry_policy=_PATIENT, summary=summary
            )
        self._written = change.state.seq

    async def _hear(self) -> None:
        """Put the signals to the tree in the order they came.

        Who sent a claim or an override is looked up: a message that came through the API brings that along.
        """
        while self._inbox:
            message = self._inbox[0]
            if isinstance(message, Claim):
                message = message.model_copy(update={"standing": await self._standing(message.rep)})
            elif isinstance(message, Override):
                found = await self._standing(message.actor)
                owner = await self._standing(message.owner) if message.owner else None
                message = message.model_copy(update={"standing": found, "owner_standing": owner})
            elif isinstance(message, PolicyChanged):
                if message.version <= self._policy.version:
                    del self._inbox[0]
                    continue  # an older agreement that comes late is not in force
                message = message.model_copy(update={"former": self._policy.terms})
                self._policy_document = message.document
                self._policy = stored_policy(message.version, message.document)
            del self._inbox[0]
            self._tell(message)

    async def _standing(self, user: str) -> Standing:
        return await workflow.execute_activity_method(
            PeopleActivities.standing, user, start_to_close_timeout=_ATTEMPT, retry_policy=_PATIENT, summary="who sent this signal"
        )

    def _keep_effects_going(self) -> None:
        owed = {effect.number for effect in self._state.effects}
        for number, task in list(self._tasks.items()):
            if task.done():
                task.result()
                del self._tasks[number]
            elif number not in owed:
                task.cancel()
                del self._tasks[number]
        for effect in due_effects(self._state, workflow.now()):
            if effect.number not in self._tasks:
                self._tasks[effect.number] = asyncio.create_task(self._do(effect))

    async def _do(self, effect: AnyEffect) -> None:
        """Carry an effect out and bring its answer back as a message; one that failed for good answers so too."""
        try:
            answer = await self._carry_out(effect)
        except FailureError as err:
            if is_cancelled_exception(err):
                return  # the tree no longer waits for it
            answer = _failed(effect)
        self._tell(answer)

    async def _carry_out(self, effect: AnyEffect) -> Event:
        order = Order(lead=self._state.lead_id, policy_version=self._policy.version, effect=effect)
        match effect:
            case Enrich():
                return await workflow.execute_activity_method(
                    EnrichmentActivities.enrich,
                    order,
                    start_to_close_timeout=_ATTEMPT,
                    schedule_to_close_timeout=timedelta(minutes=2),
                    retry_policy=_PATIENT,
                    summary="enrich",
                )
            case Score():
                return await workflow.execute_activity_method(
                    ScoringActivities.score, order, start_to_close_timeout=_ATTEMPT, retry_policy=_PATIENT, summary="score"
                )
            case Route():
                return await workflow.execute_activity_method(
                    RoutingActivities.route,
                    order,
                    start_to_close_timeout=_ATTEMPT,
                    retry_policy=_PATIENT,
                    summary=f"find a rep ({effect.rule or effect.why})",
                )
            case Send():
                return await workflow.execute_activity_method(
                    NurtureActivities.send,
                    order,
                    start_to_close_timeout=_ATTEMPT,
                    schedule_to_close_timeout=timedelta(hours=24),
                    retry_policy=_PATIENT,
                    summary=f"{effect.campaign} step {effect.step + 1} by {effect.channel}",
                )

    async def _rotate(self) -> None:
        """Begin a fresh history with the same life, once nobody is waiting for an answer from this one."""
        await workflow.wait_condition(workflow.all_handlers_finished)
        if not self._at_rest():
            return
        workflow.continue_as_new(
            LeadLife(
                state=self._state,
                policy_version=self._policy.version,
                policy=self._policy_document,
                board=self._board,
                remembered=tuple(self._remembered.values()),
                told=tuple(self._told),
            )
        )

    def _seen(self) -> tuple[str, str | None, str | None, datetime | None]:
        s = self._state
        return s.stage, s.tier, s.owner, s.deadline.at if s.deadline else None

    def _show(self) -> None:
        """Let the Temporal UI tell the story: search attributes (set by whoever started this run) and the current details."""
        workflow.set_current_details(self._details())
        seen = self._seen()
        if seen == self._shown:
            return
        stage, tier, owner, deadline = self._shown = seen
        workflow.upsert_search_attributes(
            [
                STAGE.value_set(stage),
                TIER.value_set(tier) if tier else TIER.value_unset(),
                OWNER.value_set(owner) if owner else OWNER.value_unset(),
                DEADLINE.value_set(deadline) if deadline else DEADLINE.value_unset(),
            ]
        )

    def _details(self) -> str:
        s = self._state
        lines = [
            f"**{s.stage}**" + (f" · {s.tier}" if s.tier else "") + (f" · score {s.score:.0f}" if s.score is not None else ""),
            f"Owner: `{s.owner}`" if s.owner else "Nobody owns it.",
            f"Due: **{s.deadline.kind}** by {s.deadline.at:%Y-%m-%d %H:%M:%S} UTC" if s.deadline else "Nothing is due.",
            f"Waiting for: {', '.join(effect.do for effect in s.effects)}" if s.effects else "",
            f"Ledger entry {s.seq}, policy version {s.policy_version}.",
            f"[On the board]({self._board}/leads/{s.lead_id})" if self._board else "",
        ]
        return "\n\n".join(line for line in lines if line)

    @workflow.query
    def state(self) -> LeadState:
        """The lead as its workflow sees it now."""
        return self._state

    # --- messages that want an answer ------------------------------------------------------------------------------

    @workflow.update
    async def claim(self, message: Claim) -> Answer:
        """A rep takes the lead."""
        return await self._answer(message)

    @workflow.update
    async def contact(self, message: Contact) -> Answer:
        """The owner tried to reach the lead."""
        return await self._answer(message)

    @workflow.update
    async def disposition(self, message: Disposition) -> Answer:
        """The owner or a manager concludes."""
        return await self._answer(message)

    @workflow.update
    async def release(self, message: Release) -> Answer:
        """The owner hands the lead back."""
        return await self._answer(message)

    @workflow.update
    async def override(self, message: Override) -> Answer:
        """Owner and/or stage set by hand."""
        return await self._answer(message)

    @workflow.update
    async def review(self, message: Review) -> Answer:
        """A reviewer concludes."""
        return await self._answer(message)

    @workflow.update
    async def hold(self, message: Hold) -> Answer:
        """A marketer works the lead in person."""
        return await self._answer(message)

    @workflow.update
    async def resume(self, message: Resume) -> Answer:
        """A marketer gives the lead back to automation."""
        return await self._answer(message)

    @workflow.update
    async def erase(self, message: Erase) -> Answer:
        """The person is to be forgotten."""
        return await self._answer(message)

    # --- messages that do not --------------------------------------------------------------------------------------

    @workflow.signal(name="claim")
    def heard_claim(self, message: Claim) -> None:
        """A rep takes the lead, from a sender that wants no answer: `{"rep": "<user id>"}`."""
        self._heard(message)

    @workflow.signal(name="override")
    def heard_override(self, message: Override) -> None:
        """Owner and/or stage set by hand: `{"actor": "<user id>", "owner": …, "stage": …, "note": "<note id>"}`."""
        self._heard(message)

    @workflow.signal(name="contact")
    def heard_contact(self, message: Contact) -> None:
        """The owner tried to reach the lead: `{"rep": …, "channel": …, "outcome": …}`."""
        self._heard(message)

    @workflow.signal(name="disposition")
    def heard_disposition(self, message: Disposition) -> None:
        """The owner concludes. Only the owner: who is a manager is for the API to know."""
        self._heard(message.model_copy(update={"by_manager": False}))

    @workflow.signal(name="release")
    def heard_release(self, message: Release) -> None:
        """The owner hands the lead back: `{"rep": …, "note": "<note id>"}`."""
        self._heard(message)

    @workflow.signal(name="engage")
    def heard_engage(self, message: Engage) -> None:
        """The lead did something."""
        self._heard(message)

    @workflow.signal(name="rescore")
    def heard_rescore(self, message: Rescore) -> None:
        """Score the lead again."""
        self._heard(message)

    @workflow.signal(name="consent")
    def heard_consent(self, message: Consent) -> None:
        """The prospect allowed or stopped channels."""
        self._heard(message)

    @workflow.signal(name="retime")
    def heard_retime(self, message: Retime) -> None:
        """The owner's availability changed."""
        self._heard(message)

    @workflow.signal(name="place_freed")
    def heard_place_freed(self, message: PlaceFreed) -> None:
        """Somebody who could take the lead may have room now."""
        self._heard(message)

    @workflow.signal(name="policy_changed")
    def heard_policy_changed(self, message: PolicyChanged) -> None:
        """A new version of the agreement is in force."""
        self._heard(message)

    def _heard(self, message: Event) -> None:
        self._inbox.append(message)
        self._stirred = True


def _failed(effect: AnyEffect) -> Event:
    """What an effect answers when its activity gave up: the tree goes on without it."""
    match effect:
        case Enrich():
            return Enriched(number=effect.number, ok=False)
        case Score():
            return Scored(number=effect.number)
        case Route():
            return Routed(number=effect.number)
        case Send():
            return Sent(number=effect.number, sent=False, why="provider_away")
