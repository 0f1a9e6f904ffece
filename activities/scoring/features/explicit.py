"""What a lead, the customer and enrichment say: the person, the company, where they come from, and any attribute."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from activities.enrichment.basics import country_code, email_kind
from activities.scoring.features.known import Feature, Features, Known, number
from activities.scoring.features.titles import RANKS, function, seniority

MOST_ATTRIBUTES: Final = 300
"""More names than this from one lead are noise, or an accident."""
_LONGEST: Final = 2000
_ABOUT_FINDINGS: Final = frozenset({"provenance", "missing", "why", "signals", "company_id", "email_kind", "domain", "website", "country"})
_COMPANY: Final = {
    "company.employees": ("employees", "company_size", "employee_count", "number_of_employees", "headcount"),
    "company.revenue": ("revenue_usd", "revenue", "annual_revenue", "annual_revenue_usd"),
    "company.industry": ("industry", "sector"),
    "company.technologies": ("technologies", "tech_stack"),
    "company.founded": ("founded", "founded_year", "year_founded"),
    "company.country": ("company_country",),
    "company.city": ("city", "company_city"),
}
"""The names that customers and providers give to what is known about companies."""
_AMOUNTS: Final = frozenset({"company.employees", "company.revenue", "company.founded"})
_BUDGET: Final = 4
_RANGE = re.compile(r"^\s*[^\d]{0,3}([\d.,]+)\s*([kmb]?)\w*\s*(?:(?:[-\u2013]|to|bis)\s*[^\d]{0,3}([\d.,]+)\s*([kmb]?))?", re.IGNORECASE)
_TIMES: Final = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9}


def explicit(known: Known) -> Features:
    """What is known without watching anybody: about the person, the company, the form and the customer's attributes."""
    person, attributes = known.person, dict(known.person.get("attributes") or {})
    found = {**_title(_text(person.get("title")) or _text(attributes.get("title"))), **_person(person, known.enrichment)}
    found |= _form(person)
    found |= _company(attributes, known.enrichment)
    found |= _flat("attributes", attributes)
    taken = {name for names in _COMPANY.values() for name in names} | _ABOUT_FINDINGS
    return found | _flat("enrichment", {name: value for name, value in known.enrichment.items() if name not in taken})


def _title(title: str | None) -> Features:
    if title is None:
        return {}
    level = seniority(title)
    rank = RANKS.get(level, 2)
    return {
        "title": title,
        "title.seniority": level,
        "title.rank": float(rank),
        "title.budget_holder": rank >= _BUDGET,
        "title.function": function(title),
    }


def _person(person: Mapping[str, Any], enrichment: Mapping[str, Any]) -> Features:
    found: Features = {}
    domain = _text(person.get("mail_domain"))
    if domain:
        found |= {"email.kind": email_kind(domain), "email.ending": domain.rpartition(".")[2]}
    said = _text(person.get("country")) or _text(enrichment.get("country"))
    if said:
        found["country"] = country_code(said) or said
    return found


def _form(person: Mapping[str, Any]) -> Features:
    found: Features = {name: _text(person.get(name)) for name in ("source", "campaign", "interest", "message")}
    consent = person.get("consent") or {}
    found["form.company"] = bool(person.get("company"))
    found["form.phone"] = bool(person.get("phone"))
    found["form.message_words"] = float(len((found["message"] or "").split())) if isinstance(found["message"], str) else 0.0
    found["form.consents"] = float(sum(1 for allowed in consent.values() if allowed is True))
    found["form.fields"] = float(sum(1 for name in ("title", "country", "interest", "message", "company", "phone") if person.get(name)))
    found["company.named_account"] = bool(person.get("named_account"))
    return found


def _company(attributes: Mapping[str, Any], enrichment: Mapping[str, Any]) -> Features:
    """What is known of the company; what the customer says wins over what was found out."""
    found: Features = {}
    for feature, names in _COMPANY.items():
        values = (source.get(name) for source in (attributes, enrichment) for name in names)
        value = next((value for value in values if value not in (None, "", [], {})), None)
        if value is None:
            continue
        if feature in _AMOUNTS:
            found[feature] = amount(value)
        else:
            found[feature] = _plain(value)
        if isinstance(value, list):
            found[f"{feature}_count"] = float(len(value))
    return found


def amount(value: object) -> float | None:
    """A size written as people write it: a number, `10k`, `1,000+`, or a range such as `51-200`, which is its geometric mean."""
    exact = number(value)
    if exact is not None or not isinstance(value, str):
        return exact
    found = _RANGE.match(value)
    if not found:
        return None
    low, high = (number(found[n].rstrip(".,")) if found[n] else None for n in (1, 3))
    if low is None:
        return None
    low *= _TIMES[(found[2] or "").lower()]
    if high is None:
        return low
    high *= _TIMES[(found[4] or "").lower()]
    return round(math.sqrt(max(low, 1.0) * max(high, 1.0)), 1)


def _flat(prefix: str, values: Mapping[str, Any]) -> Features:
    pairs = sorted(_pairs(prefix, values, 5))
    return dict(pairs[:MOST_ATTRIBUTES])


def _pairs(prefix: str, values: Mapping[str, Any], depth: int) -> Iterator[tuple[str, Feature]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            if depth:
                yield from _pairs(f"{prefix}.{name}", value, depth - 1)
        elif value not in (None, "", []):
            yield f"{prefix}.{name}", _plain(value)


def _plain(value: Any) -> Feature:
    """A value of JSON as a feature; a list as the words in it."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, list):
        return ", ".join(sorted({str(item).strip().lower() for item in value}))[:_LONGEST] or None
    return _text(value)


def _text(value: object) -> str | None:
    return (" ".join(value.split())[:_LONGEST] or None) if isinstance(value, str) else None if value is None else str(value)[:_LONGEST]
