"""What a model is made of is chosen by rows that have no say in how it is judged; the regression is the one with the least loss."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.special import expit

from activities.scoring.table import boosting, metrics, validation
from activities.scoring.table.blending import Foretold, choose, each_by_others
from activities.scoring.table.columns import table_from
from activities.scoring.table.kinds import Detected, Kind
from activities.scoring.table.linear import PENALTIES, solve
from activities.scoring.table.validation import Task

CHANCE = np.random.default_rng(7)


def test_newtons_steps_and_lbfgs_find_the_same_regression() -> None:
    columns = CHANCE.normal(size=(500, 8))
    columns[:, 7] = columns[:, 6] + 0.01 * CHANCE.normal(size=500)
    labels = (CHANCE.random(500) < expit(columns[:, 0] - 1)).astype(np.float64)
    dense, sparse = (solve(given, labels, 2.0) for given in (columns, csr_array(columns)))
    assert dense[0] == pytest.approx(sparse[0], abs=5e-3)
    assert dense[1] == pytest.approx(sparse[1], abs=5e-3)


def test_noise_that_is_chosen_by_the_fold_itself_is_not_by_the_others() -> None:
    """Each booster knows one fold's outcomes and nothing else: only that fold itself would choose it."""
    labels = (CHANCE.random(2_000) < 0.5).astype(np.int8)
    fold = validation.folded(labels, len(boosting.RECIPES), 1)
    knows = {
        recipe: np.where(fold == number, 0.5 * (2.0 * labels - 1), 1.0 * CHANCE.normal(size=2_000))
        for number, recipe in enumerate(boosting.RECIPES)
    }
    found = Foretold(knows, {10.0: np.zeros(2_000)}, dict.fromkeys(knows, 10))
    for number in range(4):
        inside = np.flatnonzero(fold == number)
        own = found.at(inside)
        assert metrics.roc_auc(labels[inside], own.mixed(choose(own, labels[inside]))) > 0.9
    assert metrics.roc_auc(labels, each_by_others(found, labels, fold)) < 0.75


def test_a_second_booster_has_to_pay() -> None:
    labels = (CHANCE.random(2_000) < 0.5).astype(np.int8)
    truth = 1.5 * (2.0 * labels - 1)
    one, two = (truth + 2 * CHANCE.normal(size=2_000) for _ in range(2))
    flat = {10.0: np.zeros(2_000)}
    alike = choose(Foretold({"steady": one, "deep": one}, flat, {}), labels)
    assert list(alike.boosters) == ["steady"]
    assert len(choose(Foretold({"steady": one, "deep": two}, flat, {}), labels).boosters) == 2


def test_with_a_time_what_foretells_the_newest_is_chosen() -> None:
    """A habit that ended counts for nothing among the newest, so the strongest penalty on it is the right one."""
    rows = 1_500
    old = np.arange(rows) < 900
    habit = CHANCE.normal(size=rows)
    labels = (CHANCE.random(rows) < expit(np.where(old, 2 * habit, -habit))).astype(np.int8)
    table = table_from([{"habit": float(value)} for value in habit])
    task = Task(table, labels, {"habit": Detected(Kind.NUMBER)}, None, 1)
    recipes, penalties = validation.timely(task, np.arange(rows))
    assert len(recipes) == 1
    assert penalties == (max(PENALTIES),)
