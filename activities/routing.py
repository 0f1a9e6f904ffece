"""Finding the right rep, atomically: two leads at once never take the last free place of one rep.

Who it is `models.routing` says. A choice is a reservation in `assignments`, which counts as a lead of that rep until the
ledger says what became of it (`settled`). With nobody free the lead stands in `routing_queue`, the highest score first, until
it is asked again and somebody is; as long as it does, whoever comes after it leaves it its place.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection as Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity

from activities import policies, roster
from activities.database import Database, driver, engine_errors
from activities.ledger import send_lock
from activities.people import absences
from activities.roster import Asked, Situation
from models.lifecycle import Route
from models.locks import ROUTING_LOCK
from models.messages import Order, Routed
from models.policy import Policy
from models.routing import Choice
from models.routing.turns import added

_ANSWERED = """
    SELECT (l.state ->> 'effect_number')::int >= %(number)s
        AND NOT l.state -> 'effects' @> jsonb_build_array(jsonb_build_object('number', %(number)s::int)) AS moot,
        s.settled, s.rep_id, s.account_owner, u.absences
    FROM leads l LEFT JOIN assignments s ON s.lead_id = l.id AND s.number = %(number)s LEFT JOIN users u ON u.id = s.rep_id
    WHERE l.id = %(lead)s"""
_RESERVE = """
    INSERT INTO assignments (lead_id, number, rep_id, account_owner, settled, at, explanation)
    VALUES (%(lead)s, %(number)s, %(rep)s, %(account_owner)s, false, clock_timestamp(), %(explanation)s)"""
_TURN = """
    INSERT INTO routing_turns (id, turns) VALUES (1, %(turns)s) ON CONFLICT (id) DO UPDATE SET turns = excluded.turns"""
_LEAVE = "DELETE FROM routing_queue WHERE lead_id = %(lead)s"
_WAIT = """
    INSERT INTO routing_queue (lead_id, number, since, asked_at, score, excluded, reps, explanation)
    VALUES (%(lead)s, %(number)s, now(), now(), %(score)s, %(excluded)s::uuid[], %(reps)s::uuid[], %(explanation)s)
    ON CONFLICT (lead_id) DO UPDATE SET number = excluded.number, asked_at = excluded.asked_at, score = excluded.score,
        excluded = excluded.excluded, reps = excluded.reps, explanation = excluded.explanation"""


async def preview(connection: AsyncConnection, policy: Policy, asked: Asked) -> Choice:
    """Who would get a lead now, and why, writing nothing.

    Args:
        connection: to the database.
        policy: the agreement.
        asked: the lead, which need not have a row.
    """
    found = await roster.situation(await driver(connection), policy, asked)
    return found.choice(datetime.now(UTC))


def ids(texts: Collection[str]) -> frozenset[UUID]:
    """Users' ids as the tree has them; what is none names nobody."""
    found = set()
    for item in texts:
        try:
            found.add(UUID(item))
        except ValueError:
            continue
    return frozenset(found)


class RoutingActivities:
    """Carries out `Route`.

    Args:
        database: reps, accounts and what everybody has on their hands.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._policies: dict[int, Policy] = {}
        """Those that orders named; a version never changes."""

    @activity.defn(name="route")
    async def route(self, order: Order) -> Routed:
        """Choose a rep for a lead and reserve their place; the same order again finds the same rep.

        Returns:
            Without a rep when nobody is free, after which the lead stands in the queue and the same order may look again,
            or when the lead no longer waits for one.

        Raises:
            LookupError: when the order's policy was never published.
            ApplicationError: retryable, when the database is out of reach.
        """
        with engine_errors("no rep could be looked for"):
            answer = await self._once(order)
            # Whoever got room while the lead was on its way into the queue woke nobody: from now on they do, so look once more.
            return answer if answer.rep else await self._once(order)

    async def _once(self, order: Order) -> Routed:
        async with self._database.connection() as connection:
            version = order.policy_version
            if version not in self._policies:
                self._policies[version] = await policies.of_version(connection, version)
            return await _route(await driver(connection), order, self._policies[version])


async def _route(connection: Connection[Any], order: Order, policy: Policy) -> Routed:
    """The lead's own lock keeps its ledger still, so that a lead just claimed does not leave a reservation behind."""
    assert isinstance(order.effect, Route)  # noqa: S101 - narrows the type
    key, number = UUID(order.lead), order.effect.number
    answered, person = await _answered(connection, key, number)
    if answered is not None:
        return answered
    asked = Asked(person, ids(order.effect.excluded), key)
    found = await roster.situation(connection, policy, asked, lock=ROUTING_LOCK)
    choice = found.choice(datetime.now(UTC))
    await _keep(connection, asked, number, found, choice)
    if choice.rep is None:
        return Routed(number=number, again_at=choice.again_at)
    return Routed(number=number, rep=str(choice.rep.rep), away=choice.rep.away, account_owner=choice.account_owner)


async def _answered(connection: Connection[Any], lead: UUID, number: int) -> tuple[Routed | None, Mapping[str, Any]]:
    """What is known of an order already: it is moot, or somebody's place is reserved; None when somebody is to be chosen. And the lead."""
    gate, order, person = connection.cursor(), connection.cursor(row_factory=dict_row), connection.cursor(row_factory=dict_row)
    async with gate, order, person:
        async with connection.pipeline():
            await gate.execute("SELECT pg_advisory_xact_lock(%s)", (send_lock(lead),))
            await order.execute(_ANSWERED, {"lead": lead, "number": number})
            await person.execute(roster.LEADS, {"leads": [lead]})
        row, wanted = await order.fetchone(), await person.fetchone()
    if row is None or wanted is None or row["moot"] or row["settled"]:
        return Routed(number=number), {}
    if row["rep_id"] is None:
        return None, wanted
    return Routed(number=number, rep=str(row["rep_id"]), away=absences(row["absences"]), account_owner=row["account_owner"]), wanted


async def _keep(connection: Connection[Any], asked: Asked, number: int, found: Situation, choice: Choice) -> None:
    """Write the choice down and commit it, all in one round trip: the router's lock is held that long and no longer."""
    this: Mapping[str, Any] = {"lead": asked.lead, "number": number, "explanation": Jsonb(choice.explanation())}
    async with connection.pipeline(), connection.cursor() as cursor:
        if choice.rep is None:
            waits = {"score": asked.person["score"], "excluded": list(asked.excluded), "reps": list(choice.pool)}
            await cursor.execute(_WAIT, {**this, **waits})
        else:
            await cursor.execute(_RESERVE, {**this, "rep": choice.rep.rep, "account_owner": choice.account_owner})
            await cursor.execute(_LEAVE, this)
            if choice.turns:
                turns = {str(rep): turn for rep, turn in added(found.turns, choice.turns).items()}
                await cursor.execute(_TURN, {"turns": Jsonb(turns)})
        await connection.commit()
