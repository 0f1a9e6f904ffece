"""Salesforce, by its REST API: SOQL to read, sObject collections to write."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from activities.crm.fields import canonical, moment
from activities.crm.protocol import CrmError, Trouble
from activities.crm.salesforce_session import Session
from activities.crm.wire import Answer, reading
from models.crm import NUMBERS, OWN, CrmDeal, CrmName, CrmPage, CrmPerson, Stream, ToWrite, Written
from models.settings import Settings

_API = "/services/data/v62.0"
_SAID = {
    "first_name": "FirstName",
    "last_name": "LastName",
    "company": "Company",
    "title": "Title",
    "phone": "Phone",
    "country": "Country",
}
_CONTACTS_OWN = {"company": "Account.Name", "country": "MailingCountry"}
"""What a contact calls otherwise than a lead. A contact's company is a record of its own, so it is only read."""
_UNNAMED = "(not known)"
"""Salesforce wants a last name, and of a lead a company."""
_AGAIN = frozenset({"UNABLE_TO_LOCK_ROW", "REQUEST_RUNNING_TOO_LONG", "SERVER_UNAVAILABLE"})
_GONE = frozenset({"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY"})
_CONVERTED = "CANNOT_UPDATE_CONVERTED_LEAD"
_SCHEMA = frozenset({"INVALID_FIELD", "INVALID_TYPE", "INVALID_FIELD_FOR_INSERT_UPDATE", "NOT_FOUND"})


