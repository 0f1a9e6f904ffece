"""How well a model is made from two public lead tables, where their folder is named in TWOWAY_BENCH_TABLES; without it nothing.

The folder holds x_education_leads.csv.gz and bank_additional_full.csv.gz.
"""

import asyncio
import os
from pathlib import Path

from activities.scoring.table.preparing import Question
from bench.measure import Result
from bench.train import trained

_NAMED = {
    "x": frozenset(
        {"Tags", "Lead Quality", "Lead Profile", "Last Notable Activity"}
        | {f"Asymmetrique {what} {kind}" for what in ("Activity", "Profile") for kind in ("Index", "Score")}
    ),
    "bank": frozenset({"duration"}),
}


async def run(*, quick: bool) -> list[Result]:
    """Both tables; it computes and waits for nothing, so it runs beside the loop."""
    tables = os.environ.get("TWOWAY_BENCH_TABLES")
    return await asyncio.to_thread(_tables, Path(tables)) if tables else []


def _tables(folder: Path) -> list[Result]:
    x = trained(folder / "x_education_leads.csv.gz", Question("Converted"))
    bank = trained(folder / "bank_additional_full.csv.gz", Question("y"))
    results = []
    for name, found, auc, loss in (("x", x, 0.878, 0.419), ("bank", bank, 0.803, 0.271)):
        if found.validated is None:
            raise RuntimeError(f"no model came of {name}")
        results += [
            Result(f"train_{name}_auc", found.validated.crossed["roc_auc"], "5-fold", "higher", bar=auc),
            Result(f"train_{name}_log_loss", found.validated.crossed["log_loss"], "5-fold", bar=loss),
            Result(f"train_{name}_leaks_missed", len(_NAMED[name] - set(found.leaks)), f"of {len(_NAMED[name])}", bar=0),
        ]
    return results
