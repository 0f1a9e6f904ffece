"""Hunter: companies and people, with a key. Its 403 says that we ask too fast, its 429 that the plan is used up."""

from datetime import timedelta

from pydantic import BaseModel, Field

from activities.enrichment.basics import country_code
from activities.enrichment.cleaning import findings, line
from activities.enrichment.provider import Answer, Budget, Company, Findings, Person, Rank, Source, Value

_LIMITS = (403, 429, 503)
_CONFIDENCE = 0.8
_DESCRIPTION = 300
"""Letters of what a company says of itself."""


class _Category(BaseModel):
    industry: str | None = None


class _Metrics(BaseModel):
    employees: int | str | None = None


class _Geo(BaseModel):
    country: str | None = None


class _Company(BaseModel):
    name: str | None = None
    description: str | None = None
    founded: int | None = Field(default=None, alias="foundedYear")
    category: _Category | None = None
    metrics: _Metrics | None = None
    geo: _Geo | None = None
    tech: list[str] | None = None


class _Found(BaseModel):
    data: _Company | None


class _Employment(BaseModel):
    name: str | None = None
    title: str | None = None
    role: str | None = None
    seniority: str | None = None


class _Profile(BaseModel):
    employment: _Employment | None = None


class _Person(BaseModel):
    data: _Profile | None


class Hunter(Source[Company]):
    """Finds `company`, `description`, `founded`, `industry`, `employees`, `company_country` and `technologies`."""

    name = "hunter"
    rank = Rank.KEYED
    url = "https://api.hunter.io"
    keyed = True
    budget = Budget(per_minute=100, burst=10, cents=2, keeps=timedelta(days=30))

    async def ask(self, who: Company) -> Answer | None:
        """Look the company up by its domain."""
        address = f"{self.address}/v2/companies/find"
        found = await self.web.get(address, _Found, {"domain": who.domain or ""}, headers={"X-API-KEY": self.key}, limits=_LIMITS)
        return None if found is None or found.data is None else Answer(_facts(found.data), confidence=_CONFIDENCE)


class HunterPerson(Source[Person]):
    """Finds a person's `title`, `seniority`, `department` and `company`."""

    name = "hunter_person"
    about = "person"
    rank = Rank.KEYED
    url = Hunter.url
    keyed = True
    account = Hunter.name
    budget = Budget(per_minute=100, burst=10, cents=2, keeps=timedelta(days=90))

    async def ask(self, who: Person) -> Answer | None:
        """Look the person up by e-mail address."""
        address = f"{self.address}/v2/people/find"
        found = await self.web.get(address, _Person, {"email": who["email"]}, headers={"X-API-KEY": self.key}, limits=_LIMITS)
        work = found.data.employment if found and found.data else None
        if work is None:
            return None
        facts = findings({"title": work.title, "seniority": work.seniority, "department": work.role, "company": work.name})
        return Answer(facts, confidence=_CONFIDENCE) if facts else None


def _facts(found: _Company) -> Findings:
    said: dict[str, Value | None] = {
        "company": found.name,
        "description": found.description,
        "founded": found.founded,
        "industry": found.category.industry if found.category else None,
        "employees": _least(found.metrics.employees if found.metrics else None),
        "company_country": country_code(found.geo.country) if found.geo else None,
        "technologies": [line(name, 60) for name in (found.tech or [])[:30]],
    }
    return findings(said, _DESCRIPTION)


def _least(employees: int | str | None) -> int | None:
    """The number of employees, of a range like `51-200` its lower end."""
    if isinstance(employees, int) or employees is None:
        return employees
    digits = employees.replace(",", "").replace("+", "-").partition("-")[0].strip()
    return int(digits) if digits.isascii() and digits.isdecimal() else None