class Salesforce:
    """A Salesforce organisation.

    Args:
        settings: its address, our client there, and what our fields are called.
    """

    name = CrmName.SALESFORCE
    batch = 200
    lag = timedelta(seconds=5)

    def __init__(self, settings: Settings) -> None:
        self._settings, self._object = settings, settings.salesforce_object
        self._session = Session(settings)
        self._names = {name: settings.salesforce_fields.get(name, _field(name)) for name in OWN}
        self._said = _SAID | (_CONTACTS_OWN if self._object == "Contact" else {})
        self.unowned: str | None = settings.salesforce_nobody or None

    async def close(self) -> None:
        """Give the connections back."""
        await self._session.close()

    async def changed_since(self, stream: Stream, since: datetime, after: str) -> CrmPage:
        """As `Crm` says. `after` is Salesforce's `nextRecordsUrl`; when it has forgotten that, the query begins anew at `since`."""
        if after:
            answer = await self._session.ask("GET", after)
            if "INVALID_QUERY_LOCATOR" in _codes(answer):
                after = ""
        if not after:
            answer = await self._session.ask("GET", f"{_API}/query?q={quote(self._query(stream, since))}")
        body = self._good(answer)
        stamped = (lambda item: item) if stream is Stream.PEOPLE else self._opportunity
        with reading():
            items = [dict(item) for item in body["records"]]
            last = max((moment(stamped(item)["SystemModstamp"]) for item in items), default=since)
            onward = "" if body["done"] else str(body["nextRecordsUrl"])
            if onward and not onward.startswith("/services/data/"):
                raise CrmError(Trouble.MALFORMED)
            records = [self._person(item) for item in items] if stream is Stream.PEOPLE else [self._deal(item) for item in items]
        return CrmPage(records, last, onward, more=bool(onward))

    async def look(self, external_ids: Sequence[str]) -> list[CrmPerson]:
        """As `Crm` says."""
        if not external_ids:
            return []
        listed = ", ".join(f"'{_quoted(one)}'" for one in external_ids)
        body = self._good(await self._session.ask("GET", f"{_API}/query?q={quote(self._people(f'Id IN ({listed})'))}"))
        with reading():
            return [self._person(item) for item in body["records"]]

    def _query(self, stream: Stream, since: datetime) -> str:
        at = f"{since:%Y-%m-%dT%H:%M:%S.}{since.microsecond // 1000:03}Z"
        if stream is Stream.PEOPLE:
            return self._people(f"SystemModstamp >= {at}")
        way, person, table = ("Opportunity", "ContactId", "OpportunityContactRole")
        if self._object == "Lead":
            way, person, table = ("ConvertedOpportunity", "Id", "Lead")
        fields = [f"{way}.{name}" for name in ("Id", "IsWon", "Amount", "SystemModstamp", "LastModifiedBy.Email")]
        return (
            f"SELECT {', '.join([person, *fields])} FROM {table} "  # noqa: S608 - no text of anybody else's
            f"WHERE {way}.IsClosed = true AND {way}.SystemModstamp >= {at} ORDER BY {way}.SystemModstamp"
        )

    def _people(self, where: str) -> str:
        """The query for people's records, but for leads that were converted: these are nobody's any more."""
        fields = ["Id", "Email", "OwnerId", "Owner.Email", "CreatedDate", "SystemModstamp", "LastModifiedDate", "LastModifiedById"]
        wanted = [*fields, "LastModifiedBy.Email", "LastModifiedBy.UserType", *self._said.values(), *self._names.values()]
        alive = " AND IsConverted = false" if self._object == "Lead" else ""
        return f"SELECT {', '.join(wanted)} FROM {self._object} WHERE {where}{alive} ORDER BY SystemModstamp, Id"  # noqa: S608

    def _person(self, item: Mapping[str, Any]) -> CrmPerson:
        who = item.get("LastModifiedBy") or {}
        by_person = item["LastModifiedById"] != self._session.user and who.get("UserType") in (None, "Standard")
        said = {ours: _deep(item, theirs) for ours, theirs in self._said.items()}
        owner = str(item.get("OwnerId") or "")
        return CrmPerson(
            external_id=str(item["Id"]),
            version=str(item["SystemModstamp"]),
            email=str(item.get("Email") or ""),
            said={name: str(value) for name, value in said.items() if value and value != _UNNAMED},
            owner_id="" if owner == self._settings.salesforce_nobody else owner,
            owner_email=str(_deep(item, "Owner.Email") or "").lower(),
            owner_at=moment(item["LastModifiedDate"]),
            owner_by=str(who.get("Email") or "").lower() if by_person else "",
            by_person=who.get("UserType") in (None, "Standard"),  # what we wrote ourselves is known as that; see `link.owner`
            own={ours: canonical(ours, item.get(theirs)) for ours, theirs in self._names.items()},
            own_by_person=by_person,
            created_at=moment(item["CreatedDate"]),
        )

    def _opportunity(self, item: Mapping[str, Any]) -> Mapping[str, Any]:
        found: Mapping[str, Any] = item["ConvertedOpportunity" if self._object == "Lead" else "Opportunity"]
        return found

    def _deal(self, item: Mapping[str, Any]) -> CrmDeal:
        deal = self._opportunity(item)
        return CrmDeal(
            external_id=str(deal["Id"]),
            person=str(item["Id" if self._object == "Lead" else "ContactId"]),
            version=str(deal["SystemModstamp"]),
            won=bool(deal["IsWon"]),
            amount=float(deal["Amount"]) if deal.get("Amount") is not None else None,
            by=str(_deep(deal, "LastModifiedBy.Email") or "").lower(),
        )

    async def find(self, emails: Sequence[str]) -> Mapping[str, str]:
        """As `Crm` says; of several with one address, the oldest."""
        found: dict[str, str] = {}
        for start in range(0, len(emails), 50):  # an address has up to 320 characters, a query's address 16,384
            listed = ", ".join(f"'{_quoted(email)}'" for email in emails[start : start + 50])
            alive = " AND IsConverted = false" if self._object == "Lead" else ""
            query = f"SELECT Id, Email FROM {self._object} WHERE Email IN ({listed}){alive} ORDER BY CreatedDate DESC"  # noqa: S608 - quoted
            body = self._good(await self._session.ask("GET", f"{_API}/query?q={quote(query)}"))
            with reading():
                found |= {str(item["Email"]).lower(): str(item["Id"]) for item in body["records"]}
        return found

    async def owners(self) -> Mapping[str, str]:
        """As `Crm` says: active users."""
        found: dict[str, str] = {}
        path = f"{_API}/query?q={quote('SELECT Id, Email FROM User WHERE IsActive = true ORDER BY CreatedDate DESC')}"  # noqa: S608
        for _ in range(100):
            body = self._good(await self._session.ask("GET", path))
            with reading():
                found |= {str(item["Email"]).lower(): str(item["Id"]) for item in body["records"] if item.get("Email")}
                if body["done"]:
                    return found
                path = str(body["nextRecordsUrl"])
        return found

    async def write(self, leads: Sequence[ToWrite]) -> list[Written]:
        """As `Crm` says: known records by their id, others by `Twoway_Id__c`, so that a repetition finds what the first try made."""
        there = [lead for lead in leads if lead.external_id]
        new = [lead for lead in leads if not lead.external_id]
        found: list[Written] = []
        if there:
            found += self._outcome(there, await self._patch("", [{"id": lead.external_id, **self._record(lead)} for lead in there]))
        if new:
            path = f"/{self._object}/{self._names['lead_id']}"
            found += self._outcome(new, await self._patch(path, [self._record(lead) | self._described(lead) for lead in new]))
        return found

    async def _patch(self, path: str, records: list[dict[str, Any]]) -> Any:
        return self._good(
            await self._session.ask("PATCH", f"{_API}/composite/sobjects{path}", json={"allOrNone": False, "records": records})
        )

    def _record(self, lead: ToWrite) -> dict[str, Any]:
        fields: dict[str, Any] = {self._names[name]: _typed(name, value) for name, value in lead.own.items()}
        if lead.owner is not None:
            fields["OwnerId"] = lead.owner
        return {"attributes": {"type": self._object}, **fields}

    def _described(self, lead: ToWrite) -> dict[str, Any]:
        said = {self._said[name]: value for name, value in lead.said.items() if "." not in self._said[name]}
        wanted = {"LastName": _UNNAMED} | ({"Company": _UNNAMED} if self._object == "Lead" else {})
        return {"Email": lead.email, **wanted, **said}

    def _outcome(self, leads: Sequence[ToWrite], results: Any) -> list[Written]:
        with reading():
            if len(results) != len(leads):
                raise CrmError(Trouble.MALFORMED)
            return [_written(lead, result) for lead, result in zip(leads, results, strict=True)]

    async def forget(self, external_ids: Sequence[str]) -> None:
        """As `Crm` says: into its recycle bin, which it empties after 15 days."""
        for start in range(0, len(external_ids), 200):
            ids = ",".join(external_ids[start : start + 200])
            self._good(await self._session.ask("DELETE", f"{_API}/composite/sobjects?ids={quote(ids, safe=',')}&allOrNone=false"))

    def _good(self, answer: Answer) -> Any:
        """The body of an answer that is good.

        Raises:
            CrmError: what is the matter, when it is not.
        """
        if answer.ok:
            return answer.body
        codes = _codes(answer)
        if "REQUEST_LIMIT_EXCEEDED" in codes:
            raise CrmError(Trouble.LIMITED, timedelta(minutes=15))
        if answer.status in (401, 403):
            raise CrmError(Trouble.UNAUTHORIZED)
        raise CrmError(Trouble.SCHEMA if codes & _SCHEMA else Trouble.REFUSED)


