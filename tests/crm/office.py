"""A CRM that answers as HubSpot and as Salesforce do, from the same records; what goes wrong can be chosen."""

import asyncio
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from tests.engines import free_port

TOKEN, CLIENT, SECRET = "pat-one", "client-one", "secret-one"
HUBSPOT = {
    "firstname": "first_name", "lastname": "last_name", "company": "company", "jobtitle": "title", "phone": "phone",
    "country": "country", "email": "email", "hubspot_owner_id": "owner",
    **{f"twoway_{name}": name for name in
       ("lead_id", "stage", "tier", "score", "contacted_at", "mql_at", "sal_at", "sql_at", "outcome", "amount_usd")},
}  # fmt: skip
SALESFORCE = {
    "FirstName": "first_name", "LastName": "last_name", "Company": "company", "Title": "title", "Phone": "phone",
    "Country": "country", "Email": "email", "OwnerId": "owner", "Twoway_Id__c": "lead_id", "Twoway_Stage__c": "stage",
    "Twoway_Tier__c": "tier", "Twoway_Score__c": "score", "Twoway_Contacted_At__c": "contacted_at", "Twoway_Mql_At__c": "mql_at",
    "Twoway_Sal_At__c": "sal_at", "Twoway_Sql_At__c": "sql_at", "Twoway_Outcome__c": "outcome", "Twoway_Amount_Usd__c": "amount_usd",
}  # fmt: skip
CONTACT = {"MailingCountry" if theirs == "Country" else theirs: ours for theirs, ours in SALESFORCE.items() if theirs != "Company"}
"""What may be written of a contact; its company is a record of its own."""
KEY = RSAKey.generate_key(2048)
REFRESH, USERNAME, AUDIENCE = "refresh-one", "twoway@ours.example", "https://login.salesforce.com"
US = "us"


@dataclass
class Record:
    """A person's record."""

    id: str
    created: datetime
    modified: datetime
    fields: dict[str, Any] = field(default_factory=dict)
    by: str = US
    history: dict[str, tuple[Any, datetime, str]] = field(default_factory=dict)
    form_at: datetime | None = None
    converted: bool = False


@dataclass
class Deal:
    """A deal, closed."""

    id: str
    person: str
    won: bool
    amount: float | None
    modified: datetime
    by: str


