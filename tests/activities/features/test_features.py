"""What is known of a lead as a flat row of named values, without a database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.scoring.features import Deed, Known, Sign, Usual, features
from activities.scoring.features.explicit import MOST_ATTRIBUTES, amount
from activities.scoring.features.signals import signs_of
from activities.scoring.features.titles import function, seniority

AT = datetime(2026, 5, 13, 15, 30, tzinfo=UTC)  # a Wednesday
DAY = timedelta(days=1)


def did(kind: str, days: float, **said: Any) -> Deed:
    return Deed(kind, AT - days * DAY, {name: str(value) for name, value in said.items()})


def row(*deeds: Deed, **known: Any) -> dict[str, Any]:
    return dict(features(Known(AT - 60 * DAY, deeds=deeds, **known), AT))


@pytest.mark.parametrize(
    ("title", "level", "does"),
    [
        ("CTO", "chief", "technology"),
        ("Vice President Sales", "vice_president", "sales"),
        ("President", "chief", "general"),
        ("Executive Assistant to the CEO", "junior", "general"),
        ("Head of IT", "head", "technology"),
        ("Director of Procurement", "director", "purchasing"),
        ("Coordinator", "staff", None),
        ("Senior Manager Marketing", "manager", "marketing"),
        ("Working student, marketing", "student", "marketing"),
        ("Geschäftsführerin", "chief", "general"),
        ("Leiter Einkauf", "head", "purchasing"),
        ("Software Engineer", "staff", "technology"),
    ],
)
def test_a_title_tells_how_senior_somebody_is_and_what_they_do(title: str, level: str, does: str | None) -> None:
    assert (seniority(title), function(title)) == (level, does)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (640, 640),
        ("1,200", 1200),
        ("51-200", 101),
        ("10k", 10_000),
        ("1,000+", 1000),
        ("$2.5M - $10M", 5e6),
        ("many", None),
        (True, None),
        ([], None),
    ],
)
def test_sizes_are_read_as_people_write_them(written: object, found: float | None) -> None:
    assert amount(written) == found


def test_counts_recency_and_frequency() -> None:
    found = row(*(did("pricing_view", days) for days in (40, 20, 6, 2, 0.5)), did("page_view", 6))
    names = ("count", "count_30d", "count_7d", "count_1d", "days")
    assert [found[f"did.pricing_view.{name}"] for name in names] == [5, 4, 3, 1, 0.5]
    assert (found["did.count"], found["did.active_days"], found["did.first_days"], found["did.kinds"]) == (6, 5, 40, 2)
    assert (found["did.demo_view.count"], "did.demo_view.days" in found) == (0, False)


def test_more_this_week_than_before_is_acceleration() -> None:
    faster = row(*(did("page_view", days) for days in (1, 2, 3, 20)))["did.acceleration"]
    slower = row(*(did("page_view", days) for days in (1, 20, 21, 22, 23, 24, 25, 26, 27)))["did.acceleration"]
    assert (faster, slower) == (4 / 1.25, 2 / 3)


def test_the_order_tells_who_is_making_up_their_mind() -> None:
    study, pricing = did("page_view", 3, path="/case-studies/acme"), did("pricing_view", 2)
    found = row(study, pricing, did("pricing_view", 1), did("demo_requested", 0.5))
    assert found["did.pricing_after_case_study"] is True
    assert found["did.demo_after_pricing"] is True
    assert (found["did.first"], found["did.last_3"]) == ("page_view", "page_view > pricing_view > demo_requested")
    assert row(pricing, did("page_view", 1, path="/case-studies/acme"))["did.pricing_after_case_study"] is False


def test_a_form_begun_and_not_sent_is_open() -> None:
    assert row(did("form_step", 2, step=3))["did.form_left_open"] is True
    assert row(did("form_step", 2, step=3), did("form_submitted", 1))["did.form_left_open"] is False


@pytest.mark.parametrize(
    ("usual", "dwell"), [(Usual({"/a": 3.4011973}), 2), (Usual(word=-2.302585), 2), (Usual(pixel=-3.912023), 1.5), (Usual(), None)]
)
def test_a_stay_counts_against_what_others_stay(usual: Usual, dwell: float | None) -> None:
    found = row(did("page_view", 1, path="/a", seconds=60, words=300, page_height=2000), usual=usual)
    assert found.get("did.pages.dwell") == (None if dwell is None else pytest.approx(dwell, rel=1e-3))


def test_hours_devices_and_channels() -> None:
    found = row(
        did("page_view", 10, hour=9, device="mobile"),
        did("email_clicked", 9, hour=23),
        did("webinar_attended", 8, hour=15, device="desktop"),
        did("page_view", 3, hour=2),
    )
    assert (found["did.office_hours_share"], found["did.night_share"], found["did.last_hour"]) == (0.5, 0.5, 2)
    assert (found["did.device.mobile_share"], found["did.device.last"]) == (0.5, "desktop")
    assert (found["did.channels"], found["did.channels_7d"], found["did.channels_most_7d"]) == (3, 1, 3)
    assert (found["did.weekend_share"], found["did.last_weekday"]) == (0.5, "Sunday")


def test_where_visits_came_from_at_first_and_lately() -> None:
    found = row(did("page_view", 9, utm_source="Ads", referrer="https://www.search.example/q?x=1"), did("page_view", 1, utm_source="mail"))
    assert (found["visit.utm_source_first"], found["visit.utm_source"], found["visit.referrer"]) == ("ads", "mail", "search.example")


def test_signals_of_the_company_by_kind_and_recency() -> None:
    found = row(signs=[Sign("hiring", AT - 50 * DAY), Sign("leadership_change", AT - 10 * DAY), Sign("hiring", AT - 100 * DAY)])
    assert (found["signal.hiring.count"], found["signal.hiring.count_90d"], found["signal.hiring.days"]) == (2, 1, 50)
    assert (found["signal.latest"], found["signal.leadership.days"], found["signal.funding.count"]) == ("leadership", 10, 0)


def test_signals_among_findings_count_once_seen() -> None:
    told = [
        {"kind": "funding", "at": "2026-05-01T00:00:00Z", "seen_at": "2026-05-14T00:00:00Z"},
        {"kind": "hiring", "at": "2026-05-01", "seen_at": "2026-05-02T00:00:00+00:00"},
        {"kind": "expansion", "at": "soon"},
        "news",
    ]
    assert [sign.kind for sign in signs_of({"signals": told}, AT, AT)] == ["hiring"]
    assert signs_of({"signals": "none"}, AT, AT) == []


def test_the_customers_attributes_are_features_whatever_they_are() -> None:
    attributes = {
        "plan": "pro",
        "seats": 25,
        "trial": False,
        "tools": ["B", "a"],
        "crm": {"stage": "demo"},
        "none": None,
        "empty": "",
        "employees": "51-200",
    }
    found = row(
        person={"attributes": attributes},
        enrichment={"employees": 9, "industry": "steel", "score": 4, "provenance": {"x": 1}, "missing": []},
    )
    assert {name: value for name, value in found.items() if name.startswith("attributes.")} == {
        "attributes.plan": "pro",
        "attributes.seats": 25.0,
        "attributes.trial": False,
        "attributes.tools": "a, b",
        "attributes.crm.stage": "demo",
        "attributes.employees": "51-200",
    }
    assert (found["company.employees"], found["company.industry"], found["enrichment.score"]) == (101, "steel", 4)
    assert not [name for name in found if "provenance" in name]
    many = row(person={"attributes": {f"a{n}": n for n in range(2 * MOST_ATTRIBUTES)}})
    assert sum(name.startswith("attributes.") for name in many) == MOST_ATTRIBUTES


def test_a_clock_that_is_ahead_counts_as_now() -> None:
    assert row(did("page_view", -3))["did.page_view.days"] == 0


WRITTEN = st.one_of(st.text(max_size=12), st.sampled_from(["nan", "inf", "-1", "1e400", "\x00", "99999999999999999999", "٣", "0,5"]))
NAMES = st.sampled_from(
    ["path", "title", "seconds", "depth", "words", "page_height", "hour", "share", "step", "device", "referrer", "visit", "score"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=4), x, max_size=3),
)


@settings(max_examples=40, deadline=None)
@given(
    deeds=st.lists(
        st.tuples(st.text(min_size=1, max_size=9), st.floats(-400, 4000), st.dictionaries(NAMES, WRITTEN, max_size=5)), max_size=6
    ),
    attributes=st.dictionaries(st.text(max_size=5), JSON, max_size=4),
    title=st.text(max_size=20),
)
def test_whatever_is_sent_in_gives_a_flat_row_of_finite_values(deeds: Any, attributes: dict[str, Any], title: str) -> None:
    done = sorted((Deed(kind, AT - days * DAY, said) for kind, days, said in deeds), key=lambda deed: deed.at)
    found = features(Known(AT, {"attributes": attributes, "title": title}, attributes, (), done), AT)
    for value in found.values():
        assert isinstance(value, str | bool | float)
        assert not isinstance(value, float) or abs(value) < 1e309
    assert list(found) == sorted(found)
