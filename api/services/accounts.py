"""Named accounts: companies sales wants, and whose they are."""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import Database
from activities.ledger import CHANGE_LOCK
from api.errors import Conflict, Invalid, NotFound
from api.services.cursors import position
from models.ids import uuid7
from models.lifecycle import Role
from models.schemas.common import Page, Person, cursor_of
from models.schemas.people import AccountView, NewAccount
from models.tables import CHANGES, CHANNEL

_ACCOUNTS = """
    SELECT a.id, a.name, a.domain, a.owner_id, u.name AS owner_name, a.created_at,
        (SELECT count(*) FROM leads l WHERE l.account_id = a.id) AS leads
    FROM accounts a JOIN users u ON u.id = a.owner_id"""
_LIST = text(f"{_ACCOUNTS} WHERE CAST(:after AS text) IS NULL OR a.domain > :after ORDER BY a.domain LIMIT :limit")
_ONE = text(f"{_ACCOUNTS} WHERE a.id = :id")
_REP = text("SELECT FROM users WHERE id = :id AND active AND :rep = ANY(roles)")
_REPS = text("SELECT id, name FROM users WHERE active AND :rep = ANY(roles) ORDER BY lower(name), id")
_INSERT = text("INSERT INTO accounts (id, name, domain, owner_id, created_at) VALUES (:id, :name, :domain, :owner, now())")
_DELETE = text("DELETE FROM accounts WHERE id = :id RETURNING id")
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_LINK = text(
    f"""
    UPDATE leads SET account_id = :id, change = nextval('{CHANGES}')
    WHERE (domain = :domain OR '.' || split_part(email_key, '@', 2) LIKE '%.' || :domain) AND account_id IS NULL"""  # noqa: S608
)
"""An account may be a part of a company, as `de.acme.com`; a lead's domain is the whole company's."""
_UNLINK = text(f"UPDATE leads SET account_id = NULL, change = nextval('{CHANGES}') WHERE account_id = :id")  # noqa: S608
_WAKE = text("SELECT pg_notify(:channel, '')")


async def accounts(database: Database, *, cursor: str | None, limit: int) -> Page[AccountView]:
    """The named accounts by domain.

    Raises:
        Invalid: when the cursor is none of this list.
    """
    after = position(cursor, str) or (None,)
    async with database.connection() as connection:
        rows = (await connection.execute(_LIST, {"after": after[0], "limit": limit + 1})).all()
    items = [_view(row) for row in rows[:limit]]
    return Page(items=items, next_cursor=cursor_of(items[-1].domain) if len(rows) > limit else None)


async def owners(database: Database) -> list[Person]:
    """Who may own an account: the active reps by name."""
    async with database.connection() as connection:
        return [Person(id=row.id, name=row.name) for row in await connection.execute(_REPS, {"rep": Role.REP})]


async def create(database: Database, form: NewAccount) -> AccountView:
    """Name an account; leads of its domain belong to it from now on.

    Raises:
        Invalid: when the owner is no active rep.
        Conflict: when the domain is another account's.
    """
    account = uuid7()
    try:
        async with database.connection() as connection:
            if (await connection.execute(_REP, {"id": form.owner, "rep": Role.REP})).one_or_none() is None:
                raise Invalid({"owner": "must be the id of an active user with the role rep"})
            row = {"id": account, "name": form.name, "domain": form.domain, "owner": form.owner}
            await connection.execute(_INSERT, row)
            await _relink(connection, _LINK, {"id": account, "domain": form.domain})
            return _view((await connection.execute(_ONE, {"id": account})).one())
    except IntegrityError:
        raise Conflict(f"The domain {form.domain} belongs to another account.", "domain") from None


async def delete(database: Database, account: UUID) -> None:
    """Forget an account; its leads stay, and belong to none.

    Raises:
        NotFound: when there is none of that id.
        Conflict: when a lead of it arrives at this very moment.
    """
    try:
        async with database.connection() as connection:
            await _relink(connection, _UNLINK, {"id": account})
            if (await connection.execute(_DELETE, {"id": account})).one_or_none() is None:
                raise NotFound("account")
    except IntegrityError:
        raise Conflict("A lead of this account arrived just now. Please try again.") from None


async def _relink(connection: AsyncConnection, statement: Any, values: dict[str, Any]) -> None:
    """Change which account leads belong to, as a change that boards see."""
    await connection.execute(_LOCK, {"key": CHANGE_LOCK})
    await connection.execute(statement, values)
    await connection.execute(_WAKE, {"channel": CHANNEL})


def _view(row: Any) -> AccountView:
    owner = Person(id=row.owner_id, name=row.owner_name)
    return AccountView(id=row.id, name=row.name, domain=row.domain, owner=owner, leads=row.leads, created_at=row.created_at)
