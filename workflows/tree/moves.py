"""How a lead changes its stage and its owner, and how a new owner is looked for."""

from collections.abc import Iterable
from datetime import datetime

from models.lifecycle import CLOSED, HUMAN, EntryKind, FastLaneRule, Holder, LeadState, Notice, NoticeKind, Role, Route, Stage
from models.policy import Policy
from models.worktime import Away
from workflows.tree.deadlines import set_deadline
from workflows.tree.draft import Actor, Draft
from workflows.tree.nurture import pause_nurture, resume_nurture

_KEPT_HOLDERS = 20
"""So many of its latest owners a lead remembers."""


def move(
    d: Draft,
    to: Stage,
    kind: EntryKind,
    by: Actor,
    *,
    owner: str | None = None,
    away: tuple[Away, ...] | None = None,
    by_hand: bool = False,
    lapsed: bool = False,
    returns: bool = False,
    note: str | None = None,
    notices: Iterable[Notice] = (),
    **detail: str | float | bool | None,
) -> None:
    """Take the lead to a stage and write it down: the one place where a stage changes.

    Args:
        d: the working copy.
        to: the stage.
        kind: what the ledger calls it.
        by: who did it.
        owner: who has the lead from now on; whoever had it and is not named here has it no more.
        away: the absences of a new owner.
        by_hand: a person and not the tree gave it to them.
        lapsed: whoever had the lead let it lapse; one who was away is not blamed.
        returns: the lead only comes back to where it was before, so its stale clock goes on from where it stood;
            otherwise a lead could be passed to and fro for ever and never grow stale.
        note: the id of what a person wrote about it.
        notices: who is to be told.
        detail: what else belongs to this kind of entry.
    """
    s = d.state
    was = s.stage
    if s.owner is not None and s.owner != owner:
        _end_tenure(d, lapsed)
    if owner is not None and s.owner != owner:
        _begin_tenure(d, owner)
    if away is not None:
        s.away = away
    s.by_hand = s.by_hand or by_hand
    s.stage, s.since, s.stale_asked_at, s.reminded = to, d.at, None, False
    s.kept = None  # what begins now begins under the agreement in force
    if to is not Stage.HELD:
        s.held_from = None
    if to in (Stage.NURTURE, Stage.LONG_TERM) and not returns:
        s.quiet_since = d.at
    s.closed = to in CLOSED
    d.drop(Route)
    if to in HUMAN:
        pause_nurture(d)
    else:
        resume_nurture(d)
    set_deadline(d)
    d.write(kind, by, was=was, note=note, notices=notices, **detail)


def _begin_tenure(d: Draft, owner: str) -> None:
    s = d.state
    s.owner, s.owned_since = owner, d.at
    s.touches, s.touch_channels, s.touched_at, s.worked_since, s.away = 0, (), None, None, ()
    s.by_hand = False
    s.tenures += 1


def _end_tenure(d: Draft, lapsed: bool) -> None:
    s = d.state
    if s.owner is not None and s.owned_since is not None:
        blamed = lapsed and not any(away.covers(d.at) for away in s.away)
        s.holders = (*s.holders, Holder(s.owner, s.owned_since, d.at, s.touches, blamed))[-_KEPT_HOLDERS:]
    s.owner, s.owned_since, s.away = None, None, ()


def to_marketing(d: Draft, to: Stage, kind: EntryKind, by: Actor, note: str | None = None) -> None:
    """Marketing gets the lead, and is told."""
    move(d, to, kind, by, note=note, notices=[Notice(NoticeKind.HANDED_BACK, role=Role.MARKETER)])


def look_for_rep(d: Draft, why: EntryKind, home: Stage, rule: FastLaneRule | None = None, actor: str | None = None) -> None:
    """Ask for a rep. Whoever let this lead lapse in this round, or lately, is not asked again.

    Args:
        d: the working copy.
        why: what the ledger will call it when one is found.
        home: where the lead belongs, and goes back to if that rep does not contact it.
        rule: the fast-lane rule that passed it to sales.
        actor: the person who did, None for the tree itself.
    """
    d.ask(Route, why=why, home=home, rule=rule, excluded=not_again(d.state, home, d.policy, d.at), actor=actor)
    set_deadline(d)


def not_again(state: LeadState, home: Stage, policy: Policy, at: datetime) -> tuple[str, ...]:
    """The reps who are not asked again: whoever had a new lead in this round, or let one of marketing's lapse lately.

    Args:
        state: the lead.
        home: where it belongs.
        policy: how long a rep who let it lapse cools off.
        at: as of when.
    """
    cooldown = policy.claims.cooldown_after_lapse
    recent = [h for h in state.holders if h.since >= state.arrived_at and (home is Stage.NEW or (h.lapsed and at < h.until + cooldown))]
    return tuple(dict.fromkeys(h.rep for h in recent))


def never_again(state: LeadState, policy: Policy, at: datetime) -> tuple[str, ...]:
    """Who would not be asked, were a rep looked for at this moment: who a lead is asked about already excludes, or would.

    Args:
        state: the lead, whatever its stage.
        policy: the agreement.
        at: as of when.
    """
    if state.routing is not None:
        return state.routing.excluded
    home = state.home if state.owner else state.held_from or Stage.NURTURE if state.stage is Stage.HELD else state.stage
    owner = (state.owner,) if state.owner else ()
    return tuple(dict.fromkeys((*not_again(state, home, policy, at), *owner)))
