"""What must always hold, as a checker: for generated decisions here, and for a ledger of real ones anywhere else."""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from models.lifecycle import (
    CLAIMABLE,
    HUMAN,
    OWNED,
    ActorKind,
    Decision,
    EntryKind,
    LeadState,
    Send,
    Stage,
)
from models.messages import Claim, Event, Tick
from models.policy import Policy
from tests.unit.leads import World, answered
from workflows.decision import decide, next_wake

_SETTLING = 5
"""Ticks at one moment after which nothing may be overdue any more."""


def violations(before: LeadState, decision: Decision, event: Event, policy: Policy) -> list[str]:
    """Which of the eight promises this decision breaks, each named by its number; empty when it keeps them all.

    Number 7 (`decide` is total) is kept by having got here; that every lead closes in the end (8) takes more than one
    decision, so it is checked along `time_alone`.
    """
    at = max(event.at, before.written_at or before.since)
    after = decision.state
    rest = settled(after, at, policy)
    return [
        *_one_holder(after),
        *_a_deadline(after, rest, at, policy),
        *_one_claim(before, decision, event),
        *_no_nurture_beside_a_person(before, decision),
        *_the_48th_hour(rest, at, policy),
        *_the_ledger(before, decision, at),
        *_refused_means_unchanged(before, decision, at, policy),
        *_stamped_once(before, after),
    ]


def _one_holder(s: LeadState) -> Iterator[str]:
    if (s.owner is not None) != (s.stage in OWNED):
        yield f"1: owner {s.owner} in {s.stage}"
    if (s.owned_since is not None) != (s.stage in OWNED):
        yield f"1: owned since {s.owned_since} in {s.stage}"
    if (s.held_from is not None) != (s.stage is Stage.HELD):
        yield f"1: held from {s.held_from} in {s.stage}"


def settled(state: LeadState, at: datetime, policy: Policy) -> LeadState | None:
    """The lead once everything that is due has been acted on; None when that never ends."""
    for _ in range(_SETTLING):
        wake = next_wake(state, policy)
        due_retry = (route := state.routing) and route.not_before and route.not_before <= at
        if wake is None or wake > at or due_retry:
            return state
        state = decide(state, Tick(at=at), policy).state
    return None


def _a_deadline(after: LeadState, rest: LeadState | None, at: datetime, policy: Policy) -> Iterator[str]:
    if after.closed:
        if after.deadline or after.effects or next_wake(after, policy):
            yield f"2: closed, yet waiting for {after.deadline} and {after.effects}"
        return
    if rest is None:
        yield f"2: {after.stage} is overdue since {next_wake(after, policy)} and acting on it changes nothing"
    elif not rest.closed and (rest.deadline is None or rest.deadline.at < at):
        yield f"2: open in {rest.stage} with {rest.deadline} at {at}"


def _one_claim(before: LeadState, decision: Decision, event: Event) -> Iterator[str]:
    granted = [entry for entry in decision.entries if entry.kind is EntryKind.CLAIMED]
    if len(granted) > (isinstance(event, Claim) and decision.refusal is None):
        yield f"3: {len(granted)} claims granted by a {event.kind}"
    for entry in granted:
        if entry.from_stage not in CLAIMABLE or entry.to_stage is not Stage.CLAIMED:
            yield f"3: claimed out of {entry.from_stage} into {entry.to_stage}"
    if isinstance(event, Claim) and decision.refusal is None:
        if decision.state.owner != event.rep:
            yield f"3: {event.rep} was granted a lead that {decision.state.owner} owns"
        if not granted and before.owner != event.rep:
            yield "3: a granted claim is not in the ledger"


def _no_nurture_beside_a_person(before: LeadState, decision: Decision) -> Iterator[str]:
    after = decision.state
    for entry in decision.entries:
        if entry.kind is EntryKind.NURTURE_STEP:
            channel = dict(entry.detail)["channel"]
            if entry.to_stage in HUMAN:
                yield f"4: a message decided on in {entry.to_stage}"
            if channel in before.unsubscribed or channel not in {*before.consent, *after.consent}:
                yield f"4: a message by {channel} without leave"
    sending = [effect for effect in after.effects if isinstance(effect, Send)]
    if sending and (after.stage in HUMAN or after.closed):
        yield f"4: a message under way in {after.stage}"
    if any(send.channel in after.unsubscribed for send in sending):
        yield "4: a message under way after an unsubscribe"
    if after.stage in HUMAN and not after.nurture.paused:
        yield f"4: nurture runs on in {after.stage}"
    if not after.closed and after.stage not in HUMAN and after.nurture.paused:
        yield f"4: nurture still paused in {after.stage}"


