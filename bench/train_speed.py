"""How long a model takes to be made, with its report."""

import asyncio
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

from activities.scoring.table import report
from activities.scoring.table.preparing import Question
from bench.measure import Result
from bench.train import trained
from tests.activities.scoring_table.funnel import funnel


async def run(*, quick: bool) -> list[Result]:
    """A table of the size the bar speaks of, or a small one; it computes and waits for nothing, so it runs beside the loop."""
    with tempfile.TemporaryDirectory() as folder:
        return await asyncio.to_thread(_speed, Path(folder), 1_000 if quick else 10_000)


def _speed(folder: Path, count: int) -> list[Result]:
    made = funnel(count, 5)
    path = made.write(folder / "speed.csv")
    rows = path.read_text(encoding="utf-8").splitlines()
    chance = np.random.default_rng(1)
    width = 30 - (len(made.header) - 1)
    more = [",".join(f"{value:.3f}" for value in row) for row in chance.normal(size=(len(rows), width))]
    names = ",".join(f"noise{number}" for number in range(width))
    path.write_text("\n".join(f"{row},{extra if at else names}" for at, (row, extra) in enumerate(zip(rows, more, strict=True))), "utf-8")
    begun = perf_counter()
    report.write(trained(path, Question("bought")), folder / "report.json")
    return [Result("train_seconds", perf_counter() - begun, f"s, {count:,} x 30 with report", bar=120)]
