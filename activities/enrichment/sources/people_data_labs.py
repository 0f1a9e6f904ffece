"""People Data Labs: companies and people, with a key. 404 is its word for no match; every match costs."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel

from activities.enrichment.basics import country_code
from activities.enrichment.cleaning import findings
from activities.enrichment.provider import Answer, Budget, Company, Findings, News, Person, Rank, SignalKind, Source, Value


class _Place(BaseModel):
    country: str | None = None


class _Company(BaseModel):
    likelihood: int = 6
    name: str | None = None
    display_name: str | None = None
    website: str | None = None
    employee_count: int | None = None
    founded: int | None = None
    industry: str | None = None
    ticker: str | None = None
    location: _Place | None = None
    total_funding_raised: float | None = None
    latest_funding_stage: str | None = None
    last_funding_date: str | None = None


class _Profile(BaseModel):
    job_title: str | None = None
    job_title_role: str | None = None
    job_title_levels: list[str] | None = None
    job_company_name: str | None = None
    linkedin_url: str | None = None


class _Person(BaseModel):
    likelihood: int = 6
    data: _Profile


class PeopleDataLabs(Source[Company]):
    """Finds `company`, `website`, `employees`, `founded`, `industry`, `company_country`, `ticker`, `funding_usd` and `funding_stage`."""

    name = "people_data_labs"
    rank = Rank.KEYED
    url = "https://api.peopledatalabs.com"
    keyed = True
    by_name = True
    places = True
    budget = Budget(per_minute=100, burst=10, cents=10, keeps=timedelta(days=30))

    async def ask(self, who: Company) -> Answer | None:
        """Look the company up by its web site, else by name."""
        by = {"website": who.domain} if who.domain else {"name": who.name or ""}
        headers = {"X-Api-Key": self.key}
        found = await self.web.get(f"{self.address}/v5/company/enrich", _Company, {**by, "min_likelihood": 4}, headers=headers)
        if found is None:
            return None
        confidence = found.likelihood / 10
        return Answer(_company_facts(found), _funding(found), confidence)


class PeopleDataLabsPerson(Source[Person]):
    """Finds a person's `title`, `seniority`, `department`, `linkedin` and `company`."""

    name = "people_data_labs_person"
    about = "person"
    rank = Rank.KEYED
    url = PeopleDataLabs.url
    keyed = True
    account = PeopleDataLabs.name
    budget = Budget(per_minute=100, burst=10, cents=10, keeps=timedelta(days=90))

    async def ask(self, who: Person) -> Answer | None:
        """Look the person up by e-mail address."""
        params = {"email": who["email"], "min_likelihood": 6}
        found = await self.web.get(f"{self.address}/v5/person/enrich", _Person, params, headers={"X-Api-Key": self.key})
        return None if found is None else Answer(_person_facts(found.data), confidence=found.likelihood / 10)


def _company_facts(found: _Company) -> Findings:
    said: dict[str, Value | None] = {
        "company": found.display_name or (found.name or "").title(),
        "website": f"https://{found.website}" if found.website else None,
        "employees": found.employee_count,
        "founded": found.founded,
        "industry": found.industry,
        "company_country": country_code(found.location.country) if found.location else None,
        "ticker": found.ticker,
        "funding_usd": found.total_funding_raised,
        "funding_stage": found.latest_funding_stage,
    }
    return findings(said)


def _funding(found: _Company) -> tuple[News, ...]:
    at = _moment(found.last_funding_date or "")
    if at is None:
        return ()
    stage = (found.latest_funding_stage or "funding").replace("_", " ")
    return (News(SignalKind.FUNDING, at, f"Raised {stage}", key=f"{found.last_funding_date} {stage}"),)


def _moment(said: str) -> datetime | None:
    """The noon of a day, or of the first of a month: their dates are as exact as they know them. A year alone is no news."""
    for shape in ("%Y-%m-%d", "%Y-%m"):
        with suppress(ValueError):
            return datetime.strptime(said, shape).replace(hour=12, tzinfo=UTC)
    return None


def _person_facts(found: _Profile) -> Findings:
    said: dict[str, Value | None] = {
        "title": found.job_title,
        "department": found.job_title_role,
        "seniority": next(iter(found.job_title_levels or ()), None),
        "company": found.job_company_name.title() if found.job_company_name else None,
        "linkedin": f"https://{found.linkedin_url}" if found.linkedin_url else None,
    }
    return findings(said)
