"""What people told in interactive tools: answers that the policy maps to facts, each with where it comes from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from models.policy import Policy
from models.policy.tracking import ANSWER
from models.rules import FactValue, as_number, pattern_holds

KIND = "assessment_completed"
"""Its properties: `name` of the tool, `answers` by question."""

_LATEST = text(
    """
    SELECT DISTINCT ON (lead_id, properties ->> 'name') lead_id, properties ->> 'name' AS name, properties -> 'answers' AS answers, at
    FROM engagements WHERE lead_id = ANY(:leads) AND kind = 'assessment_completed' AND verdict = 'human' AND at <= :at
        AND properties ->> 'name' = ANY(CAST(:names AS text[]))
    ORDER BY lead_id, properties ->> 'name', at DESC, id DESC"""
)


@dataclass(frozen=True, slots=True)
class Told:
    """A fact that an answer told.

    Args:
        fact: its name.
        value: what it is.
        tool: the assessment.
        question, answer: as they stand there.
        at: when.
    """

    fact: str
    value: FactValue
    tool: str
    question: str
    answer: str
    at: datetime


async def told_by(connection: AsyncConnection, leads: Iterable[UUID], policy: Policy, at: datetime) -> dict[UUID, list[Told]]:
    """What leads told in their latest round of each tool that the policy knows, the earliest first. Who told nothing is left out.

    Args:
        connection: to the database.
        leads: who.
        policy: what it makes of answers.
        at: as of when.
    """
    if not policy.assessments:
        return {}
    rounds: dict[UUID, list[tuple[str, Any, datetime]]] = {}
    for row in await connection.execute(_LATEST, {"leads": list(leads), "at": at, "names": list(policy.assessments)}):
        rounds.setdefault(row.lead_id, []).append((row.name, row.answers, row.at))
    return {lead: told(found, policy) for lead, found in rounds.items()}


def told(rounds: Iterable[tuple[str, Any, datetime]], policy: Policy) -> list[Told]:
    """What these rounds of tools tell.

    Args:
        rounds: name, answers by question, and time of each.
        policy: what it makes of answers.
    """
    found: list[Told] = []
    for tool, answers, at in sorted(rounds, key=lambda one: one[2]):
        for question, given in (answers if isinstance(answers, Mapping) else {}).items():
            mapped = policy.assessments.get(tool, {}).get(question, {})
            match = next((facts for pattern, facts in mapped.items() if _matches(pattern, given)), {})
            values = {fact: _value(value, given) for fact, value in match.items()}
            found += [Told(fact, value, tool, question, _shown(given), at) for fact, value in values.items() if value is not None]
    return found


def facts(found: Iterable[Told]) -> dict[str, FactValue]:
    """The facts alone; what was told later counts."""
    return {one.fact: one.value for one in found}


def _matches(pattern: str, given: Any) -> bool:
    if not isinstance(given, str | bool | int | float):
        return False
    return pattern == "*" or pattern_holds(pattern, given)


def _value(value: bool | float | str, given: Any) -> FactValue:
    """What a fact is: as the policy has it, or the answer itself, which is a number wherever it is one."""
    if value != ANSWER:
        return value
    number = as_number(given)
    return given if number is None else number


def _shown(given: Any) -> str:
    return ("yes" if given else "no") if isinstance(given, bool) else str(given)
