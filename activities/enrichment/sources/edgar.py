"""The filings of companies listed in the United States, from the SEC's EDGAR: no key, but a User-Agent that says who asks."""

import asyncio
import time
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from activities.enrichment.cleaning import line
from activities.enrichment.naming import called, company_domain, name_key
from activities.enrichment.provider import Answer, Budget, Company, Findings, News, SignalKind, Source
from activities.enrichment.web import Web
from models.settings import SourceSettings

_LISTS_KEEP = 24 * 3600.0
_LATELY = timedelta(days=120)
_SAME_SITE, _BY_NAME = 0.95, 0.6
"""That it is this company: by its web site too, or by its name alone."""
_EASTERN = ZoneInfo("America/New_York")
_ITEMS: Final = {
    "5.02": (SignalKind.LEADERSHIP, "Directors or officers changed"),
    "2.01": (SignalKind.EXPANSION, "An acquisition or disposal was completed"),
    "3.02": (SignalKind.FUNDING, "Shares were sold privately"),
}
"""Items of an 8-K that tell something, by the SEC's numbers."""
_FORMS: Final = {
    "D": (SignalKind.FUNDING, "Securities were offered privately"),
    "S-1": (SignalKind.FUNDING, "A public offering was registered"),
    "424B4": (SignalKind.FUNDING, "A public offering was priced"),
}


class _Listed(BaseModel):
    cik_str: int
    ticker: str
    title: str


class _Recent(BaseModel):
    accessionNumber: list[str]  # noqa: N815 - the SEC's name
    filingDate: list[date]  # noqa: N815 - the SEC's name
    form: list[str]
    items: list[str]


class _Filings(BaseModel):
    recent: _Recent


class _Submissions(BaseModel):
    name: str
    sicDescription: str = ""  # noqa: N815 - the SEC's name
    website: str | None = None
    filings: _Filings


class Edgar(Source[Company]):
    """Finds `ticker` and `industry`, and tells funding, leadership changes and acquisitions by what was filed lately."""

    name = "edgar"
    url = "https://data.sec.gov"
    by_name = True
    follows = True
    budget = Budget(per_minute=300, burst=5)

    def __init__(self, settings: SourceSettings, web: Web) -> None:
        super().__init__(settings, web)
        self._lists = f"{self.address}/files/company_tickers.json" if settings.url else "https://www.sec.gov/files/company_tickers.json"
        self._listed: dict[str, _Listed] = {}
        self._read_at = 0.0
        self._reading = asyncio.Lock()

    async def ask(self, who: Company) -> Answer | None:
        """Find the company among those listed, by its name, and read its latest filings."""
        name = called(who)
        listed = (await self._list()).get(name_key(name)) if name else None
        if listed is None:
            return None
        found = await self.web.get(f"{self.address}/submissions/CIK{listed.cik_str:010d}.json", _Submissions)
        site = company_domain(found.website) if found and found.website else None
        if found is None or (site and who.domain and site != who.domain):
            return None
        facts: Findings = {"ticker": listed.ticker, "company": line(found.name.title() if found.name.isupper() else found.name, 100)}
        if found.sicDescription:
            facts["industry"] = line(found.sicDescription, 100)
        return Answer(facts, tuple(_news(listed.cik_str, found.filings.recent)), _SAME_SITE if site else _BY_NAME)

    async def _list(self) -> dict[str, _Listed]:
        """Everybody who is listed, by name; read once a day."""
        async with self._reading:
            if not self._listed or time.monotonic() - self._read_at > _LISTS_KEEP:
                found = await self.web.get(self._lists, dict[str, _Listed])
                self._listed = {}
                for entry in (found or {}).values():
                    self._listed.setdefault(name_key(entry.title), entry)
                self._read_at = time.monotonic()
            return self._listed


def _news(cik: int, recent: _Recent) -> list[News]:
    news = []
    since = (datetime.now(UTC) - _LATELY).date()
    for number, day, form, items in zip(recent.accessionNumber, recent.filingDate, recent.form, recent.items, strict=False):
        if day < since:
            continue
        told = [_FORMS[form]] if form in _FORMS else [_ITEMS[item] for item in items.split(",") if form == "8-K" and item in _ITEMS]
        at = datetime(day.year, day.month, day.day, 9, tzinfo=_EASTERN).astimezone(UTC)
        url = f"https://www.sec.gov/Archives/edgar/data/{cik}/{number.replace('-', '')}/{number}-index.htm"
        news += [News(kind, at, f"{title} (form {form})", url, 1.0, key=f"{number} {kind}") for kind, title in told]
    return news
