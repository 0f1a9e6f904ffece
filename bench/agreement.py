"""How long it takes to say what a new agreement would do to 200,000 leads in flight."""

import json
from datetime import UTC, datetime, timedelta
from time import perf_counter, process_time

from sqlalchemy import text

from activities import policies
from activities.database import Database
from activities.ledger import state_document
from api.services.dry_run import dry_run
from bench.filling import vacuum, without_indexes
from bench.lives import Company, standing
from bench.measure import Result, p50
from bench.stack import database_alone
from models.lifecycle import TakesEffect
from models.policy import Policy
from models.settings import Settings

_LEADS, _QUICK_LEADS = 200_000, 10_000
_LIVES = 2_000
_OTHER = {"deadlines": {"contact": "12h", "nurture_stale": "45d"}, "score": {"tiers": {"high": 62}}}

_FILL = text(
    """
    INSERT INTO leads (id, email_key, email, first_name, last_name, company, search, enrichment, reasons, created_at, swept_at,
        seq, first_seq, change, stage, deadline_kind, deadline_at, arrived_at, since, policy_version, closed, state)
    SELECT id, id || '@b.example', id || '@b.example', 'Ada', 'Lovelace', 'Company', id || '@b.example', '{"missing": []}', '[]',
        now(), now(), (state ->> 'seq')::int, 1, nextval('changes'), state ->> 'stage', state #>> '{deadline,kind}',
        (state #>> '{deadline,at}')::timestamptz, (state ->> 'arrived_at')::timestamptz, (state ->> 'since')::timestamptz, 1, false, state
    FROM (
        SELECT uuidv7() AS id, CAST((CAST(:states AS text[]))[1 + n % :lives] AS jsonb) AS state
        FROM generate_series(1, :count) AS n) AS lead"""
)


async def run(*, quick: bool) -> list[Result]:
    """The dry run of a proposal, as the API makes it: with deadlines that move at once, and with those that stay till the next stage.

    By this process's own CPU time, what PostgreSQL does left out, and by the clock.
    """
    async with database_alone() as (_, url):
        database = Database(Settings(database_url=url))
        try:
            await _fill(database, _QUICK_LEADS if quick else _LEADS)
            other, taken, spent = Policy.model_validate(_OTHER), [], []
            for takes_effect in (TakesEffect.NOW, TakesEffect.NEXT_STAGE, TakesEffect.NOW):
                begun, busy = perf_counter(), process_time()
                found = await dry_run(database, other, takes_effect)
                taken.append(perf_counter() - begun)
                spent.append(process_time() - busy)
        finally:
            await database.close()
    return [
        Result("dry_run_cpu", max(spent), "s", bar=10),
        Result("dry_run", p50(taken), "s"),
        Result("dry_run_leads", found.leads, "leads", "higher"),
    ]


async def _fill(database: Database, count: int) -> None:
    """Open leads at every point of their lives, under a policy that is in force."""
    company = Company(Policy().numbered(1), after=0.0, begin=datetime.now(UTC) - timedelta(days=30))
    open_ones = [state for state in (standing(company, number) for number in range(_LIVES)) if not state.closed]
    states = [json.dumps(state_document(state)) for state in open_ones]
    async with database.connection() as connection:
        await policies.publish(connection, "name: bench", today=datetime.now(UTC).date(), author=None)
    async with database.connection() as connection, without_indexes(connection, "leads"):
        await connection.execute(_FILL, {"states": states, "lives": len(states), "count": count})
    await vacuum(database)
