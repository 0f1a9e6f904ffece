"""What is known about a lead, by the names a policy uses, and what the decision tree must know of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from activities.enrichment.basics import domain_of, email_kind
from activities.enrichment.profile import facts_in
from models.lifecycle import Known
from models.policy import Policy
from models.rules import Facts, FactValue

FORM = ("first_name", "last_name", "company", "title", "phone", "country", "source", "campaign", "interest", "message")
"""The form's fields that are facts as they stand. The e-mail address is one by what kind of address it is."""


def facts_of(person: Mapping[str, Any], enrichment: Mapping[str, Any], answers: Mapping[str, FactValue] | None = None) -> Facts:
    """Everything known about a lead, by name.

    What the person said wins: a form field over what they answered in a tool, that over one of the customer's attributes, and
    all over enrichment. Empty answers are no facts. `email` holds the word for its kind (`free`, `disposable` or `company`) and
    `domain` its domain.

    Args:
        person: the lead's columns, `attributes` among them; nested ones become `outer.inner`, a list the words it holds.
        enrichment: its findings by name, as `leads.enrichment` has them.
        answers: facts told in interactive tools, see `activities.scoring.assessments`.
    """
    found = _flat(facts_in(enrichment))
    said = _flat({name: person.get(name) for name in FORM})
    domain = domain_of(person.get("email"))
    if domain:
        said |= {"email": frozenset({email_kind(domain)}), "domain": domain}
    return {**found, **_flat(person.get("attributes") or {}), **(answers or {}), **said}


def known_of(facts: Facts, points: float, policy: Policy, *, named_account: bool, engaged_at: datetime | None) -> Known:
    """What the decision tree needs to know about a lead.

    Args:
        facts: as `facts_of` gives them.
        points: the points table's sum.
        policy: whose rules are looked at.
        named_account: the lead belongs to a named account.
        engaged_at: its latest engagement.
    """
    kinds = facts.get("email")
    criteria = policy.sql.conditions
    return Known(
        points=points,
        company=bool(facts.get("company")) or (isinstance(kinds, frozenset) and "company" in kinds),
        disqualified=any(rule.holds(facts) for rule in policy.disqualify.conditions),
        sql=bool(criteria) and all(criterion.holds(facts) for criterion in criteria),
        sal=all(facts.get(name) is not None for name in policy.sal.requires),
        named_account=named_account,
        engaged_at=engaged_at,
    )


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, FactValue]:
    facts: dict[str, FactValue] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            facts |= _flat(value, f"{name}.")
        elif isinstance(value, list | tuple | set | frozenset):
            words = frozenset(str(item).strip().lower() for item in value)
            if words:
                facts[name] = words
        elif isinstance(value, bool | int | float) or str(value or "").strip():
            facts[name] = value
    return facts