def _field(name: str) -> str:
    """What our field is called there, unless the settings say otherwise: `Twoway_Stage__c`."""
    return "Twoway_Id__c" if name == "lead_id" else f"Twoway_{'_'.join(part.capitalize() for part in name.split('_'))}__c"


def _codes(answer: Answer) -> set[str]:
    found = answer.body if isinstance(answer.body, list) else []
    return {str(error.get("errorCode")) for error in found if isinstance(error, dict)}


def _deep(item: Mapping[str, Any], path: str) -> Any:
    found: Any = item
    for name in path.split("."):
        found = (found or {}).get(name)
    return found


def _typed(name: str, value: str) -> Any:
    if value == "":
        return None
    return float(value) if name in NUMBERS else value


def _quoted(text: str) -> str:
    """A text as SOQL takes it between quotes."""
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _written(lead: ToWrite, result: Mapping[str, Any]) -> Written:
    if result["success"]:
        return Written(lead.lead, str(result["id"]))
    codes = {str(error["statusCode"]) for error in result["errors"]}
    if codes & _SCHEMA:
        raise CrmError(Trouble.SCHEMA)
    if _CONVERTED in codes:  # for good: what it became is a record of another kind
        return Written(lead.lead, lead.external_id, problem="converted", gone=True)
    gone = bool(lead.external_id) and bool(codes & _GONE)
    return Written(lead.lead, lead.external_id, problem="gone" if gone else "refused", gone=gone, again=bool(codes & _AGAIN))
