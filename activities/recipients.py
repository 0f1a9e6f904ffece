"""Where a message to a lead goes: its e-mail address, its phone number in the form the world dials, its address for the postman."""

from collections.abc import Mapping
from typing import Any

from phonenumbers import PhoneNumberFormat, format_number

from activities.enrichment.basics import country_code, phone_number
from activities.providers.common import PostalAddress

_PARTS = ("street", "street2", "city", "region", "postal_code")
"""The attributes a letter's address is put together from; the country is the lead's own."""


def dialled(phone: str | None, country: str | None) -> str | None:
    """A phone number by E.164, `+4930901820`; None for what is no number, or names no country in any way.

    Args:
        phone: as somebody wrote it.
        country: code or English name, for numbers without one.
    """
    number = phone_number(phone, country)
    return format_number(number, PhoneNumberFormat.E164) if number else None


def postal(lead: Mapping[str, Any]) -> PostalAddress | None:
    """Where a letter goes; None when street, city, postal code or country is missing.

    Args:
        lead: its row, with `attributes`.
    """
    said = lead.get("attributes") or {}
    street, street2, city, region, code = (" ".join(str(said.get(name) or "").split()) for name in _PARTS)
    country = country_code(lead.get("country"))
    if not (street and city and code and country):
        return None
    name = " ".join(str(lead.get(part) or "") for part in ("first_name", "last_name")).strip() or str(lead.get("company") or "")
    return PostalAddress(name or "Resident", street, street2, city, region, code, country)
