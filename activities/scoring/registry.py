"""The versions of the model: ordering one, who is champion, and what it takes to become it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.scoring.judging import POINTS
from models.ids import uuid7
from models.lifecycle import NoticeKind, Role
from models.locks import CHANGE_LOCK, MODELS_LOCK
from models.tables import CHANGES, CHANNEL

DO_NOT_USE = "do not use"
TOLD = (Role.MARKETER, Role.MANAGER)
"""Who is told what happens to the model."""


class ModelState(StrEnum):
    """Where a version stands."""

    WAITING = "waiting"
    TRAINING = "training"
    CHALLENGER = "challenger"
    CHAMPION = "champion"
    RETIRED = "retired"
    FAILED = "failed"


class ModelKind(StrEnum):
    """Where a version comes from."""

    HISTORY = "history"
    INSTALLED = "installed"


_JSON = ("columns", "why", "metrics", "report", "figures", "compared", "watch")
_SHOWN = """m.version, m.number, m.kind, m.state, m.outcome, m.columns, m.learned_from, m.learned_until, m.rows, m.successes, m.verdict,
    m.why, m.metrics, m.compared, m.watch, m.progress, m.created_at, m.trained_at, m.promoted_at, m.retired_at, m.user_id,
    u.name AS user_name, m.content IS NOT NULL AS usable"""
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_BY_REQUEST = text("SELECT version FROM models WHERE request = :request")
_UNDER_WAY = text("SELECT version FROM models WHERE state IN ('waiting', 'training') AND kind = 'history' ORDER BY number DESC LIMIT 1")
_ORDER = text(
    """
    WITH next AS (SELECT nextval(pg_get_serial_sequence('models', 'number')) AS number)
    INSERT INTO models (version, number, kind, state, user_id, request, outcome, rows, successes, created_at)
    SELECT 'm' || number, number, :kind, :state, :user, :request, :outcome, 0, 0, now() FROM next RETURNING version"""
)
_FROM = "FROM models m LEFT JOIN users u ON u.id = m.user_id"
_ALL = text(f"SELECT {_SHOWN} {_FROM} ORDER BY m.number DESC LIMIT :limit")
_ONE = text(f"SELECT {_SHOWN}, m.report, m.figures {_FROM} WHERE m.version = :version")
_CHAMPION = text("SELECT version FROM models WHERE state = 'champion'")
_FILE = text("SELECT version, columns, content FROM models WHERE version = :version AND content IS NOT NULL")
_RETIRE = text("UPDATE models SET state = 'retired', retired_at = now() WHERE state = 'champion'")
_CROWN = text("UPDATE models SET state = 'champion', promoted_at = now(), retired_at = NULL, watch = NULL WHERE version = :version")
_NOTE = text("INSERT INTO model_changes (from_version, to_version, user_id, at, why) VALUES (:was, :version, :user, now(), :why)")
_CHANGES_MADE = text(
    """
    SELECT c.from_version, c.to_version, c.at, c.why, c.user_id, u.name AS user_name
    FROM model_changes c LEFT JOIN users u ON u.id = c.user_id ORDER BY c.id DESC LIMIT 20"""
)
_TELL = text(
    f"""
    INSERT INTO notices (id, change, lead_id, seq, kind, role, at)
    VALUES (:id, nextval('{CHANGES}'), NULL, CAST(extract(epoch FROM now()) / 60 AS int), :kind, :role, now())
    ON CONFLICT (lead_id, seq, kind, user_id, role) DO NOTHING"""  # noqa: S608 - a constant of ours
)


@dataclass(frozen=True, slots=True)
class File:
    """A model as it is loaded.

    Args:
        version: its name.
        columns: for each of its columns the feature it is.
        content: its bytes.
    """

    version: str
    columns: Mapping[str, str]
    content: bytes


async def order(
    connection: AsyncConnection,
    kind: ModelKind,
    *,
    outcome: str,
    user: UUID | None,
    request: str | None = None,
    state: ModelState = ModelState.WAITING,
) -> tuple[str, bool]:
    """Note that a version is wanted, in the caller's transaction.

    Returns:
        Its name, and whether it is new: one training is under way at a time, and the same request again is the same version.
    """
    await connection.execute(_LOCK, {"key": MODELS_LOCK})
    before = (await connection.execute(_BY_REQUEST, {"request": request})).scalar_one_or_none() if request else None
    if before is None and kind is ModelKind.HISTORY:
        before = (await connection.execute(_UNDER_WAY)).scalar_one_or_none()
    if before is not None:
        return before, False
    row = {"kind": kind.value, "state": state.value, "user": user, "request": request, "outcome": outcome}
    return (await connection.execute(_ORDER, row)).scalar_one(), True


async def write(connection: AsyncConnection, version: str, **fields: Any) -> None:
    """Note things about a version.

    Args:
        connection: in any transaction.
        version: which.
        **fields: columns of `models` and their new values.
    """
    names = ", ".join(f"{name} = :{name}" for name in fields)
    query = text(f"UPDATE models SET {names} WHERE version = :version_")  # noqa: S608 - names of columns, ours
    typed = [bindparam(name, type_=JSONB(none_as_null=True)) for name in fields if name in _JSON]
    await connection.execute(query.bindparams(*typed), {**fields, "version_": version})


async def champion(connection: AsyncConnection) -> str:
    """The version in service; `points` is the points table."""
    return (await connection.execute(_CHAMPION)).scalar_one_or_none() or POINTS


async def file(connection: AsyncConnection, version: str) -> File | None:
    """A model's file; None where there is none."""
    row = (await connection.execute(_FILE, {"version": version})).one_or_none()
    return File(row.version, row.columns, bytes(row.content)) if row else None


