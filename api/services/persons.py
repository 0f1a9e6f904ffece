"""Who a lead is: the columns of its row that come from forms, and what follows from them at once."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import driver
from activities.enrichment.basics import domain_of, email_kind, registrable, zone_of
from models.schemas.fields import address_key
from models.schemas.leads import Submission

SAID = (
    "email", "first_name", "last_name", "company", "title", "phone", "country", "source", "campaign", "interest", "message", "anonymous_id",
)  # fmt: skip
"""What a form says, one column each."""
COLUMNS = (*SAID, "email_key", "consent", "attributes", "domain", "zone", "account_id", "search")
"""All columns that are about the person. `consent` and `attributes` are JSON."""

_ACCOUNTS = "SELECT domain, id FROM accounts WHERE domain = ANY(%s)"
_SEARCHED = ("first_name", "last_name", "email", "company", "title", "domain")


async def of_form(connection: AsyncConnection, form: Submission) -> dict[str, Any]:
    """The person as this form alone describes them, by column."""
    return (await of_forms(connection, [form]))[0]


async def of_forms(connection: AsyncConnection, forms: Sequence[Submission]) -> list[dict[str, Any]]:
    """The persons as these forms alone describe them, each by column; their accounts are looked up together."""
    said = ({name: getattr(form, name) for name in SAID} for form in forms)
    persons = [{**one, "consent": _granted(form), "attributes": form.attributes} for one, form in zip(said, forms, strict=True)]
    return await _completed(connection, persons)


async def filled(connection: AsyncConnection, person: Mapping[str, Any], form: Submission) -> dict[str, Any]:
    """The person with blanks filled from a later form. What was known stays; consent is added, never taken away.

    Only the visitor's id is replaced: it is the browser they use now, whose visits are still to come.

    Args:
        connection: to look the account up.
        person: the columns as they are.
        form: what they sent now.
    """
    said = {name: person[name] or getattr(form, name) for name in SAID}
    said["anonymous_id"] = form.anonymous_id or person["anonymous_id"]
    consent = {**person["consent"], **_granted(form)}
    return (await _completed(connection, [{**said, "consent": consent, "attributes": {**form.attributes, **person["attributes"]}}]))[0]


def _granted(form: Submission) -> dict[str, bool]:
    return {channel.value: True for channel in form.consent.granted}


async def _completed(connection: AsyncConnection, persons: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add what follows: the company's domain, the time zone, the named account and the text that is searched."""
    domains = [_complete(person) for person in persons]
    asked = sorted({domain for some in domains for domain in some})
    found = await (await (await driver(connection)).execute(_ACCOUNTS, (asked,))).fetchall() if asked else []
    accounts: dict[str, UUID] = dict(found)
    for person, some in zip(persons, domains, strict=True):
        named = max((domain for domain in some if domain in accounts), key=len, default=None)
        person["account_id"] = accounts[named] if named else None
    return persons


def _complete(person: dict[str, Any]) -> list[str]:
    """Add what follows from the person alone.

    Returns:
        The domains by which they may belong to an account.
    """
    mail, site = domain_of(person["email"]), _website(person["attributes"])
    own = mail if mail and email_kind(mail) == "company" else None
    person["email_key"] = address_key(person["email"]) if person["email"] else None
    company = own or site
    person["domain"] = (registrable(company) or company) if company else None
    person["zone"] = zone_of(person["phone"], person["country"])
    person["search"] = " ".join(str(person[name]) for name in _SEARCHED if person[name]).lower()
    return [name for domain in (mail, site) for name in _with_parents(domain)]


def _website(attributes: Mapping[str, Any]) -> str | None:
    """The company's domain, where the customer's attributes name one."""
    stated = attributes.get("domain") or attributes.get("website")
    if not isinstance(stated, str):
        return None
    try:
        host = urlsplit(stated if "//" in stated else f"//{stated}").hostname
    except ValueError:
        return None
    return host.removeprefix("www.") if host and "." in host else None


def _with_parents(domain: str | None) -> list[str]:
    """A domain and those it belongs to: an account's people also write from `mail.example.com`."""
    labels = domain.split(".") if domain else []
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]
