"""Who a user is and how much they have on their hands."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity

from activities.database import Database, engine_errors
from models.lifecycle import Role
from models.messages import Standing
from models.worktime import Away

_STANDING = text(
    """
    SELECT u.roles, u.absences,
        (SELECT count(*) FROM leads l WHERE l.owner_id = u.id) AS open,
        (SELECT count(*) FROM ledger e WHERE e.actor_id = u.id AND e.kind = 'claimed'
            AND e.at >= date_trunc('day', now() AT TIME ZONE u.timezone) AT TIME ZONE u.timezone) AS today
    FROM users u WHERE u.id = :user AND u.active"""
)


def absences(stored: list[dict[str, Any]]) -> tuple[Away, ...]:
    """The absences of a user as they stand in their row."""
    return tuple(
        Away(datetime.fromisoformat(item["start"]), datetime.fromisoformat(item["until"]) if item.get("until") else None) for item in stored
    )


async def standing_of(connection: AsyncConnection, user: str) -> Standing:
    """What the tree needs to know about a user who acts.

    Args:
        connection: to the database.
        user: their id; anything that is none gives the standing of nobody.
    """
    try:
        key = UUID(user)
    except ValueError:
        return Standing()
    row = (await connection.execute(_STANDING, {"user": key})).one_or_none()
    if row is None:
        return Standing()
    return Standing(roles=tuple(map(Role, row.roles)), open=row.open, today=row.today, away=absences(row.absences))


class PeopleActivities:
    """Looks users up for messages that came without the API, as plain signals.

    Args:
        database: where users are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="standing")
    async def standing(self, user: str) -> Standing:
        """What the tree needs to know about a user.

        Raises:
            ApplicationError: retryable, when the database is out of reach.
        """
        with engine_errors("users could not be looked up"):
            async with self._database.autocommit() as connection:
                return await standing_of(connection, user)
