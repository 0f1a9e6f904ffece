"""What a user may do with a lead now, and why not the rest: the same rules that answer when they try.

No rule is written here. Who may pass which door stands in `ROLES`, which the routes themselves use; everything else is
asked of the tree, by deciding on a sample of each action and throwing the decision away.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from api.auth import Principal
from api.services.actions import with_name
from models.lifecycle import (
    OWNED,
    ContactChannel,
    ContactOutcome,
    DispositionOutcome,
    LeadState,
    Refusal,
    RefusalReason,
    ReviewOutcome,
    Role,
    Stage,
)
from models.messages import Claim, Contact, Disposition, Erase, Event, Hold, Override, Release, Rescore, Resume, Review, Standing
from models.policy import Policy
from workflows.decision import BY_HAND, decide


class Action(StrEnum):
    """What people do with a lead, as it is called in addresses."""

    CLAIM = "claim"
    CONTACT = "contact"
    DISPOSITION = "disposition"
    RELEASE = "release"
    OVERRIDE = "override"
    REVIEW = "review"
    HOLD = "hold"
    RESUME = "resume"
    RESCORE = "rescore"
    ERASE = "erase"


ROLES: Mapping[Action, tuple[Role, ...]] = {
    Action.CLAIM: (Role.REP,),
    Action.CONTACT: (Role.REP,),
    Action.DISPOSITION: (Role.REP, Role.MANAGER),
    Action.RELEASE: (Role.REP,),
    Action.OVERRIDE: (Role.REP, Role.MARKETER, Role.MANAGER),
    Action.REVIEW: (Role.REVIEWER,),
    Action.HOLD: (Role.MARKETER,),
    Action.RESUME: (Role.MARKETER,),
    Action.RESCORE: (Role.MARKETER,),
    Action.ERASE: (Role.ADMIN,),
}
"""The roles that may try each action; an admin may try all."""
STEERS = (Role.MARKETER, Role.MANAGER)
"""Who may set any owner and stage by hand. A rep may only take a lead."""

_WORDS_MISSING = frozenset({RefusalReason.CRITERIA_MISSING, RefusalReason.REASON_MISSING})
"""Refusals of what a form says, not of sending it."""
_SAMPLE = "sample"
_REP = Standing(roles=(Role.REP,))


@dataclass(frozen=True, slots=True)
class Allowed:
    """What one user may do with one lead.

    Args:
        why_not: for each action that would be refused, the sentence that says so.
        outcomes: the same for each conclusion of a disposition.
        stages: the stages this user could set by hand.
    """

    why_not: Mapping[Action, str]
    outcomes: Mapping[DispositionOutcome, str]
    stages: tuple[Stage, ...]

    def may(self, action: Action) -> bool:
        """Whether the action would be accepted, given what its form asks for."""
        return action not in self.why_not


@dataclass(frozen=True, slots=True)
class _Trial:
    """Puts samples to the tree as this user, at this moment."""

    state: LeadState
    policy: Policy
    me: Principal
    standing: Standing
    owner: str | None
    at: datetime

    def no(self, event: Event) -> str | None:
        """Why the tree would refuse, in a sentence; None when it would not."""
        refusal = decide(self.state, event.model_copy(update={"at": self.at}), self.policy).refusal
        return None if refusal is None or refusal.reason in _WORDS_MISSING else self._sentence(refusal)

    def _sentence(self, refusal: Refusal) -> str:
        if refusal.owner is None or self.owner is None:
            return refusal.message
        return with_name(refusal.reason, refusal.message, self.owner, self.state.owned_since)


def allowed(state: LeadState, policy: Policy, me: Principal, standing: Standing, *, owner: str | None, at: datetime) -> Allowed:
    """What a user may do with a lead.

    Args:
        state: the lead as it is stored.
        policy: the version the lead lives under.
        me: the user.
        standing: what the tree needs to know about them.
        owner: the name of who has the lead, for the sentences.
        at: now.
    """
    trial = _Trial(state, policy, me, standing, owner, at)
    outcomes = {outcome: trial.no(_conclude(trial, outcome)) for outcome in DispositionOutcome}
    stages = tuple(s for s in Stage if s in BY_HAND and trial.no(_set_stage(trial, s)) is None) if me.has(*STEERS) else ()
    closed_doors = {action: _only(roles) for action, roles in ROLES.items() if not me.has(*roles)}
    samples = _samples(trial)
    tried = {action: trial.no(samples[action]) for action in samples if action not in closed_doors}
    if Action.DISPOSITION not in closed_doors and None not in outcomes.values():
        tried[Action.DISPOSITION] = next(iter(outcomes.values()))
    if stages:
        tried[Action.OVERRIDE] = None
    return Allowed(
        why_not={action: why for action, why in (closed_doors | tried).items() if why is not None},
        outcomes={outcome: why for outcome, why in outcomes.items() if why is not None},
        stages=stages,
    )


def _samples(trial: _Trial) -> dict[Action, Event]:
    """A sample of every action but a disposition, which depends on its outcome."""
    me = str(trial.me.id)
    return {
        Action.CLAIM: Claim(rep=me, standing=trial.standing),
        Action.CONTACT: Contact(rep=me, channel=ContactChannel.CALL, outcome=ContactOutcome.REACHED),
        Action.RELEASE: Release(rep=me, note=_SAMPLE),
        Action.OVERRIDE: _take_over(trial),
        Action.REVIEW: Review(actor=me, outcome=ReviewOutcome.PASS),
        Action.HOLD: Hold(actor=me),
        Action.RESUME: Resume(actor=me),
        Action.RESCORE: Rescore(actor=me),
        Action.ERASE: Erase(actor=me),
    }


def _conclude(trial: _Trial, outcome: DispositionOutcome) -> Disposition:
    return Disposition(actor=str(trial.me.id), by_manager=trial.me.has(Role.MANAGER), outcome=outcome, has_reason=True, note=_SAMPLE)


def _take_over(trial: _Trial) -> Override:
    """What a rep may do; whoever steers gives the lead to some rep who does not have it."""
    if not trial.me.has(*STEERS):
        return Override(actor=str(trial.me.id), standing=trial.standing, note=_SAMPLE)
    return Override(actor=str(trial.me.id), standing=trial.standing, owner=_SAMPLE, owner_standing=_REP, note=_SAMPLE)


def _set_stage(trial: _Trial, stage: Stage) -> Override:
    owner = {"owner": _SAMPLE, "owner_standing": _REP} if stage in OWNED else {}
    return Override.model_validate({"actor": str(trial.me.id), "standing": trial.standing, "stage": stage, "note": _SAMPLE, **owner})


def _only(roles: tuple[Role, ...]) -> str:
    *some, last = (f"{'an' if role is Role.ADMIN else 'a'} {role}" for role in roles)
    return f"Only {', '.join(some) + ' or ' + last if some else last} can do this."
