"""The CRMs there are adapters for, and which of them the settings name."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from activities.crm.hubspot import HubSpot
from activities.crm.protocol import Crm
from activities.crm.salesforce import Salesforce
from models.crm import OWN, CrmName
from models.settings import Settings


class Opened(Protocol):
    """How a CRM is spoken to for a while."""

    def __call__(self) -> AbstractAsyncContextManager[Crm]:
        """A CRM, with connections that are given back."""


def configured(settings: Settings) -> Mapping[CrmName, Opened]:
    """The CRMs that the settings name.

    Raises:
        ValueError: when they name half of one, or a field there is none of.
    """
    for setting, names in (("HUBSPOT_PROPERTIES", settings.hubspot_properties), ("SALESFORCE_FIELDS", settings.salesforce_fields)):
        if unknown := names.keys() - set(OWN):
            raise ValueError(f"TWOWAY_{setting} names {', '.join(sorted(unknown))}; it can name {', '.join(OWN)}")
    found: dict[CrmName, Opened] = {}
    if settings.hubspot_token.get_secret_value():
        found[CrmName.HUBSPOT] = lambda: _open(HubSpot(settings))
    if settings.salesforce_url:
        if not settings.salesforce_client_id:
            raise ValueError("TWOWAY_SALESFORCE_URL is set, so TWOWAY_SALESFORCE_CLIENT_ID must be set as well")
        secrets = (settings.salesforce_client_secret, settings.salesforce_refresh_token)
        if not any(secret.get_secret_value() for secret in secrets):
            raise ValueError(
                "TWOWAY_SALESFORCE_URL is set, so TWOWAY_SALESFORCE_CLIENT_SECRET or TWOWAY_SALESFORCE_REFRESH_TOKEN must be set"
            )
        found[CrmName.SALESFORCE] = lambda: _open(Salesforce(settings))
    return found


@asynccontextmanager
async def _open(crm: HubSpot | Salesforce) -> AsyncIterator[Crm]:
    try:
        yield crm
    finally:
        await crm.close()
