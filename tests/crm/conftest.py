from collections.abc import Iterator

import pytest

from models.crm import CrmName
from models.settings import Settings
from tests.crm.office import CLIENT, SECRET, TOKEN, Office, open_office
from tests.stack import address, api, people, stack

__all__ = ["address", "api", "people", "stack"]


@pytest.fixture(scope="session")
def one_office() -> Iterator[Office]:
    """One server for all."""
    with open_office() as found:
        yield found


@pytest.fixture
def office(one_office: Office) -> Office:
    """A CRM that speaks HubSpot's and Salesforce's language, without any record."""
    one_office.__init__(one_office.port)  # type: ignore[misc]
    return one_office


@pytest.fixture(params=list(CrmName))
def crm(request: pytest.FixtureRequest) -> CrmName:
    """Each CRM in turn."""
    return CrmName(request.param)


def configured(settings: Settings, office: Office, crm: CrmName, **more: object) -> Settings:
    """Settings with which this CRM is synced with that office."""
    hubspot = {"hubspot_token": TOKEN, "hubspot_url": office.url}
    salesforce = {"salesforce_url": office.url, "salesforce_client_id": CLIENT, "salesforce_client_secret": SECRET}
    own = {**(hubspot if crm is CrmName.HUBSPOT else salesforce), **more}
    return Settings.model_validate({**settings.model_dump(), **own, "salesforce_nobody": "00Gnobody"})


@pytest.fixture
def settings(settings: Settings, office: Office, crm: CrmName) -> Settings:
    """Settings of a program that syncs with the office."""
    return configured(settings, office, crm)
