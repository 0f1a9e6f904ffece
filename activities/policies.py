"""The published versions of the agreement: reading them, and bringing a new one into force."""

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from activities import capacity
from activities.database import driver
from models.lifecycle import TakesEffect
from models.locks import PUBLISH_LOCK
from models.policy import Policy, parse_policy, stored_policy
from models.policy.capacity import Measured, Solution, solve, worth_it

TOLD_AT_ONCE = 5000
"""Leads that publication itself puts the news into the outbox for; arrivals wait that long. The others follow in batches of this size."""

_LATEST = text("SELECT version, document FROM policies ORDER BY version DESC LIMIT 1")
_LATEST_SOURCE = text("SELECT source FROM policies ORDER BY version DESC LIMIT 1")
_NONE = "no policy is published yet: publish one, or start the process with TWOWAY_POLICY_FILE"
_LATEST_ORIGINS = text(
    """
    SELECT (SELECT origin FROM policies WHERE origin <> 'solver' ORDER BY version DESC LIMIT 1) AS latest,
        (SELECT source FROM policies WHERE origin = 'file' ORDER BY version DESC LIMIT 1) AS file"""
)
_OF_VERSION = text("SELECT document FROM policies WHERE version = :version")
_INSERT = text(
    """
    INSERT INTO policies (version, name, digest, document, source, author_id, origin,
        proposal_id, why, takes_effect, told, written, told_upto, solved, created_at)
    VALUES (:version, :name, :digest, :document, :source, :author, :origin,
        :proposal, :why, :takes_effect, :told, :written, :upto, :solved, now())"""
).bindparams(bindparam("solved", type_=JSONB(none_as_null=True)))
# Only the number: the document would stand in the outbox once a lead, and is added on delivery. Whatever the plan, the index leads to the
# first lead after the last one; `:after IS NULL OR` would have it read from the beginning each time, once the plan is for any `:after`.
_TELL_LEADS = text(
    """
    WITH next AS (
        SELECT id FROM leads WHERE NOT closed AND id > :after ORDER BY id LIMIT :limit
    ), written AS (
        INSERT INTO outbox (lead_id, signal, payload, created_at) SELECT id, 'policy_changed', CAST(:payload AS jsonb), now() FROM next
    )
    SELECT count(*) AS written, (SELECT id FROM next ORDER BY id DESC LIMIT 1) AS upto FROM next"""
)
_OPEN = text("SELECT count(*) FROM leads WHERE NOT closed")
_UNTOLD = text(
    """
    SELECT version, takes_effect, told_upto FROM policies WHERE told_upto IS NOT NULL ORDER BY version LIMIT 1 FOR UPDATE SKIP LOCKED"""
)
_TOLD = text(
    """
    UPDATE policies SET written = written + :written, told_upto = :upto, told = CASE WHEN :over THEN written + :written ELSE told END
    WHERE version = :version"""
)


async def latest(connection: AsyncConnection) -> Policy:
    """The policy in force now.

    Raises:
        LookupError: when none was ever published.
    """
    policy = await _latest(connection)
    if policy is None:
        raise LookupError(_NONE)
    return policy


async def source(connection: AsyncConnection) -> str:
    """The policy in force now, as people wrote it.

    Raises:
        LookupError: when none was ever published.
    """
    found: str | None = (await connection.execute(_LATEST_SOURCE)).scalar_one_or_none()
    if found is None:
        raise LookupError(_NONE)
    return found


async def in_force(connection: AsyncConnection) -> Policy:
    """The policy in force until this transaction ends: `publish` waits for it.

    A new lead's row must be written under it. With `latest` alone, a version published in between would tell every lead
    but this one.

    Raises:
        LookupError: when none was ever published.
    """
    found = await driver(connection)
    async with found.pipeline():  # two statements still: each sees what was committed when it began, and the lock comes first
        await found.execute("SELECT pg_advisory_xact_lock_shared(%s)", (PUBLISH_LOCK,))
        reading = await found.execute(_LATEST.text.encode())
        row = await reading.fetchone()
    if row is None:
        raise LookupError(_NONE)
    return stored_policy(row[0], row[1])


async def of_version(connection: AsyncConnection, version: int) -> Policy:
    """A published version.

    Raises:
        LookupError: when there is none of that number.
    """
    document = (await connection.execute(_OF_VERSION, {"version": version})).scalar_one_or_none()
    if document is None:
        raise LookupError(f"there is no version {version} of the policy")
    return stored_policy(version, document)


@dataclass(frozen=True, slots=True)
class Publication:
    """Where a version comes from, beside what it says.

    Args:
        origin: `file` (at a start), `room` (a proposal), or `solver` (only its thresholds moved).
        author: who published it; None for the program itself.
        proposal: which one it was.
        why: in its author's words.
        takes_effect: what happens to leads in flight.
    """

    origin: Literal["file", "room", "solver"] = "file"
    author: UUID | None = None
    proposal: UUID | None = None
    why: str | None = None
    takes_effect: TakesEffect = TakesEffect.NOW


async def publish(connection: AsyncConnection, source: str, *, today: date, author: UUID | None) -> tuple[Policy, bool]:
    """Bring a policy into force, and with it every open lead, in the caller's transaction.

    Args:
        connection: in a transaction that the caller commits soon.
        source: YAML, as people wrote it.
        today: resolves public holidays into dates.
        author: who publishes it; None for the program itself.

    Returns:
        The policy in force afterwards, and whether that is a new version: one that says the same as the latest is not.

    Raises:
        PolicyError: when the text is no policy; nothing is stored.
    """
    return await bring(connection, parse_policy(source, today=today), source, Publication(author=author))


