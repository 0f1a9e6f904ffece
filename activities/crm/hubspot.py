"""HubSpot, by its CRM v3 API (contacts, deals, owners) and v4 associations, with a private app's token."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from activities.crm.fields import canonical, moment
from activities.crm.protocol import CrmError, Trouble
from activities.crm.wire import Answer, Wire, reading
from models.crm import OWN, CrmDeal, CrmName, CrmPage, CrmPerson, Stream, ToWrite, Written
from models.settings import Settings

_CONTACTS, _DEALS = "/crm/v3/objects/contacts", "/crm/v3/objects/deals"
_SAID = {
    "first_name": "firstname",
    "last_name": "lastname",
    "company": "company",
    "title": "jobtitle",
    "phone": "phone",
    "country": "country",
}
_OWNER, _FORM = "hubspot_owner_id", "recent_conversion_date"
_BY_HAND = ("CRM_UI", "MOBILE")
"""How the sources of changes begin that people make in HubSpot. Forms, imports, workflows, integrations and the like are programs."""
_PAGE = 50
"""Most records whose history HubSpot reads at once."""
_MOST = 10_000
"""Results after which its search shows no more."""
_MISSING = "PROPERTY_DOESNT_EXIST"


class HubSpot:
    """A HubSpot account.

    Args:
        settings: its address, our token, and what our properties are called there.
    """

    name = CrmName.HUBSPOT
    batch = 100
    lag = timedelta(minutes=1)
    unowned: str | None = ""

    def __init__(self, settings: Settings) -> None:
        self._wire = Wire(settings.hubspot_url, settings.crm_timeout)
        self._headers = {"Authorization": f"Bearer {settings.hubspot_token.get_secret_value()}"}
        self._names = {name: settings.hubspot_properties.get(name, f"twoway_{name}") for name in OWN}
        self._owners: list[dict[str, Any]] | None = None

    async def close(self) -> None:
        """Give the connections back."""
        await self._wire.close()

    async def changed_since(self, stream: Stream, since: datetime, after: str) -> CrmPage:
        """As `Crm` says.

        HubSpot's search sorts by one property and shows 10,000 results, so a page begins at the last one's moment again, and
        goes on by position only where more than a page changed in the same millisecond.
        """
        path, changed = (_CONTACTS, "lastmodifieddate") if stream is Stream.PEOPLE else (_DEALS, "hs_lastmodifieddate")
        wanted = {
            "filterGroups": [{"filters": [{"propertyName": changed, "operator": "GTE", "value": str(_millis(since))}]}],
            "sorts": [{"propertyName": changed, "direction": "ASCENDING"}],
            "properties": [changed],
            "limit": _PAGE,
            **({"after": after} if after else {}),
        }
        body = self._good(await self._post(f"{path}/search", wanted))
        with reading():
            found = [str(item["id"]) for item in body["results"]]
            last = max((moment(item["properties"][changed]) for item in body["results"]), default=since)
            onward = str(((body.get("paging") or {}).get("next") or {}).get("after") or "")
        records = await (self._people(found) if stream is Stream.PEOPLE else self._deals(found))
        if not onward:
            return CrmPage(records, last)
        stuck = _millis(last) <= _millis(since)
        if stuck and int(onward) >= _MOST:
            raise CrmError(Trouble.MALFORMED)
        return CrmPage(records, since if stuck else last, onward if stuck else "", more=True)

    async def _read(self, path: str, ids: Sequence[str], properties: Iterable[str], history: Iterable[str]) -> list[dict[str, Any]]:
        if not ids:
            return []
        wanted = {"inputs": [{"id": one} for one in ids], "properties": [*properties], "propertiesWithHistory": [*history]}
        body = self._good(await self._post(f"{path}/batch/read", wanted))
        with reading():
            return [dict(item) for item in body["results"]]

    async def _people(self, ids: Sequence[str]) -> list[CrmPerson]:
        own = list(self._names.values())
        properties = ["email", "lastmodifieddate", "createdate", _OWNER, _FORM, *_SAID.values(), *own]
        items = await self._read(_CONTACTS, ids, properties, [_OWNER, *own])
        owners = {str(owner["id"]): owner for owner in await self._all_owners()} if items else {}
        with reading():
            return [self._person(item, owners) for item in items]

    def _person(self, item: Mapping[str, Any], owners: Mapping[str, Mapping[str, Any]]) -> CrmPerson:
        found, history = item["properties"], item.get("propertiesWithHistory") or {}
        changed = _latest(history.get(_OWNER))
        owner = str(found.get(_OWNER) or "")
        form = found.get(_FORM)
        return CrmPerson(
            external_id=str(item["id"]),
            version=str(_millis(moment(found["lastmodifieddate"]))),
            email=str(found.get("email") or ""),
            said={ours: str(found[theirs]) for ours, theirs in _SAID.items() if found.get(theirs)},
            owner_id=owner,
            owner_email=str(owners.get(owner, {}).get("email") or "").lower(),
            owner_at=moment(changed.get("timestamp") or found["lastmodifieddate"]),
            owner_by=_address(changed, owners),
            by_person=_by_hand(changed),
            own={ours: canonical(ours, found.get(theirs)) for ours, theirs in self._names.items()},
            own_by_person=any(_by_hand(_latest(history.get(name))) for name in self._names.values()),
            created_at=moment(found["createdate"]),
            form_at=moment(form) if form else None,
        )

    async def _deals(self, ids: Sequence[str]) -> list[CrmDeal]:
        items = await self._read(_DEALS, ids, ["hs_lastmodifieddate", "hs_is_closed", "hs_is_closed_won", "amount"], ["dealstage"])
        with reading():
            closed = {str(item["id"]): item for item in items if item["properties"].get("hs_is_closed") == "true"}
        if not closed:
            return []
        wanted = {"inputs": [{"id": one} for one in closed]}
        body = self._good(await self._post("/crm/v4/associations/deals/contacts/batch/read", wanted))
        owners = {str(owner["id"]): owner for owner in await self._all_owners()}
        with reading():
            pairs = [(closed[str(row["from"]["id"])], str(to["toObjectId"])) for row in body["results"] for to in row["to"]]
            return [_deal(item, person, owners) for item, person in pairs]

    async def look(self, external_ids: Sequence[str]) -> list[CrmPerson]:
        """As `Crm` says."""
        parts = [external_ids[start : start + _PAGE] for start in range(0, len(external_ids), _PAGE)]
        return [person for part in parts for person in await self._people(part)]

    async def find(self, emails: Sequence[str]) -> Mapping[str, str]:
        """As `Crm` says."""
        if not emails:
            return {}
        wanted = {"idProperty": "email", "properties": ["email"], "inputs": [{"id": email} for email in emails]}
        body = self._good(await self._post(f"{_CONTACTS}/batch/read", wanted))
        with reading():
            return {str(item["properties"]["email"]).lower(): str(item["id"]) for item in body["results"]}

    async def owners(self) -> Mapping[str, str]:
        """As `Crm` says."""
        with reading():
            return {str(owner["email"]).lower(): str(owner["id"]) for owner in await self._all_owners() if owner.get("email")}

    async def _all_owners(self) -> list[dict[str, Any]]:
        if self._owners is None:
            found: list[dict[str, Any]] = []
            after = ""
            for _ in range(100):
                query = {"limit": "100", **({"after": after} if after else {})}
                body = self._good(await self._wire.ask("GET", "/crm/v3/owners/", headers=self._headers, params=query))
                with reading():
                    found += [dict(owner) for owner in body["results"]]
                    after = str(((body.get("paging") or {}).get("next") or {}).get("after") or "")
                if not after:
                    break
            self._owners = found
        return self._owners

    async def write(self, leads: Sequence[ToWrite]) -> list[Written]:
        """As `Crm` says. One record that HubSpot does not like makes it refuse the batch, which is then halved until it is found."""
        there = [lead for lead in leads if lead.external_id]
        new = [lead for lead in leads if not lead.external_id]
        return [*await self._batch("update", there), *await self._batch("upsert", new)]

    async def _batch(self, kind: str, leads: Sequence[ToWrite]) -> list[Written]:
        if not leads:
            return []
        answer = await self._post(f"{_CONTACTS}/batch/{kind}", {"inputs": [self._input(lead, kind) for lead in leads]})
        if answer.ok:
            return self._outcome(answer.body, leads)
        try:
            self._good(answer)
        except CrmError as err:
            if err.trouble is not Trouble.REFUSED:
                raise
        if len(leads) > 1:
            half = len(leads) // 2
            return [*await self._batch(kind, leads[:half]), *await self._batch(kind, leads[half:])]
        gone = kind == "update" and answer.status == 404
        return [Written(leads[0].lead, leads[0].external_id, problem="gone" if gone else "refused", gone=gone)]

    def _input(self, lead: ToWrite, kind: str) -> dict[str, Any]:
        properties = {self._names[name]: value for name, value in lead.own.items()}
        if lead.owner is not None:
            properties[_OWNER] = lead.owner
        if kind == "update":
            return {"id": lead.external_id, "properties": properties, "objectWriteTraceId": lead.lead}
        properties |= {"email": lead.email} | {_SAID[name]: value for name, value in lead.said.items()}
        return {"id": lead.email, "idProperty": "email", "properties": properties, "objectWriteTraceId": lead.lead}

    def _outcome(self, body: Any, leads: Sequence[ToWrite]) -> list[Written]:
        by_id = {lead.external_id: lead.lead for lead in leads if lead.external_id}
        by_mail = {lead.email.lower(): lead.lead for lead in leads}
        with reading():
            found = {}
            for item in body["results"]:
                mail = str((item.get("properties") or {}).get("email") or "").lower()
                lead = item.get("objectWriteTraceId") or by_id.get(str(item["id"])) or by_mail.get(mail)
                found[lead] = Written(str(lead), str(item["id"]), str(_millis(moment(item["updatedAt"]))))
            lost = {str(one) for error in body.get("errors") or () for one in (error.get("context") or {}).get("ids") or ()}
        return [found.get(lead.lead) or _failed(lead, gone=lead.external_id in lost) for lead in leads]

    async def forget(self, external_ids: Sequence[str]) -> None:
        """As `Crm` says: by its deletion for privacy laws, which also keeps the address from coming back by an import."""
        for one in external_ids:
            answer = await self._post(f"{_CONTACTS}/gdpr-delete", {"objectId": one})
            if answer.status != 404:
                self._good(answer)

    async def _post(self, path: str, body: Mapping[str, Any]) -> Answer:
        return await self._wire.ask("POST", path, headers=self._headers, json=body)

    def _good(self, answer: Answer) -> Any:
        """The body of an answer that is good.

        Raises:
            CrmError: what is the matter, when it is not.
        """
        if answer.ok:
            return answer.body
        if answer.status in (401, 403):
            raise CrmError(Trouble.UNAUTHORIZED)
        raise CrmError(Trouble.SCHEMA if _MISSING in str(answer.body) else Trouble.REFUSED)


def _failed(lead: ToWrite, *, gone: bool) -> Written:
    return Written(lead.lead, lead.external_id, problem="gone" if gone else "refused", gone=gone)


def _deal(item: Mapping[str, Any], person: str, owners: Mapping[str, Mapping[str, Any]]) -> CrmDeal:
    found = item["properties"]
    return CrmDeal(
        external_id=str(item["id"]),
        person=person,
        version=str(found["hs_lastmodifieddate"]),
        won=found.get("hs_is_closed_won") == "true",
        amount=float(found["amount"]) if found.get("amount") else None,
        by=_address(_latest((item.get("propertiesWithHistory") or {}).get("dealstage")), owners),
    )


def _latest(history: Sequence[Mapping[str, Any]] | None) -> Mapping[str, Any]:
    """The newest entry of a property's history; an empty one when it has none."""
    return max(history or (), key=lambda entry: moment(entry["timestamp"]), default={})


def _by_hand(entry: Mapping[str, Any]) -> bool:
    return str(entry.get("sourceType") or "").startswith(_BY_HAND)


def _address(entry: Mapping[str, Any], owners: Mapping[str, Mapping[str, Any]]) -> str:
    """The address of who made a change: the entry names a user, and owners say which user they are."""
    user = entry.get("updatedByUserId")
    return next((str(o.get("email") or "").lower() for o in owners.values() if user and o.get("userId") == user), "")


def _millis(at: datetime) -> int:
    return round(at.astimezone(UTC).timestamp() * 1000)