@dataclass
class Office:
    """The records, who works there, and what goes wrong next.

    Args:
        port: where it listens.
        failures: what the next requests get instead of an answer: status, headers, body.
        writes: how many records were written by us.
    """

    port: int
    records: dict[str, Record] = field(default_factory=dict)
    deals: list[Deal] = field(default_factory=list)
    people: dict[str, str] = field(default_factory=dict)
    failures: list[tuple[int, dict[str, str], str]] = field(default_factory=list)
    lacks: set[str] = field(default_factory=set)
    poison: str = ""
    slow: float = 0
    session: str = "session-0"
    sign_ins: list[str] = field(default_factory=list)
    page: int = 2000
    writes: int = 0
    asked: list[str] = field(default_factory=list)
    after_write: Any = None
    _last: datetime = field(default_factory=lambda: datetime.now(UTC))
    _pages: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def tick(self) -> datetime:
        """Now, later than ever before."""
        now = datetime.now(UTC)
        self._last = max(now.replace(microsecond=now.microsecond // 1000 * 1000), self._last + timedelta(milliseconds=1))
        self._last = self._last.replace(microsecond=self._last.microsecond // 1000 * 1000)
        return self._last

    def hire(self, email: str) -> str:
        """Somebody who may own records: their id."""
        self.people[email] = str(100 + len(self.people))
        return self.people[email]

    def write(self, record: Record | None, fields: dict[str, Any], by: str = "anna@crm.example", at: datetime | None = None) -> Record:
        """Make or change a record, as who this is."""
        at = at or self.tick()
        if record is None:
            record = Record(str(5000 + len(self.records)), at, at, by=by)
            self.records[record.id] = record
        changed = {name: value for name, value in fields.items() if record.fields.get(name) != value}
        record.fields |= changed
        record.history |= {name: (value, at, by) for name, value in changed.items()}
        if changed:
            record.modified, record.by = at, by
        return record

    def fill_in(self, record: Record) -> None:
        """The person fills a form in."""
        record.form_at = record.modified = self.tick()

    def close_deal(self, record: Record, *, won: bool, amount: float | None = None, by: str = "anna@crm.example") -> Deal:
        """A deal with this person is concluded."""
        self.deals.append(Deal(str(9000 + len(self.deals)), record.id, won, amount, self.tick(), by))
        return self.deals[-1]

    def convert(self, record: Record) -> None:
        """Somebody converts a lead of Salesforce's."""
        record.converted, record.modified = True, self.tick()

    def of(self, email: str) -> list[Record]:
        """All records with this address."""
        return [record for record in self.records.values() if str(record.fields.get("email", "")).lower() == email.lower()]

    def ours(self, record: Record, fields: dict[str, Any]) -> Record:
        """We write."""
        self.writes += 1
        written = self.write(record, fields, US)
        if self.after_write:
            self.after_write()
        return written


def application(office: Office) -> FastAPI:
    app = FastAPI()

    @app.middleware("http")
    async def misbehave(request: Request, onward: Any) -> Response:
        office.asked.append(f"{request.method} {request.url.path}")
        if office.slow:
            await asyncio.sleep(office.slow)
        if office.failures:
            status, headers, body = office.failures.pop(0)
            return Response(body, status, headers, media_type="application/json")
        return await onward(request)  # type: ignore[no-any-return]

    _hubspot(app, office)
    _salesforce(app, office)
    return app


def _let_in(request: Request) -> Response | None:
    if request.headers.get("authorization") == f"Bearer {TOKEN}":
        return None
    return JSONResponse({"status": "error", "category": "INVALID_AUTHENTICATION", "message": "Authentication credentials not found."}, 401)


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"


def _hubspot(app: FastAPI, office: Office) -> None:
    theirs = {ours: name for name, ours in HUBSPOT.items()}

    def properties(record: Record) -> dict[str, Any]:
        found = {name: record.fields.get(ours) or None for name, ours in HUBSPOT.items()}
        dates = {"createdate": _iso(record.created), "lastmodifieddate": _iso(record.modified)}
        return {**found, **dates, "recent_conversion_date": _iso(record.form_at) if record.form_at else None}

    def entry(value: Any, at: datetime, by: str) -> dict[str, Any]:
        user = int(office.people[by]) + 7000 if by in office.people else None
        source = "INTEGRATION" if by == US else "AUTOMATION_PLATFORM" if by == "robot" else "CRM_UI"
        return {"value": str(value), "timestamp": _iso(at), "sourceType": source, **({"updatedByUserId": user} if user else {})}

    def shown(record: Record) -> dict[str, Any]:
        history = {theirs[name]: [entry(*one)] for name, one in record.history.items() if name in theirs}
        stamps = {"createdAt": _iso(record.created), "updatedAt": _iso(record.modified), "archived": False}
        return {"id": record.id, "properties": properties(record), "propertiesWithHistory": history, **stamps}

    def refused(message: str) -> Response:
        return JSONResponse({"status": "error", "category": "VALIDATION_ERROR", "message": message}, 400)

    def check(inputs: list[dict[str, Any]]) -> Response | None:
        names = {name for one in inputs for name in one["properties"]}
        if unknown := (names - HUBSPOT.keys()) | (names & office.lacks):
            errors = [{"isValid": False, "error": "PROPERTY_DOESNT_EXIST", "name": name} for name in unknown]
            return refused(f"Property values were not valid: {json.dumps(errors)}")
        if office.poison and any(office.poison in str(one) for one in inputs):
            return refused('Property values were not valid: [{"error":"INVALID_EMAIL"}]')
        return None

    @app.post("/crm/v3/objects/{kind}/search")
    async def search(request: Request, kind: str) -> Response:
        if no := _let_in(request):
            return no
        wanted = await request.json()
        rule = wanted["filterGroups"][0]["filters"][0]
        assert rule["operator"] == "GTE" and len(wanted["sorts"]) == 1 and wanted["limit"] <= 200
        since = datetime.fromtimestamp(int(rule["value"]) / 1000, UTC)
        rows: list[Any] = list(office.records.values()) if kind == "contacts" else office.deals
        found = sorted((row for row in rows if row.modified >= since), key=lambda row: row.modified)
        start, limit = int(wanted.get("after") or 0), min(wanted["limit"], office.page)
        results = [{"id": row.id, "properties": {rule["propertyName"]: _iso(row.modified)}} for row in found[start : start + limit]]
        paging = {"paging": {"next": {"after": str(start + limit)}}} if start + limit < len(found) else {}
        return JSONResponse({"total": len(found), "results": results, **paging})

    @app.post("/crm/v3/objects/contacts/batch/read")
    async def read(request: Request) -> Response:
        if no := _let_in(request):
            return no
        wanted = await request.json()
        assert len(wanted["inputs"]) <= (50 if wanted.get("propertiesWithHistory") else 100)
        if wanted.get("idProperty") == "email":
            found = [record for one in wanted["inputs"] for record in office.of(one["id"])]
        else:
            found = [office.records[one["id"]] for one in wanted["inputs"] if one["id"] in office.records]
        return JSONResponse(
            {"status": "COMPLETE", "results": [shown(r) for r in found]}, 200 if len(found) == len(wanted["inputs"]) else 207
        )

    @app.post("/crm/v3/objects/deals/batch/read")
    async def deals(request: Request) -> Response:
        ids = {one["id"] for one in (await request.json())["inputs"]}
        results = [
            {
                "id": deal.id,
                "properties": {
                    "hs_lastmodifieddate": _iso(deal.modified), "hs_is_closed": "true",
                    "hs_is_closed_won": str(deal.won).lower(), "amount": str(deal.amount) if deal.amount is not None else None,
                },
                "propertiesWithHistory": {"dealstage": [entry("closed", deal.modified, deal.by)]},
            }
            for deal in office.deals if deal.id in ids
        ]  # fmt: skip
        return JSONResponse({"status": "COMPLETE", "results": results})

    @app.post("/crm/v4/associations/deals/contacts/batch/read")
    async def associated(request: Request) -> Response:
        ids = {one["id"] for one in (await request.json())["inputs"]}
        results = [
            {"from": {"id": d.id}, "to": [{"toObjectId": int(d.person), "associationTypes": []}]} for d in office.deals if d.id in ids
        ]
        return JSONResponse({"status": "COMPLETE", "results": results})

    @app.post("/crm/v3/objects/contacts/batch/update")
    async def update(request: Request) -> Response:
        if no := _let_in(request):
            return no
        inputs = (await request.json())["inputs"]
        if no := check(inputs):
            return no
        lost = [one["id"] for one in inputs if one["id"] not in office.records]
        done = [
            {**shown(office.ours(office.records[one["id"]], {HUBSPOT[n]: v for n, v in one["properties"].items()})),
             "objectWriteTraceId": one["objectWriteTraceId"]}
            for one in inputs if one["id"] not in lost
        ]  # fmt: skip
        errors = [{"status": "error", "category": "OBJECT_NOT_FOUND", "message": "gone", "context": {"ids": lost}}] if lost else []
        return JSONResponse({"status": "COMPLETE", "results": done, "numErrors": len(errors), "errors": errors}, 207 if lost else 200)

    @app.post("/crm/v3/objects/contacts/batch/upsert")
    async def upsert(request: Request) -> Response:
        if no := _let_in(request):
            return no
        inputs = (await request.json())["inputs"]
        if no := check(inputs):
            return no
        done = []
        for one in inputs:
            assert one["idProperty"] == "email"
            there = office.of(one["id"])
            record = there[0] if there else office.write(None, {}, US)
            fields = {HUBSPOT[name]: value for name, value in one["properties"].items()}
            done.append({**shown(office.ours(record, fields)), "new": not there})
        return JSONResponse({"status": "COMPLETE", "results": done})

    @app.post("/crm/v3/objects/contacts/gdpr-delete")
    async def forget(request: Request) -> Response:
        gone = office.records.pop((await request.json())["objectId"], None)
        return Response(status_code=204 if gone else 404)

    @app.get("/crm/v3/owners/")
    async def owners(request: Request) -> Response:
        if no := _let_in(request):
            return no
        results = [{"id": number, "email": email, "userId": int(number) + 7000} for email, number in office.people.items()]
        return JSONResponse({"results": results})


def _not_let_in(form: dict[str, str]) -> dict[str, str] | None:
    """What is wrong with who wants to sign in at Salesforce: the three grants that we know."""
    if form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer":
        try:
            token = jwt.decode(form["assertion"], RSAKey.import_key(KEY.as_dict(private=False)), algorithms=["RS256"])
        except JoseError:
            return {"error": "invalid_grant", "error_description": "invalid assertion"}
        claims = token.claims
        if (claims["iss"], claims["sub"]) != (CLIENT, USERNAME):
            return {"error": "invalid_grant", "error_description": "user hasn't approved this consumer"}
        if claims["aud"] != AUDIENCE:
            return {"error": "invalid_grant", "error_description": "audience is invalid"}
        good = 0 < claims["exp"] - time.time() <= 300
        return None if good else {"error": "invalid_grant", "error_description": "expired authorization code"}
    if (form.get("client_id"), form.get("client_secret", SECRET)) != (CLIENT, SECRET):
        return {"error": "invalid_client", "error_description": "invalid client credentials"}
    if form["grant_type"] == "refresh_token" and form["refresh_token"] != REFRESH:
        return {"error": "invalid_grant", "error_description": "expired access/refresh token"}
    return None


def _salesforce(app: FastAPI, office: Office) -> None:
    kinds = {"Lead": SALESFORCE, "Contact": CONTACT}

    def person(email: str | None) -> str:
        return office.people.get(email or "", "005somebody")  # nobody who changes a record is us

    def shown(record: Record, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = {name: record.fields.get(ours) or None for name, ours in kinds[kind].items()}
        if kind == "Contact":
            company = record.fields.get("company")
            found["Account"] = {"Name": company} if company else None
        owner = next((email for email, number in office.people.items() if number == record.fields.get("owner")), None)
        user = "AutomatedProcess" if record.by == "robot" else "Standard"
        return {
            **found, "Id": record.id, "OwnerId": record.fields.get("owner") or "00Gnobody", "Owner": {"Email": owner},
            "CreatedDate": _sf(record.created), "SystemModstamp": _sf(record.modified), "LastModifiedDate": _sf(record.modified),
            "LastModifiedById": "005us" if record.by == US else person(record.by),
            "LastModifiedBy": {"Email": record.by, "UserType": user},
        }  # fmt: skip

    def session(request: Request) -> Response | None:
        if request.headers.get("authorization") == f"Bearer {office.session}":
            return None
        return JSONResponse([{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}], 401)

    def deals(query: str, way: str, person: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = [
            {person: d.person, way: {
                "Id": d.id, "IsWon": d.won, "Amount": d.amount, "SystemModstamp": _sf(d.modified), "LastModifiedBy": {"Email": d.by}}}
            for d in office.deals
        ]  # fmt: skip
        return [row for row in rows if row[way]["SystemModstamp"] >= _since(query)]

    def select(query: str) -> list[dict[str, Any]]:
        if "FROM User" in query:
            return [{"Id": number, "Email": email} for email, number in office.people.items()]
        if "FROM OpportunityContactRole" in query:
            return deals(query, "Opportunity", "ContactId")
        if "ConvertedOpportunity" in query:
            return deals(query, "ConvertedOpportunity", "Id")
        kind = "Contact" if "FROM Contact" in query else "Lead"
        assert ("IsConverted = false" in query) == (kind == "Lead"), query  # contacts have no such field
        there = [record for record in office.records.values() if not record.converted]
        if "Email IN" in query:
            wanted = {one.replace("\\'", "'").lower() for one in re.findall(r"'((?:[^'\\]|\\.)*)'", query)}
            found = [r for r in there if str(r.fields.get("email", "")).lower() in wanted]
            return [{"Id": r.id, "Email": r.fields["email"]} for r in sorted(found, key=lambda r: r.created, reverse=True)]
        by_id = "Id IN (" in query
        found = [r for r in there if (f"'{r.id}'" in query if by_id else _sf(r.modified) >= _since(query))]
        return [shown(r, kind) for r in sorted(found, key=lambda r: (r.modified, r.id))]

    @app.post("/services/oauth2/token")
    async def token(request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        office.sign_ins.append(form["grant_type"])
        if problem := _not_let_in(form):
            return JSONResponse(problem, 400)
        body = {"access_token": office.session, "instance_url": office.url, "id": f"{office.url}/id/00D1/005us", "token_type": "Bearer"}
        return JSONResponse(body)

    @app.get("/services/data/v62.0/query")
    async def query(request: Request) -> Response:
        if no := session(request):
            return no
        asked = unquote(request.query_params["q"])
        if any(name in asked for name in office.lacks):
            return JSONResponse([{"message": "No such column", "errorCode": "INVALID_FIELD"}], 400)
        return _part(select(asked))

    def _part(rows: list[Any]) -> Response:
        rest = rows[office.page :]
        body: dict[str, Any] = {"totalSize": len(rows), "done": not rest, "records": rows[: office.page]}
        if rest:
            locator = f"01g{len(office._pages)}"
            office._pages[locator] = rest
            body["nextRecordsUrl"] = f"/services/data/v62.0/query/{locator}"
        return JSONResponse(body)

    @app.get("/services/data/v62.0/query/{locator}")
    async def more(request: Request, locator: str) -> Response:
        if no := session(request):
            return no
        if locator not in office._pages:
            return JSONResponse([{"message": "invalid query locator", "errorCode": "INVALID_QUERY_LOCATOR"}], 400)
        return _part(office._pages[locator])

    def write(kind: str, record: Record | None, fields: dict[str, Any]) -> dict[str, Any]:
        names = kinds[kind]
        if unknown := (fields.keys() - names.keys()) | (fields.keys() & office.lacks):
            return _no("INVALID_FIELD", f"No such column {unknown}")
        if office.poison and office.poison in str(fields) + str(record and record.fields):
            return _no("FIELD_CUSTOM_VALIDATION_EXCEPTION", "no")
        if record is not None and record.converted:
            return _no("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        created, needed = record is None, {"LastName"} | ({"Company"} if kind == "Lead" else set())
        if created and not needed <= fields.keys():
            return _no("REQUIRED_FIELD_MISSING", f"Required fields are missing: {sorted(needed)}")
        record = office.ours(record or office.write(None, {}, US), {names[name]: value for name, value in fields.items()})
        return {"id": record.id, "success": True, "errors": [], "created": created}

    @app.patch("/services/data/v62.0/composite/sobjects")
    async def update(request: Request) -> Response:
        if no := session(request):
            return no
        results = []
        for row in (await request.json())["records"]:
            kind, record = row.pop("attributes")["type"], office.records.get(row.pop("id"))
            results.append(write(kind, record, row) if record else _no("ENTITY_IS_DELETED", "entity is deleted"))
        return JSONResponse(results)

    @app.patch("/services/data/v62.0/composite/sobjects/{kind}/Twoway_Id__c")
    async def upsert(request: Request, kind: str) -> Response:
        if no := session(request):
            return no
        results = []
        for row in (await request.json())["records"]:
            assert row.pop("attributes") == {"type": kind}
            there = [r for r in office.records.values() if r.fields.get("lead_id") == row["Twoway_Id__c"]]
            results.append(write(kind, there[0] if there else None, row))
        return JSONResponse(results)

    @app.delete("/services/data/v62.0/composite/sobjects")
    async def forget(request: Request) -> Response:
        if no := session(request):
            return no
        ids = request.query_params["ids"].split(",")
        return JSONResponse([{"id": one, "success": office.records.pop(one, None) is not None, "errors": []} for one in ids])


def _no(code: str, message: str) -> dict[str, Any]:
    return {"success": False, "errors": [{"statusCode": code, "message": message, "fields": []}]}


def _sf(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}+0000"


def _since(query: str) -> str:
    found = re.search(r"SystemModstamp >= (\S+?)Z", query)
    assert found, query
    return f"{found[1]}+0000"


@contextmanager
def open_office() -> Iterator[Office]:
    """The CRM, answering on a free port."""
    office = Office(free_port())
    server = uvicorn.Server(uvicorn.Config(application(office), "127.0.0.1", office.port, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            thread.join(0.01)
        yield office
    finally:
        server.should_exit = True
        thread.join()
