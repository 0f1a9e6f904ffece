"""A thousand leads at a hundred companies: what each source is asked, and how fast profiles are made."""

from collections.abc import Sequence
from itertools import cycle
from uuid import UUID

from temporalio.testing import ActivityEnvironment

from activities.database import Database
from activities.enrichment import EnrichmentActivities
from bench.measure import Call, Result, p50, p99, paced
from bench.stack import database_alone
from models.lifecycle import Enrich
from models.messages import Order
from models.settings import Settings
from tests.activities.providers import Providers, providers
from tests.activities.rows import arrive

_AT_ONCE = 32
_COMPANYWIDE = ("site", "greenhouse", "lever", "gdelt", "hunter", "apollo", "people_data_labs")
"""Sources that answer a question about a company with one request each, so that requests can be counted as questions."""


async def run(*, quick: bool) -> list[Result]:
    """Leads of the same companies, enriched at the same time by two workers' activities that share nothing but PostgreSQL.

    The sources are a server of our own that answers at once, so the pace is ours: claims, budgets, answers, signals and profiles
    in PostgreSQL, and HTTP. The bar is that no source gets more than one question about a company.
    """
    companies, leads = (10, 100) if quick else (100, 1000)
    async with database_alone() as (_, url), providers() as world:
        database, second = Database(Settings(database_url=url)), Database(Settings(database_url=url))
        try:
            ids = [await arrive(database, email=f"p{n}@c{n % companies}.com", domain=f"c{n % companies}.com") for n in range(leads)]
            workers = [EnrichmentActivities(each, world.asker(each, *_COMPANYWIDE)) for each in (database, second)]
            pace = await paced(_calls(ids, workers), _AT_ONCE)
        finally:
            await second.close()
            await database.close()
        return [
            Result("enrichment_most_questions_per_company", _most(world, companies), "questions", bar=1.0),
            Result("enrichment_rate", pace.rate, "leads/s", better="higher"),
            Result("enrichment_p50", p50(pace.latencies), "ms"),
            Result("enrichment_p99", p99(pace.latencies), "ms"),
        ]


def _calls(leads: Sequence[UUID], workers: Sequence[EnrichmentActivities]) -> list[Call]:
    def one(lead: UUID, worker: EnrichmentActivities) -> Call:
        order = Order(lead=str(lead), policy_version=1, effect=Enrich(number=1))
        return lambda: ActivityEnvironment().run(worker.enrich, order)

    return [one(lead, worker) for lead, worker in zip(leads, cycle(workers), strict=False)]


def _most(world: Providers, companies: int) -> float:
    """How often the source that was asked most often was asked about a company, on average.

    Raises:
        RuntimeError: when a company was not asked about at all: then nothing was measured.
    """
    asked = {name: world.counted(name) for name in _COMPANYWIDE}
    if min(asked.values()) < companies:
        raise RuntimeError(f"a source was asked too little: {asked}")
    return max(asked.values()) / companies
