"""A policy changed anywhere but in its text: what people wrote around what changes stays, to the letter."""

import json
from copy import deepcopy
from datetime import date
from difflib import ndiff
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from models.policy import Policy, parse_policy
from models.policy.rewriting import rewritten

TODAY = date(2026, 3, 2)
FILE = (Path(__file__).parents[3] / "policy.yaml").read_text("utf-8")
BLOCKS = """\
name: ours # since spring
deadlines:
  # what reps promise
  contact: 12h # agreed in May
  hold: 3d

  # not yet agreed
score:
  points:
    explicit:
      title: # who decides
        vp: 5     # vice presidents
        "no": 4
      industry: {a: 1}
# the lists
nurture:
  campaigns:
    slow:
      steps:
        - after: 1d
          email: first
        - after: 2d # not earlier
          email: second
  by_interest: {}
  by_stage: {}
"""


def changed(source: str, *changes: tuple[str, Any]) -> Policy:
    """What a text says, but for these keys."""
    document = json.loads(parse_policy(source, today=TODAY).document)
    for key, value in changes:
        *path, last = key.split("/")
        place = document
        for part in path:
            place = place[part]
        place[last] = value
    return Policy.model_validate(document)


def difference(source: str, *changes: tuple[str, Any]) -> list[str]:
    """The lines that are different, once what the text says then was checked."""
    wanted = changed(source, *changes)
    text = rewritten(source, wanted, today=TODAY)
    assert parse_policy(text, today=TODAY).agreed.digest == wanted.agreed.digest
    return [line.rstrip("\n") for line in ndiff(source.splitlines(), text.splitlines()) if line[0] in "+-"]


def test_a_value_changes_where_it_stands() -> None:
    assert difference(FILE, ("deadlines/contact", "12h"), ("score/tiers/high", 62)) == [
        "-   contact: 24h              # claimed or assigned -> first contact",
        "+   contact: 12h              # claimed or assigned -> first contact",
        "-   tiers: {mode: fixed, high: 60, medium: 25, high_per_rep_per_week: 20, window: 28d}",
        "+   tiers: {mode: fixed, high: 62, medium: 25, high_per_rep_per_week: 20, window: 28d}",
    ]


def test_a_key_that_was_left_to_its_default_is_added_and_no_more() -> None:
    assert difference(BLOCKS, ("deadlines/review", "9h"), ("review/band", 0.1)) == [
        "+   review: 9h",
        "+ review: {band: 0.1}",
    ]


def test_points_come_and_go_with_their_own_lines_only() -> None:
    table = {"title": {"vp": 6, "director": 3}, "industry": {"a": 1, "b": 2.5}}
    assert difference(BLOCKS, ("score/points/explicit", table)) == [
        "-         vp: 5     # vice presidents",
        "+         vp: 6     # vice presidents",
        '-         "no": 4',
        "+         director: 3",
        "-       industry: {a: 1}",
        "+       industry: {a: 1, b: 2.5}",
    ]


def test_a_step_is_added_without_those_before_it_being_touched() -> None:
    steps = json.loads(parse_policy(BLOCKS, today=TODAY).document)["nurture"]["campaigns"]["slow"]["steps"]
    assert difference(BLOCKS, ("nurture/campaigns/slow/steps", [*steps, {"after": "3d", "email": "no", "if": {"opened": True}}])) == [
        "+         - {after: 3d, if: {opened: true}, email: 'no'}",
    ]
    assert difference(BLOCKS, ("nurture/campaigns/slow/steps", steps[:1])) == [
        "-         - after: 2d # not earlier",
        "-           email: second",
    ]


@pytest.mark.parametrize(
    "source", ["", "# nothing of our own yet\n", "name: x", "{name: x}", "name:\n", "deadlines: {contact: 1d,\n  hold: 2d}"]
)
def test_a_text_that_says_little_says_the_difference(source: str) -> None:
    if source != "name:\n":  # a name may not be nothing
        assert len(difference(source, ("deadlines/contact", "12h"))) <= 4
        return
    with pytest.raises(ValueError, match="name"):
        rewritten(source, Policy(), today=TODAY)


def test_public_holidays_are_not_written_out_and_days_of_ones_own_stay() -> None:
    source = "clock: {hours: always, holidays: DE, holiday_dates: [2026-12-24]} # and Christmas Eve\n"
    assert difference(source, ("deadlines/hold", "6d")) == ["+ deadlines: {hold: 6d}"]
    own = parse_policy(source, today=TODAY).clock
    assert own.own_days == (date(2026, 12, 24),)
    assert len(own.holiday_dates) > 40


def test_what_cannot_be_changed_in_place_is_written_anew_and_says_the_same() -> None:
    source = "claims: &open {per_rep_open: 3}\nname: a # lost\ndeadlines: {hold: &day 1d, review: *day}\n"
    wanted = changed(source, ("deadlines/hold", "3d"))
    text = rewritten(source, wanted, today=TODAY)
    assert parse_policy(text, today=TODAY).agreed.digest == wanted.agreed.digest


_DURATION = st.sampled_from(["30m", "5h", "36h", "3d", "9d", "120d"])
_WORD = st.text("abno: #'\"-{}[],&*!|>%@`é", min_size=1, max_size=8)
_CHANGES = {
    "name": _WORD,
    "deadlines/contact": _DURATION,
    "deadlines/hold": _DURATION,
    "deadlines/review": _DURATION,
    "score/tiers/high": st.floats(60, 90).map(lambda score: round(score, 1)),
    "score/points/implicit": st.dictionaries(st.sampled_from(["reply", "page_view", "demo_view", "pricing_view"]), st.integers(0, 90)),
    "score/points/explicit": st.dictionaries(_WORD, st.dictionaries(_WORD, st.integers(-5, 90), max_size=3), max_size=3),
    "contact_counts": st.lists(st.sampled_from(["reached", "no_answer", "attempted"]), min_size=1, max_size=3, unique=True),
    "routing/per_rep_daily": st.none() | st.integers(1, 9),
    "nurture/quiet_hours": st.none() | st.just("21:00-07:00"),
    "fast_lane/points": st.booleans(),
    "sal/requires": st.lists(st.sampled_from(["email", "phone", "company"]), max_size=3, unique=True),
}


@settings(max_examples=60)
@given(
    st.sampled_from([BLOCKS, "", "name: x\n# the end"]),
    st.lists(st.sampled_from(sorted(_CHANGES)), unique=True, max_size=5).flatmap(
        lambda keys: st.tuples(*(st.tuples(st.just(key), _CHANGES[key]) for key in keys))
    ),
)
def test_whatever_changes_the_text_says_it_and_comments_elsewhere_stay(source: str, changes: tuple[tuple[str, Any], ...]) -> None:
    try:
        wanted = changed(source, *deepcopy(changes))
    except ValueError:
        return  # no policy is like that
    text = rewritten(source, wanted, today=TODAY)
    assert parse_policy(text, today=TODAY).agreed.digest == wanted.agreed.digest
    alone = [line for line in source.splitlines() if line.lstrip().startswith("#")]
    assert [line for line in text.splitlines() if line in alone] == alone
    assert yaml.safe_load(text) is None or isinstance(yaml.safe_load(text), dict)
