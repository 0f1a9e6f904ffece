"""Companies House, the register of the United Kingdom: Basic authentication with the key as user name (600 questions in 5 minutes)."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

from pydantic import BaseModel

from activities.enrichment.cleaning import line
from activities.enrichment.naming import called, same_name
from activities.enrichment.provider import Answer, Budget, Company, Findings, News, SignalKind, Source

_LATELY = timedelta(days=120)
_CONFIDENCE = 0.8
_FILED: Final = {
    "SH01": (SignalKind.FUNDING, "New shares were allotted"),
    "AP01": (SignalKind.LEADERSHIP, "A director was appointed"),
    "TM01": (SignalKind.LEADERSHIP, "A director left"),
}
"""Forms that tell something. Names of directors are left out."""
_PUBLIC = "https://find-and-update.company-information.service.gov.uk"


class _Found(BaseModel):
    title: str
    company_number: str
    company_status: str | None = None


class _Search(BaseModel):
    items: list[_Found] = []


class _Profile(BaseModel):
    company_name: str
    company_number: str
    company_status: str | None = None
    date_of_creation: date | None = None


class _Filing(BaseModel):
    type: str
    date: date
    transaction_id: str


class _History(BaseModel):
    items: list[_Filing] = []


class CompaniesHouse(Source[Company]):
    """Finds `company`, `company_number`, `company_status`, `founded`, and tells new shares and changes of directors.

    A name in the register is no web site, so only companies that are British, by country or domain, are looked up.
    """

    name = "companies_house"
    url = "https://api.company-information.service.gov.uk"
    keyed = True
    by_name = True
    follows = True
    budget = Budget(per_minute=100, burst=20)

    async def ask(self, who: Company) -> Answer | None:
        """Find an active company of exactly this name and read its latest filings."""
        name = called(who)
        british = "GB" in (who.country, who.known.get("company_country")) or (who.domain or "").endswith(".uk")
        if not name or not british:
            return None
        auth = (self.key, "")
        search = await self.web.get(f"{self.address}/search/companies", _Search, {"q": name, "items_per_page": 20}, auth=auth)
        found = [one for one in (search.items if search else []) if one.company_status == "active" and same_name(one.title, name)]
        if not found:
            return None
        number = found[0].company_number
        company = await self.web.get(f"{self.address}/company/{number}", _Profile, auth=auth)
        if company is None:
            return None
        filed = await self.web.get(f"{self.address}/company/{number}/filing-history", _History, {"items_per_page": 50}, auth=auth)
        return Answer(_facts(company), tuple(_news(number, filed.items if filed else [])), _CONFIDENCE if len(found) == 1 else 0.5)


def _facts(company: _Profile) -> Findings:
    facts: Findings = {
        "company": line(company.company_name.title(), 100),
        "company_number": company.company_number,
        "company_country": "GB",
    }
    if company.company_status:
        facts["company_status"] = company.company_status
    if company.date_of_creation:
        facts["founded"] = company.date_of_creation.year
    return facts


def _news(number: str, filings: list[_Filing]) -> list[News]:
    since = (datetime.now(UTC) - _LATELY).date()
    return [
        News(
            kind=_FILED[filing.type][0],
            at=datetime(filing.date.year, filing.date.month, filing.date.day, 12, tzinfo=UTC),
            title=f"{_FILED[filing.type][1]} (form {filing.type})",
            url=f"{_PUBLIC}/company/{number}/filing-history",
            key=filing.transaction_id,
        )
        for filing in filings
        if filing.type in _FILED and filing.date >= since
    ]
