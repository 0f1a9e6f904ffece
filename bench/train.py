"""How well a model is made from any table, on funnels whose truth is known."""

import asyncio
import tempfile
from pathlib import Path

import numpy as np
from scipy.special import logit

from activities.scoring.table import metrics
from activities.scoring.table.leaks import find_leaks
from activities.scoring.table.preparing import Question, prepare
from activities.scoring.table.reading import CsvTable
from activities.scoring.table.training import Training, train_file
from bench.measure import Result
from tests.activities.scoring_table.funnel import LEAKS, funnel


async def run(*, quick: bool) -> list[Result]:
    """Everything; it computes and waits for nothing, so it runs beside the loop."""
    return await asyncio.to_thread(_measured, quick=quick)


def _measured(*, quick: bool) -> list[Result]:
    with tempfile.TemporaryDirectory() as folder:
        return [*_leaks(Path(folder), 3 if quick else 20), *_truth(Path(folder), 3_000 if quick else 20_000)]


def _leaks(folder: Path, seeds: int) -> list[Result]:
    missed = accused = 0
    for seed in range(seeds):
        made = funnel(3_000, seed, drift=0.8 * (seed % 2), delay_days=40 * (seed % 3))
        found = prepare(CsvTable(made.write(folder / "leaks.csv")).read(), Question("bought"))
        names = set(find_leaks(found.table, found.labels, found.kinds))
        missed, accused = missed + len(LEAKS - names), accused + len(names - LEAKS)
    return [
        Result("train_leaks_missed", missed, f"of {len(LEAKS) * seeds}", bar=0),
        Result("train_honest_accused", accused, f"in {seeds} funnels", bar=0),
    ]


def _truth(folder: Path, rows: int) -> list[Result]:
    """Learn from a funnel, and foretell as many more leads of it, whose own chances are known."""
    made = funnel(2 * rows, 77)
    model = trained(made.write(folder / "history.csv", end=rows), Question("bought")).model
    if model is None:
        raise RuntimeError("no model came of a funnel with enough outcomes")
    said = model.probabilities(CsvTable(made.write(folder / "new.csv", start=rows)).read())
    chances, labels = made.chances[rows:], made.labels[rows:]
    share = metrics.roc_auc(labels, said) / metrics.roc_auc(labels, chances)
    return [
        Result("train_auc_of_best", share, "of the truth's ROC AUC", "higher", bar=0.97),
        Result("train_ece", metrics.calibration_error(labels, said), f"at {rows:,} outcomes", bar=0.02),
        Result("train_log_odds_off", float(np.median(np.abs(logit(said) - logit(chances)))), "median", "lower"),
    ]


def trained(path: Path, question: Question) -> Training:
    """What is learnt from a file."""
    return train_file(path, question)
