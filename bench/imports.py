"""A large file of leads comes in, and demo requests in its middle: how fast its rows are in, and how long a request waits for its rep."""

import asyncio
from time import perf_counter
from uuid import UUID

from sqlalchemy import text

from bench.measure import Result, p50, p99
from bench.stack import Stack, stack, submission

_ROWS, _QUICK_ROWS = 100_000, 10_000
_REPS = 20
_EVERY = 0.5
"""Seconds between two demo requests."""
_MOST = 120
_SOURCES = ("web", "webinar", "trade-show", "referral")
_TITLES = ("Engineer", "Director of Sales", "Buyer", "")
_OWNER = text("SELECT owner_id FROM leads WHERE id = :lead")
_STARTED = text("SELECT count(*) FROM leads WHERE priority > 2 AND seq > first_seq")


async def run(*, quick: bool) -> list[Result]:
    """Everything runs: the sweep starts the rows' workflows meanwhile, and workers enrich and score them.

    A row is in when it is a lead on everybody's board, with its receipt counted. A request has its rep when the board says who.
    """
    rows = _QUICK_ROWS if quick else _ROWS
    async with stack() as running:
        await running.reps(_REPS)
        await asyncio.gather(*(_demo(running) for _ in range(4)))  # warms everything up
        asking = asyncio.create_task(_demos(running))
        begun = perf_counter()
        job = await _ordered(running, rows)
        await _over(running, job)
        seconds = perf_counter() - begun
        waits = await _asked(asking)
        started, at = await _started(running), perf_counter()
        after = asyncio.create_task(_demos(running))
        await asyncio.sleep(5 if quick else 15)
        pace = (await _started(running) - started) / (perf_counter() - at)
        waits_after = await _asked(after)
    return [
        Result("import_100000_rows" if not quick else "import_10000_rows", seconds, "s", bar=300 if not quick else 30),
        Result("import_rate", rows / seconds, "rows/s", "higher"),
        Result("import_demo_p50", p50(waits), "s"),
        Result("import_demo_p99", p99(waits), "s", bar=2),
        Result("import_demo_worst", max(waits), "s"),
        Result("import_demo_requests", len(waits), "requests", "higher"),
        Result("import_worked_meanwhile", started, "leads", "higher"),
        Result("import_worked_after_rate", pace, "/s", "higher"),
        Result("import_demo_after_p50", p50(waits_after), "s"),
        Result("import_demo_after_p99", p99(waits_after), "s"),
    ]


async def _ordered(running: Stack, rows: int) -> str:
    """The id of an import of so many people nobody knows."""
    lines = ["email,first_name,last_name,company,title,country,source,campaign"]
    for number in range(rows):
        title, source = _TITLES[number % len(_TITLES)], _SOURCES[number % len(_SOURCES)]
        firm = number % (rows // 4)
        lines.append(f"ada.{number}@firm-{firm}.example,Ada,Row {number},Firm {firm},{title},DE,{source},spring")
    files = {"file": ("leads.csv", "\n".join(lines).encode(), "text/csv")}
    answer = await running.http.post("/api/imports", files=files)
    answer.raise_for_status()
    found: str = answer.json()["id"]
    return found


async def _over(running: Stack, job: str) -> None:
    """Wait until an import is done.

    Raises:
        RuntimeError: when it failed, or not every row became a lead.
    """
    while True:
        found = (await running.http.get(f"/api/imports/{job}")).json()
        if found["state"] in ("done", "failed"):
            break
        await asyncio.sleep(0.2)
    if found["state"] == "failed" or found["created"] < found["rows"]:
        raise RuntimeError(f"the import did not go well: {found}")


async def _demos(running: Stack) -> list[float]:
    """Ask for a demo again and again, whether those before have their reps or not, until cancelled; how long each one waited."""
    waits: list[float] = []

    async def ask() -> None:
        waits.append(await _demo(running))

    async with asyncio.TaskGroup() as asking:
        try:
            for _ in range(_MOST):
                await asyncio.sleep(_EVERY)
                asking.create_task(ask())
        except asyncio.CancelledError:
            pass  # those who asked wait for their answer
    return waits


async def _asked(demos: asyncio.Task[list[float]]) -> list[float]:
    demos.cancel()
    return await demos


async def _demo(running: Stack) -> float:
    """Somebody asks for a demo: the seconds until a rep has them."""
    begun = perf_counter()
    lead = UUID((await running.post("/api/leads", {**submission(), "consultation_requested": True}))["id"])
    while True:
        async with running.database.autocommit() as connection:
            if (await connection.execute(_OWNER, {"lead": lead})).scalar_one() is not None:
                return perf_counter() - begun
        await asyncio.sleep(0.02)


async def _started(running: Stack) -> int:
    """How many rows' workflows have done the first thing."""
    async with running.database.autocommit() as connection:
        found: int = (await connection.execute(_STARTED)).scalar_one()
        return found
