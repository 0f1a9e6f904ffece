from datetime import UTC, datetime, timedelta
from textwrap import dedent

import pytest

from activities.scoring import phrases
from activities.scoring.facts import facts_of, known_of
from activities.scoring.points import Reason, behaviours, score_points
from activities.scoring.reasons import by_points
from models.lifecycle import Known
from models.policy import Policy, parse_policy
from models.rules import Facts, FactValue

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def policy(text: str = "") -> Policy:
    return parse_policy(dedent(text), today=AT.date()).numbered(1)


DEFAULT = policy()


def test_what_the_person_said_wins_over_attributes_and_both_over_enrichment() -> None:
    person = {"email": "ada@acme.example", "title": "VP Sales", "attributes": {"title": "Clerk", "employees": 300}}
    facts = facts_of(person, {"title": "Intern", "employees": 5, "industry": "steel"})
    assert (facts["title"], facts["employees"], facts["industry"]) == ("VP Sales", 300, "steel")


def test_an_empty_answer_is_no_fact_and_lets_enrichment_speak() -> None:
    facts = facts_of({"title": " ", "country": None, "attributes": {"industry": ""}}, {"country": "DE", "industry": "steel"})
    assert facts == {"country": "DE", "industry": "steel"}


def test_no_and_nothing_are_facts() -> None:
    assert facts_of({"attributes": {"authority": False, "budget_usd": 0}}, {}) == {"authority": False, "budget_usd": 0}


@pytest.mark.parametrize(("email", "kind"), [("a@gmail.com", "free"), ("a@mailinator.com", "disposable"), ("a@acme.example", "company")])
def test_an_address_is_known_by_its_kind_and_its_domain(email: str, kind: str) -> None:
    assert facts_of({"email": email}, {}) == {"email": frozenset({kind}), "domain": email.partition("@")[2]}


def test_no_attribute_can_pass_for_the_address() -> None:
    assert facts_of({"email": "a@mailinator.com", "attributes": {"email": "company"}}, {})["email"] == frozenset({"disposable"})


def test_nested_attributes_get_dotted_names_and_lists_are_words() -> None:
    facts = facts_of({"attributes": {"crm": {"stage": {"name": "demo"}}, "Tools": ["Slack", "Jira"], "none": []}}, {})
    assert facts == {"crm.stage.name": "demo", "Tools": frozenset({"slack", "jira"})}


def test_where_a_finding_comes_from_is_no_fact() -> None:
    assert facts_of({}, {"domain": "a.io", "provenance": {"domain": {"source": "x"}}, "missing": ["y"]}) == {"domain": "a.io"}


@pytest.mark.parametrize(
    ("facts", "known"),
    [
        ({}, Known(sal=False)),
        ({"company": "Acme", "email": frozenset({"free"})}, Known(company=True)),
        ({"email": frozenset({"company"})}, Known(company=True)),
        ({"email": frozenset({"disposable"})}, Known(disqualified=True)),
        ({"email": frozenset({"free"}), "employees": 4}, Known(disqualified=True)),
        ({"email": frozenset({"free"}), "employees": 5}, Known()),
        ({"email": frozenset({"free"}), "industry": "Education"}, Known(disqualified=True)),
        ({"email": frozenset({"free"}), "budget_usd": 10000, "authority": True, "need": True}, Known(sql=True)),
        ({"email": frozenset({"free"}), "budget_usd": "10,000", "authority": "true", "need": "true"}, Known(sql=True)),
        ({"email": frozenset({"free"}), "budget_usd": 9999, "authority": True, "need": True}, Known()),
        ({"email": frozenset({"free"}), "budget_usd": 10000, "authority": True}, Known()),
    ],
)
def test_what_the_tree_is_told(facts: Facts, known: Known) -> None:
    assert known_of(facts, 0.0, DEFAULT, named_account=False, engaged_at=None) == known


def test_without_criteria_nobody_is_sales_qualified_by_default() -> None:
    agreement = policy("sql: {requires: {}}")
    assert known_of({"budget_usd": 1e6}, 0.0, agreement, named_account=False, engaged_at=None).sql is False


def test_points_account_and_engagement_are_passed_on() -> None:
    known = known_of({"email": frozenset({"free"})}, 12.5, DEFAULT, named_account=True, engaged_at=AT)
    assert known == Known(points=12.5, named_account=True, engaged_at=AT)


@pytest.mark.parametrize(
    ("title", "total"),
    [("VP Sales", 100), ("Senior Vice President", 100), ("Head of Sales", 60), ("Clerk", 0), ("VP and head of sales", 100)],
)
def test_the_best_pattern_of_a_fact_counts_once(title: str, total: float) -> None:
    agreement = policy("score: {points: {explicit: {title: {'vice president|vp': 100, head of: 60}}}}")
    assert score_points({"title": title}, [], agreement, AT).total == total