async def models(connection: AsyncConnection, limit: int = 100) -> list[Row[Any]]:
    """All versions, the latest first, without their reports."""
    return list((await connection.execute(_ALL, {"limit": limit})).all())


async def model(connection: AsyncConnection, version: str) -> Row[Any] | None:
    """One version with its report; None where there is none."""
    return (await connection.execute(_ONE, {"version": version})).one_or_none()


async def changes(connection: AsyncConnection) -> list[Row[Any]]:
    """Who became champion when, by whom and why, the latest first."""
    return list((await connection.execute(_CHANGES_MADE)).all())


def obstacle(found: Any, current: str) -> str | None:
    """Why a version may not become champion; None where it may.

    One that was champion before may always come back, so that every promotion can be undone with one call.

    Args:
        found: its row.
        current: the champion's version.
    """
    if not found.usable:
        return f"{found.version} is no model that could score: {' '.join(found.why) or 'it is still being trained.'}"
    if found.promoted_at is not None:
        return None
    if found.verdict == DO_NOT_USE:
        return f"Its verdict is “{DO_NOT_USE}”. {' '.join(found.why)}"
    if found.compared is None and found.kind == ModelKind.INSTALLED and current == POINTS:
        return None  # the first one; there is nothing here yet to measure it by, and its own verdict says how far to trust it
    if found.compared is None:
        return f"There are too few outcomes to compare it with {current}, which scores now."
    if found.compared["against"] != current:
        was = found.compared["against"]
        return f"It was compared with {was}, but {current} scores now. Train a new one, and it is compared with that."
    return None if found.compared["better"] else str(found.compared["why"])


async def alone(connection: AsyncConnection) -> None:
    """Until this transaction ends nobody else changes the champion."""
    await connection.execute(_LOCK, {"key": MODELS_LOCK})


async def promote(connection: AsyncConnection, version: str, user: UUID | None, why: str) -> str:
    """Make a version the champion, in the caller's transaction; the one in service retires and can come back.

    Args:
        connection: in a transaction.
        version: which; `points` puts the points table back.
        user: who wants it; None for the schedule.
        why: kept with the change.

    Returns:
        The champion before.
    """
    await alone(connection)
    was = await champion(connection)
    if was != version:
        await connection.execute(_RETIRE)
        if version != POINTS:
            await connection.execute(_CROWN, {"version": version})
        await connection.execute(_NOTE, {"was": was, "version": version, "user": user, "why": why})
    return was


async def tell(connection: AsyncConnection, kind: NoticeKind) -> None:
    """Tell marketers and managers something about the model, in the caller's transaction, which is to be committed soon."""
    await connection.execute(_LOCK, {"key": CHANGE_LOCK})
    for role in TOLD:
        await connection.execute(_TELL, {"id": uuid7(), "kind": kind.value, "role": role.value})
    await connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})
