"""What differs between two versions of the agreement, key by key, in words."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from models.policy.document import Policy

LABELS: Mapping[str, str] = {
    "name": "Name",
    "agreement.signatures": "Signatures it takes",
    "deadlines.claim_window.high": "Claim window, high leads",
    "deadlines.claim_window.medium": "Claim window, medium leads",
    "deadlines.claim_window.low": "Claim window, low leads",
    "deadlines.score_by": "Time to score a lead",
    "deadlines.contact": "First contact",
    "deadlines.tree": "Uncontacted leads go to marketing after",
    "deadlines.next_touch": "Next touch",
    "deadlines.meager.after": "Follow-up is judged after",
    "deadlines.meager.touches": "Touches a follow-up takes",
    "deadlines.meager.channels": "Channels a follow-up takes",
    "deadlines.review": "Review",
    "deadlines.hold": "Hold",
    "deadlines.nurture_stale": "Quiet in nurture before long-term",
    "deadlines.long_term_stale": "Quiet in long-term before letting go",
    "deadlines.opportunity": "Outcome of a qualified lead",
    "deadlines.reopenable": "Not-a-fit leads can be reopened for",
    "deadlines.remind_before": "Reminder before a deadline",
    "clock.hours": "Working hours",
    "clock.timezone": "Time zone",
    "clock.holidays": "Public holidays of",
    "clock.holiday_dates": "Days off",
    "contact_counts": "What counts as contact",
    "max_assignments": "Reps who get a high lead in its first hours",
    "claims.per_rep_open": "Open leads a rep may have",
    "claims.per_rep_daily": "Claims a rep may make a day",
    "claims.cooldown_after_lapse": "Cooling off after a lapse",
    "absence.wait": "Absence that stops the clock, at most",
    "routing.fallback": "When nobody is free",
    "routing.fallback_after": "Nobody free for that long",
    "routing.retry": "Try again for a rep",
    "routing.per_rep_daily": "Leads a rep is given a day",
    "score.tiers.mode": "Thresholds",
    "score.tiers.high": "High from",
    "score.tiers.medium": "Medium from",
    "score.tiers.high_per_rep_per_week": "High leads per rep and week",
    "score.tiers.window": "Scores that thresholds are solved from",
    "score.points.half_life": "Points halve every",
    "score.points_to_sales": "Points that always pass to sales",
    "fast_lane.consultation_requested": "Consultation requests go to sales",
    "fast_lane.named_accounts": "Named accounts go to sales",
    "fast_lane.sql_criteria": "Leads that meet the criteria go to sales",
    "fast_lane.points": "Leads with enough points go to sales",
    "review.when": "What a reviewer looks at",
    "review.band": "Near a threshold means within",
    "sal.requires": "Accepted takes",
    "disqualify.when": "Low leads are let go when",
    "rescore.stir": "What asks for a new score",
    "rescore.stir_points": "Points that ask for a new score",
    "rescore.stir_window": "within",
    "rescore.debounce": "Wait before scoring anew",
    "rescore.repromote_after": "Promoted again after",
    "nurture.caps.per_week": "Messages a week",
    "nurture.quiet_hours": "Quiet hours",
}
"""Keys in words."""
_UNITS = {"s": "s", "m": "min", "h": "h", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_PREFIXES = {
    "score.points.explicit.": "Points, {}",
    "score.points.implicit.": "Points for each {}",
    "sql.requires.": "Qualified takes {}",
    "nurture.by_interest.": "Campaign for interest {}",
    "nurture.by_stage.": "Campaign in {}",
    "nurture.campaigns.": "Campaign {}",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One key that differs.

    Args:
        key: with dots.
        label: the key in words; the key itself where there are none.
        before, after: its values in words.
    """

    key: str
    label: str
    before: str
    after: str

    @property
    def text(self) -> str:
        """All of it in a line."""
        return f"{self.label}: {self.before} → {self.after}"


def changes(before: Policy, after: Policy) -> tuple[Change, ...]:
    """What differs, in the order of the document."""
    old, new = (dict(_leaves(policy.model_dump(mode="json"))) for policy in (before, after))
    keys = list(dict.fromkeys((*old, *new)))
    found = [key for key in keys if old.get(key, _GONE) != new.get(key, _GONE) and key != "score.tiers.fallback"]
    return tuple(Change(key, label(key), in_words(old.get(key, _GONE), key), in_words(new.get(key, _GONE), key)) for key in found)


class _Gone:
    """Stands for a key that is not there."""


_GONE = _Gone()


def _leaves(value: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, part in value.items():
            yield from _leaves(part, f"{above}.{key}" if above else str(key))
    else:
        yield above, value


def label(key: str) -> str:
    """A key in words."""
    if key in LABELS:
        return LABELS[key]
    for prefix, words in _PREFIXES.items():
        if key.startswith(prefix):
            rest = key.removeprefix(prefix)
            return words.format(rest.replace(".", " ", 1).replace("_", " ") if prefix.startswith("score") else rest)
    return key


def in_words(value: object, key: str = "") -> str:
    """A value in words: durations with their unit, yes and no, lists in a row."""
    match value:
        case _Gone() | None:
            return "none" if value is None else "not there"
        case bool():
            return "yes" if value else "no"
        case str():
            return duration(value)
        case float() | int():
            return f"{value:.0%}" if key == "review.band" else f"{value:,g}" if abs(value) < 1e6 else f"{value:,.0f}"
        case [] | {}:
            return "nothing"
        case list() if key == "clock.holiday_dates":
            return f"{len(value)} days, {value[0]} to {value[-1]}"
        case list():
            return ", ".join(in_words(part) for part in value)
        case Mapping():
            return ", ".join(f"{name} {in_words(part)}" for name, part in value.items())
    return str(value)


def duration(text: str) -> str:
    """A duration of a policy in words, such as `24 h`; up to two days in hours. Any other text as it is."""
    found = _DURATION.fullmatch(text)
    if not found:
        return text
    amount, unit = found[1], found[2]
    if unit == "d" and float(amount) <= 2:
        amount, unit = f"{float(amount) * 24:g}", "h"
    word = _UNITS[unit]
    return f"{amount} {word[:-1] if amount == '1' and len(word) > 3 else word}"
