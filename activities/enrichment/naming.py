"""Which company a lead is of: its domain, or what can be made of its name."""

import re
import unicodedata
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from activities.enrichment.basics import country_code, domain_of, email_kind, registrable
from activities.enrichment.provider import Company

_RESERVED: Final = frozenset({"example", "invalid", "localhost", "test", "local", "internal", "onion", "arpa", "lan", "home", "corp"})
"""Top-level names that are nobody's on the internet (RFC 2606, RFC 6761, RFC 6762, and what companies use inside)."""
_RESERVED_BELOW: Final = frozenset({"example.com", "example.net", "example.org"})
_LEGAL: Final = frozenset(
    re.findall(
        r"\w+",
        """ab ag as asa bv co company corp corporation eg gmbh group holding holdings inc incorporated kg kgaa limited llc llp ltd
        mbh nv oy oyj plc pte pty sa sarl sas se spa srl the und and""",
    )
)
"""Words of a name that say no more than what kind of company it is."""
_WORD = re.compile(r"[^\W_]+")
_LONGEST_NAME = 100
_ALIKE = 3
"""Letters that a name and a domain must share at least."""


def company_of(person: Mapping[str, Any]) -> Company | None:
    """The company of a lead, by what the form said; None when it names none that could be looked up.

    Args:
        person: the lead's columns; `domain` is the e-mail's or the stated web site's.
    """
    mail = domain_of(person.get("email"))
    own = mail if mail and email_kind(mail) == "company" else person.get("domain")
    name = " ".join(str(person.get("company") or "").split())[:_LONGEST_NAME] or None
    country = country_code(person.get("country"))
    domain = company_domain(own) if own else None
    if domain is None and (not name or not name_key(name) or (mail is not None and is_reserved(mail))):
        return None
    return Company(domain, name, country)


def company_domain(written: str) -> str | None:
    """The domain by which a company is on the internet, as it registered it; None for one that can be no company's.

    Args:
        written: a domain, or the address of a site.
    """
    try:
        host = urlsplit(written if "//" in written else f"//{written}").hostname or ""
        host = host.rstrip(".").encode("idna").decode("ascii").lower()
    except (ValueError, UnicodeError):
        return None
    found = None if _is_address(host) else registrable(host)
    if found is None or is_reserved(found):
        return None
    return found if email_kind(found) == "company" else None


def is_reserved(domain: str) -> bool:
    """Whether nobody on the internet can have this domain."""
    labels = domain.split(".")
    return labels[-1] in _RESERVED or ".".join(labels[-2:]) in _RESERVED_BELOW


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def name_key(name: str) -> str:
    """A company's name without its legal form, accents, case and punctuation: `ACME, Inc.` and `Acme` are the same."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    words = _WORD.findall("".join(c for c in plain if not unicodedata.combining(c)))
    kept = [word for word in words if word not in _LEGAL]
    return " ".join(kept or words)


def same_name(one: str, other: str) -> bool:
    """Whether two names are one company's, spaces aside."""
    return name_key(one).replace(" ", "") == name_key(other).replace(" ", "") != ""


def called(company: Company) -> str | None:
    """What a company is called, as far as that may be relied on.

    A name that its sources know goes first. One that a lead typed counts for a company with a domain only if the two look
    alike: anybody can write anything into a form, and their colleagues would be judged by it.
    """
    known = company.known.get("company")
    if isinstance(known, str) and name_key(known):
        return known
    if company.name is None or company.domain is None:
        return company.name
    typed, label = name_key(company.name).replace(" ", ""), label_of(company.domain).replace("-", "")
    alike = min(len(typed), len(label)) >= _ALIKE and (typed in label or label in typed)
    return company.name if alike else None


def label_of(domain: str) -> str:
    """The part of a domain that names the company: `acme` of `acme.co.uk`. Job boards and registries are tried by it."""
    return domain.partition(".")[0]
