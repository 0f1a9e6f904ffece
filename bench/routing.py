"""How fast leads are given to reps, and how evenly: the router alone, on its own PostgreSQL, with many leads at it at once."""

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from temporalio.testing import ActivityEnvironment

from activities import policies
from activities.database import Database, driver
from activities.ledger import state_document
from activities.routing import RoutingActivities
from bench.measure import Call, Result, p50, p99, paced
from local.folder import Folder
from local.postgres import Postgres
from models.ids import uuid7
from models.lifecycle import Route
from models.messages import Order
from models.migrations import migrate
from models.settings import Settings
from models.tables import now
from workflows.decision import newborn

_REPS, _AT_ONCE = 100, 8
_WEIGHTS = (1.0, 2.0, 0.5, 3.0)
_HOURS = {"mon-sun": ["00:00-11:45", "11:45-24:00"]}
_HIRE = """
    INSERT INTO users (id, email, name, roles, capacity, weight, working_hours, timezone, active, created_at)
    VALUES (%(id)s, %(id)s || '@team.example', 'Rep', '{rep}', 1000, %(weight)s, %(hours)s, 'Asia/Kolkata', true, now())"""
_ARRIVE = """
    INSERT INTO leads (id, email, company, country, domain, search, created_at, seq, first_seq, stage, arrived_at, since,
        policy_version, closed, state)
    VALUES (%(id)s, %(id)s || '@firm.example', 'Firm', 'DE', %(id)s || '.example', '', now(), 1, 1, 'new', now(), now(),
        1, false, %(state)s)"""


async def run(*, quick: bool) -> list[Result]:
    """A burst of leads, each of a company of its own, for 100 reps of four weights, with working hours in a half-hour zone.

    How fast they are assigned, and how far the one who is furthest from the share that their weight gives them is from it.
    """
    with TemporaryDirectory(prefix="twoway-bench-") as name:
        folder = Folder(Path(name))
        folder.prepare()
        server = Postgres(folder, lambda _: None)
        try:
            settings = Settings(database_url=server.start())
            migrate(settings.sqlalchemy_url)
            database = Database(settings)
            try:
                return await _burst(database, 200 if quick else 1000)
            finally:
                await database.close()
        finally:
            server.stop()


async def _burst(database: Database, count: int) -> list[Result]:
    weights = {uuid7(): _WEIGHTS[n % len(_WEIGHTS)] for n in range(_REPS)}
    leads = [uuid7() for _ in range(count)]
    await _fill(database, weights, leads)
    router = RoutingActivities(database)
    got: Counter[UUID] = Counter()

    def assign(lead: UUID) -> Call:
        order = Order(lead=str(lead), policy_version=1, effect=Route(number=1))

        async def call() -> None:
            answer = await ActivityEnvironment().run(router.route, order)
            got[UUID(answer.rep)] += 1  # one without a rep is no measurement, and raises

        return call

    pace = await paced(map(assign, leads), _AT_ONCE)
    total = sum(weights.values())
    furthest = max(abs(got[rep] - count * weight / total) for rep, weight in weights.items())
    return [
        Result("routing_rate", pace.rate, "/s", "higher", bar=200),
        Result("routing_furthest_from_weight", furthest, "leads", bar=1),
        Result("routing_p50", p50(pace.latencies), "ms"),
        Result("routing_p99", p99(pace.latencies), "ms"),
    ]


async def _fill(database: Database, weights: dict[UUID, float], leads: list[UUID]) -> None:
    async with database.connection() as connection:
        policy, _ = await policies.publish(connection, "", today=now().date(), author=None)
        async with (await driver(connection)).cursor() as cursor:
            reps: list[dict[str, Any]] = [{"id": rep, "weight": weight, "hours": Jsonb(_HOURS)} for rep, weight in weights.items()]
            await cursor.executemany(_HIRE, reps)
            states = ((lead, state_document(newborn(str(lead), now(), policy))) for lead in leads)
            await cursor.executemany(_ARRIVE, [{"id": lead, "state": Jsonb(state)} for lead, state in states])
