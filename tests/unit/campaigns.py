"""A nurture plan to test with, and what can be asked of a lead in it."""

from models.lifecycle import Channel, Entry, LeadState, Send
from models.policy import Policy
from tests.unit.leads import HOUR, MEDIUM, MS, START, policy, run_clock_until, scored

PLAN = policy("""
    deadlines: {nurture_stale: 300d, long_term_stale: 900d}
    nurture:
      caps: {per_week: 100}
      quiet_hours: null
      campaigns:
        welcome: {steps: [{after: 1h, email: welcome}, {after: 2d, email: case-study}]}
        cloud: {steps: [{after: 3h, email: cloud}]}
        medium: {steps: [{after: 1d, email: guide}, {after: 3d, sms: check-in}, {after: 4d, post: postcard}]}
        long-term: {steps: [{after: 2d, email: hello}, {every: 30d, email: newsletter}]}
      by_interest: {default: welcome, "cloud hosting": cloud}
""")
ALL = tuple(Channel)


def sending(state: LeadState) -> Send:
    """The message under way."""
    return next(effect for effect in state.effects if isinstance(effect, Send))


def is_sending(state: LeadState) -> bool:
    """Whether a message is under way."""
    return any(isinstance(effect, Send) for effect in state.effects)


def in_medium(rules: Policy = PLAN, consent: tuple[Channel, ...] = ALL, zone: str | None = None) -> LeadState:
    """A lead that has just come to nurture, four hours after it arrived."""
    state = scored(MEDIUM, rules=rules, consent=consent, zone=zone)
    return run_clock_until(state, START + 4 * HOUR + MS, MEDIUM, rules)


def steps(log: list[Entry]) -> list[tuple[str, str]]:
    """What was decided on, with when, from this log."""
    return [
        (str(dict(entry.detail).get("template", dict(entry.detail).get("why"))), f"{entry.at:%m-%d %H:%M}")
        for entry in log
        if "STEP" in entry.kind.name
    ]
