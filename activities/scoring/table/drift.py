"""Whether what is to be foretold moves: scores that shift, and more or fewer successes than expected, by period."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from activities.scoring.table.columns import Rows
from activities.scoring.table.encoding import Labels
from activities.scoring.table.linear import Vector
from activities.scoring.table.metrics import instability, roc_auc, roc_auc_interval
from activities.scoring.table.validation import FORWARD, Forward

PERIODS = 10
SHIFTED = 0.25
"""PSI of the score from which another population is being scored."""
_SURE = 4.0
_BY_MUCH = 0.15
_WORSE = 0.03


@dataclass(frozen=True, slots=True)
class Drift:
    """What moved.

    Args:
        psi: of the score, between the older and the newest rows.
        periods: expected and observed successes by period, oldest first.
        why: sentences, one for each thing that moved; none when nothing did.
    """

    psi: float
    periods: tuple[dict[str, Any], ...]
    why: tuple[str, ...]

    @property
    def flagged(self) -> bool:
        """Whether anything moved."""
        return bool(self.why)


def measure(labels: Labels, margins: Vector, order: Rows, ahead: Forward | None) -> Drift:
    """Say what moved in time.

    Args:
        labels: the outcomes.
        margins: log-odds of each row by models that did not know it.
        order: row numbers from the oldest to the newest.
        ahead: what the newest were foretold by the older; None where there are too few.
    """
    cut = round((1 - FORWARD) * len(order))
    psi = instability(margins[order[:cut]], margins[order[cut:]])
    why = [f"the scores of the newest leads are spread otherwise than before (PSI {psi:.2f})"] if psi > SHIFTED else []
    if ahead is not None:
        came = labels[ahead.rows]
        expected, observed = float(expit(ahead.plain).sum()), float(came.sum())
        deviation = float(np.sqrt(np.sum(expit(ahead.plain) * (1 - expit(ahead.plain)))))
        if abs(observed - expected) > max(_SURE * deviation, _BY_MUCH * expected):
            why.append(f"{observed:,.0f} of the newest {len(came):,} leads succeeded where the older ones let {expected:,.0f} be expected")
        everywhere = roc_auc(labels, margins)
        if roc_auc_interval(came, ahead.plain)[1] < everywhere - _WORSE / 2 and roc_auc(came, ahead.plain) < everywhere - _WORSE:
            why.append(f"ranking falls from ROC AUC {everywhere:.3f} at random to {roc_auc(came, ahead.plain):.3f} forward in time")
    return Drift(round(psi, 4), tuple(_periods(labels, margins, order)), tuple(why))


def _periods(labels: Labels, margins: Vector, order: Rows) -> list[dict[str, Any]]:
    return [
        {"rows": len(part), "expected": round(float(expit(margins[part]).sum()), 1), "observed": int(labels[part].sum())}
        for part in np.array_split(order, PERIODS)
        if len(part)
    ]
