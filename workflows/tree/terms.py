"""The terms a lead is worked under change: its owner's absences, or the agreement."""

from models.lifecycle import EntryKind, Kept, Refusal, RefusalReason, TakesEffect
from models.messages import PolicyChanged, Retime
from workflows.tree.deadlines import set_deadline
from workflows.tree.draft import POLICY, SERVICE, Draft
from workflows.tree.refusals import closed


def retime(d: Draft, e: Retime) -> Refusal | None:
    """The owner's absences changed, and with them the deadline that is running."""
    s = d.state
    if s.closed or s.owner != e.rep:
        return Refusal(RefusalReason.NOT_OWNER, "That rep does not have this lead.", owner=s.owner)
    s.away = e.away
    if set_deadline(d):
        s.reminded = False
        d.write(EntryKind.RETIMED, SERVICE)
    return None


def policy_changed(d: Draft, e: PolicyChanged) -> Refusal | None:
    """A new agreement is in force.

    Now: tier, 48 hours and running deadline are what they are under it. From the next stage on: the stage the lead is in ends
    under the terms it began under, and its tier stands until the next score; all else is judged by the new one at once.
    """
    s = d.state
    if s.closed:
        return closed(d)
    if s.policy_version == e.version:
        return None
    was, s.policy_version = s.policy_version, e.version
    if e.takes_effect is TakesEffect.NEXT_STAGE and (s.kept or e.former):
        s.kept = s.kept or Kept(was, e.former)
        d.write(EntryKind.POLICY_CHANGED, POLICY, takes_effect=e.takes_effect.value)
        return None
    s.kept = None
    s.tree_end = d.policy.clock.work.add(s.arrived_at, d.policy.deadlines.tree)
    if s.score is not None:
        s.tier = d.policy.tier(s.score)
    if set_deadline(d):
        s.reminded = False
    d.write(EntryKind.POLICY_CHANGED, POLICY)
    return None
