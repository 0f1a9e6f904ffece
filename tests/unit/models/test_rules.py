"""Conditions on facts, and patterns that earn points."""

import pytest

from models.rules import Condition, FactValue, as_number, compile_pattern, pattern_holds, requirement

LISTS = {"blocked": ["education", " Public Sector "]}


@pytest.mark.parametrize(
    ("text", "fact", "holds"),
    [
        ("employees < 5", 4, True),
        ("employees < 5", 5, False),
        ("employees <= 5", 5, True),
        ("employees <= 5", 5.1, False),
        ("employees > 5", 5, False),
        ("employees > 5", 6, True),
        ("employees >= 5", 5, True),
        ("employees >= 5", 4.9, False),
        ("employees<5", "4", True),
        ("revenue >= 1,000,000", "1,500,000", True),
        ("employees < 5", "a few", False),
        ("employees < 5", True, False),
        ("country = DE", "de", True),
        ("country = DE", " DE ", True),
        ("country = DE", "AT", False),
        ("country != DE", "AT", True),
        ("country != DE", "de", False),
        ("employees = 5", "5.0", True),
        ("opted_in = true", True, True),
        ("opted_in = yes", True, True),
        ("opted_in = true", False, False),
        ("opted_in = false", False, True),
        ("industry in blocked", "Education", True),
        ("industry in blocked", "public sector", True),
        ("industry in blocked", "retail", False),
        ("industry in blocked", frozenset({"retail", "education"}), True),
        ("industry in blocked", frozenset({"retail"}), False),
        ("industry matches ^edu", frozenset({"retail", "education"}), True),
        ("email is disposable", frozenset({"disposable", "free"}), True),
        ("email is business", frozenset({"disposable", "free"}), False),
        ("title is Director", "director", True),
        ("title matches chief|head of", "Deputy Head of Sales", True),
        ("title matches ^head", "Deputy Head", False),
        ("a.b = 1", 1, True),
    ],
)
def test_a_condition_holds_of_a_fact_or_not(text: str, fact: FactValue, holds: bool) -> None:
    condition = Condition.parse(text, LISTS)
    assert condition.holds({condition.fact: fact}) is holds


@pytest.mark.parametrize("text", ["x < 5", "x > 5", "x = 5", "x != 5", "x in blocked", "x is y", "x matches ."])
@pytest.mark.parametrize("facts", [{}, {"x": None}, {"x": ""}, {"y": 5}])
def test_an_unknown_fact_makes_every_condition_false(text: str, facts: dict[str, FactValue]) -> None:
    assert Condition.parse(text, LISTS).holds(facts) is False


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("employees", "is not a condition"),
        ("", "is not a condition"),
        ("employees 5", "is not a condition"),
        ("employees <", "is not a condition"),
        ("employees ~ 5", "is not a condition"),
        ("employees < few", "< needs a number, not 'few'"),
        ("industry in unwanted", "there is no list named 'unwanted' here; known: blocked"),
        ("title matches (", "'(' is not a pattern"),
    ],
)
def test_what_is_no_condition_is_refused_saying_why(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=r"condition|number|list|pattern") as error:
        Condition.parse(text, LISTS)
    assert complaint in str(error.value)


def test_a_list_that_is_missing_where_there_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="known: none"):
        Condition.parse("industry in blocked", {})


@pytest.mark.parametrize(
    ("wanted", "fact", "holds"),
    [
        (">=10000", 10000, True),
        (">=10000", 9999.99, False),
        (" >= 10,000 ", "12,000", True),
        ("<5", 4, True),
        ("=gold", "Gold", True),
        ("!=gold", "silver", True),
        ("gold", "GOLD", True),
        (True, True, True),
        (True, False, False),
        (False, False, True),
        (3, 3.0, True),
        (True, None, False),
    ],
)
def test_a_requirement_is_written_as_a_value_or_a_comparison(wanted: str | float | bool, fact: FactValue, holds: bool) -> None:
    assert requirement("it", wanted).holds({"it": fact}) is holds


def test_a_requirement_that_compares_with_no_number_is_refused_by_its_fact() -> None:
    with pytest.raises(ValueError, match=r"^budget: >= needs a number, not 'much'$"):
        requirement("budget", ">=much")


@pytest.mark.parametrize(
    ("pattern", "fact", "holds"),
    [
        ("vice president|vp", "Senior VP Sales", True),
        ("c[etfmo]o", "CTO", True),
        ("director", "Manager", False),
        (">=200", 200, True),
        (">=200", 199, False),
        (">= 200", "1,200", True),
        ("=200", "200.0", True),
        ("true", True, True),
        ("true", False, False),
        ("free", frozenset({"disposable", "free"}), True),
        ("anything", None, False),
        (".*", "", False),
        ("20", 1200, False),
        ("c[etfmo]o", "Director", False),
        ("vp|director", "Directors' VP", True),
        ("vp", "VP, Sales", True),
        ("^head", "Head of Sales", True),
        ("^head", "Deputy Head", False),
    ],
)
def test_a_pattern_matches_whole_words_anywhere_and_a_comparison_compares(pattern: str, fact: FactValue, holds: bool) -> None:
    assert pattern_holds(pattern, fact) is holds


@pytest.mark.parametrize(
    ("value", "number"),
    [(3, 3.0), ("3.5", 3.5), (" 1,234 ", 1234.0), (True, None), (None, None), ("", None), ("many", None), (frozenset({"1"}), None)],
)
def test_a_number_is_read_from_numbers_and_text_only(value: object, number: float | None) -> None:
    assert as_number(value) == number


def test_a_pattern_that_does_not_compile_is_refused_with_its_text() -> None:
    assert compile_pattern("VP").search("the vp") is not None
    with pytest.raises(ValueError, match=r"^'\[' is not a pattern: "):
        compile_pattern("[")


def test_a_criterion_of_words_is_met_by_a_persons_yes_and_others_by_what_they_ask_for() -> None:
    words, number, yes = requirement("region", "emea"), requirement("budget_usd", ">=10000"), requirement("authority", True)
    assert (words.of_words, number.of_words, yes.of_words) == (True, False, False)
    assert words.met_by({"region": True})
    assert not words.met_by({"region": False})
    assert not words.met_by({})
    assert number.met_by({"budget_usd": 10000.0})
    assert not number.met_by({"budget_usd": True})
    assert yes.met_by({"authority": True})
