"""How long a list of leads takes to read when there are 200,000 of them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from random import Random

from psycopg.types.json import Jsonb

from activities.database import Database, driver
from activities.ledger import state_document
from bench.measure import Call, Result, p50, p99, paced
from bench.stack import Headers, Stack, stack
from models.messages import Arrived
from models.policy import Policy
from workflows.decision import decide, newborn

_LEADS, _QUICK_LEADS = 200_000, 20_000
_DEEPEST = 12
_BY_STAGE = [
    {"stage": stage, "sort": sort}
    for stage in ("new", "claimed", "working", "nurture", "long_term", "qualified", "disqualified", "claimed,assigned,working")
    for sort in ("newest", "score", "deadline")
] + [
    {"stage": "working", "owner": "me"},
    {"stage": "nurture", "source": "webinar"},
    {"stage": "nurture", "tier": "medium", "sort": "deadline"},
]
_CLAIMABLE = [{"claimable": "true", "sort": sort} for sort in ("newest", "score", "deadline")]
_WORDS = ("hopper", "ada love", "grace company-0001", "company-199", "engineer hamilton", "nobody at all", "director company-04", "turing")
_STAGES = {
    "new": 2, "review": 0.5, "claimed": 1, "assigned": 1, "working": 4, "held": 0.3, "nurture": 25, "long_term": 36.2, "qualified": 2,
    "disqualified": 24, "won": 2, "lost": 2,
}  # fmt: skip
"""Of a hundred leads of a company that has been at it for two years."""

_FILL = """
    WITH base AS (
        SELECT n, power(random(), 2) * 730 AS age, random() AS tierness, %(stages)s::text[] AS stages, %(reps)s::uuid[] AS reps,
            width_bucket(random() * 100, %(bounds)s::float8[]) + 1 AS stage_number,
            (ARRAY['ada', 'grace', 'alan', 'margaret', 'edsger', 'barbara', 'donald', 'katherine'])[1 + floor(random() * 8)] AS first,
            (ARRAY['lovelace', 'hopper', 'turing', 'hamilton', 'liskov', 'knuth', 'johnson', 'naur'])[1 + floor(random() * 8)] AS last,
            (ARRAY['engineer', 'director', 'vp sales', 'cto', 'buyer', 'analyst'])[1 + floor(random() * 6)] AS title,
            (ARRAY['web', 'webinar', 'trade-show', 'referral', 'ads', 'partner'])[1 + floor(random() ^ 2 * 6)] AS source,
            (ARRAY['spring', 'summer', 'autumn', 'winter', 'evergreen'])[1 + floor(random() * 5)] AS campaign,
            'company-' || lpad(floor(random() * 40000)::text, 5, '0') AS company
        FROM generate_series(1, %(count)s) AS n),
    staged AS (
        SELECT *, stages[stage_number] AS stage, now() - age * interval '1 day' AS arrived,
            CASE WHEN tierness < 0.1 THEN 'high' WHEN tierness < 0.4 THEN 'medium' ELSE 'low' END AS tier FROM base)
    INSERT INTO leads (id, email_key, email, first_name, last_name, company, title, country, source, campaign, domain, search, enrichment,
        reasons, created_at, swept_at,
        seq, first_seq, change, stage, tier, score, owner_id, owned_since, deadline_kind, deadline_at, arrived_at, since,
        policy_version, closed, state)
    SELECT uuidv7(arrived - now()), n || '@' || company || '.example', n || '@' || company || '.example', initcap(first), initcap(last),
        initcap(company), initcap(title), 'DE', source, campaign, company || '.example',
        concat_ws(' ', first, last, n || '@' || company || '.example', company, title, company || '.example'),
        %(enrichment)s, %(reasons)s, arrived, now(), 3, 1, nextval('changes'), stage, tier,
        CASE tier WHEN 'high' THEN 60 + random() * 40 WHEN 'medium' THEN 25 + random() * 35 ELSE random() * 25 END,
        CASE WHEN owned THEN reps[1 + n %% cardinality(reps)] END, CASE WHEN owned THEN arrived END,
        CASE WHEN NOT over THEN 'contact' END, CASE WHEN NOT over THEN now() + interval '1 hour' + random() * interval '60 days' END,
        arrived, arrived + age * random() * interval '1 day', 1, over, %(state)s
    FROM staged, LATERAL (SELECT stage IN ('claimed', 'assigned', 'working', 'qualified') AS owned,
        stage IN ('won', 'lost') OR (stage = 'disqualified' AND age > 90) AS over) AS more"""
_REPS = "SELECT id FROM users WHERE 'rep' = ANY(roles)"


_VIEWS = ("up", "mine", "returned", "review", "nurture", "closed", "all")


async def run(*, quick: bool) -> list[Result]:
    """Lists as the board asks for them, by HTTP, one after the other: stages in every order, page after page by the cursor.

    Then the board's own pages, whole and compressed, with the counts of all views in them.
    """
    pages = 60 if quick else 900
    async with stack() as running:
        reps = await running.reps(40)
        await _fill(running.database, _QUICK_LEADS if quick else _LEADS)
        found = {}
        for name, lists, count in (
            ("list", _BY_STAGE, pages),
            ("list_claimable", _CLAIMABLE, pages // 4),
            ("search", [{"q": words} for words in _WORDS], pages // 4),
        ):
            await _read(running, lists, reps[0], len(lists) * 2)  # warms up
            found[name] = await _read(running, lists, reps[0], count)
        board = [_page(running, view, reps[0]) for _ in range(pages // 30) for view in _VIEWS]
        found["board_page"] = list((await paced(board, 1)).latencies)[len(_VIEWS) :]
    return [Result("list_p99", p99(found["list"]), "ms", bar=50), Result("list_p50", p50(found["list"]), "ms")] + [
        Result(f"{name}_{which}", measure(found[name]), "ms")
        for name in ("list_claimable", "search", "board_page")
        for which, measure in (("p99", p99), ("p50", p50))
    ]


def _page(running: Stack, view: str, rep: Headers) -> Call:
    async def read() -> None:
        (await running.http.get("/", params={"view": view}, headers=rep)).raise_for_status()

    return read


async def _read(running: Stack, lists: list[dict[str, str]], rep: Headers, count: int) -> list[float]:
    """So many pages of these lists, in random order of the lists; in milliseconds."""
    chance = Random(3)  # noqa: S311 - so that every run reads the same lists
    taken: list[float] = []
    while len(taken) < count:
        pages = _pages(running, chance.choice(lists), rep, chance.randint(1, _DEEPEST))
        taken += [latency async for latency in pages]
    return taken


async def _pages(running: Stack, wanted: dict[str, str], rep: Headers, depth: int) -> AsyncIterator[float]:
    """How long each page of a list takes, from the first on by the cursor."""
    cursor: dict[str, str] = {}

    async def read() -> None:
        nonlocal cursor
        answer = await running.http.get("/api/leads", params=wanted | cursor, headers=rep)
        answer.raise_for_status()
        following = answer.json()["next_cursor"]
        cursor = {"cursor": following} if following else {}

    for _ in range(depth):
        yield (await paced([read], 1)).latencies[0]
        if not cursor:
            return


async def _fill(database: Database, count: int) -> None:
    """Fill the table in one statement, and leave it as PostgreSQL's own upkeep would."""
    policy, at = Policy().numbered(1), datetime.now(UTC)
    document = state_document(decide(newborn("lead", at, policy), Arrived(at=at), policy).state)
    bounds = [float(sum(list(_STAGES.values())[:end])) for end in range(1, len(_STAGES))]
    reason = {"fact": "title", "value": "Director", "points": 60, "text": "The title is a director's, which counts 60 points."}
    async with database.connection() as connection, (await driver(connection)).cursor() as cursor:
        reps = [row[0] for row in await (await cursor.execute(_REPS)).fetchall()]
        values = {"count": count, "stages": list(_STAGES), "bounds": bounds, "reps": reps, "state": Jsonb(document)}
        await cursor.execute("SET LOCAL statement_timeout = '10min'")
        await cursor.execute(
            _FILL, values | {"enrichment": Jsonb({"provenance": {}, "missing": []}), "reasons": Jsonb([reason, reason, reason])}
        )
    async with database.engine.connect() as raw:
        autocommit = await raw.execution_options(isolation_level="AUTOCOMMIT")
        for statement in ("SET statement_timeout = '10min'", "VACUUM (ANALYZE) leads", "CHECKPOINT"):
            await autocommit.exec_driver_sql(statement)
