"""The agreement as a file: every key has a default, a duration has a unit, and what is stored is read again the same."""

from datetime import date, timedelta
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.lifecycle import Channel, Tier
from models.policy import Policy, PolicyError, format_duration, load_policy, parse_duration, parse_policy, stored_policy

TODAY = date(2026, 3, 2)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


def parsed(text: str) -> Policy:
    """A policy read from YAML."""
    return parse_policy(dedent(text), today=TODAY)


# --- defaults -------------------------------------------------------------------------------------------------------

WRITTEN_OUT = """
name: default
deadlines:
  claim_window: {high: 15m, medium: 4h, low: 24h}
  score_by: 10m
  contact: 24h
  tree: 48h
  next_touch: 7d
  meager: {after: 14d, touches: 3, channels: 2}
  review: 24h
  hold: 7d
  nurture_stale: 30d
  long_term_stale: 180d
  opportunity: 90d
  reopenable: 90d
  remind_before: 4h
clock: {hours: always}
contact_counts: [reached]
max_assignments: 2
claims: {per_rep_open: 25, per_rep_daily: 50, cooldown_after_lapse: 24h}
absence: {wait: 24h}
routing: {retry: 5m}
score:
  tiers: {mode: fixed, high: 60, medium: 25}
  points:
    explicit: {title: {"vice president|vp|chief|c[etfmo]o|head of": 100, "director": 60}, employees: {">=200": 40}, industry: {}}
    implicit: {page_view: 10, whitepaper_download: 50, webinar_attended: 60, pricing_view: 40, demo_view: 60}
    half_life: 30d
  points_to_sales: 200
fast_lane: {consultation_requested: true, named_accounts: true, sql_criteria: true, points: true}
review: {when: [no_company, near_threshold], band: 0.05}
sal: {requires: [email]}
sql: {requires: {budget_usd: ">=10000", authority: true, need: true}}
disqualify: {when: ["employees < 5", "industry in blocked", "email is disposable"], blocked: [education]}
rescore:
  stir: [pricing_view, demo_view, reply, assessment_completed, webinar_attended]
  stir_points: 60
  stir_window: 24h
  debounce: 5m
  repromote_after: 7d
nurture:
  caps: {per_week: 3}
  quiet_hours: "20:00-08:00"
  campaigns:
    welcome: {steps: [{after: 1h, email: welcome}, {after: 2d, email: case-study}]}
    medium: {steps: [{after: 1d, email: guide}, {after: 3d, email: webinar}, {after: 7d, sms: check-in}, {after: 14d, post: postcard}]}
    long-term: {steps: [{every: 30d, email: newsletter}]}
  by_interest: {default: welcome}
"""


@pytest.mark.parametrize(
    "text", ["", "# nothing but a comment", "---", "{}", WRITTEN_OUT], ids=["empty", "comment", "document", "braces", "all"]
)
def test_an_empty_file_is_the_default_policy_written_out(text: str) -> None:
    assert parsed(text) == Policy()
    assert parsed(text).digest == Policy().digest


def test_changing_one_key_leaves_the_others_as_they_were() -> None:
    changed = parsed("deadlines: {contact: 2h}")
    assert changed.deadlines.contact == timedelta(hours=2)
    assert changed.model_copy(update={"deadlines": Policy().deadlines}) == Policy()
    assert changed.digest != Policy().digest


# --- durations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3s", 3),
        ("15m", 900),
        ("4h", 14400),
        ("2d", 172800),
        ("1w", 604800),
        ("1.5h", 5400),
        ("0.5s", 0.5),
        (" 15 m ", 900),
        ("90m", 5400),
        ("0s", 0),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["15", "m", "", "15 minutes", "-3h", "1h30m", "1e3s", "h4", 15, 1.5, None, True, ["4h"]])
def test_anything_else_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="is not a duration: write a number and s, m, h, d or w"):
        parse_duration(text)


def test_a_duration_is_at_most_ten_years() -> None:
    assert parse_duration("3650d") == 3650 * DAY
    for text in ("3651d", "99999999999d", "9" * 400 + "d"):
        with pytest.raises(ValueError, match="is longer than ten years"):
            parse_duration(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2 * DAY, "2d"),
        (90 * 60 * SECOND, "90m"),
        (36 * 3600 * SECOND, "36h"),
        (7 * DAY, "7d"),
        (0.5 * SECOND, "0.5s"),
        (0 * SECOND, "0s"),
        (1_000_001 * SECOND, "1000001s"),
    ],
)
def test_a_duration_is_written_the_shortest_way(value: timedelta, text: str) -> None:
    assert format_duration(value) == text


@given(st.timedeltas(timedelta(), timedelta(days=3650)))
def test_every_duration_survives_being_written_and_read(value: timedelta) -> None:
    assert parse_duration(format_duration(value)) == value


# --- files ----------------------------------------------------------------------------------------------------------


def test_a_file_that_cannot_be_read_is_refused_by_its_name(tmp_path: Path) -> None:
    for path, content in ((tmp_path / "missing.yaml", None), (tmp_path / "latin.yaml", b"name: \xe9")):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(PolicyError, match=f"{path.name}: cannot be read"):
            load_policy(path, today=TODAY)


def test_a_file_is_read_and_its_errors_name_it(tmp_path: Path) -> None:
    path = tmp_path / "ours.yaml"
    path.write_text("name: ours", "utf-8")
    assert load_policy(path, today=TODAY).name == "ours"
    path.write_text("nome: ours", "utf-8")
    with pytest.raises(PolicyError, match=r"ours\.yaml, line 1: nome: unknown key"):
        load_policy(path, today=TODAY)


# --- stored and read again ------------------------------------------------------------------------------------------

