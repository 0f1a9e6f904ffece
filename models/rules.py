"""The small language a policy is written in: conditions on facts, patterns that earn points.

A *fact* is something known about a lead by name: a form field, one of the customer's `attributes`, or a
finding of enrichment. A fact nobody knows makes every condition on it false.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

FactValue = str | float | bool | None | frozenset[str]
"""A fact. A set holds the words a thing *is* ("email is disposable")."""
Facts = Mapping[str, FactValue]

_ORDER: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_CONDITION = re.compile(r"^\s*([\w.]+)\s*(<=|>=|!=|<|>|=|\b(?:in|is|matches)\b)\s*(.+?)\s*$")
_COMPARISON = re.compile(r"^\s*(<=|>=|!=|<|>|=)\s*(.+?)\s*$")


def as_number(value: object) -> float | None:
    """The number a fact holds, written as a number or as text; None where there is none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    try:
        return float(str(value).replace(",", "").strip())
    except ValueError:
        return None


def same(fact: FactValue, literal: str) -> bool:
    """Whether a fact equals a literal of the policy: numbers by value, words without regard to case."""
    if isinstance(fact, bool):
        return literal.strip().lower() in (("true", "yes") if fact else ("false", "no"))
    if isinstance(fact, frozenset):
        return literal.strip().lower() in fact
    left, right = as_number(fact), as_number(literal)
    if left is not None and right is not None:
        return left == right
    return str(fact).strip().lower() == literal.strip().lower()


@dataclass(frozen=True, slots=True)
class Condition:
    """`FACT OP VALUE`, as it stands in `disqualify.when` and in `sql.requires`."""

    fact: str
    op: str
    value: str
    choices: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str, lists: Mapping[str, Sequence[str]]) -> Self:
        """Read a condition.

        Args:
            text: for example ``employees < 5``, ``industry in blocked``, ``email is disposable``.
            lists: the named lists that ``in`` may refer to.

        Raises:
            ValueError: when the text is no condition, compares with something that is no number, names a
                list that does not exist, or holds a pattern that does not compile.
        """
        found = _CONDITION.match(text)
        if not found:
            raise ValueError(f"{text!r} is not a condition: write FACT OP VALUE, with OP one of < <= = != >= > in is matches")
        fact, op, value = found.groups()
        choices: frozenset[str] = frozenset()
        if op in _ORDER and as_number(value) is None:
            raise ValueError(f"{text!r}: {op} needs a number, not {value!r}")
        if op == "in":
            if value not in lists:
                raise ValueError(f"{text!r}: there is no list named {value!r} here; known: {', '.join(sorted(lists)) or 'none'}")
            choices = frozenset(item.strip().lower() for item in lists[value])
        if op == "matches":
            compile_pattern(value)
        return cls(fact, op, value, choices)

    @property
    def of_words(self) -> bool:
        """Whether it asks for words, such as ``region: emea``, not for a number or a yes or no."""
        return self.op not in _ORDER and as_number(self.value) is None and self.value not in ("true", "false")

    def met_by(self, stated: Mapping[str, float | bool]) -> bool:
        """Whether it is true of what a person stated. One of words they confirm by a yes: no words enter a workflow."""
        return self.holds(stated) or (self.of_words and stated.get(self.fact) is True)

    def holds(self, facts: Facts) -> bool:
        """Whether the condition is true of these facts; False when the fact is unknown."""
        fact = facts.get(self.fact)
        if fact is None or fact == "":
            return False
        if self.op in _ORDER:
            number = as_number(fact)
            return number is not None and _ORDER[self.op](number, float(self.value.replace(",", "")))
        if self.op == "in":
            return not self.choices.isdisjoint(fact if isinstance(fact, frozenset) else {str(fact).strip().lower()})
        if self.op == "matches":
            words = " ".join(sorted(fact)) if isinstance(fact, frozenset) else str(fact)
            return bool(compile_pattern(self.value).search(words))
        return same(fact, self.value) != (self.op == "!=")


def requirement(fact: str, wanted: str | float | bool) -> Condition:
    """The condition that an entry of `sql.requires` stands for: ``budget_usd: ">=10000"`` or ``authority: true``.

    Raises:
        ValueError: when a comparison is not with a number.
    """
    found = _COMPARISON.match(wanted) if isinstance(wanted, str) else None
    if not found:
        return Condition(fact, "=", str(wanted).lower() if isinstance(wanted, bool) else str(wanted))
    op, value = found.groups()
    if op in _ORDER and as_number(value) is None:
        raise ValueError(f"{fact}: {op} needs a number, not {value!r}")
    return Condition(fact, op, value)


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """A policy's pattern, matched anywhere in a value and without regard to case.

    Raises:
        ValueError: when it is no regular expression.
    """
    try:
        return re.compile(pattern, re.IGNORECASE)
    except re.error as err:
        raise ValueError(f"{pattern!r} is not a pattern: {err}") from None


def compile_words(pattern: str) -> re.Pattern[str]:
    """A point key's pattern, matched as whole words only.

    Raises:
        ValueError: when it is no regular expression, by itself or within a longer one.
    """
    compile_pattern(pattern)
    try:
        return compile_pattern(rf"(?<!\w)(?:{pattern})(?!\w)")
    except ValueError:
        raise ValueError(f"{pattern!r} is not a pattern: it sets flags or groups that hold for all of an expression") from None


def pattern_holds(pattern: str, fact: FactValue) -> bool:
    """Whether a point key matches a fact: a comparison (``>=200``) with numbers, else a pattern anywhere in the text.

    Whole words only, or ``c[etfmo]o`` would find a CTO in every "Director" and a COO in every "Coordinator".
    """
    if fact is None or fact == "":
        return False
    found = _COMPARISON.match(pattern)
    if found:
        return requirement("it", pattern).holds({"it": fact})
    if isinstance(fact, bool):
        return same(fact, pattern)
    text = " ".join(sorted(fact)) if isinstance(fact, frozenset) else str(fact)
    return bool(compile_words(pattern).search(text))
