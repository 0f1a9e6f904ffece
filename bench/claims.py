"""A claim against the least Temporal can do: what the tree, the ledger and HTTP cost on top of one durable update."""

from collections import defaultdict
from itertools import cycle

from bench.measure import Call, Result, p50, p99, paced, rounds
from bench.stack import Headers, Stack, stack

_REPS = 40
_SECONDS = 55.0
"""For each number of claims at once, on a machine too slow for all rounds."""
_OURS, _BARE = "claim", "update"


async def run(*, quick: bool) -> list[Result]:
    """A claim through the API, answered when it is durable and everybody can see it, against a one-line update of a bare workflow.

    Every claim and every update is the first on a lead or a workflow of its own, which a worker has in memory. The two take turns in
    small blocks on the same servers, so whatever else the machine does hits both. Each block begins once all that was started before it
    has come to rest.
    """
    results = []
    async with stack() as running:
        reps = await running.reps(_REPS)
        for concurrency, most, block in ((1, 3, 20), (16, 3, 64)) if quick else ((1, 12, 40), (16, 8, 128)):
            results += await _at(running, reps, concurrency, most, block)
    return results


async def _at(running: Stack, reps: list[Headers], concurrency: int, most: int, block: int) -> list[Result]:
    taken: dict[str, list[float]] = defaultdict(list)
    for number in rounds(most, _SECONDS):
        claims, updates = await _claims(running, reps, block), await _updates(running, block)
        await running.settle()
        both = [(_OURS, claims), (_BARE, updates)]
        for name, calls in both if number % 2 else reversed(both):
            pace = await paced(calls, concurrency)
            if number:  # the first round warms everything up
                taken[name] += pace.latencies
    ours, bare = taken[_OURS], taken[_BARE]
    return [
        Result(f"claim_p50_ratio_c{concurrency}", p50(ours) / p50(bare), "x bare", bar=2.0),
        Result(f"claim_p99_ratio_c{concurrency}", p99(ours) / p99(bare), "x bare", bar=3.0),
        *(Result(f"{name}_p50_c{concurrency}", p50(taken[name]), "ms") for name in (_OURS, _BARE)),
        *(Result(f"{name}_p99_c{concurrency}", p99(taken[name]), "ms") for name in (_OURS, _BARE)),
    ]


async def _claims(running: Stack, reps: list[Headers], count: int) -> list[Call]:
    leads: list[str] = []

    async def arrive() -> None:
        leads.append(await running.submit())

    await paced([arrive] * count, 8)

    def claim(lead: str, rep: Headers) -> Call:
        return lambda: running.post(f"/api/leads/{lead}/claim", {}, rep)

    return [claim(lead, rep) for lead, rep in zip(leads, cycle(reps), strict=False)]


async def _updates(running: Stack, count: int) -> list[Call]:
    workflows: list[str] = []

    async def start() -> None:
        workflows.append(await running.start_bare())

    await paced([start] * count, 8)

    def update(workflow: str) -> Call:
        handle = running.temporal.get_workflow_handle(workflow)
        return lambda: handle.execute_update("set", "value")

    return [update(workflow) for workflow in workflows]