RICH = """
name: rich
deadlines: {contact: 1000001s, hold: 0.5s, remind_before: 0s}
clock: {hours: {mon-thu: ["09:00-12:00", "13:00-24:00"], "sat,sun": ["10:00-11:00"]}, timezone: Europe/Berlin, holidays: DE-BY}
contact_counts: [reached, left_message]
sql: {requires: {budget_usd: ">=5000", tier: gold, seats: 3, need: false}}
disqualify: {when: ["industry in bad", "country in far"], bad: [arms], far: [aq]}
nurture: {quiet_hours: null}
"""


@pytest.mark.parametrize("text", ["", WRITTEN_OUT, RICH], ids=["empty", "all", "rich"])
def test_a_policy_survives_being_stored(text: str) -> None:
    policy = parsed(text).numbered(7)
    again = stored_policy(7, policy.model_dump_json())
    assert again == policy
    assert (again.version, again.digest) == (7, policy.digest)
    assert again.clock.work == policy.clock.work
    assert again.sql.conditions == policy.sql.conditions
    assert again.disqualify.conditions == policy.disqualify.conditions


@settings(max_examples=60)
@given(
    contact=st.timedeltas(timedelta(milliseconds=1), timedelta(days=3650)),
    points=st.floats(-1e12, 1e12),
    name=st.sampled_from(["", "Entente", "a: b", "\u00e9\u4e2d\U0001f600", '\n\t"quoted"']),
    share=st.floats(0.01, 1e9),
)
def test_any_values_that_are_accepted_survive_being_stored(contact: timedelta, points: float, name: str, share: float) -> None:
    policy = Policy.model_validate(
        {"name": name, "deadlines": {"contact": contact}, "score": {"points": {"implicit": {"reply": points}}, "points_to_sales": share}}
    )
    assert Policy.model_validate_json(policy.model_dump_json()) == policy


def test_the_version_is_no_part_of_what_a_policy_says() -> None:
    assert Policy().numbered(3).digest == Policy().digest
    assert Policy().numbered(3).version == 3


# --- what it means --------------------------------------------------------------------------------------------------


def test_holidays_are_resolved_into_dates_when_a_policy_is_read() -> None:
    bavaria = parsed("clock: {holidays: de-by}").clock.holiday_dates
    germany = parsed("clock: {holidays: DE}").clock.holiday_dates
    assert date(2026, 12, 25) in germany
    assert date(2026, 1, 6) in bavaria
    assert date(2026, 1, 6) not in germany
    assert {day.year for day in germany} == set(range(2025, 2031))
    assert list(germany) == sorted(set(germany))


def test_holidays_of_one_s_own_are_kept_beside_a_country_s() -> None:
    own = parsed("clock: {holidays: DE, holiday_dates: [2026-07-01]}").clock.holiday_dates
    assert {date(2026, 7, 1), date(2026, 12, 25)} <= set(own)


@pytest.mark.parametrize(
    ("days", "worked"),
    [
        ("mon", [0]),
        ("mon-fri", [0, 1, 2, 3, 4]),
        ("sat,sun", [5, 6]),
        ("Fri-Mon", [0, 4, 5, 6]),
        ("monday - wednesday, sunday", [0, 1, 2, 6]),
    ],
)
def test_hours_are_given_for_days_lists_and_ranges_of_them(days: str, worked: list[int]) -> None:
    week = parsed(f"clock: {{hours: {{'{days}': ['09:00-17:00']}}}}").clock.work.week
    assert [day for day, blocks in enumerate(week) if blocks] == worked


@pytest.mark.parametrize(
    ("score", "tier"), [(0, Tier.LOW), (24.99, Tier.LOW), (25, Tier.MEDIUM), (59.99, Tier.MEDIUM), (60, Tier.HIGH), (100, Tier.HIGH)]
)
def test_a_score_at_a_threshold_is_in_the_higher_tier(score: float, tier: Tier) -> None:
    assert Policy().tier(score) is tier


@pytest.mark.parametrize(("points", "score"), [(-5, 0.0), (0, 0.0), (50, 25.0), (200, 100.0), (300, 100.0)])
def test_points_are_a_score_as_their_share_of_what_passes_to_sales(points: float, score: float) -> None:
    assert Policy().points_as_score(points) == score


def test_a_step_knows_its_channel_template_and_delay() -> None:
    medium = Policy().nurture.campaigns["medium"].steps
    assert [(step.channel, step.template, step.delay) for step in medium] == [
        (Channel.EMAIL, "guide", DAY),
        (Channel.EMAIL, "webinar", 3 * DAY),
        (Channel.SMS, "check-in", 7 * DAY),
        (Channel.POST, "postcard", 14 * DAY),
    ]


def test_disqualify_keeps_its_default_list_only_beside_its_default_rules() -> None:
    assert parsed("disqualify: {blocked: [arms]}").disqualify.conditions[1].choices == frozenset({"arms"})
    assert parsed("disqualify: {when: []}").disqualify.conditions == ()
    assert Policy().disqualify.conditions[1].choices == frozenset({"education"})


def test_a_routing_rule_is_the_same_after_it_was_stored() -> None:
    rep = "01900000-0000-7000-8000-000000000001"
    text = (
        f"routing: {{lists: {{dach: [de, at]}}, rules: [{{when: [country in dach], to: {{territory: DACH}}}}, {{to: {{reps: [{rep}]}}}}]}}"
    )
    policy = parsed(text)
    again = stored_policy(7, policy.document)
    assert again.routing == policy.routing
    ((first, territory), (always, reps)) = again.routing.parsed
    assert (first[0].choices, territory.territory, always, [str(each) for each in reps.reps]) == (
        frozenset({"de", "at"}),
        "DACH",
        (),
        [rep],
    )
