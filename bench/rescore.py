"""How many leads a second are judged in bulk, by a model and with reasons, and what one lead costs beyond reading its features."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from uuid import UUID

from activities import policies
from activities.database import Database
from activities.scoring import process, registry
from activities.scoring.champions import Champions
from activities.scoring.features import known_of
from activities.scoring.governing import fields_of, gathered
from activities.scoring.judging import POINTS, judge_leads
from activities.scoring.registry import ModelKind
from bench.measure import Result, p50
from local.folder import Folder
from local.postgres import Postgres
from models.migrations import migrate
from models.policy import Policy
from models.settings import Settings
from tests.scoring_history import past

_CHUNK = 500


async def run(*, quick: bool) -> list[Result]:
    """Leads of a made-up past, judged by a model trained on them, in chunks as bulk re-scoring does it; then one by one.

    One lead's cost is the processor's time of this process, with the reading of features taken off that is measured beside it.
    """
    count, rounds, single = (1_000, 2, 40) if quick else (4_000, 5, 200)
    async with _database() as (database, policy):
        leads = await past(database, count)
        version = await _in_service(database, policy)
        judge = Champions()
        await _judged(database, leads[:2], policy, judge)
        rates, ones = [], []
        for _ in range(rounds):
            begun = perf_counter()
            for start in range(0, count, _CHUNK):
                await _judged(database, leads[start : start + _CHUNK], policy, judge)
            rates.append(count / (perf_counter() - begun))
        for lead in leads[:single]:
            at = {lead: datetime.now(UTC)}
            async with database.autocommit() as connection:
                begun = process_time()
                await known_of(connection, at)
                reading = process_time() - begun
                begun = process_time()
                found = await judge.judge(connection, version, at)
                ones.append(1e3 * (process_time() - begun - reading))
            if lead not in found:
                raise RuntimeError("a lead was not judged")
    return [
        Result("rescore_rate", p50(rates), "leads/s judged in bulk", "higher", bar=1000),
        Result("score_one_ms", p50(ones), "ms of processor beyond its features", bar=10),
    ]


async def _judged(database: Database, leads: Sequence[UUID], policy: Policy, judge: Champions) -> None:
    async with database.autocommit() as connection:
        found = await judge_leads(connection, leads, policy, datetime.now(UTC), judge)
    if len(found) != len(leads) or any(one.version == POINTS for one in found.values()):
        raise RuntimeError("the model did not score every lead")


async def _in_service(database: Database, policy: Policy) -> str:
    asked, known = await gathered(database, policy, POINTS)
    done = await process.run({**asked, "do": "train"})
    async with database.connection() as connection:
        version, _ = await registry.order(connection, ModelKind.HISTORY, outcome=policy.score.outcome, user=None)
        await registry.write(connection, version, **fields_of(done, known))
        await registry.promote(connection, version, None, "for the bench")
    return version


@asynccontextmanager
async def _database() -> AsyncIterator[tuple[Database, Policy]]:
    with TemporaryDirectory(prefix="twoway-bench-") as place:
        folder = Folder(Path(place))
        folder.prepare()
        postgres = Postgres(folder, lambda _: None)
        try:
            database = Database(Settings(database_url=await asyncio.to_thread(postgres.start)))
            await asyncio.to_thread(migrate, database.url)
            async with database.connection() as connection:
                policy, _ = await policies.publish(connection, "name: bench", today=date(2026, 3, 2), author=None)
            yield database, policy
            await database.close()
        finally:
            await asyncio.to_thread(postgres.stop)
