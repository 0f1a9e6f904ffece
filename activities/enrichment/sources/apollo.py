"""Apollo: companies and people, with a key."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel

from activities.enrichment.basics import country_code
from activities.enrichment.cleaning import findings, line
from activities.enrichment.provider import Answer, Budget, Company, Findings, News, Person, Rank, SignalKind, Source, Value

_CONFIDENCE = 0.85
_MOST_TECHNOLOGIES = 30


class _Round(BaseModel):
    date: datetime | None = None
    type: str | None = None
    news_url: str | None = None


class _Organization(BaseModel):
    name: str | None = None
    website_url: str | None = None
    estimated_num_employees: int | None = None
    founded_year: int | None = None
    industry: str | None = None
    country: str | None = None
    annual_revenue: float | None = None
    total_funding: float | None = None
    latest_funding_stage: str | None = None
    technology_names: list[str] | None = None
    funding_events: list[_Round] | None = None


class _Enriched(BaseModel):
    organization: _Organization | None


class _Matched(BaseModel):
    title: str | None = None
    seniority: str | None = None
    departments: list[str] | None = None
    linkedin_url: str | None = None
    organization: _Organization | None = None


class _Match(BaseModel):
    person: _Matched | None


class Apollo(Source[Company]):
    """Finds `company`, `employees`, `founded`, `industry`, `revenue_usd`, `funding_usd`, `technologies`, and tells funding rounds."""

    name = "apollo"
    rank = Rank.KEYED
    url = "https://api.apollo.io"
    keyed = True
    budget = Budget(per_minute=50, burst=10, cents=5, keeps=timedelta(days=30))

    async def ask(self, who: Company) -> Answer | None:
        """Look the company up by its domain."""
        address = f"{self.address}/api/v1/organizations/enrich"
        found = await self.web.get(address, _Enriched, {"domain": who.domain or ""}, headers={"x-api-key": self.key})
        if found is None or found.organization is None:
            return None
        return Answer(_facts(found.organization), tuple(_news(found.organization.funding_events or ())), _CONFIDENCE)


class ApolloPerson(Source[Person]):
    """Finds a person's `title`, `seniority`, `department`, `linkedin` and `company`."""

    name = "apollo_person"
    about = "person"
    rank = Rank.KEYED
    url = Apollo.url
    keyed = True
    account = Apollo.name
    budget = Budget(per_minute=50, burst=10, cents=5, keeps=timedelta(days=90))

    async def ask(self, who: Person) -> Answer | None:
        """Look the person up by e-mail address; no private address or number is asked for."""
        address = f"{self.address}/api/v1/people/match"
        found = await self.web.get(address, _Match, {"email": who["email"]}, headers={"x-api-key": self.key}, method="POST")
        person = found.person if found else None
        if person is None:
            return None
        said: dict[str, Value | None] = {
            "title": person.title,
            "seniority": person.seniority,
            "department": next(iter(person.departments or ()), None),
            "linkedin": person.linkedin_url,
            "company": person.organization.name if person.organization else None,
        }
        facts = findings(said)
        return Answer(facts, confidence=_CONFIDENCE) if facts else None


def _facts(found: _Organization) -> Findings:
    said: dict[str, Value | None] = {
        "company": found.name,
        "website": found.website_url,
        "employees": found.estimated_num_employees,
        "founded": found.founded_year,
        "industry": found.industry,
        "company_country": country_code(found.country),
        "revenue_usd": found.annual_revenue,
        "funding_usd": found.total_funding,
        "funding_stage": found.latest_funding_stage,
        "technologies": [line(name, 60) for name in (found.technology_names or [])[:_MOST_TECHNOLOGIES]],
    }
    return findings(said)


def _news(rounds: Iterable[_Round]) -> Iterator[News]:
    """The rounds of which it is known when they were."""
    for found in rounds:
        if found.date is not None:
            stage = found.type or "a funding round"
            at = min(found.date if found.date.tzinfo else found.date.replace(tzinfo=UTC), datetime.now(UTC))
            yield News(SignalKind.FUNDING, at, f"Raised {line(stage, 100)}", found.news_url, key=f"{at.astimezone(UTC):%Y-%m-%d} {stage}")
