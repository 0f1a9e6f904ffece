"""The forms elsewhere whose submissions come in, and their secrets."""

import secrets
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import Database
from activities.webhooks import new_secret
from api.errors import NotFound
from api.services.webhooks import sealed
from models.schemas.common import Page
from models.schemas.integrations import FormChange, FormMade, FormView, NewForm
from models.settings import Settings

_SHOWN = """
    SELECT f.key, f.name, f.kind, f.fields, f.defaults, f.active, f.created_at,
        (SELECT count(*) FROM form_receipts r WHERE r.source = f.key) AS received,
        (SELECT max(r.at) FROM form_receipts r WHERE r.source = f.key) AS last_received_at
    FROM form_sources f"""
_ALL = text(f"{_SHOWN} ORDER BY f.created_at, f.key")
_ONE = text(f"{_SHOWN} WHERE f.key = :key")
_JSON = (bindparam("fields", type_=JSONB(none_as_null=True)), bindparam("defaults", type_=JSONB(none_as_null=True)))
_INSERT = text(
    """
    INSERT INTO form_sources (key, name, kind, secret, fields, defaults, active, created_at)
    VALUES (:key, :name, :kind, :secret, :fields, :defaults, true, now())"""
).bindparams(*_JSON)
_CHANGE = text(
    """
    UPDATE form_sources SET name = coalesce(:name, name), secret = coalesce(:secret, secret), fields = coalesce(:fields, fields),
        defaults = coalesce(:defaults, defaults), active = coalesce(CAST(:active AS boolean), active)
    WHERE key = :key RETURNING key"""
).bindparams(*_JSON)
_DELETE = text("DELETE FROM form_sources WHERE key = :key RETURNING key")


async def sources(database: Database, settings: Settings) -> Page[FormView]:
    """All of them, the oldest first."""
    async with database.autocommit() as connection:
        return Page(items=[_view(row, settings) for row in (await connection.execute(_ALL)).mappings()])


async def source(database: Database, settings: Settings, key: str) -> FormView:
    """One of them.

    Raises:
        NotFound: when there is none of that key.
    """
    async with database.autocommit() as connection:
        return await _one(connection, settings, key)


async def create(database: Database, settings: Settings, form: NewForm) -> FormMade:
    """Let a form's submissions in.

    Raises:
        Conflict: when there is no key to seal secrets with.
    """
    secret = form.secret.get_secret_value() if form.secret else new_secret()
    row = form.model_dump(include={"name", "kind", "fields", "defaults"})
    row |= {"key": f"form_{secrets.token_urlsafe(18)}", "secret": sealed(settings, secret)}
    async with database.connection() as connection:
        await connection.execute(_INSERT, row)
        return FormMade(**dict(await _one(connection, settings, row["key"])), secret=secret)


async def change(database: Database, settings: Settings, key: str, form: FormChange) -> FormView:
    """Change what is named.

    Raises:
        NotFound: when there is none of that key.
        Conflict: when there is no key to seal secrets with.
    """
    row = form.model_dump(include={"name", "fields", "defaults", "active"})
    row |= {"key": key, "secret": sealed(settings, form.secret.get_secret_value()) if form.secret else None}
    async with database.connection() as connection:
        await connection.execute(_CHANGE, row)
        return await _one(connection, settings, key)


async def delete(database: Database, key: str) -> None:
    """Let no more of a form's submissions in. Its leads stay.

    Raises:
        NotFound: when there is none of that key.
    """
    async with database.connection() as connection:
        if (await connection.execute(_DELETE, {"key": key})).one_or_none() is None:
            raise NotFound("form")


async def _one(connection: AsyncConnection, settings: Settings, key: str) -> FormView:
    row = (await connection.execute(_ONE, {"key": key})).mappings().one_or_none()
    if row is None:
        raise NotFound("form")
    return _view(row, settings)


def _view(row: Any, settings: Settings) -> FormView:
    return FormView(**row, url=f"{settings.public_url.rstrip('/')}/integrations/forms/{row['key']}")
