"""The building blocks of forms: text that can be stored, e-mail addresses, and JSON that a customer brings along."""

import json
from typing import Annotated, Any

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, StringConstraints

_LONGEST_DOCUMENT = 16 << 10
_MOST_ITEMS = 100
_PLAIN = json.JSONEncoder(allow_nan=False, ensure_ascii=False)


def _storable(value: str) -> str:
    if "\x00" in value:
        raise ValueError("must not hold the character NUL")
    return value


def _blank_is_none(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def address(value: str) -> str:
    """An e-mail address in its normal form. Only its syntax is checked: nobody is asked whether it exists.

    Raises:
        ValueError: when it is none.
    """
    try:
        found = validate_email(value.strip(), check_deliverability=False, globally_deliverable=False, test_environment=True)
    except EmailNotValidError as err:
        raise ValueError(str(err)) from None
    if "." not in found.domain:
        raise ValueError("The part after the @-sign is not a domain: it has no dot.")
    return found.normalized


def address_key(value: str) -> str:
    """What makes two spellings of an e-mail address the same person.

    Raises:
        ValueError: when it is no address.
    """
    plain = value.strip()
    if plain.isascii() and "xn--" not in plain.lower():
        return plain.lower()
    return address(plain).lower()


def _document(value: dict[str, Any]) -> dict[str, Any]:
    """The same object, when PostgreSQL can keep it as JSON; written out once, which is the quickest way to look at all of it."""
    try:
        written = _PLAIN.encode(value).encode()
    except UnicodeEncodeError:
        raise ValueError("a text holds half a character") from None
    except (ValueError, RecursionError):
        raise ValueError("a number is too large, or something is nested too deeply") from None
    if len(written) > _LONGEST_DOCUMENT:
        raise ValueError(f"has more than {_LONGEST_DOCUMENT >> 10} KiB")
    if rb"\u0000" in written:
        raise ValueError("must not hold the character NUL")
    return value


def _attributes(value: dict[str, Any]) -> dict[str, Any]:
    if len(value) > _MOST_ITEMS:
        raise ValueError(f"has more than {_MOST_ITEMS} entries")
    for name, item in value.items():
        items = item if isinstance(item, list) else [item]
        if len(items) > _MOST_ITEMS or any(isinstance(one, list | dict) for one in items):
            raise ValueError(f"{name[:100]!r} must be a text, a number, true, false, null or a short list of these")
    return _document(value)


Address = Annotated[str, StringConstraints(max_length=320), AfterValidator(address)]
"""An e-mail address."""
OptionalLine = Annotated[
    Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_storable)] | None,
    BeforeValidator(_blank_is_none),
]
"""One line of text, or nothing."""
OptionalProse = Annotated[
    Annotated[str, StringConstraints(strip_whitespace=True, max_length=10_000), AfterValidator(_storable)] | None,
    BeforeValidator(_blank_is_none),
]
"""Text of any length people write, or nothing."""
Prose = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000), AfterValidator(_storable)]
"""Text that must say something."""
Attributes = Annotated[dict[str, Any], AfterValidator(_attributes)]
"""What the customer knows about a lead beyond the form: up to 100 names, each with a plain value or a short list; 16 KiB at most."""
Properties = Annotated[dict[str, Any], AfterValidator(_document)]
"""What is known about an event: up to 16 KiB of JSON."""
