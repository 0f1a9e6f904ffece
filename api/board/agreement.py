"""The agreement in words that both teams read, and what its pages need beside."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from api.board import times
from api.board.pages import templates
from api.board.words import counted, criterion, wanted
from models.lifecycle import TakesEffect
from models.policy import Policy, format_duration
from models.policy.changes import duration, in_words
from models.schemas.policy import Team

TEAMS = {Team.SALES: "Sales", Team.MARKETING: "Marketing"}
"""Who signs."""
EFFECTS = {
    TakesEffect.NEXT_STAGE: "Running deadlines stay. What a lead begins next is under the new agreement.",
    TakesEffect.NOW: "Running deadlines move at once to where the new agreement has them.",
}
"""What happens to leads in flight."""
ORIGINS = {
    "file": "Published from the policy file at a start, without signatures.",
    "room": "Proposed and published here.",
    "solver": "Published by the program: only the thresholds moved. The rule behind them is what was agreed on.",
}
"""Where a version comes from."""
STATES = {"open": "Open", "published": "Published", "withdrawn": "Withdrawn"}
"""How a proposal stands."""
_OUTCOMES = {
    "reached": "reaching the person",
    "no_answer": "a try nobody answered",
    "left_message": "a message left",
    "bounced": "a bounced message",
    "attempted": "any attempt",
}
_NOBODY = {"wait": "it waits in sight", "manager": "a manager gets it", "any_rep": "any rep who is there gets it"}
_LANES = {
    "consultation_requested": "they ask for a consultation",
    "named_accounts": "their company is a named account",
    "sql_criteria": "they meet the qualification criteria",
    "points": "they have enough points",
}


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the agreement, in sentences.

    Args:
        title: what it is about.
        lines: sentences.
    """

    title: str
    lines: tuple[str, ...]


def _d(value: timedelta) -> str:
    return duration(format_duration(value))


def sections(policy: Policy) -> list[Section]:
    """The agreement as both teams read it."""
    parts = (
        ("What sales promises", _sales),
        ("What marketing promises", _marketing),
        ("What a lead is worth", _worth),
        ("Who gets a lead", _who),
        ("The clock", _clock),
        ("Changing this agreement", _changing),
    )
    return [Section(title, tuple(lines(policy))) for title, lines in parts]


def _sales(p: Policy) -> Iterator[str]:
    d, w, m = p.deadlines, p.deadlines.claim_window, p.deadlines.meager
    yield f"Any rep may claim a new lead: a high one for {_d(w.high)}, a medium one for {_d(w.medium)}, a low one for {_d(w.low)}."
    yield f"Whoever takes a lead makes first contact within {_d(d.contact)}. Otherwise it goes back."
    yield f"As contact counts {' or '.join(_OUTCOMES[one] for one in p.contact_counts)}."
    yield f"A lead being worked hears from its rep at least every {_d(d.next_touch)}, and within {_d(m.after)} at least {counted(m.touches, 'time')} on {counted(m.channels, 'channel')}."  # noqa: E501
    yield f"A qualified lead gets an outcome within {_d(d.opportunity)}."
    if d.remind_before:
        yield f"Reps are reminded {_d(d.remind_before)} before a deadline."


def _marketing(p: Policy) -> Iterator[str]:
    d = p.deadlines
    yield f"A lead nobody contacted within {_d(d.tree)} is marketing's, whatever its score."
    yield f"A reviewer looks at a lead within {_d(d.review)}; one on hold goes back after {_d(d.hold)}."
    yield f"A nurtured lead that is quiet for {_d(d.nurture_stale)} goes to long-term nurture; quiet there for {_d(d.long_term_stale)}, it is let go."  # noqa: E501
    quiet = f", and nothing at {p.nurture.quiet_hours} in the lead's own time zone" if p.nurture.quiet_hours else ""
    yield f"Nobody gets more than {counted(p.nurture.caps.per_week, 'message')} a week{quiet}."
    yield f"A lead that was not a fit can be reopened for {_d(d.reopenable)}."


def _worth(p: Policy) -> Iterator[str]:
    t = p.score.tiers
    if t.mode == "capacity":
        yield f"About {t.high_per_rep_per_week:g} high leads a week are meant for each rep; the thresholds follow from that."
    yield f"A lead is high from a score of {t.high:g} on and medium from {t.medium:g} on, of 100."
    half = _d(p.score.points.half_life)
    yield f"{p.score.points_to_sales:g} points make a score of 100. Points for what somebody did halve every {half}."
    lanes = [words for key, words in _LANES.items() if getattr(p.fast_lane, key)]
    if lanes:
        yield f"A lead always passes to sales when {', or when '.join(lanes)}."
    yield "Accepted by sales takes: " + in_words(list(p.sal.requires)) + "."
    yield "Qualified takes: " + "; ".join(f"{criterion(one.fact)} {wanted(one)}" for one in p.sql.conditions) + "."
    yield "A low lead is let go when " + (" or ".join(p.disqualify.when) or "nobody wants it") + "."


def _who(p: Policy) -> Iterator[str]:
    yield f"In its first hours at most {counted(p.max_assignments, 'rep')} get a high lead, one after the other."
    c = p.claims
    limits = [f"{value} {what}" for value, what in ((c.per_rep_open, "open leads"), (c.per_rep_daily, "claims a day")) if value]
    if limits:
        yield f"A rep may have at most {' and '.join(limits)}."
    yield f"Whoever let a lead lapse cannot claim it again for {_d(c.cooldown_after_lapse)}."
    if p.routing.existing_owner:
        yield "Who has another lead of the same company gets this one too."
    after = f" for {_d(p.routing.fallback_after)}" if p.routing.fallback_after and p.routing.fallback != "wait" else ""
    yield f"When nobody is free{after}, {_NOBODY[p.routing.fallback]}."
    yield f"An owner away for longer than {_d(p.absence.wait)} hands uncontacted leads on."


def _clock(p: Policy) -> Iterator[str]:
    if p.clock.hours == "always":
        yield "Deadlines run day and night."
    else:
        hours = "; ".join(f"{days} {' and '.join(blocks)}" for days, blocks in p.clock.hours.items())
        yield f"People's deadlines run in working hours: {hours} ({p.clock.timezone})."
    if p.clock.holidays:
        yield f"They stand still on public holidays of {p.clock.holidays}."


def _changing(p: Policy) -> Iterator[str]:
    if p.agreement.signatures == "both":
        yield "A change takes two signatures: a manager's for sales and a marketer's for marketing, of two different people."
    else:
        yield "A manager or a marketer may change it without signatures."


def yaml_rows(source: str) -> int:
    """Rows a text box shows at once."""
    return max(12, min(40, source.count("\n") + 2))


templates.globals |= {
    "TEAMS": TEAMS,
    "EFFECTS": EFFECTS,
    "ORIGINS": ORIGINS,
    "PROPOSAL_STATES": STATES,
    "times": times,
    "yaml_rows": yaml_rows,
}
