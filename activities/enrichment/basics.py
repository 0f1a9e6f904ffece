"""What an e-mail address, a phone number and a country tell by themselves: look-ups in tables that ship with the program."""

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

from disposable_email_domains import blocklist
from phonenumbers import NumberParseException, PhoneNumber, is_valid_number, parse, region_code_for_number
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number
from publicsuffixlist import PublicSuffixList

EmailKind = Literal["free", "disposable", "company"]

_MOSTLY = {
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv",
    "UZ": "Asia/Tashkent",
}
"""Where zone.tab's first zone is not the one most people live in: it lists a country's zones by geography."""

_ALSO_CALLED = {
    "czechia": "CZ",
    "england": "GB",
    "great britain": "GB",
    "holland": "NL",
    "ivory coast": "CI",
    "russian federation": "RU",
    "scotland": "GB",
    "south korea": "KR",
    "the netherlands": "NL",
    "turkiye": "TR",
    "türkiye": "TR",
    "uae": "AE",
    "uk": "GB",
    "united kingdom": "GB",
    "united states of america": "US",
    "usa": "US",
    "viet nam": "VN",
    "wales": "GB",
}
"""Names people write for countries that iso3166.tab calls otherwise."""


def domain_of(email: str | None) -> str | None:
    """The domain of an e-mail address in lower case; None where there is none."""
    domain = (email or "").rpartition("@")[2].strip().rstrip(".").lower()
    return domain if email and "@" in email and domain else None


def registrable(domain: str) -> str | None:
    """The domain that somebody registered, `example.co.uk` of `mail.example.co.uk`, by the list of public suffixes in its package.

    Args:
        domain: as DNS writes it, in small letters.

    Returns:
        None where nobody can have registered one: a public suffix as such, a single label, an address.
    """
    found: str | None = None if domain.rpartition(".")[2].isdigit() else _suffixes().privatesuffix(domain)
    return found


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def email_kind(domain: str) -> EmailKind:
    """Whose domain it is: a throw-away mailbox's, a free mail provider's, or else a company's.

    A domain below a disposable one is disposable too.
    """
    name = domain.strip().rstrip(".").lower()
    labels = name.split(".")
    if any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1)):
        return "disposable"
    return "free" if name in _free_domains() else "company"


def country_code(country: str | None) -> str | None:
    """The ISO 3166 code of a country written as its code or its English name; None for anything else."""
    written = " ".join((country or "").split())
    if written.upper() in _names_by_code():
        return written.upper()
    return _codes_by_name().get(written.casefold())


def country_of_phone(phone: str | None, country: str | None = None) -> str | None:
    """The ISO 3166 code of the country a phone number belongs to.

    Args:
        phone: as written; without an international prefix it is read as a number of `country`.
        country: code or English name.
    """
    number = phone_number(phone, country)
    region = region_code_for_number(number) if number else None
    return region if region in _names_by_code() else None


def zone_of(phone: str | None, country: str | None) -> str | None:
    """The time zone a person is most likely in, None when neither tells.

    Args:
        phone: as written. An area code in one zone decides.
        country: code or English name; else the phone number's. Of several zones the main one is taken.
    """
    number = phone_number(phone, country)
    zones = time_zones_for_number(number) if number else ()
    if len(zones) == 1 and zones[0] != UNKNOWN_TIMEZONE:
        return str(zones[0])
    code = country_code(country) or country_of_phone(phone)
    return _MOSTLY.get(code) or _first_zones().get(code) if code else None


def phone_number(phone: str | None, country: str | None) -> PhoneNumber | None:
    """A number as written, read as one of `country` without an international prefix; None for what is none."""
    try:
        number = parse(phone or "", country_code(country))
    except NumberParseException:
        return None
    return number if is_valid_number(number) else None


@cache
def _free_domains() -> frozenset[str]:
    return frozenset(Path(__file__).with_name("free_mail.txt").read_text("utf-8").split())


@cache
def _names_by_code() -> dict[str, str]:
    return {code: name for code, name, *_ in _table("iso3166.tab")}


@cache
def _codes_by_name() -> dict[str, str]:
    plain = {name.casefold(): code for code, name in _names_by_code().items()}
    return plain | _ALSO_CALLED


@cache
def _first_zones() -> dict[str, str]:
    found: dict[str, str] = {}
    for code, _, zone, *_ in _table("zone.tab"):
        found.setdefault(code, zone)
    return found


def _table(name: str) -> list[list[str]]:
    """A table of the tz database, as the `tzdata` package ships it."""
    lines = (files("tzdata") / "zoneinfo" / name).read_text("utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]
