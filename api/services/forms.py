"""Submissions of forms elsewhere: told from forgeries, put into our words, and taken in like any other lead.

One reader for each kind of sender says how its requests are signed, what makes a submission the same one sent again, and
where the fields are. What comes of it is a `Submission`, and everything after that is the arrival's.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import Database
from activities.sealing import Sealing, UnreadableSecretError
from api.errors import Conflict, Invalid, NotFound
from api.services import arrival
from api.services.arrival import TakenAlready
from api.services.engine import Engine
from api.services.form_senders import DEMANDS_SIGNATURE, READS, Found, Request
from models.schemas.integrations import FormKind, FormLanded
from models.schemas.leads import Submission
from models.settings import Settings

_TRUE = frozenset({"true", "yes", "y", "on", "1", "checked"})
_FLAGS = frozenset({"consultation_requested", "consent.email", "consent.sms", "consent.post"})

_SOURCE = text("SELECT kind, secret, fields, defaults FROM form_sources WHERE key = :key AND active")
_RECEIPT = text(
    """
    INSERT INTO form_receipts (source, digest, at) SELECT key, :digest, now() FROM form_sources WHERE key = :key
    ON CONFLICT DO NOTHING RETURNING digest"""
)
_PRUNE = text("DELETE FROM form_receipts WHERE at < now() - interval '90 days'")


async def take(database: Database, engine: Engine, settings: Settings, key: str, request: Request) -> FormLanded:
    """Take a submission in, once.

    Args:
        database: where to.
        engine: what carries on from there.
        settings: the key that secrets are sealed with, and where we are.
        key: of the source, as in the address.
        request: what was sent.

    Raises:
        NotFound: when there is no such source, or it is switched off.
        BadSignature: when the request is not its sender's.
        Invalid: when it holds nothing that could become a lead.
    """
    async with database.autocommit() as connection:
        source = (await connection.execute(_SOURCE, {"key": key})).one_or_none()
    if source is None:
        raise NotFound("form")
    try:
        secret = Sealing(settings).open(source.secret)
    except UnreadableSecretError:
        raise Conflict("The secret of this form was sealed with another TWOWAY_SECRET_KEY. An admin has to set it anew.") from None
    kind = FormKind(source.kind)
    DEMANDS_SIGNATURE[kind](secret, request, settings.public_url)
    found = READS[kind](_document(request.body))
    form = _submission(found, source.fields, source.defaults)
    digest = sha256(_event(found, source.fields, request)).hexdigest()

    async def receipt(connection: AsyncConnection, merged: bool) -> None:
        if (await connection.execute(_RECEIPT, {"key": key, "digest": digest})).one_or_none() is None:
            raise TakenAlready

    try:
        landed = await arrival.take_in(database, engine, form, receipt=receipt)
    except TakenAlready:
        return FormLanded(lead=None, merged=False, duplicate=True)
    return FormLanded(lead=landed.lead, merged=landed.merged, duplicate=False)


def _event(found: Found, fields: Mapping[str, str], request: Request) -> bytes:
    """What makes a submission this one: its sender's id for it, or all that it says."""
    named = _at(found.values, fields["event_id"]) if "event_id" in fields else found.event
    said = named if named not in (None, "") else request.headers.get("webhook-id") or request.headers.get("idempotency-key")
    return request.body if said is None else f"id {said}".encode()


def _document(body: bytes) -> Any:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Invalid({"body": "is not valid JSON"}) from None
    return found


def _submission(found: Found, fields: Mapping[str, str], defaults: Mapping[str, str]) -> Submission:
    """A submission in our words: what the map names, what the sender's form says by itself, then the defaults.

    Raises:
        Invalid: naming our fields, and where they were looked for.
    """
    said: dict[str, Any] = {**defaults, **{name: value for name, value in found.own.items() if value not in (None, "")}}
    for name, path in fields.items():
        value = _at(found.values, path)
        if name == "event_id" or value in (None, "", []):
            continue
        value = _flag(value) if name in _FLAGS else value if name.startswith("attributes.") else _words(value)
        group, _, inner = name.partition(".")
        if inner:
            said[group] = {**(said.get(group) or {}), inner: value}
        else:
            said[name] = value
    try:
        return Submission.model_validate(said)
    except ValidationError as err:
        found_wrong = err.errors(include_input=False, include_url=False)
        raise RequestValidationError([{**error, "loc": ("body", *error["loc"])} for error in found_wrong]) from None


def _at(values: Any, path: str) -> Any:
    """What stands at a path; a name that holds dots itself is found as a whole first."""
    if isinstance(values, dict) and path in values:
        return values[path]
    for step in path.split("."):
        if isinstance(values, dict):
            values = values.get(step)
        elif isinstance(values, list) and step.isdigit() and int(step) < len(values):
            values = values[int(step)]
        else:
            return None
    return values


def _flag(value: Any) -> bool:
    return value.strip().lower() in _TRUE if isinstance(value, str) else value is True or value == 1


def _words(value: Any) -> Any:
    if isinstance(value, bool | dict):
        return value
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return ", ".join(str(item) for item in value if isinstance(item, str | int | float))
    return value


async def prune(database: Database) -> None:
    """Forget which submissions landed three months ago: nobody sends those again.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    async with database.connection() as connection:
        await connection.execute(_PRUNE)
