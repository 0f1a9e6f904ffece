"""Everybody outside who is asked. A new source is a file here and a line in `SOURCES`."""

from typing import Any

from activities.enrichment.provider import Source
from activities.enrichment.sources.apollo import Apollo, ApolloPerson
from activities.enrichment.sources.companies_house import CompaniesHouse
from activities.enrichment.sources.edgar import Edgar
from activities.enrichment.sources.gdelt import Gdelt
from activities.enrichment.sources.greenhouse import Greenhouse
from activities.enrichment.sources.hunter import Hunter, HunterPerson
from activities.enrichment.sources.lever import Lever
from activities.enrichment.sources.people_data_labs import PeopleDataLabs, PeopleDataLabsPerson
from activities.enrichment.sources.site import Site
from activities.enrichment.sources.wikidata import Wikidata
from activities.enrichment.web import Web
from models.settings import SourceSettings

SOURCES: tuple[type[Source[Any]], ...] = (
    Site,
    Greenhouse,
    Lever,
    Gdelt,
    Edgar,
    Wikidata,
    CompaniesHouse,
    PeopleDataLabs,
    PeopleDataLabsPerson,
    Apollo,
    ApolloPerson,
    Hunter,
    HunterPerson,
)


def checked() -> dict[str, SourceSettings]:
    """The settings of every source, by its name in them.

    Raises:
        ValueError: when the environment holds an impossible value; it names the setting.
    """
    return {kind.settled_as(): SourceSettings.of(kind.settled_as()) for kind in SOURCES}


def sources(web: Web) -> list[Source[Any]]:
    """Every source that is not switched off, as the environment sets it.

    Raises:
        ValueError: when the environment holds an impossible value.
    """
    settings = checked()
    made = [kind(settings[kind.settled_as()], web) for kind in SOURCES]
    return [source for source in made if source.enabled]