@pytest.mark.parametrize(("employees", "total"), [(199, 0), (200, 40), ("1,200", 40), ("many", 0)])
def test_a_comparison_is_with_numbers(employees: float | str, total: float) -> None:
    assert score_points({"employees": employees}, [], DEFAULT, AT).total == total


@pytest.mark.parametrize(("age", "total"), [(0, 40), (30, 20), (60, 10), (90, 5), (15, 28.28), (-5, 40)])
def test_points_for_engagement_halve_every_half_life_and_the_future_counts_as_now(age: int, total: float) -> None:
    assert round(score_points({}, [("pricing_view", AT - age * DAY)], DEFAULT, AT).total, 2) == total


def test_points_of_very_old_engagement_are_nothing() -> None:
    agreement = policy("score: {points: {half_life: 1s}}")
    assert score_points({}, [("pricing_view", AT - 9000 * DAY)], agreement, AT).total == pytest.approx(0)


def test_engagement_without_a_vote_is_worth_nothing_and_gives_no_reason() -> None:
    points = score_points({}, [("email_open", AT)], DEFAULT, AT)
    assert (points.total, points.reasons) == (0, ())


def test_reasons_are_sentences_the_weightiest_first_and_add_up() -> None:
    engagements = [("pricing_view", AT), ("pricing_view", AT - 30 * DAY), ("webinar_attended", AT - 30 * DAY), ("page_view", AT - 60 * DAY)]
    points = score_points({"title": "VP Sales", "employees": 1200}, engagements, DEFAULT, AT)
    assert points.reasons == (
        Reason("Vice president in the title: “VP Sales”", 100),
        Reason("2 pricing page views, the last on 2 Mar 2026", 60, AT),
        Reason("1,200 employees", 40),
        Reason("Webinar attended on 31 Jan 2026", 30, AT - 30 * DAY),
        Reason("Page view on 1 Jan 2026", 2.5, AT - 60 * DAY),
    )
    assert points.total == sum(reason.points for reason in points.reasons)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("reply", "2 replies, the last on 2 Mar 2026"),
        ("site_search", "2 site searches, the last on 2 Mar 2026"),
        ("whitepaper_download", "2 whitepaper downloads, the last on 2 Mar 2026"),
        ("webinar_attended", "Webinar attended 2 times, the last on 2 Mar 2026"),
    ],
)
def test_any_kind_of_engagement_makes_a_readable_sentence(kind: str, text: str) -> None:
    agreement = policy(f"score: {{points: {{implicit: {{{kind}: 10}}}}}}")
    assert [reason.text for reason in score_points({}, [(kind, AT), (kind, AT - DAY)], agreement, AT).reasons] == [text]


def test_a_yes_and_a_kind_of_address_are_said_in_words() -> None:
    agreement = policy("score: {points: {explicit: {authority: {'yes': 10}, email: {company: 5}}}}")
    points = score_points({"authority": True, "email": frozenset({"company"})}, [], agreement, AT)
    assert [reason.text for reason in points.reasons] == ["May decide about buying", "Writes from a company's address"]


def test_a_vote_against_takes_points_away() -> None:
    agreement = policy("score: {points: {explicit: {title: {student: -50, vp: 60}}}}")
    assert score_points({"title": "Student"}, [], agreement, AT).total == -50


@pytest.mark.parametrize(
    ("name", "fact", "text"),
    [
        ("title", "CTO", "Runs the company, by the title: “CTO”"),
        ("title", "Assistant to the Director", "Junior in the title: “Assistant to the Director”"),
        ("title", "Clerk", "No manager in the title: “Clerk”"),
        ("employees", 640, "640 employees"),
        ("employees", "51-200", "51-200 employees"),
        ("budget_usd", 20000, "Budget of $20,000"),
        ("industry", "steel", "Industry: “steel”"),
        ("technologies", frozenset({"slack", "jira"}), "Uses jira, slack"),
        ("need", False, "Does not have the need"),
        ("crm.stage_name", "demo", "Crm stage name: “demo”"),
        ("trial", True, "Trial: yes"),
    ],
)
def test_a_fact_is_told_as_people_say_it(name: str, fact: FactValue, text: str) -> None:
    assert phrases.fact(name, fact) == text


def test_what_the_table_gives_points_for_says_what_would_change_it_most() -> None:
    behaviour = behaviours([("demo_view", AT)], DEFAULT.score.points.half_life, AT)
    said = by_points(behaviour, 60.0, DEFAULT)
    assert (said["by"], said["probability"], said["points"], said["full"]) == ("points", None, 60, 200)
    assert said["change"] == {"text": "A webinar visit would add about 30", "points": 30}
    assert said["sure"]["seen"] is None
    assert by_points(behaviour, 200.0, DEFAULT)["change"] is None


def test_a_rule_can_be_made_of_what_a_company_did_lately() -> None:
    facts = facts_of({"email": "a@acme.example"}, {"buying_signals": ["expansion", "funding"]})
    rules = policy("score: {points: {explicit: {buying_signals: {'funding|leadership': 40}}}}")
    assert score_points(facts, (), rules, AT).total == 40
