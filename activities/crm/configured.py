"""The CRMs there are adapters for, and which of them the settings name."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from activities.crm.hubspot import HubSpot
from activities.crm.protocol import Crm
from activities.crm.salesforce import Salesforce
from activities.crm.salesforce_session import private_key
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
        _check_sign_in(settings)
        found[CrmName.SALESFORCE] = lambda: _open(Salesforce(settings))
    return found


def _check_sign_in(settings: Settings) -> None:
    """See to it that there is one way in to Salesforce, and that it can be one."""
    secrets = (settings.salesforce_client_secret, settings.salesforce_refresh_token, settings.salesforce_private_key)
    if not any(secret.get_secret_value() for secret in secrets):
        ways = "TWOWAY_SALESFORCE_CLIENT_SECRET, TWOWAY_SALESFORCE_REFRESH_TOKEN or TWOWAY_SALESFORCE_PRIVATE_KEY"
        raise ValueError(f"TWOWAY_SALESFORCE_URL is set, so {ways} must be set")
    if settings.salesforce_private_key.get_secret_value():
        if not settings.salesforce_user:
            raise ValueError("TWOWAY_SALESFORCE_PRIVATE_KEY is set, so TWOWAY_SALESFORCE_USER must be set as well")
        try:
            private_key(settings.salesforce_private_key)
        except ValueError as err:
            raise ValueError(f"TWOWAY_SALESFORCE_PRIVATE_KEY cannot be used: {err}") from None


@asynccontextmanager
async def _open(crm: HubSpot | Salesforce) -> AsyncIterator[Crm]:
    try:
        yield crm
    finally:
        await crm.close()
