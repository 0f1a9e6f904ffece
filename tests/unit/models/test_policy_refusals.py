"""What is unknown or impossible in a policy is refused, naming the key and its line."""

from datetime import date
from textwrap import dedent

import pytest

from models.policy import PolicyError, parse_policy

TODAY = date(2026, 3, 2)


def problems(text: str) -> list[str]:
    """What is wrong with a policy."""
    with pytest.raises(PolicyError) as error:
        parse_policy(dedent(text), today=TODAY, source="policy.yaml")
    return error.value.problems


REFUSED = {
    "unknown key": ("name: x\ndeadlinez: {}", "line 2: deadlinez: unknown key"),
    "unknown key within": ("deadlines:\n  contact: 24h\n  contacts: 2h", "line 3: deadlines.contacts: unknown key"),
    "unknown key of a step": (
        "nurture:\n  campaigns:\n    welcome:\n      steps:\n        - {after: 1h, email: x}\n        - {after: 1h, fax: x, email: y}",
        "line 6: nurture.campaigns.welcome.steps.1.fax: unknown key",
    ),
    "key that is no word": ("1: x", "line 1: 1: keys should be strings"),
    "no target of a rule": ("routing:\n  rules: [{to: {}}]", "line 2: routing.rules.0.to: name either a territory or reps"),
    "a rep's address": ("routing: {rules: [{to: {reps: [a@b.example]}}]}", "routing.rules.0.to.reps: name reps by their ids"),
    "condition of a rule": (
        "routing: {rules: [{when: ['country ~ de'], to: {territory: x}}]}",
        "routing: 'country ~ de' is not a condition",
    ),
    "list of a rule": ("routing: {rules: [{when: [country in dach], to: {territory: x}}]}", "routing: 'country in dach': there is no list"),
    "norway in a list": ("routing: {lists: {nordic: [se, no]}}", "routing.lists: false is no word"),
    "no such fallback": ("routing: {fallback: boss}", "routing.fallback: input should be 'wait'"),
    "no duration": ("deadlines:\n  contact: soon", "line 2: deadlines.contact: 'soon' is not a duration"),
    "number for a duration": ("deadlines:\n  contact: 24", "line 2: deadlines.contact: 24 is not a duration"),
    "no time at all": ("deadlines:\n  claim_window:\n    high: 0s", "line 3: deadlines.claim_window.high: must be longer than nothing"),
    "far too long": ("deadlines: {hold: 99999999999d}", "line 1: deadlines.hold: '99999999999d' is longer than ten years"),
    "too few": ("max_assignments: 0", "line 1: max_assignments: input should be greater than or equal to 1"),
    "too many channels": ("deadlines: {meager: {channels: 6}}", "deadlines.meager.channels: input should be less than or equal to 5"),
    "no number": ("max_assignments: two", "line 1: max_assignments: input should be a valid integer"),
    "infinite": ("score:\n  points_to_sales: .inf", "line 2: score.points_to_sales: input should be a finite number"),
    "not a number": ("score: {points: {implicit: {page_view: .nan}}}", "score.points.implicit.page_view: input should be a finite number"),
    "score out of range": ("score: {tiers: {high: 101}}", "score.tiers.high: input should be less than or equal to 100"),
    "tiers upside down": ("score:\n  tiers: {high: 20, medium: 25}", "line 2: score.tiers: high (20) must be above medium (25)"),
    "outcome": ("contact_counts: [reached, smiled]", "line 1: contact_counts.1: input should be 'reached'"),
    "no outcome": ("contact_counts: []", "line 1: contact_counts: at least one outcome must count as contact"),
    "review": ("review: {when: [full_moon]}", "review.when.0: input should be 'no_company' or 'near_threshold'"),
    "pattern": ("score: {points: {explicit: {title: {'vp(': 1}}}}", "score.points.explicit: 'vp(' is not a pattern"),
    "pattern with flags inside": (
        "score: {points: {explicit: {title: {'(?i)vp': 1}}}}",
        "score.points.explicit: '(?i)vp' is not a pattern",
    ),
    "comparison": ("score: {points: {explicit: {employees: {'>=many': 1}}}}", "score.points.explicit: it: >= needs a number"),
    "condition": ("disqualify:\n  when: ['employees ~ 5']", "line 1: disqualify: 'employees ~ 5' is not a condition"),
    "list name": (
        "disqualify: {when: ['industry in unwanted']}",
        "disqualify: 'industry in unwanted': there is no list named 'unwanted' here",
    ),
    "no list": ("disqualify: {unwanted: education}", "disqualify.unwanted: input should be a valid list"),
    "criteria": ("sql: {requires: {budget_usd: '>=much'}}", "sql.requires: budget_usd: >= needs a number"),
    "zone": ("clock:\n  timezone: Mars/Olympus", "line 2: clock.timezone: there is no time zone 'Mars/Olympus'"),
    "country": ("clock: {holidays: XX}", "clock: no public holidays are known for 'XX'"),
    "region": ("clock: {holidays: DE-XX}", "clock: no public holidays are known for 'DE-XX'"),
    "norway unquoted": ("clock: {holidays: NO}", "line 1: clock.holidays: input should be a valid string"),
    "hours": ("clock: {hours: {mon-fri: ['nine to five']}}", "clock.hours: 'nine to five' is not a stretch of hours"),
    "hours with a zone": ("clock: {hours: {mon: ['09:00Z-17:00']}}", "clock.hours: '09:00Z-17:00' is not a stretch of hours"),
    "hours upside down": ("clock: {hours: {mon: ['17:00-09:00']}}", "clock.hours: '17:00-09:00' ends before it begins"),
    "hours twice": (
        "clock: {hours: {mon-fri: ['09:00-17:00'], fri: ['12:00-14:00']}}",
        "clock.hours: two stretches of hours on fri overlap",
    ),
    "weekday": ("clock: {hours: {someday: ['09:00-17:00']}}", "clock.hours: 'someday' names no weekdays"),
    "no hours": ("clock: {hours: {mon: []}}", "clock.hours: there is no working time in it at all"),
    "quiet hours": ("nurture:\n  quiet_hours: at night", "line 2: nurture.quiet_hours: 'at night' are not quiet hours"),
    "always quiet": ("nurture: {quiet_hours: '08:00-08:00'}", "nurture.quiet_hours: '08:00-08:00' would be quiet all day or never"),
    "campaign by interest": ("nurture: {by_interest: {cloud: sky}}", "nurture: cloud: there is no campaign 'sky'"),
    "campaign by stage": ("nurture: {by_stage: {nurture: sky}}", "nurture: nurture: there is no campaign 'sky'"),
    "stage": ("nurture: {by_stage: {working: welcome}}", "nurture.by_stage.working"),
    "empty campaign": (
        "nurture: {campaigns: {welcome: {steps: []}}}",
        "nurture.campaigns.welcome.steps: tuple should have at least 1 item",
    ),
    "no delay": ("nurture: {campaigns: {welcome: {steps: [{email: x}]}}}", "welcome.steps.0: a step needs either after: or every:"),
    "two delays": ("nurture: {campaigns: {welcome: {steps: [{after: 1d, every: 1d, email: x}]}}}", "a step needs either after: or every:"),
    "no channel": ("nurture: {campaigns: {welcome: {steps: [{after: 1d}]}}}", "a step needs exactly one of email:, sms: and post:"),
    "two channels": ("nurture: {campaigns: {welcome: {steps: [{after: 1d, sms: x, email: x}]}}}", "exactly one of email:, sms: and post:"),
    "repeats midway": (
        "nurture: {campaigns: {welcome: {steps: [{every: 1d, sms: x}, {after: 1d, sms: y}]}}}",
        "welcome.steps: only the last step may have every:",
    ),
    "twice": ("max_assignments: 1\nmax_assignments: 2", "line 2: max_assignments: this key is here twice"),
    "twice within": ("deadlines:\n  hold: 1d\n  review: 1d\n  hold: 2d", "line 4: hold: this key is here twice"),
    "twice in a list": (
        "nurture:\n  campaigns:\n    a:\n      steps:\n        - {sms: x, after: 1d, sms: y}",
        "line 5: sms: this key is here twice",
    ),
    "a section left empty": ("deadlines:", "line 1: deadlines: input should be a valid dictionary"),
    "a list": ("- name", "a policy is a mapping of keys, not list"),
    "a word": ("default", "a policy is a mapping of keys, not str"),
    "unclosed": ("deadlines: {contact: 24h", "not YAML: while parsing a flow mapping"),
    "tab": ("deadlines:\n\tcontact: 24h", "not YAML: while scanning"),
    "two documents": ("name: a\n---\nname: b", "not YAML: expected a single document"),
    "code": ("name: !!python/object/apply:os.getcwd []", "not YAML: could not determine a constructor"),
    "no such day": ("name: 2026-13-01", "not YAML: month must be in 1..12"),
    "itself": ("name: &a [*a]", "line 1: name: input should be a valid string"),
}


@pytest.mark.parametrize(("text", "complaint"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_refused_naming_the_key_and_its_line(text: str, complaint: str) -> None:
    found = problems(text)
    assert any(complaint in problem for problem in found), found
    assert all(problem.startswith("policy.yaml") for problem in found)


def test_everything_that_is_wrong_is_named_at_once() -> None:
    assert len(problems("deadlinez: {}\nmax_assignments: 0\nclock: {timezone: Mars}")) == 3
