"""Which notices a user wants outside the page."""

from typing import Any
from uuid import UUID

from sqlalchemy import text

from activities.database import Database
from models.lifecycle import NoticeKind
from models.schemas.integrations import NoticeChange, NoticeChoice

USUAL = (
    NoticeKind.ASSIGNED,
    NoticeKind.DEADLINE_NEAR,
    NoticeKind.LAPSED,
    NoticeKind.HANDED_BACK,
    NoticeKind.NAMED_ACCOUNT,
    NoticeKind.FAST_LANE,
    NoticeKind.NOBODY_FREE,
    NoticeKind.WEBHOOK_OFF,
)
"""What is told outside the page to who never chose: what somebody has to act on within hours."""
WAYS = ("email", "slack")
KINDS = tuple(kind for kind in NoticeKind if not kind.startswith("model_"))
"""What can be told outside the page: whatever is about a lead."""

_FIND = text("SELECT email, slack FROM notice_preferences WHERE user_id = :user")
_KEEP = text(
    """
    INSERT INTO notice_preferences (user_id, email, slack)
    VALUES (:user, coalesce(CAST(:email AS text[]), CAST(:usual AS text[])), coalesce(CAST(:slack AS text[]), CAST(:usual AS text[])))
    ON CONFLICT (user_id) DO UPDATE SET email = coalesce(CAST(:email AS text[]), notice_preferences.email),
        slack = coalesce(CAST(:slack AS text[]), notice_preferences.slack)
    RETURNING email, slack"""
)


async def choice(database: Database, user: UUID) -> NoticeChoice:
    """What a user chose, or the usual."""
    async with database.autocommit() as connection:
        row = (await connection.execute(_FIND, {"user": user})).mappings().one_or_none()
    return _view(row or dict.fromkeys(WAYS, USUAL))


async def choose(database: Database, user: UUID, form: NoticeChange) -> NoticeChoice:
    """Change what a user is told by which way."""
    async with database.connection() as connection:
        values = {"user": user, "usual": list(USUAL), "email": form.email, "slack": form.slack}
        return _view((await connection.execute(_KEEP, values)).mappings().one())


def _view(row: Any) -> NoticeChoice:
    known = {way: [kind for kind in KINDS if kind in row[way]] for way in WAYS}
    return NoticeChoice(email=known["email"], slack=known["slack"], kinds=list(KINDS))
