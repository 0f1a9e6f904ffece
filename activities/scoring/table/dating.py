"""Whether a model should know dates themselves, beside their age and weekday.

A date lets a model follow what changes from month to month; foretelling new leads it then goes by the newest of what it knows. That helps
on one table and harms on another, so it is tried.
"""

import numpy as np
from scipy.special import expit

from activities.scoring.table import boosting, validation
from activities.scoring.table.boosting import STEADY
from activities.scoring.table.columns import Rows
from activities.scoring.table.encoding import learn
from activities.scoring.table.kinds import Kind
from activities.scoring.table.metrics import log_loss
from activities.scoring.table.validation import Task

_BETTER = 0.002
_WORSE = 0.002
_TRIED_ON = 20_000


def useful(task: Task, order: Rows | None, *, timed: bool) -> bool:
    """Whether dates foretell rows that were held back better, and the newest rows no worse.

    Args:
        task: what is to be learned.
        order: row numbers from the oldest to the newest; None where nothing says so.
        timed: whether a time was named; then the newest rows alone decide.
    """
    if all(found.kind is not Kind.DATE for found in task.kinds.values()):
        return False
    fold = validation.folded(task.labels, 4, task.seed + 2)
    splits = [] if timed else [(np.flatnonzero(fold), np.flatnonzero(fold == 0), _BETTER)]
    if order is not None and (parts := validation.split(task, order)) is not None:
        splits.append((*parts, _BETTER if timed else -_WORSE))
    return bool(splits) and all(_gain(task, old[-_TRIED_ON:], new) >= least for old, new, least in splits)


def _gain(task: Task, known: Rows, held: Rows) -> float:
    """The share of the log loss that dates save; both are learned from one matrix, with the dates and without."""
    past = task.at(known)
    encoder, matrix = learn(past.table, past.labels, past.kinds, past.moment, seed=past.seed, dated=True)
    coded = encoder.encode(task.table.at(held))
    undated = [place for place, feature in enumerate(encoder.features) if feature.what != "day"]
    losses = []
    for places in (undated, list(range(len(encoder.features)))):
        rounds, _ = boosting.rounds_for(matrix[:, places], past.labels, past.some, STEADY, seed=past.seed)
        booster = boosting.boost(matrix[:, places], past.labels, rounds, STEADY, seed=past.seed)
        losses.append(log_loss(task.labels[held], expit(boosting.margins(booster, coded[:, places]))))
    return 1 - losses[1] / losses[0]
