"""One server that answers as every source of enrichment documents, and fails in the ways they do."""

import asyncio
import re
import ssl
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse

from activities.database import Database
from activities.enrichment.asking import Asker
from activities.enrichment.provider import Source
from activities.enrichment.sources import SOURCES
from activities.enrichment.web import Web
from activities.outward import Guard, Outward
from models.settings import SourceSettings
from tests.stack import served

KEY = "a-key"
ROOTS = ssl.create_default_context()
FRONT = """<!doctype html><html><head><title>Acme — rockets</title><meta name="description" content="Rockets
for everybody."><meta property="og:site_name" content="Acme"><script src="https://js.hs-scripts.com/1.js"></script></head>
<body><img src="/wp-content/a.png"><a href="/about">About</a><a href="https://boards.greenhouse.io/acmejobs">Careers</a></body></html>"""


def _ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


@dataclass
class Providers:
    """Everybody who is asked, as one server sees it.

    Args:
        address: of the server.
        modes: by source, how it fails: slow, limited, server, malformed, changed, nothing, refused; well when left out.
        calls: by source, how often it was asked about what.
    """

    address: str = ""
    modes: dict[str, str] = field(default_factory=dict)
    calls: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    headlines: list[str] = field(default_factory=lambda: ["Acme raises $40 million in Series B", "Acme is nice"])
    agents: set[str] = field(default_factory=set)
    retry_after: str = "120"
    released: asyncio.Event = field(default_factory=asyncio.Event)
    secrets: set[str] = field(default_factory=set)
    webs: list[Web] = field(default_factory=list)

    def counted(self, source: str) -> int:
        """How many questions a source got."""
        return sum(self.calls[source].values())

    def settings(self, source: type[Source[Any]], **more: Any) -> SourceSettings:
        """Settings that point a source here."""
        path = "/site/{domain}" if source.name == "site" else f"/{source.settled_as()}"
        return SourceSettings(**{"url": self.address + path, "key": KEY, "per_minute": 6_000_000, "seconds": 5, **more})

    def web(self) -> Web:
        """The way here; closed with the server."""
        if not self.webs:
            self.webs.append(self.new_web())
        return self.webs[0]

    def new_web(self) -> Web:
        """One of its own, to be closed by who asked for it."""
        client = httpx.AsyncClient(timeout=5, trust_env=False, verify=ROOTS)
        return Web(Outward(Guard(loopback=True, verify=ROOTS)), "Twoway test (ops@ours.example)", client)

    @contextmanager
    def failing(self, source: str, mode: str) -> Iterator[None]:
        """A source that fails in this way meanwhile."""
        self.modes[source] = mode
        try:
            yield
        finally:
            self.modes.pop(source)

    def asker(self, database: Database, *names: str, patience: float = 18.0, **more: Any) -> Asker:
        """Asks these sources, all when none is named."""
        web = self.web()
        return Asker(database, [kind(self.settings(kind, **more), web) for kind in SOURCES if not names or kind.name in names], patience)


@asynccontextmanager
async def providers() -> AsyncIterator[Providers]:
    """The server, while it serves."""
    found = Providers()
    async with served(_application(found)) as address:
        found.address = address
        yield found
        found.released.set()
        for web in found.webs:
            await web.close()