async def publish_file(connection: AsyncConnection, source: str, *, today: date) -> tuple[Policy, bool]:
    """Bring a policy file into force at a start, unless it is an old file: people have published another version since.

    Raises:
        PolicyError: when the text is no policy; nothing is stored.
    """
    policy = parse_policy(source, today=today)
    await _alone(connection)
    found = (await connection.execute(_LATEST_ORIGINS)).one()
    current = await _latest(connection)
    if current is not None and found.latest == "room" and found.file == source:
        return current, False
    return await bring(connection, policy, source, Publication())


async def bring(connection: AsyncConnection, policy: Policy, source: str, how: Publication) -> tuple[Policy, bool]:
    """Bring a policy into force that was read and checked before. Thresholds that the reps' capacity decides are solved here.

    Args:
        connection: in a transaction that the caller commits soon.
        policy: what it says.
        source: as people wrote it.
        how: where it comes from.

    Returns:
        The policy in force afterwards, and whether that is a new version: one that agrees on the same as the latest is not.
    """
    await _alone(connection)
    current = await _latest(connection)
    if current is not None and current.agreed.digest == policy.agreed.digest:
        return current, False
    policy, solved = await _solved(connection, policy.agreed)
    return await _bring(connection, current, policy, source, how, solved), True


async def resolve(connection: AsyncConnection, *, now: datetime | None = None) -> Policy | None:
    """Solve the thresholds anew where the reps' capacity decides them, and bring them into force where that changes much.

    Nobody signs: the rule is what was agreed on, not the number. Running deadlines stay.

    Returns:
        The new version, None where all stays as it is.
    """
    await _alone(connection)
    current = await _latest(connection)
    if current is None or current.score.tiers.mode != "capacity":
        return None
    found = await capacity.measured(connection, current, now)
    better = solve(found, current.score.tiers)
    if not worth_it(found, current.score.tiers, better):
        return None
    policy = current.with_tiers(better.high, better.medium)
    how = Publication("solver", why=better.why, takes_effect=TakesEffect.NEXT_STAGE)
    return await _bring(connection, current, policy, await source(connection), how, _account(found, better))


async def alone(connection: AsyncConnection) -> Policy:
    """The policy in force, which nobody else replaces until this transaction ends.

    Raises:
        LookupError: when none was ever published.
    """
    await _alone(connection)
    return await latest(connection)


async def _alone(connection: AsyncConnection) -> None:
    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": PUBLISH_LOCK})


async def _solved(connection: AsyncConnection, policy: Policy) -> tuple[Policy, dict[str, Any] | None]:
    if policy.score.tiers.mode != "capacity":
        return policy, None
    found = await capacity.measured(connection, policy)
    solution = solve(found, policy.score.tiers)
    return policy.with_tiers(solution.high, solution.medium), _account(found, solution)


def _account(found: Measured, solution: Solution) -> dict[str, Any]:
    """Where solved thresholds come from, as it is kept and shown."""
    days = found.past.total_seconds() / 86_400
    return {**asdict(solution), "capacity": found.capacity, "reps": found.reps, "leads": found.leads, "days": round(days, 1)}


async def _bring(
    connection: AsyncConnection, current: Policy | None, policy: Policy, source: str, how: Publication, solved: dict[str, Any] | None
) -> Policy:
    policy = policy.numbered(current.version + 1 if current else 1)
    told = (await connection.execute(_OPEN)).scalar_one()
    written, upto = await _tell(connection, policy.version, how.takes_effect, None)
    row = {"version": policy.version, "name": policy.name, "digest": policy.digest, "document": policy.model_dump_json()}
    rollout = {"told": told, "written": written, "upto": upto}
    origin = {"author": how.author, "origin": how.origin, "proposal": how.proposal, "why": how.why, "takes_effect": how.takes_effect}
    await connection.execute(_INSERT, {**row, **origin, **rollout, "source": source, "solved": solved})
    return policy


async def tell_more(connection: AsyncConnection) -> bool:
    """Put the news of a version into the outbox for the next leads that were in flight when it was published.

    Where this stands is kept with the version, so a power cut only delays it. Leads that arrived since are under it already.

    Returns:
        False when there is nothing left to do here.
    """
    row = (await connection.execute(_UNTOLD)).one_or_none()
    if row is None:
        return False
    written, upto = await _tell(connection, row.version, TakesEffect(row.takes_effect), row.told_upto)
    await connection.execute(_TOLD, {"version": row.version, "written": written, "upto": upto, "over": upto is None})
    return True


async def _tell(connection: AsyncConnection, version: int, takes_effect: TakesEffect, after: UUID | None) -> tuple[int, UUID | None]:
    """Tell the next leads; how many, and the last of them if there may be more."""
    payload: dict[str, Any] = {"version": version}
    if takes_effect is not TakesEffect.NOW:
        payload["takes_effect"] = takes_effect
    wanted = {"payload": json.dumps(payload), "after": after or UUID(int=0), "limit": TOLD_AT_ONCE}
    row = (await connection.execute(_TELL_LEADS, wanted)).one()
    return row.written, row.upto if row.written == TOLD_AT_ONCE else None


async def _latest(connection: AsyncConnection) -> Policy | None:
    row = (await connection.execute(_LATEST)).one_or_none()
    return stored_policy(row.version, row.document) if row else None
