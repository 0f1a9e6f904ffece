"""Wikidata: facts about companies that are notable, and the web site of one of which only the name is known. No key."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel

from activities.enrichment.basics import country_code
from activities.enrichment.cleaning import line
from activities.enrichment.naming import company_domain, label_of, same_name
from activities.enrichment.provider import Answer, Budget, Company, Findings, Source

_WEBSITE, _EMPLOYEES, _FOUNDED, _COUNTRY, _INDUSTRY, _TICKER = "P856", "P1128", "P571", "P17", "P452", "P249"
_SAME_DOMAIN, _ONLY_ONE, _ONE_OF_MANY = 0.95, 0.85, 0.6
"""How sure a match is: by its web site, by its name alone, by a name that others have too."""
_ORDER: Final = {"preferred": 2, "normal": 1, "deprecated": 0}


class _Hit(BaseModel):
    id: str


class _Hits(BaseModel):
    search: list[_Hit] = []


class _Statement(BaseModel):
    mainsnak: dict[str, Any]
    rank: str = "normal"

    @property
    def value(self) -> Any:
        return self.mainsnak.get("datavalue", {}).get("value")


class _Entity(BaseModel):
    labels: dict[str, dict[str, str]] = {}
    aliases: dict[str, list[dict[str, str]]] = {}
    descriptions: dict[str, dict[str, str]] = {}
    claims: dict[str, list[_Statement]] = {}

    @property
    def label(self) -> str:
        return self.labels.get("en", {}).get("value", "")

    def is_called(self, name: str) -> bool:
        others = [alias.get("value", "") for alias in self.aliases.get("en", [])]
        return any(same_name(called, name) for called in (self.label, *others))

    def best(self, prop: str) -> Any:
        """The value of the statement ranked highest; of several the last, which is the latest by custom."""
        found = [s for s in self.claims.get(prop, []) if s.rank != "deprecated" and s.value is not None]
        return max(reversed(found), key=lambda s: _ORDER.get(s.rank, 0)).value if found else None

    @property
    def domains(self) -> set[str]:
        sites = (statement.value for statement in self.claims.get(_WEBSITE, []))
        return {domain for site in sites if isinstance(site, str) and (domain := company_domain(site))}


class _Entities(BaseModel):
    entities: dict[str, _Entity] = {}


class Wikidata(Source[Company]):
    """Finds `company`, `website`, `employees`, `founded`, `company_country`, `industry` and `ticker`."""

    name = "wikidata"
    url = "https://www.wikidata.org"
    by_name = True
    places = True
    budget = Budget(per_minute=200, burst=10)

    async def ask(self, who: Company) -> Answer | None:
        """Search by name; what is found counts only if its web site is the company's, or, where none is known, its name."""
        name = who.name or (label_of(who.domain) if who.domain else "")
        search = {"action": "wbsearchentities", "search": name, "language": "en", "uselang": "en", "type": "item", "limit": 7}
        hits = await self.web.get(f"{self.address}/w/api.php", _Hits, {**search, "format": "json"})
        found = await self._entities((hit.id for hit in hits.search), "labels|aliases|descriptions|claims") if hits else {}
        match = _match(found.values(), who)
        if match is None:
            return None
        entity, confidence = match
        return Answer(await self._facts(entity), confidence=confidence)

    async def _entities(self, ids: Iterable[str], props: str) -> Mapping[str, _Entity]:
        asked = "|".join(ids)
        if not asked:
            return {}
        what = {"action": "wbgetentities", "ids": asked, "props": props, "languages": "en", "format": "json"}
        found = await self.web.get(f"{self.address}/w/api.php", _Entities, what)
        return found.entities if found else {}

    async def _facts(self, entity: _Entity) -> Findings:
        facts: Findings = {"company": line(entity.label, 100)} if entity.label else {}
        site = entity.best(_WEBSITE)
        if isinstance(site, str) and urlsplit(site).scheme in ("http", "https"):
            facts["website"] = site.rstrip("/")
        employees = _amount(entity.best(_EMPLOYEES))
        if employees is not None:
            facts["employees"] = employees
        founded = _year(entity.best(_FOUNDED))
        if founded:
            facts["founded"] = founded
        ticker = entity.best(_TICKER)
        if isinstance(ticker, str):
            facts["ticker"] = ticker
        country, industry = _item(entity.best(_COUNTRY)), _item(entity.best(_INDUSTRY))
        named = await self._entities([item for item in (country, industry) if item], "labels")
        labels = {item: entity.label for item, entity in named.items()}
        code = country_code(labels.get(country or ""))
        if code:
            facts["company_country"] = code
        if labels.get(industry or ""):
            facts["industry"] = labels[industry or ""]
        return facts


def _match(found: Iterable[_Entity], who: Company) -> tuple[_Entity, float] | None:
    entities = list(found)
    if who.domain:
        own = [entity for entity in entities if who.domain in entity.domains]
        return (own[0], _SAME_DOMAIN) if own else None
    called = [entity for entity in entities if who.name and entity.domains and entity.is_called(who.name)]
    return (called[0], _ONLY_ONE if len(called) == 1 else _ONE_OF_MANY) if called else None


def _item(value: Any) -> str | None:
    return value.get("id") if isinstance(value, dict) else None


def _amount(value: Any) -> int | None:
    try:
        return int(float(value["amount"]))
    except (TypeError, KeyError, ValueError, OverflowError):
        return None


def _year(value: Any) -> int | None:
    try:
        return int(str(value["time"])[1:5])
    except (TypeError, KeyError, ValueError):
        return None
