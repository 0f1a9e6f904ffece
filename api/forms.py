"""Forms of pages: what a browser sent, held against a schema, with what is wrong told by field."""

from collections.abc import Mapping
from typing import TypeVar

from fastapi import Request
from pydantic import ValidationError
from starlette.datastructures import ImmutableMultiDict

from api.errors import Conflict, Invalid, invalid
from models.schemas.common import Schema

WHOLE = ""
"""Where `wrong` tells what is no single field's fault."""
_MOST_FIELDS = 100
Sent = ImmutableMultiDict[str, str]
"""The fields of a form; a name may stand there several times."""
Form = TypeVar("Form", bound=Schema)


async def sent(request: Request) -> Sent:
    """The fields of the form in a request, without files.

    Raises:
        starlette.exceptions.HTTPException: when it is no form, or has too many fields.
    """
    async with request.form(max_files=0, max_fields=_MOST_FIELDS) as form:
        return ImmutableMultiDict([(name, value) for name, value in form.multi_items() if isinstance(value, str)])


def text_of(form: Sent, name: str) -> str:
    """A field without blanks around it; empty when it was not sent."""
    return form.get(name, "").strip()


def pairs(lines: str, field: str, example: str) -> dict[str, str]:
    """What a field of several lines says, each a name, `=` and a value.

    Args:
        lines: as they were written; empty ones say nothing.
        field: whose they are.
        example: a line as it should be.

    Raises:
        Invalid: when a line has no `=`, or a name stands there twice.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(lines.splitlines(), 1):
        if not line.strip():
            continue
        name, sign, value = (part.strip() for part in line.partition("="))
        if not sign or not name:
            raise Invalid({field: f"line {number} must be a name, = and a value, as {example}"})
        if name in found:
            raise Invalid({field: f"line {number} says {name} a second time"})
        found[name] = value
    return found


def filled(schema: type[Form], values: Mapping[str, object]) -> Form:
    """The schema with these values.

    Raises:
        Invalid: naming each field at fault.
    """
    try:
        return schema.model_validate(values)
    except ValidationError as err:
        raise invalid([{**error, "loc": (WHOLE, *error["loc"])} for error in err.errors()]) from None


def wrong(problem: Invalid | Conflict) -> dict[str, str]:
    """What is wrong with a form, as a sentence by field; under `WHOLE` what is no single field's fault."""
    if isinstance(problem, Conflict):
        return {problem.field or WHOLE: problem.detail or problem.title}
    found: dict[str, str] = {}
    for error in problem.fields["errors"]:
        said: str = error["message"]
        found.setdefault(error["field"].partition(".")[0], f"{said[:1].upper()}{said[1:].rstrip('.')}.")
    return found
