"""The team as a page shows it: each user with what they have on their hands, and how much they may have."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from activities import policies
from activities.database import Database
from api.services import users
from models.lifecycle import OWNED
from models.policy import Policy
from models.schemas.common import Page
from models.schemas.people import UserView

# As the router counts it: the leads somebody has, and those that are about to be theirs.
_LOADS = text(
    """
    SELECT u.id,
        (SELECT count(*) FROM leads l WHERE l.owner_id = u.id AND l.stage = ANY(:owned))
        + (SELECT count(*) FROM assignments a WHERE a.rep_id = u.id AND NOT a.settled) AS load
    FROM users u WHERE u.id = ANY(:ids)"""
)
_OWNED = [stage.value for stage in OWNED]


@dataclass(frozen=True, slots=True)
class Member:
    """A user and their work.

    Args:
        user: who.
        load: how many open leads they have, reserved ones included.
        most: how many they may have, their own number or the agreement's.
    """

    user: UserView
    load: int
    most: int


async def team(database: Database, *, cursor: str | None, limit: int) -> tuple[list[Member], str | None]:
    """All users in the order they were created, and the cursor of the part after these, if there is one.

    Raises:
        Invalid: when the cursor is none of this list.
    """
    found: Page[UserView] = await users.users(database, cursor=cursor, limit=limit)
    most, loads = await _work(database, [user.id for user in found.items])
    return [Member(user, loads[user.id], most if user.capacity is None else user.capacity) for user in found.items], found.next_cursor


async def member(database: Database, user_id: UUID) -> Member:
    """One of them.

    Raises:
        NotFound: when there is no such user.
    """
    user = await users.user(database, user_id)
    most, loads = await _work(database, [user_id])
    return Member(user, loads[user_id], most if user.capacity is None else user.capacity)


async def agreed(database: Database) -> Policy:
    """The agreement in force: how many leads a rep may have who has no number of their own, and who catches up after an absence."""
    async with database.connection() as connection:
        return await policies.latest(connection)


async def _work(database: Database, ids: list[UUID]) -> tuple[int, dict[UUID, int]]:
    """What the agreement allows, and how much each one has."""
    async with database.connection() as connection:
        most = (await policies.latest(connection)).claims.per_rep_open
        rows = await connection.execute(_LOADS, {"ids": ids, "owned": _OWNED})
        return most, {row.id: row.load for row in rows}
