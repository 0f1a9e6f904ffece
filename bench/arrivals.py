"""How many leads a second the door takes, against how many workflows a second can be started at all."""

from bench.measure import Call, Result, p50, paced, rounds
from bench.stack import Stack, stack

CONCURRENCY = 24
_SECONDS = 55.0
"""With workers and without, on a machine too slow for all rounds."""
_OURS, _BARE = "arrivals", "starts"


async def run(*, quick: bool) -> list[Result]:
    """`POST /api/leads`, answered when the lead is stored, visible and started, against starting a bare workflow.

    The bar is on what the door takes while no worker runs, for either of them. With workers, what is measured is mostly how they and
    the servers share this machine's cores: an arriving lead is also enriched, scored and shown, a bare workflow does nothing at all,
    so that ratio says how much work a lead is, not how wide the door is. It is measured too, and given beside the other; each block
    begins once all that was started before it has come to rest.
    """
    most, block = (3, 100) if quick else (6, 160)
    async with stack() as running:
        with_workers = await _measured(running, most, block, settled=True)
        await running.stop_workers()
        alone = await _measured(running, most, block, settled=False)
    return [
        Result("arrivals_ratio", alone[_OURS] / alone[_BARE], "x bare", "higher", bar=0.7),
        *(Result(f"{name}_rate", rate, "/s", "higher") for name, rate in alone.items()),
        Result("arrivals_with_workers_ratio", with_workers[_OURS] / with_workers[_BARE], "x bare", "higher"),
        *(Result(f"{name}_with_workers_rate", rate, "/s", "higher") for name, rate in with_workers.items()),
    ]


async def _measured(running: Stack, most: int, block: int, *, settled: bool) -> dict[str, float]:
    """The median rate of each over blocks in which they take turns; the first round warms up."""
    rates: dict[str, list[float]] = {_OURS: [], _BARE: []}
    ways: dict[str, Call] = {_OURS: running.submit, _BARE: running.start_bare}
    for number in rounds(most, _SECONDS):
        for name in rates if number % 2 else reversed(rates):
            pace = await paced([ways[name]] * block, CONCURRENCY)
            if number:
                rates[name].append(pace.rate)
            if settled:
                await running.settle()
    return {name: p50(found) for name, found in rates.items()}