def _the_48th_hour(s: LeadState | None, at: datetime, policy: Policy) -> Iterator[str]:
    """Later than that only a claim, a person's offer or a promotion keeps an uncontacted lead with sales, on a clock of its own."""
    if s is None or s.closed or s.contacted_at is not None:
        return
    if s.stage in (Stage.CLAIMED, Stage.ASSIGNED) and s.deadline:
        longest = policy.clock.work.add(s.since, policy.deadlines.contact, [away for away in s.away if away.until])
        if s.deadline.at > longest:
            yield f"5: {s.stage} since {s.since}, contact due only at {s.deadline.at}"
    if at <= s.tree_end:
        return
    if s.stage is Stage.NEW:
        yield f"5: still new after {s.tree_end}"
    if s.stage is Stage.REVIEW and s.since < s.tree_end and not s.routing:
        yield f"5: in review since {s.since}, after {s.tree_end}"
    if s.stage is Stage.ASSIGNED and s.home is Stage.NEW and not s.by_hand and s.since < s.tree_end:
        yield f"5: {s.owner} still has what the tree assigned before {s.tree_end}"


def _the_ledger(before: LeadState, decision: Decision, at: datetime) -> Iterator[str]:
    entries, after = decision.entries, decision.state
    if [entry.seq for entry in entries] != list(range(before.seq + 1, after.seq + 1)):
        yield f"6: numbered {[entry.seq for entry in entries]} between {before.seq} and {after.seq}"
    came_back = bool(entries) and entries[0].kind is EntryKind.REOPENED
    stages = [before.stage, *(entry.to_stage for entry in entries)]
    for was, entry in zip(stages, entries, strict=False):
        if entry.from_stage != was:
            yield f"6: {entry.kind} says it left {entry.from_stage}, the lead was in {was}"
    if stages[-1] != after.stage:
        yield f"6: {stages[-1]} in the ledger, {after.stage} in truth"
    if any(later.at < earlier.at for earlier, later in pairwise(entries)) or any(entry.at != at for entry in entries):
        yield "6: entries at other times than the event's"
    if any((entry.actor is None) == (entry.actor_kind is ActorKind.USER) for entry in entries):
        yield "6: an entry without who"
    if any(entry.policy_version not in (before.policy_version, after.policy_version) for entry in entries):
        yield "6: an entry under another policy"
    if before.closed and after.stage is not before.stage and not came_back and after.stage is not Stage.ERASED:
        yield f"6: {before.stage} was closed, yet became {after.stage}"
    if before.written_at and any(entry.at < before.written_at for entry in entries):
        yield f"6: an entry before {before.written_at}, when the one before it was written"
    if entries:
        last = entries[-1]
        if (last.owner, last.score, last.tier) != (after.owner, after.score, after.tier):
            yield f"6: the ledger ends with {(last.owner, last.score, last.tier)}"
    elif (before.owner, before.score) != (after.owner, after.score):
        yield "6: owner or score changed without an entry"


def _refused_means_unchanged(before: LeadState, decision: Decision, at: datetime, policy: Policy) -> Iterator[str]:
    if decision.refusal is None:
        return
    if not decision.refusal.message:
        yield "7: refused without a word"
    if not decision.entries:
        if decision.state is not before:
            yield "7: refused, yet not the same lead"
        return
    time_alone = decide(before, Tick(at=at), policy)
    if (time_alone.state, time_alone.entries) != (decision.state, decision.entries):
        yield "7: refused, yet more happened than time would have brought"


def _stamped_once(before: LeadState, after: LeadState) -> Iterator[str]:
    for stamp in ("mql_at", "sal_at", "sql_at"):
        was, now = getattr(before, stamp), getattr(after, stamp)
        if was is not None and now != was:
            yield f"funnel: {stamp} moved from {was} to {now}"


def time_alone(state: LeadState, at: datetime, world: World, policy: Policy) -> Iterator[tuple[LeadState, datetime]]:
    """The lead now and at each moment at which time does something, with only the world's services answering, until it closes (8)."""
    state = answered(state, at, world, policy)
    yield state, at
    while not state.closed:
        wake = next_wake(state, policy)
        assert wake is not None, f"8: a black hole: {state}"
        at = max(at, wake)
        state = answered(decide(state, Tick(at=at), policy).state, at, world, policy)
        yield state, at
