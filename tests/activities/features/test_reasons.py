"""Why a lead has its score, in sentences that add up to it."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.scoring.features import Deed, Features, Known, Sign, features
from activities.scoring.features.possible import possibilities
from activities.scoring.features.sayings import say
from activities.scoring.features.topics import topic
from activities.scoring.points import Reason
from activities.scoring.reasons import change, explain, sure, tell, wilson

AT = datetime(2026, 5, 12, 15, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def deed(kind: str, days: float, **said: Any) -> Deed:
    return Deed(kind, AT - days * DAY, {name: str(value) for name, value in said.items()})


LEAD = Known(
    AT - 40 * DAY,
    {
        "title": "Marketing assistant",
        "mail_domain": "gmail.com",
        "attributes": {"plan": "pro", "seats": 25, "employees": 640, "trial": True},
        "source": "fair",
    },
    {"industry": "steel"},
    [Sign("funding", AT - 11 * DAY)],
    [
        deed("page_view", 33, path="/case-studies/acme", depth=0.9, seconds=40, device="mobile", hour=9, utm_source="ads"),
        deed("webinar_attended", 20, share=0.8, title="The pricing webinar"),
        *(deed("pricing_view", days) for days in (6, 5, 2, 1)),
        deed("email_opened", 1),
    ],
)
FEATURES = features(LEAD, AT)


def said(name: str, found: Features = FEATURES) -> str:
    return say(topic(name), [name], found, AT)[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("did.pricing_view.count_7d", "4 pricing page views in 7 days, the last on 11 May 2026"),
        ("did.pricing_view.days", "4 pricing page views in 7 days, the last on 11 May 2026"),
        ("did.pricing_view.count_1d", "Pricing page view on 11 May 2026"),
        ("did.webinar.share_max", "Watched 80 % of “The pricing webinar” on 22 Apr 2026"),
        ("did.webinar_attended.count_7d", "No webinar visit in 7 days, the last on 22 Apr 2026"),
        ("did.demo_view.count", "No demo view yet"),
        ("did.email_opened.count", "E-mail opened on 11 May 2026"),
        ("title.rank", "No budget holder's title: “Marketing assistant”"),
        ("email.kind", "Writes from a free mailbox"),
        ("company.employees", "640 employees"),
        ("company.industry", "Industry: “steel”"),
        ("signal.funding.days", "The company got new funding (1 May 2026)"),
        ("signal.hiring.count", "No sign that the company is hiring"),
        ("attributes.plan", "Plan: “pro”"),
        ("attributes.seats", "Seats: 25"),
        ("attributes.trial", "Trial: yes"),
        ("attributes.gone", "Gone is not known"),
        ("company.revenue", "Revenue is not known"),
        ("source", "Came from “fair”"),
        ("did.pricing_after_case_study", "Looked at the pricing after a case study"),
        ("did.pages.depth_mean", "Reads pages 90 % of the way down"),
        ("did.device.mobile_share", "Comes by phone"),
        ("did.count_30d", "7 engagements, 6 of them in 30 days, the last on 11 May 2026"),
        ("did.acceleration", "5 engagements this week, more than in the weeks before"),
        ("did.last_2", "Did last: webinar visit, then pricing page view, then e-mail opened"),
        ("visit.utm_source_first", "Came at first by source “ads”"),
        ("form.message_words", "Wrote no message"),
    ],
)
def test_a_feature_is_told_as_a_rep_would_say_it(name: str, text: str) -> None:
    assert said(name) == text


def test_every_feature_there_is_can_be_told_of_a_lead_that_did_much_and_of_one_of_which_nothing_is_known() -> None:
    nobody = features(Known(AT), AT)
    for name in {*FEATURES, *nobody}:
        for found in (FEATURES, nobody, {}):
            text, _ = say(topic(name), [name], found, AT)
            assert text[:1].isupper() or text[:1].isdigit(), name
            assert "_" not in text, name
            assert "None" not in text, name


def test_what_is_about_one_thing_is_one_reason_dated_with_the_latest_of_it() -> None:
    parts = {"did.pricing_view.count_7d": 1.0, "did.pricing_view.days": 0.5, "title.rank": -0.5, "title.function": -0.25}
    found = explain(FEATURES, parts, base=-2.0, probability=1 / (1 + math.exp(2 - 0.75)), at=AT)
    assert [reason.text for reason in found[:2]] == [
        "4 pricing page views in 7 days, the last on 11 May 2026",
        "No budget holder's title: “Marketing assistant”",
    ]
    assert found[0].at == AT - DAY
    assert found[0].points == pytest.approx(-2 * found[1].points, abs=0.11)
    assert found[-1].text == "Everything else, from the 12 of a usual lead on"


@settings(max_examples=50, deadline=None)
@given(
    parts=st.dictionaries(st.sampled_from(sorted(FEATURES)), st.floats(-3, 3), max_size=30),
    base=st.floats(-5, 5),
    drift=st.floats(-0.5, 0.5),
)
def test_at_most_five_reasons_add_up_to_the_score_and_keep_their_signs(parts: dict[str, float], base: float, drift: float) -> None:
    probability = 1 / (1 + math.exp(-base - sum(parts.values()) - drift))
    found = explain(FEATURES, parts, base=base, probability=probability, at=AT)
    assert len(found) <= 5
    assert math.fsum(reason.points for reason in found) == pytest.approx(round(100 * probability, 1), abs=1e-6)
    whole: dict[str, float] = {}
    for name, part in parts.items():
        whole[topic(name)] = whole.get(topic(name), 0.0) + part
    assert sum(reason.points > 0 for reason in found[:-1]) <= sum(part > 0 for part in whole.values())
    assert sum(reason.points < 0 for reason in found[:-1]) <= sum(part < 0 for part in whole.values())


def test_one_that_speaks_against_is_among_them() -> None:
    worth = {"did.pricing_view.days": 20.0, "company.employees": 9.0, "source": 8.0, "email.kind": 7.0, "title": -2.0}
    found = tell(FEATURES, worth, score=50, usual=8, at=AT)
    assert [reason.points for reason in found] == [20, 9, 8, -2, 15]


def test_no_contribution_at_all_is_everything_else() -> None:
    assert explain(FEATURES, {}, base=0.0, probability=0.5, at=AT) == [Reason("Everything else, from the 50 of a usual lead on", 50.0)]


def test_what_would_change_it_most_is_something_the_lead_can_do() -> None:
    asked = possibilities(LEAD, AT)
    assert {"a demo request", "another pricing page view", "another webinar visit", "a reply"} <= set(asked)
    assert asked["another pricing page view"]["did.pricing_view.count_1d"] == 2
    assert asked["a demo request"]["did.demo_requested.days"] == 0
    scores = {what: 40.0 + 5 * float(str(found["did.demo_requested.count"])) for what, found in asked.items()}
    assert change(33.0, {**scores, "a demo request": 45.4}) == {"text": "A demo request would add about 12", "points": 12.4}
    assert change(40.0, {"a reply": 40.9}) is None
    assert change(40.0, {"a reply": 30.0}) == {"text": "A reply would take away about 10", "points": -10.0}
    assert change(40.0, {}) is None


@pytest.mark.parametrize(
    ("won", "seen", "low", "high"),
    [(0, 0, 0, 1), (0, 10, 0, 0.2775), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662), (10, 10, 0.7225, 1)],
)
def test_the_interval_of_a_rate_is_wilsons(won: int, seen: int, low: float, high: float) -> None:
    assert wilson(won, seen) == pytest.approx((low, high), abs=5e-5)


def test_how_sure_it_is_says_how_many_leads_like_it_there_were_and_what_is_missing() -> None:
    found = sure(81, 263, ["company.employees", "did.demo_view.count"])
    assert found["text"] == "Between 26 and 37, going by 263 leads like this one seen before. Not known: employees, demo view."
    assert (found["seen"], found["low"], found["high"]) == (263, 25.5, 36.6)
    assert sure(0, 0)["text"] == "Between 0 and 100, going by no lead like this one seen before."
