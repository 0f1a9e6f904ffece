"""Replays that people order, and what is shown of them."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import RowMapping, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.concurrency import run_in_threadpool

from activities.database import Database
from activities.policies import latest
from api.errors import Invalid, NotFound
from models.ids import uuid7
from models.policy import Policy, PolicyError, parse_policy
from models.schemas.common import Person
from models.schemas.whatif import ChangedLead, Comparison, SimulationOrder, SimulationSummary, SimulationView

WINDOW = timedelta(days=30)
_ORDER = text(
    """
    INSERT INTO simulations
        (id, user_id, request, name, source, rules, without, since, until, state, leads, done, result, created_at, touched_at)
    VALUES (:id, :user, :request, :name, :source, :rules, :without, :since, :until, 'waiting', 0, 0, '{}', now(), now())
    ON CONFLICT (request) DO NOTHING RETURNING id"""
).bindparams(bindparam("without", type_=JSONB))
_ORDERED = text("SELECT id FROM simulations WHERE request = :request")
_COLUMNS = """
    SELECT s.id, s.name, s.since, s.until, s.without, s.state, s.leads, s.done, s.error, s.created_at, s.finished_at,
        s.user_id, u.name AS user_name, s.rules, {result} FROM simulations s JOIN users u ON u.id = s.user_id"""
_ONE = text(_COLUMNS.format(result="s.result") + " WHERE s.id = :id")
_LATEST = text(_COLUMNS.format(result="'{}'::jsonb AS result") + " ORDER BY s.created_at DESC, s.id DESC LIMIT 20")
_NAMES = text("SELECT id, name FROM users WHERE id = ANY(:ids)")
_REPS = text("SELECT id, name FROM users WHERE 'rep' = ANY(roles) AND active ORDER BY lower(name), id")
_LEADS = text(
    """
    SELECT id, coalesce(nullif(concat_ws(' ', first_name, last_name), ''), email, 'A lead') AS name FROM leads
    WHERE id = ANY(:ids) AND stage <> 'erased'"""
)
_AGAIN = text(
    """
    UPDATE simulations SET state = 'waiting', leads = 0, done = 0, error = NULL, finished_at = NULL, touched_at = now()
    WHERE id = :id AND state = 'failed'"""
)
_DROP = text("DELETE FROM simulations WHERE id = :id")


async def order(database: Database, user: UUID, form: SimulationOrder, request: str | None = None) -> UUID:
    """Have leads replayed. Once this returns it is stored, and will be carried out whatever happens.

    Args:
        database: where to.
        user: who wants it.
        form: what.
        request: by which the same order sent again is recognised.

    Raises:
        Invalid: when the policy is none, a rep is unknown, or there is no time between `since` and `until`; nothing is stored.
        LookupError: when no policy was ever published.
    """
    until = form.until or datetime.now(UTC)
    since = form.since or until - WINDOW
    if since >= until:
        raise Invalid({"since": "must be before `until`"})
    async with database.connection() as connection:
        policy, source = await _policy(connection, form.policy)
        await _check_reps(connection, form.without)
        row = {
            "id": uuid7(),
            "user": user,
            "request": request,
            "name": policy.name,
            "source": source,
            "rules": policy.document,
            "without": [str(rep) for rep in form.without],
            "since": since,
            "until": until,
        }
        made: UUID | None = (await connection.execute(_ORDER, row)).scalar_one_or_none()
        if made is None:
            made = (await connection.execute(_ORDERED, {"request": request})).scalar_one()
    return made


async def _policy(connection: AsyncConnection, sent: str | Mapping[str, Any] | None) -> tuple[Policy, str]:
    """The agreement that was sent, as YAML or JSON, and its text."""
    if sent is None:
        policy = await latest(connection)
        return policy, policy.document
    source = sent if isinstance(sent, str) else json.dumps(sent)
    try:
        # A long text takes a while to read, in which others are served.
        return await run_in_threadpool(parse_policy, source, today=datetime.now(UTC).date()), source
    except PolicyError as err:
        raise Invalid({"policy": "; ".join(err.problems)}) from None


async def _check_reps(connection: AsyncConnection, reps: Iterable[UUID]) -> None:
    wanted = set(reps)
    found = {row.id for row in await connection.execute(_NAMES, {"ids": list(wanted)})}
    if wanted - found:
        raise Invalid({"without": "names somebody who is no user: " + ", ".join(map(str, sorted(wanted - found)))})


def adapted(policy: Policy, changes: Mapping[str, Any]) -> Policy:
    """An agreement with some keys changed.

    Args:
        policy: the one in force.
        changes: values by dotted key, as `deadlines.contact`.

    Raises:
        Invalid: naming the keys that cannot be so.
    """
    document = json.loads(policy.document)
    for key, value in changes.items():
        *path, last = key.split(".")
        place = document
        for part in path:
            place = place[part]
        place[last] = value
    try:
        return Policy.model_validate(document)
    except ValidationError as err:
        raise Invalid({".".join(map(str, each["loc"])): each["msg"].removeprefix("Value error, ") for each in err.errors()}) from None


async def again(database: Database, simulation: UUID) -> None:
    """Have a replay made once more that failed; any other stays as it is.

    Raises:
        NotFound: when there is none of that id.
    """
    async with database.connection() as connection:
        await connection.execute(_AGAIN, {"id": simulation})
        if (await connection.execute(_ONE, {"id": simulation})).one_or_none() is None:
            raise NotFound("simulation")


async def drop(database: Database, simulation: UUID) -> None:
    """Forget a replay; one that is being made stops.

    Raises:
        NotFound: when there is none of that id.
    """
    async with database.connection() as connection:
        if not (await connection.execute(_DROP, {"id": simulation})).rowcount:
            raise NotFound("simulation")


async def listed(connection: AsyncConnection) -> list[SimulationSummary]:
    """The latest replays."""
    rows = (await connection.execute(_LATEST)).mappings().all()
    names = await _names(connection, {UUID(rep) for row in rows for rep in row["without"]})
    return [SimulationSummary(**_summary(row, names)) for row in rows]


async def view(connection: AsyncConnection, simulation: UUID) -> SimulationView:
    """One replay and what it found, with names.

    Raises:
        NotFound: when there is none of that id.
    """
    row = (await connection.execute(_ONE, {"id": simulation})).mappings().one_or_none()
    if row is None:
        raise NotFound("simulation")
    names = await _names(connection, {UUID(rep) for rep in row["without"]})
    found = await named(connection, row["result"]) if row["result"] else None
    return SimulationView(**_summary(row, names), policy=json.loads(row["rules"]), result=found)


async def reps(connection: AsyncConnection) -> list[Person]:
    """Everybody who may be left out."""
    return [Person(id=row.id, name=row.name) for row in await connection.execute(_REPS)]


async def named(connection: AsyncConnection, result: Mapping[str, Any]) -> Comparison:
    """What a replay found, with the names of people and leads."""
    people = {UUID(one["rep"]) for one in result["reps"]}
    for lead in result["changed_leads"]:
        people |= {UUID(turn["owner"]) for turn in (lead["was"], lead["would"]) if turn and turn["owner"]}
    return await _found(connection, result, await _names(connection, people))


async def _names(connection: AsyncConnection, ids: set[UUID]) -> dict[str, Person]:
    if not ids:
        return {}
    return {str(row.id): Person(id=row.id, name=row.name) for row in await connection.execute(_NAMES, {"ids": list(ids)})}


async def _found(connection: AsyncConnection, result: Mapping[str, Any], names: Mapping[str, Person]) -> Comparison:
    """What was found, with names; a lead that was erased meanwhile is not named."""
    ids = [UUID(one["lead"]) for one in result["changed_leads"]]
    leads = {str(row.id): row.name for row in await connection.execute(_LEADS, {"ids": ids})}

    def turn(step: Mapping[str, Any] | None) -> dict[str, Any] | None:
        return {**step, "owner": names.get(step["owner"] or "")} if step else None

    changed = [
        ChangedLead.model_validate({**one, "id": lead, "name": leads[lead], "was": turn(one["was"]), "would": turn(one["would"])})
        for one in result["changed_leads"]
        if (lead := one["lead"]) in leads
    ]
    shares = [{**one, "rep": names[one["rep"]]} for one in result["reps"] if one["rep"] in names]
    return Comparison.model_validate({**result, "changed_leads": changed, "reps": shares})


def _summary(row: RowMapping, names: Mapping[str, Person]) -> dict[str, Any]:
    by = Person(id=row["user_id"], name=row["user_name"])
    kept = {name: row[name] for name in SimulationSummary.model_fields if name not in {"by", "without"}}
    return {**kept, "by": by, "without": [names[rep] for rep in row["without"] if rep in names]}
