"""The decision tree: who has a lead, by when they must act, and where it goes if nobody does.

`decide` is the whole product in one pure function. It has no I/O and no clock of its own: an event says when it
happened. It is total: any event in any stage gives a decision or a refusal, never an exception. Everything else
(the workflow, the database, the API) brings it events or carries its decisions out.

The tree follows "A possible decision tree for the first 48 hours" and "The two-way street approach" of the
handoff article, the four "always pass to sales" rules of Dean Moothart, and the technology-and-touch review step
of Hinge Marketing; `docs/tree.md` shows it as one picture with its exact boundaries.

Here is the trunk: a decision, and what time brings next. Each message branches off into `workflows.tree`.
"""

from collections.abc import Callable, Container
from datetime import datetime
from typing import Any

from models.lifecycle import AnyEffect, Decision, LeadState, Refusal, Route, Stage, changed
from models.messages import (
    Arrived,
    Claim,
    Consent,
    Contact,
    Disposition,
    Engage,
    Enriched,
    Erase,
    Event,
    Hold,
    Message,
    Override,
    PlaceFreed,
    PolicyChanged,
    Release,
    Rescore,
    Resume,
    Retime,
    Review,
    Routed,
    Scored,
    Sent,
    Tick,
    Told,
)
from models.policy import Policy
from workflows.tree import answers, marketing, override, prospect, rep, terms
from workflows.tree.clock import catch_up, first_due, tick
from workflows.tree.draft import Draft
from workflows.tree.override import BY_HAND

__all__ = ["BY_HAND", "decide", "due_effects", "newborn", "next_wake", "overdue", "told"]


def newborn(lead_id: str, at: datetime, policy: Policy) -> LeadState:
    """A lead of which nothing has been decided yet; `decide` takes `Arrived` next."""
    return LeadState(
        lead_id=lead_id,
        stage=Stage.NEW,
        arrived_at=at,
        since=at,
        quiet_since=at,
        tree_end=policy.clock.work.add(at, policy.deadlines.tree),
        policy_version=policy.version,
    )


def decide(state: LeadState, event: Event, policy: Policy) -> Decision:
    """What follows from an event.

    Time that ran out before the event is acted on first, so a contact a minute after its deadline finds the lead
    already handed back, whether or not a timer has fired yet.

    Args:
        state: the lead so far; it is left as it is.
        event: what happened, and when.
        policy: the agreement in force.

    Returns:
        The state afterwards and the ledger entries that lead there, or a refusal with its reason. A refused
        event changes nothing.
    """
    draft = Draft(changed(state), policy, max(event.at, state.written_at or state.since))
    if not state.closed:
        catch_up(draft)
    due = len(draft.entries)
    before = changed(draft.state) if due and not isinstance(event, Tick) else state  # a tick is never refused
    refusal = _HANDLERS[type(event)](draft, event)
    if refusal is not None:
        return Decision(before, tuple(draft.entries[:due]), refusal)
    return Decision(draft.state, tuple(draft.entries))


def next_wake(state: LeadState, policy: Policy, under_way: Container[int] = ()) -> datetime | None:
    """The earliest moment at which a `Tick` would do something or an effect falls due, None when only an event can.

    Args:
        state: the lead.
        policy: the agreement.
        under_way: numbers of effects that are being carried out already, so that their time is nothing to wait for.
    """
    if state.closed:
        return None
    first = first_due(state, policy)
    moments = [] if first is None else [first[0]]
    moments += [e.not_before for e in state.effects if isinstance(e, Route) and e.not_before and e.number not in under_way]
    return min(moments, default=None)


def overdue(state: LeadState, at: datetime, policy: Policy) -> datetime | None:
    """What time alone should have brought about by this moment, the earliest of it; None when nothing is overdue."""
    first = first_due(state, policy)
    return first[0] if first is not None and first[0] <= at else None


def told(before: LeadState, event: Event, decision: Decision, policy: Policy) -> Told | None:
    """A decision's event as it is kept for a replay; None when it changed nothing, so that leaving it out changes nothing either.

    Args:
        before: the lead as the event found it.
        event: what was decided on.
        decision: what came of it.
        policy: decided under.
    """
    if decision.state is before or decision.state == before:
        return None
    kept = event.model_copy(update={"request": None} | ({"document": ""} if isinstance(event, PolicyChanged) else {}))
    return Told(event=kept, version=policy.version, due=overdue(before, event.at, policy), asked=decision.state.effect_number)


def due_effects(state: LeadState, at: datetime) -> tuple[AnyEffect, ...]:
    """The effects that should be under way at this moment; all the others wait for their time."""
    return tuple(e for e in state.effects if not (isinstance(e, Route) and e.not_before and e.not_before > at))


_HANDLERS: dict[type[Message], Callable[[Draft, Any], Refusal | None]] = {
    Arrived: prospect.arrived,
    Claim: rep.claim,
    Contact: rep.contact,
    Disposition: rep.disposition,
    Release: rep.release,
    Override: override.override,
    Review: marketing.review,
    Hold: marketing.hold,
    Resume: marketing.resume,
    Engage: prospect.engage,
    Rescore: marketing.rescore,
    Consent: prospect.consent,
    Retime: terms.retime,
    PlaceFreed: answers.place_freed,
    PolicyChanged: terms.policy_changed,
    Erase: marketing.erase,
    Tick: tick,
    Enriched: answers.enriched,
    Scored: answers.scored,
    Routed: answers.routed,
    Sent: answers.sent,
}
