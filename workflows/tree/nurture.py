"""The campaign beside the stages: it runs while nobody has the lead, and pauses the instant somebody does."""

from datetime import datetime, timedelta
from typing import Any

from models.lifecycle import CLOSED, Channel, EntryKind, Nurture, Send, Stage, changed
from models.worktime import inside_quiet_hours
from workflows.tree.draft import CLOCK, PROSPECT, Draft

WEEK = timedelta(days=7)
CONDITION_UNMET = "condition_unmet"
"""The `why` of a `Sent` whose step is for others."""


def pause_nurture(d: Draft) -> None:
    """A person has the lead: automation stops this instant, mid-step if need be."""
    s = d.state
    n = s.nurture
    sending = s.owed(Send)
    if sending is not None:
        d.drop(Send)
        n = changed(n, step=sending.step, occurrence=_occurrence_before(n, sending), next_at=d.at, sent=n.sent[:-1])
    remaining = n.remaining if n.paused else (max(n.next_at - d.at, timedelta()) if n.next_at else None)
    s.nurture = changed(n, paused=True, next_at=None, remaining=remaining)


def _occurrence_before(n: Nurture, sending: Send) -> int:
    """The repeating steps decided on before this one, so that it is decided on again under the same key."""
    return sending.occurrence if n.step == sending.step else n.occurrence


def resume_nurture(d: Draft) -> None:
    """Go on where it stopped, or change to the campaign of the stage the lead is now in."""
    s, plan = d.state, d.policy.nurture
    n = s.nurture
    if s.stage in CLOSED or s.stage is Stage.DISQUALIFIED:
        d.drop(Send)
        s.nurture = Nurture(sent=n.sent, occurrence=n.occurrence)
        return
    target = plan.campaign_in(s.stage) if s.stage in (Stage.NURTURE, Stage.LONG_TERM) else n.campaign
    if target != n.campaign:
        d.drop(Send)
        enrol(d, target)
    elif n.paused:
        s.nurture = changed(n, paused=False, remaining=None, next_at=None if n.remaining is None else d.at + n.remaining)


def enrol(d: Draft, campaign: str | None) -> None:
    """Begin a campaign; with none, or one the agreement does not know, none runs. What was sent before still counts against the cap."""
    s = d.state
    known = d.policy.nurture.campaigns.get(campaign) if campaign else None
    next_at = d.at + known.steps[0].delay if known else None
    s.nurture = Nurture(campaign if known else None, next_at=next_at, sent=s.nurture.sent, occurrence=s.nurture.occurrence)


def hear(d: Draft, kinds: tuple[str, ...]) -> None:
    """The lead did something that its campaign may end with, or may be waiting for: then the step is due now.

    While a person has the lead it is due as soon as automation goes on.
    """
    s = d.state
    n = s.nurture
    campaign = d.policy.nurture.campaigns.get(n.campaign or "")
    if campaign is None or n.step >= len(campaign.steps):
        return
    if campaign.exit and not set(kinds).isdisjoint(campaign.exit.when):
        step = campaign.steps[n.step]
        d.drop(Send)
        s.nurture = changed(n, step=len(campaign.steps), next_at=None, remaining=None)
        d.write(EntryKind.STEP_SKIPPED, PROSPECT, why="exited", campaign=n.campaign, step=n.step, channel=step.channel)
        return
    waiting = campaign.steps[n.step].wait_for
    if waiting and not set(kinds).isdisjoint(waiting.kinds):
        if n.paused:
            s.nurture = changed(n, remaining=timedelta())
        elif n.next_at is not None:
            s.nurture = changed(n, next_at=min(n.next_at, d.at))


def unmet(d: Draft, asked: Send) -> None:
    """Whoever was to send it found that the lead did not do what the step asks for: it counts against no cap, and the next one follows."""
    d.state.nurture = changed(d.state.nurture, sent=d.state.nurture.sent[:-1])
    what: dict[str, Any] = {"campaign": asked.campaign, "step": asked.step, "channel": Channel(asked.channel)}
    d.write(EntryKind.STEP_SKIPPED, CLOCK, why=CONDITION_UNMET, **what)


def nurture_step(d: Draft) -> None:
    """Decide on the step that is due: send, put off (quiet hours, frequency cap), or skip (no consent)."""
    s, plan = d.state, d.policy.nurture
    n = s.nurture
    campaign = plan.campaigns.get(n.campaign or "")
    if campaign is None or n.step >= len(campaign.steps):
        s.nurture = changed(n, next_at=None)
        return
    step = campaign.steps[n.step]
    repeats = step.every is not None
    allowed = step.channel in s.consent and step.channel not in s.unsubscribed
    put_off = _put_off(d) if allowed else None
    if put_off is not None:
        s.nurture = changed(n, next_at=put_off)
        return
    occurrence = n.occurrence if repeats else s.round - 1
    after = n.step if repeats else n.step + 1
    following = campaign.steps[after].delay if after < len(campaign.steps) else None
    s.nurture = changed(
        n,
        step=after,
        occurrence=n.occurrence + (repeats and allowed),
        next_at=None if following is None else d.at + following,
        sent=(*_lately(d), d.at) if allowed else _lately(d),
    )
    what: dict[str, Any] = {"campaign": n.campaign, "step": n.step, "channel": step.channel}
    if allowed:
        d.ask(Send, occurrence=occurrence, template=step.template, **what)
        d.write(EntryKind.NURTURE_STEP, CLOCK, template=step.template, **what)
    elif not repeats:
        stopped = step.channel in s.unsubscribed
        d.write(EntryKind.STEP_SKIPPED, CLOCK, why="unsubscribed" if stopped else "no_consent", **what)


def _lately(d: Draft) -> tuple[datetime, ...]:
    """When touches were decided on in the last week."""
    sent = d.state.nurture.sent
    if not sent:
        return sent
    since = d.at - WEEK
    return sent if sent[0] > since else tuple([t for t in sent if t > since])


def _put_off(d: Draft) -> datetime | None:
    """When the touch may go out, if not now."""
    s, plan = d.state, d.policy.nurture
    sent = _lately(d)
    if len(sent) >= plan.caps.per_week:
        return sent[-plan.caps.per_week] + WEEK
    if plan.quiet is None:
        return None
    return inside_quiet_hours(d.at, *plan.quiet, s.zone or d.policy.clock.timezone)
