"""Probabilities that are true of the newest outcomes.

A model that was stopped early needs no calibration on data like its own. Where the share of successes moves in time, an intercept and a
slope are fitted to the newest outcomes that had time to ripen. Isotonic regression is not offered: it made every table's ranking worse.
"""

import numpy as np
from scipy.optimize import minimize

from activities.scoring.table.columns import Rows
from activities.scoring.table.encoding import Labels
from activities.scoring.table.linear import Vector
from activities.scoring.table.model import Calibration

NEWEST = 0.2
"""Share of the rows, the newest, to which it is fitted."""
FEWEST = 50
"""Successes, and failures, among them without which it is not."""
_CAUTION = 10.0


def recalibrated(margins: Vector, labels: Labels, order: Rows) -> Calibration:
    """The slope and intercept that suit the newest rows; none where these hold too few outcomes to tell.

    Args:
        margins: log-odds, each by a model that did not know the row.
        labels: the outcomes.
        order: row numbers from the oldest to the newest.
    """
    newest = order[-max(1, int(NEWEST * len(order))) :]
    inside, came = margins[newest], labels[newest].astype(np.float64)
    if min(came.sum(), len(came) - came.sum()) < FEWEST:
        return Calibration()

    def loss(point: Vector) -> float:
        margin = point[0] * inside + point[1]
        return float(np.sum(np.logaddexp(0, margin) - came * margin) + _CAUTION / 2 * (point[0] - 1) ** 2)

    slope, intercept = minimize(loss, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=[(0.2, 2.0), (-6, 6)]).x
    return Calibration(round(float(slope), 4), round(float(intercept), 4))
