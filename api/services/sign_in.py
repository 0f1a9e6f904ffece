"""Signing in by e-mail address and password."""

from uuid import UUID

from sqlalchemy import text

from activities.database import Database
from api.services import passwords, throttle
from models.schemas.fields import address_key

_USER = text("SELECT id, password_hash FROM users WHERE email = :email AND active")
_REHASHED = text("UPDATE users SET password_hash = :fresh WHERE id = :id AND password_hash = :stored")


async def by_password(database: Database, email: str, password: str, address: str) -> UUID | None:
    """Whose e-mail address and password these are; None when they are nobody's, and nothing says which of the two is wrong.

    Args:
        database: where users are.
        email: as typed.
        password: as typed.
        address: where the request came from.

    Raises:
        TooManyTries: when this account, or this address, was wrong too often.
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    email = spelling(email)
    await throttle.admit(database, email, address)
    async with database.connection() as connection:
        user = (await connection.execute(_USER, {"email": email})).one_or_none()
    right, fresh = await passwords.matches(password, user.password_hash if user else None)
    if user is None or not right:
        return None
    if fresh is not None:
        async with database.connection() as connection:
            await connection.execute(_REHASHED, {"fresh": fresh, "id": user.id, "stored": user.password_hash})
    await throttle.clear(database, email)
    found: UUID = user.id
    return found


def spelling(email: str) -> str:
    """An e-mail address as users' are stored, however it was typed. What is none is left as it is, and finds nobody."""
    try:
        return address_key(email)
    except ValueError:
        return email.strip().lower()
