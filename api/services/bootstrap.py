"""What must be true of the database before the doors work: tables up to date, a policy in force, somebody who may sign in."""

import asyncio
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import psycopg
import structlog
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import Database
from activities.policies import publish_file
from api.auth import digest_of
from models.ids import uuid7
from models.lifecycle import Role
from models.locks import BOOTSTRAP_LOCK
from models.migrations import config
from models.policy import PolicyError, load_policy
from models.settings import Settings

AWAY = (SQLAlchemyError, psycopg.Error, OSError)
"""What the database raises while it is away."""
_DEFAULT_POLICY = "# Every key that is left out has its default.\nname: default\n"

_VERSION = text("SELECT version_num FROM alembic_version")
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_ANY_POLICY = text("SELECT EXISTS (SELECT FROM policies)")
_ANY_USER = text("SELECT EXISTS (SELECT FROM users)")
_ADMIN = text(
    """
    INSERT INTO users (id, email, name, roles, timezone, active, created_at)
    VALUES (:id, 'admin@localhost', 'Admin', ARRAY[:role], 'UTC', true, now())"""
)
_TOKEN = text("INSERT INTO tokens (id, user_id, name, digest, created_at) VALUES (:id, :user, 'TWOWAY_ADMIN_TOKEN', :digest, now())")
_log = structlog.get_logger()


class NotMigrated(Exception):  # noqa: N818 - said as it is read
    """The tables are not those this version of the program needs."""


@lru_cache
def head() -> str | None:
    """The version of the tables that this program needs."""
    return ScriptDirectory.from_config(config("postgresql://")).get_current_head()


async def version(connection: AsyncConnection) -> str | None:
    """The version the tables have; None before the first migration."""
    try:
        async with connection.begin_nested():
            found: str | None = (await connection.execute(_VERSION)).scalar_one_or_none()
    except ProgrammingError:
        return None
    return found


def check_policy(settings: Settings) -> str | None:
    """The text of the policy file, if one is set.

    Raises:
        PolicyError: when it cannot be read or is no policy.
    """
    if settings.policy_file is None:
        return None
    load_policy(settings.policy_file, today=datetime.now(UTC).date())
    return Path(settings.policy_file).read_text("utf-8")


async def prepare(database: Database, settings: Settings) -> None:
    """Publish the policy and create the first admin, where that is still to be done; again changes nothing.

    Raises:
        NotMigrated: when the tables are not up to date.
        PolicyError: when the policy file is no policy.
        SQLAlchemyError: when the database is out of reach.
    """
    source = check_policy(settings)
    async with database.connection() as connection:
        found = await version(connection)
        if found != head():
            raise NotMigrated(f"the tables are at version {found or 'none'}, and {head()} is needed: run `twoway up` or the migrations")
        await connection.execute(_LOCK, {"key": BOOTSTRAP_LOCK})
        if source is not None or not (await connection.execute(_ANY_POLICY)).scalar_one():
            policy, new = await publish_file(connection, source or _DEFAULT_POLICY, today=datetime.now(UTC).date())
            if new:
                _log.info("policy published", version=policy.version, name=policy.name)
        await _first_admin(connection, settings)


async def _first_admin(connection: AsyncConnection, settings: Settings) -> None:
    token = settings.admin_token.get_secret_value()
    if not token or (await connection.execute(_ANY_USER)).scalar_one():
        return
    admin = uuid7()
    await connection.execute(_ADMIN, {"id": admin, "role": Role.ADMIN.value})
    await connection.execute(_TOKEN, {"id": uuid7(), "user": admin, "digest": digest_of(token)})
    _log.info("first admin created", user=str(admin))


async def prepare_when_possible(database: Database, settings: Settings) -> None:
    """Prepare the database as soon as it lets itself be prepared, however long that takes."""
    wait, told = 0.25, ""
    while True:
        try:
            await prepare(database, settings)
        except (*AWAY, NotMigrated, PolicyError) as err:
            why = f"{type(err).__name__}: {err}" if isinstance(err, NotMigrated | PolicyError) else type(err).__name__
            if why != told:
                _log.warning("the database cannot be prepared yet", why=why)
            told = why
            await asyncio.sleep(wait)
            wait = min(wait * 2, 5.0)
        else:
            return
