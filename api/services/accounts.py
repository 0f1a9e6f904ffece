"""Named accounts: companies sales wants, and whose they are."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Executable, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import Database
from api.errors import Conflict, Invalid, NotFound
from api.services import waiting
from api.services.cursors import position
from models.ids import uuid7
from models.lifecycle import Role
from models.locks import CHANGE_LOCK
from models.schemas.common import Page, Person, cursor_of
from models.schemas.people import AccountChange, AccountView, NewAccount
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
_STANDS = text("SELECT name, domain, owner_id AS owner FROM accounts WHERE id = :id FOR UPDATE")
_UPDATE = text("UPDATE accounts SET name = :name, domain = :domain, owner_id = :owner WHERE id = :id")
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


async def account(database: Database, account_id: UUID) -> AccountView:
    """One named account.

    Raises:
        NotFound: when there is none of that id.
    """
    async with database.connection() as connection:
        row = (await connection.execute(_ONE, {"id": account_id})).one_or_none()
    if row is None:
        raise NotFound("account")
    return _view(row)


async def create(database: Database, form: NewAccount) -> AccountView:
    """Name an account; leads of its domain belong to it from now on. The leads that wait for a rep are asked again.

    Raises:
        Invalid: when the owner is no active rep.
        Conflict: when the domain is another account's.
    """
    row = {"id": uuid7(), "name": form.name, "domain": form.domain, "owner": form.owner}
    try:
        async with database.connection() as connection:
            await _see_to_owner(connection, form.owner)
            await connection.execute(_INSERT, row)
            await _relink(connection, row, _LINK)
            await waiting.wake(connection)
            return _view((await connection.execute(_ONE, row)).one())
    except IntegrityError:
        raise _taken(form.domain) from None


async def change(database: Database, account_id: UUID, form: AccountChange) -> AccountView:
    """Change what the form names. Leads go to a new owner from now on; those somebody has stay with them.

    With another domain, the leads of the former one belong to it no more, and those of the new one do.

    Raises:
        NotFound: when there is none of that id.
        Invalid: when the new owner is no active rep.
        Conflict: when the domain is another account's.
    """
    wanted = form.model_dump(exclude_none=True)
    try:
        async with database.connection() as connection:
            stands = (await connection.execute(_STANDS, {"id": account_id})).mappings().one_or_none()
            if stands is None:
                raise NotFound("account")
            row = {**stands, **wanted, "id": account_id}
            if row["owner"] != stands["owner"]:
                await _see_to_owner(connection, row["owner"])
            await connection.execute(_UPDATE, row)
            if row["domain"] != stands["domain"]:
                await _relink(connection, row, _UNLINK, _LINK)
            await waiting.wake(connection)
            return _view((await connection.execute(_ONE, row)).one())
    except IntegrityError:
        raise _taken(wanted["domain"]) from None


async def delete(database: Database, account: UUID) -> None:
    """Forget an account; its leads stay, and belong to none.

    Raises:
        NotFound: when there is none of that id.
        Conflict: when a lead of it arrives at this very moment.
    """
    try:
        async with database.connection() as connection:
            await _relink(connection, {"id": account}, _UNLINK)
            if (await connection.execute(_DELETE, {"id": account})).one_or_none() is None:
                raise NotFound("account")
    except IntegrityError:
        raise Conflict("A lead of this account arrived just now. Please try again.") from None


async def _see_to_owner(connection: AsyncConnection, owner: UUID) -> None:
    if (await connection.execute(_REP, {"id": owner, "rep": Role.REP})).one_or_none() is None:
        raise Invalid({"owner": "must be the id of an active user with the role rep"})


def _taken(domain: str) -> Conflict:
    return Conflict(f"The domain {domain} belongs to another account.", "domain")


async def _relink(connection: AsyncConnection, row: Mapping[str, Any], *statements: Executable) -> None:
    """Change which account leads belong to, as a change that boards see."""
    await connection.execute(_LOCK, {"key": CHANGE_LOCK})
    for statement in statements:
        await connection.execute(statement, row)
    await connection.execute(_WAKE, {"channel": CHANNEL})


def _view(row: Any) -> AccountView:
    owner = Person(id=row.owner_id, name=row.owner_name)
    return AccountView(id=row.id, name=row.name, domain=row.domain, owner=owner, leads=row.leads, created_at=row.created_at)