def _application(state: Providers) -> FastAPI:
    app = FastAPI()

    @app.middleware("http")
    async def moody(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        source = request.url.path.split("/")[1]
        state.calls[source][request.url.path + "?" + request.url.query] += 1
        state.agents.add(request.headers["user-agent"])
        state.secrets |= {value for name, value in request.headers.items() if name in ("x-api-key", "authorization")}
        match state.modes.get(source):
            case "slow":
                await state.released.wait()
            case "limited":
                return PlainTextResponse("Slow down", 429, {"Retry-After": state.retry_after})
            case "server":
                return PlainTextResponse("Oops", 502)
            case "refused":
                return JSONResponse({"errors": [{"id": "authentication_failed"}]}, 401)
            case "malformed":
                return Response('{"jobs": [', media_type="application/json")
            case "changed":
                return JSONResponse(
                    {"v2": {"jobs": "elsewhere"}, "search": 5, "items": 5, "articles": 5, "status": {}, "likelihood": "high"}
                )
            case "nothing":
                return JSONResponse({"error": {"type": "not_found"}}, 404)
        return await go_on(request)

    _keyless(app, state)
    _keyed(app)
    return app


def _keyless(app: FastAPI, state: Providers) -> None:
    @app.get("/site/{domain}")
    async def site(domain: str) -> Response:
        return HTMLResponse(FRONT, headers={"X-Powered-By": "PHP/8.3", "CF-Ray": "8a1"})

    @app.get("/greenhouse/v1/boards/{token}/jobs")
    async def greenhouse(token: str) -> Any:
        at = _ago(2).isoformat()
        job = {"id": 1, "title": "Account Executive", "updated_at": at, "location": {"name": "Berlin"}, "absolute_url": "https://x/1"}
        return {"jobs": [job, {**job, "id": 2, "title": "Engineer", "updated_at": _ago(9).isoformat()}], "meta": {"total": 2}}

    @app.get("/lever/v0/postings/{token}")
    async def lever(token: str, mode: str) -> Any:
        posting = {"id": "a-b", "text": "Nurse", "hostedUrl": "https://x/a-b", "categories": {"team": "Care"}}
        return [{**posting, "createdAt": int(_ago(3).timestamp() * 1000)}]

    @app.get("/gdelt/api/v2/doc/doc")
    async def gdelt(query: str, format: str) -> Any:  # noqa: A002 - its name there
        seen = _ago(1).strftime("%Y%m%dT%H%M%SZ")
        return {
            "articles": [
                {"url": f"https://news.example/{number}", "url_mobile": "", "title": title, "seendate": seen, "domain": "news.example"}
                for number, title in enumerate(state.headlines)
            ]
        }

    @app.get("/edgar/files/company_tickers.json")
    async def tickers() -> Any:
        return {"0": {"cik_str": 320193, "ticker": "ACME", "title": "ACME Inc."}, "1": {"cik_str": 2, "ticker": "O", "title": "Other"}}

    @app.get("/edgar/submissions/{file}")
    async def submissions(file: str) -> Any:
        assert file == "CIK0000320193.json"
        days = [_ago(n).date().isoformat() for n in (5, 6, 400)]
        recent = {
            "accessionNumber": ["1-1-1", "1-1-2", "1-1-3"],
            "filingDate": days,
            "form": ["8-K", "10-Q", "8-K"],
            "items": ["5.02,9.01", "", "5.02"],
        }
        return {"cik": "320193", "name": "ACME INC", "sicDescription": "Guided Missiles", "filings": {"recent": recent, "files": []}}

    @app.get("/wikidata/w/api.php")
    async def wikidata(action: str, search: str = "", ids: str = "", props: str = "") -> Any:
        if action == "wbsearchentities":
            return {"search": [{"id": "Q1", "label": "Acme"}] if re.search("acme", search, re.IGNORECASE) else [], "success": 1}
        labels = {"Q1": "Acme", "Q2": "Germany", "Q3": "aerospace"}
        return {"entities": {item: _entity(labels[item], full="claims" in props) for item in ids.split("|")}, "success": 1}


def _entity(label: str, *, full: bool) -> Any:
    def statement(value: Any, rank: str = "normal") -> Any:
        return {"mainsnak": {"snaktype": "value", "datavalue": {"value": value, "type": "any"}}, "rank": rank}

    claims = {
        "P856": [statement("https://www.acme.com/")],
        "P1128": [statement({"amount": "+90", "unit": "1"}), statement({"amount": "+250", "unit": "1"}, "preferred")],
        "P571": [statement({"time": "+1994-07-05T00:00:00Z", "precision": 11})],
        "P17": [statement({"entity-type": "item", "id": "Q2"})],
        "P452": [statement({"entity-type": "item", "id": "Q3"})],
        "P249": [{"mainsnak": {"snaktype": "novalue"}, "rank": "normal"}],
    }
    return {"labels": {"en": {"language": "en", "value": label}}, "claims": claims if full else {}}


def _keyed(app: FastAPI) -> None:
    @app.get("/companies_house/search/companies")
    async def search(q: str) -> Any:
        return {"items": [{"title": "ACME LIMITED", "company_number": "00445790", "company_status": "active"}], "total_results": 1}

    @app.get("/companies_house/company/{number}")
    async def company(number: str) -> Any:
        return {"company_name": "ACME LIMITED", "company_number": number, "company_status": "active", "date_of_creation": "1947-11-27"}

    @app.get("/companies_house/company/{number}/filing-history")
    async def filings(number: str) -> Any:
        filed = [("AP01", 3, "a"), ("CS01", 4, "b"), ("SH01", 900, "c")]
        return {"items": [{"type": kind, "date": _ago(days).date().isoformat(), "transaction_id": key} for kind, days, key in filed]}

    @app.get("/people_data_labs/v5/company/enrich")
    async def pdl_company() -> Any:
        found = {
            "name": "acme",
            "display_name": "Acme",
            "website": "acme.com",
            "employee_count": 300,
            "founded": 1994,
            "industry": "aerospace",
        }
        money = {"total_funding_raised": 5e7, "latest_funding_stage": "series_b", "last_funding_date": _ago(30).date().isoformat()}
        return {"status": 200, "likelihood": 8, **found, **money, "location": {"country": "united states"}}

    @app.get("/people_data_labs/v5/person/enrich")
    async def pdl_person(email: str) -> Any:
        work = {"job_title": "vp of sales", "job_title_role": "sales", "job_title_levels": ["vp"], "job_company_name": "acme"}
        hidden = {"work_email": True, "mobile_phone": False}  # what a plan does not include is said to be there, or not
        return {"status": 200, "likelihood": 9, "data": {**work, "linkedin_url": "linkedin.com/in/ada", **hidden}}

    @app.get("/apollo/api/v1/organizations/enrich")
    async def apollo(domain: str) -> Any:
        told = {"investors": "Somebody Ventures", "amount": "40M", "currency": "$"}
        rounds = [
            {"id": "1", "date": _ago(20).isoformat(), "type": "Series B", "news_url": "javascript:alert(1)", **told},
            {"id": "2", "date": None, "type": "Seed", "news_url": None, **told},
        ]
        facts = {"name": "Acme", "website_url": "http://www.acme.com", "estimated_num_employees": 280, "industry": "aviation"}
        nothing = dict.fromkeys(("annual_revenue", "total_funding", "latest_funding_stage", "founded_year"))
        return {
            "organization": {"id": "1", **facts, **nothing, "country": "Germany", "technology_names": ["Okta"], "funding_events": rounds}
        }

    @app.post("/apollo/api/v1/people/match")
    async def apollo_person(email: str) -> Any:
        return {"person": {"title": "VP Sales", "seniority": "vp", "departments": ["sales"], "organization": {"name": "Acme"}}}

    @app.get("/hunter/v2/companies/find")
    async def hunter(domain: str) -> Any:
        facts = {"name": "Acme", "description": "Rockets", "foundedYear": 1994, "category": {"industry": "Aerospace"}}
        return {"data": {**facts, "metrics": {"employees": "201-500"}, "geo": {"country": "Germany"}, "tech": ["okta"]}, "meta": {}}

    @app.get("/hunter/v2/people/find")
    async def hunter_person(email: str) -> Any:
        return {"data": {"employment": {"name": "Acme", "title": "VP Sales", "role": "sales", "seniority": "executive"}}, "meta": {}}
