"""How long an insight takes to read with 200,000 leads and 2,000,000 rows in the ledger."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from time import perf_counter

import psutil
from sqlalchemy import text

from activities.database import Database
from activities.insights.journeys import catch_up
from activities.ledger import state_document
from api.services.insights import BY
from bench.filling import vacuum, without_indexes
from bench.measure import Call, Result, p99, paced
from bench.stack import Headers, Stack, stack
from models.messages import Arrived
from models.policy import Policy
from models.schemas.insights import InsightName
from workflows.decision import decide, newborn

_LEADS, _QUICK_LEADS = 200_000, 4_000
_EVER = "2000-01-01"
_ASKED = 16
"""How often each is asked for, as JSON and as a page."""

# A path is a life: for each entry its kind, the stage it leads to, who did it, whether a rep has the lead then, the hours since the
# one before, and how many hours after it something is due. Ten rows a lead on average.
_PATHS: dict[str, tuple[tuple[str, str, str, bool, float, float | None], ...]] = {
    "nurtured": (
        ("arrived", "new", "prospect", False, 0, 0.17),
        ("scored", "new", "scorer", False, 0.001, 4),
        ("nurtured", "nurture", "clock", False, 4.0001, 720),
        *(("nurture_step", "nurture", "clock", False, 60, 720),) * 8,
        ("stale", "long_term", "clock", False, 720.0001, 4320),
    ),
    "let_go": (
        ("arrived", "new", "prospect", False, 0, 0.17),
        ("scored", "new", "scorer", False, 0.001, 24),
        ("nurtured", "long_term", "clock", False, 24.0001, 4320),
        *(("nurture_step", "long_term", "clock", False, 240, 4320),) * 11,
        ("stale", "disqualified", "clock", False, 4320.0001, 2160),
    ),
    "lapsed": (
        ("arrived", "new", "prospect", False, 0, 0.17),
        ("scored", "new", "scorer", False, 0.001, 24),
        ("claimed", "claimed", "user", True, 0.4, 24),
        ("worked", "claimed", "user", True, 5, 19),
        ("lapsed", "nurture", "clock", False, 19.0001, 720),
        *(("nurture_step", "nurture", "clock", False, 72, 720),) * 4,
    ),
    "refused": (
        ("arrived", "new", "prospect", False, 0, 0.17),
        ("scored", "new", "scorer", False, 0.001, 24),
        ("claimed", "claimed", "user", True, 0.4, 24),
        ("worked", "claimed", "user", True, 5, 19),
        ("contacted", "working", "user", True, 2, 168),
        ("worked", "working", "user", True, 30, 168),
        ("disqualified", "disqualified", "user", False, 60, 2160),
        ("closed", "disqualified", "clock", False, 2160.0001, None),
    ),
    "won": (
        ("arrived", "new", "prospect", False, 0, 0.17),
        ("scored", "new", "scorer", False, 0.001, 0.25),
        ("assigned", "assigned", "router", True, 0.2501, 24),
        ("contacted", "working", "user", True, 3, 168),
        *(("worked", "working", "user", True, 48, 168),) * 4,
        ("qualified", "qualified", "user", True, 20, 2160),
        ("won", "won", "user", False, 500, None),
    ),
    "working": (
        ("arrived", "new", "prospect", False, 0, 0.17),
        ("scored", "new", "scorer", False, 0.001, 4),
        ("claimed", "claimed", "user", True, 1, 24),
        ("contacted", "working", "user", True, 6, 168),
        *(("worked", "working", "user", True, 60, 168),) * 6,
    ),
}
_WEIGHTS = {"nurtured": 38, "let_go": 32, "lapsed": 8, "refused": 12, "won": 6, "working": 4}

# Who arrived, and what became of them. Kept apart from the leads themselves, so that every row is written once, as it stands in the end.
_BORN = """
    CREATE TEMPORARY TABLE born ON COMMIT DROP AS
    SELECT n, uuidv7(arrived - now()) AS id, path, arrived, tier, reps[1 + n % cardinality(reps)] AS rep,
        CASE tier WHEN 'high' THEN 60 + luck * 40 WHEN 'medium' THEN 25 + luck * 35 ELSE luck * 25 END AS score
    FROM (
        SELECT n, now() - (1 + power(random(), 2) * 730) * interval '1 day' AS arrived, random() AS luck, random() AS tierness,
            (CAST(:paths AS text[]))[width_bucket(random() * 100, CAST(:bounds AS float8[])) + 1] AS path,
            (SELECT array_agg(id) FROM users WHERE 'rep' = ANY(roles)) AS reps
        FROM generate_series(1, :count) AS n) AS drawn,
        LATERAL (SELECT
            CASE WHEN path = 'won' OR tierness < 0.1 THEN 'high' WHEN tierness < 0.4 THEN 'medium' ELSE 'low' END AS tier) AS more"""
_FILL_LEDGER = """
    WITH steps AS (
        SELECT path, seq, kind, stage, lag(stage, 1, 'new') OVER w AS was, actor, owned, due, sum(hours) OVER w AS hours
        FROM unnest(CAST(:path AS text[]), CAST(:seq AS int[]), CAST(:kind AS text[]), CAST(:stage AS text[]), CAST(:actor AS text[]),
            CAST(:owned AS bool[]), CAST(:hours AS float8[]), CAST(:due AS float8[]))
            AS s (path, seq, kind, stage, actor, owned, hours, due)
        WINDOW w AS (PARTITION BY path ORDER BY seq))
    INSERT INTO ledger (lead_id, seq, at, kind, from_stage, to_stage, actor_kind, actor_id, owner_id, score, tier, policy_version,
        deadline_kind, deadline_at, detail)
    SELECT b.id, s.seq, at, s.kind, s.was, s.stage, s.actor, CASE WHEN s.actor = 'user' THEN b.rep END, CASE WHEN s.owned THEN b.rep END,
        CASE WHEN s.seq > 1 THEN b.score END, CASE WHEN s.seq > 1 THEN b.tier END, 1, CASE WHEN s.due IS NOT NULL THEN 'contact' END,
        at + s.due * interval '1 hour', '{}'
    FROM born b JOIN steps s ON s.path = b.path,
        LATERAL (SELECT b.arrived + s.hours * interval '1 hour' + s.seq * random() * interval '300 ms' AS at) AS moment
    WHERE at < now()"""
_FILL_LEADS = """
    INSERT INTO leads (id, email_key, email, first_name, last_name, company, title, country, source, campaign, interest, domain, search,
        enrichment, attributes, reasons, created_at, swept_at, seq, first_seq, change, stage, tier, score, owner_id, deadline_kind,
        deadline_at, arrived_at, since, mql_at, sal_at, sql_at, policy_version, closed, state)
    SELECT b.id, n || '@b.example', n || '@b.example', 'Ada', 'Lovelace', 'Company',
        (ARRAY['Engineer', 'Director of IT', 'VP Sales', 'CTO', 'Buyer', 'Office manager'])[1 + floor(random() * 6)],
        (ARRAY['DE', 'FR', 'US', 'IN', 'BR'])[1 + floor(random() ^ 2 * 5)],
        (ARRAY['web', 'webinar', 'trade-show', 'referral', 'ads', 'partner'])[1 + floor(random() ^ 2 * 6)],
        'campaign-' || floor(random() * 60), (ARRAY['crm', 'billing', 'reporting', NULL])[1 + floor(random() * 4)],
        'b.example', n || '@b.example', '{"missing": []}', jsonb_strip_nulls(jsonb_build_object(
            'industry', (ARRAY['software', 'retail', 'energy', 'health', NULL])[1 + floor(random() * 5)],
            'employees', floor(exp(random() * 9))::int)),
        '[]', arrived, now(), e.seq, 1, nextval('changes'), e.to_stage, b.tier, b.score, e.owner_id, e.deadline_kind,
        CASE WHEN e.deadline_at IS NOT NULL THEN greatest(e.deadline_at, now() + random() * interval '9 days') END, arrived, e.at,
        CASE WHEN b.tier = 'high' THEN arrived + interval '5 s' END,
        CASE WHEN path IN ('lapsed', 'refused', 'won', 'working') AND arrived < now() - interval '2 h' THEN arrived + interval '2 h' END,
        CASE WHEN path = 'won' AND arrived < now() - interval '9 d' THEN arrived + interval '9 d' END,
        1, e.deadline_at IS NULL, CAST(:state AS jsonb)
    FROM born b JOIN (SELECT DISTINCT ON (lead_id) * FROM ledger ORDER BY lead_id, seq DESC) e ON e.lead_id = b.id"""


async def run(*, quick: bool) -> list[Result]:
    """Each insight over all there is, by every grouping, as JSON and as the page with its charts; one after the other by HTTP.

    Beside the time on the clock stands the CPU time that the API and PostgreSQL took, for a machine that others use too.
    """
    async with stack() as running:
        manager = await running.signed_in("manager")
        await running.reps(40)
        await fill(running.database, _QUICK_LEADS if quick else _LEADS)
        async with running.database.connection() as connection:
            await connection.execute(text("UPDATE insight_progress SET change = 0"))
        begun = perf_counter()
        while not await catch_up(running.database, seconds=60):
            pass
        results = [Result("insights_fold_everything", perf_counter() - begun, "s")]
        await vacuum(running.database)
        for name in InsightName:
            for kind, path in (("insight", f"/api/insights/{name}"), ("insight_page", f"/insights/{name}")):
                calls = [_read(running, path, manager, {"since": _EVER, "by": by}) for by in BY[name]]
                results += await _measured(running, f"{kind}_{name}", calls, 4 if quick else _ASKED)
    return results


async def _measured(running: Stack, name: str, calls: Sequence[Call], asked: int) -> list[Result]:
    """These calls in turn, about so many altogether."""
    await paced(calls, 1)  # warms up
    rounds = max(2, round(asked / len(calls)))
    before = await _cpu(running)
    taken = (await paced([*calls] * rounds, 1)).latencies
    spent = (await _cpu(running) - before) / len(taken) * 1000
    return [Result(f"{name}_p99", p99(taken), "ms", bar=300), Result(f"{name}_cpu", spent, "ms")]


def _read(running: Stack, path: str, who: Headers, asked: dict[str, str]) -> Call:
    async def read() -> None:
        (await running.http.get(path, params=asked, headers=who)).raise_for_status()

    return read


async def _cpu(running: Stack) -> float:
    """Seconds of CPU time that the API and PostgreSQL have taken so far."""
    async with running.database.connection() as connection:
        backend = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    server = psutil.Process(backend).parent()
    assert server is not None  # noqa: S101 - narrows the type
    over = server.cpu_times()
    spent = over.children_user + over.children_system  # helpers of queries, which come and go
    for process in (psutil.Process(running.api.pid), *server.children()):
        times = process.cpu_times()
        spent += times.user + times.system
    return spent


async def fill(database: Database, count: int) -> None:
    """Leads, and ten rows of the ledger for each, by SQL alone."""
    policy = Policy().numbered(1)
    begun = decide(newborn("lead", at := datetime.now(UTC), policy), Arrived(at=at), policy).state
    bounds = [float(sum(list(_WEIGHTS.values())[:end])) for end in range(1, len(_WEIGHTS))]
    steps = [(path, seq, *step) for path, life in _PATHS.items() for seq, step in enumerate(life, 1)]
    steps = [(*step[:6], float(step[6]), None if step[7] is None else float(step[7])) for step in steps]
    columns = dict(
        zip(("path", "seq", "kind", "stage", "actor", "owned", "hours", "due"), map(list, zip(*steps, strict=True)), strict=True)
    )
    async with database.connection() as connection, without_indexes(connection, "leads", "ledger"):
        await connection.execute(text(_BORN), {"count": count, "paths": list(_WEIGHTS), "bounds": bounds})
        await connection.execute(text(_FILL_LEDGER), columns)
        await connection.execute(text(_FILL_LEADS), {"state": json.dumps(state_document(begun))})
    await vacuum(database)
