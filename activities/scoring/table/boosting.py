"""Gradient boosting by the recipe that was measured (docs/decisions/0015): rounds by early stopping, then refitted on everything."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost

from activities.scoring.table.encoding import Labels, Matrix

THREADS = 1
"""Fixed, because sums in another order round differently: the same data must give the same model. More than one wait for each other
on a machine that is busy: two took three times as long as one there."""
MOST_ROUNDS = 1_500
_PATIENCE = 40
_MORE = 1.1
_FEWEST_ROUNDS = 10
_COMMON: dict[str, Any] = {
    "objective": "binary:logistic",
    "eval_metric": "logloss",
    "tree_method": "hist",
    "subsample": 0.8,
    "max_bin": 256,
}
STEADY = "steady"
RECIPES: dict[str, dict[str, Any]] = {
    "shallow": {"eta": 0.05, "max_depth": 3, "colsample_bytree": 0.6, "lambda": 5},
    STEADY: {"eta": 0.03, "max_depth": 5, "colsample_bytree": 0.4, "lambda": 5},
    "deep": {"eta": 0.06, "max_depth": 6, "colsample_bytree": 0.7, "lambda": 3, "min_child_weight": 3},
    "whole": {"eta": 0.06, "max_depth": 6, "colsample_bytree": 1.0, "lambda": 1, "min_child_weight": 1},
}
"""No one of them is best on every table: which of them are used, and with what weight, is found on rows held back (blending.py).
In the order of what explaining a lead costs."""


def rounds_for(matrix: Matrix, labels: Labels, inner: npt.NDArray[np.bool_], recipe: str, *, seed: int) -> tuple[int, float]:
    """How many rounds are enough for a refit on all rows, found on those held back; and the log loss of these."""
    learn = xgboost.DMatrix(matrix[~inner], label=labels[~inner], nthread=THREADS)
    held = xgboost.DMatrix(matrix[inner], label=labels[inner], nthread=THREADS)
    found = xgboost.train(
        _parameters(labels[~inner], recipe, seed),
        learn,
        MOST_ROUNDS,
        evals=[(held, "held")],
        early_stopping_rounds=_PATIENCE,
        verbose_eval=False,
    )
    return max(_FEWEST_ROUNDS, round((found.best_iteration + 1) * _MORE)), float(found.best_score)


def boost(matrix: Matrix, labels: Labels, rounds: int, recipe: str, *, seed: int) -> xgboost.Booster:
    """Fit a booster of so many rounds by one of the recipes."""
    return xgboost.train(
        _parameters(labels, recipe, seed), xgboost.DMatrix(matrix, label=labels, nthread=THREADS), rounds, verbose_eval=False
    )


def merged(boosters: Sequence[xgboost.Booster], weights: Sequence[float]) -> xgboost.Booster:
    """One booster whose log-odds are the weighted mean of others', fitted to the same outcomes.

    Its trees are all of theirs, with leaves scaled by the weights. Contributions of features are then those of the mean.

    Args:
        boosters: at least one.
        weights: of each; together 1.
    """
    if len(boosters) == 1:
        return boosters[0]
    documents = [json.loads(booster.save_raw("json")) for booster in boosters]
    trees: list[dict[str, Any]] = []
    for document, weight in zip(documents, weights, strict=True):
        for tree in document["learner"]["gradient_booster"]["model"]["trees"]:
            # a leaf's value stands where an inner node has the value it splits at
            leaf = np.array(tree["left_children"]) == -1
            tree["split_conditions"] = np.where(leaf, np.array(tree["split_conditions"]) * weight, tree["split_conditions"]).tolist()
            tree["base_weights"] = (np.array(tree["base_weights"]) * weight).tolist()
            tree["id"] = len(trees)
            trees.append(tree)
    whole = documents[0]["learner"]["gradient_booster"]["model"]
    whole |= {"trees": trees, "tree_info": [0] * len(trees), "iteration_indptr": list(range(len(trees) + 1))}
    whole["gbtree_model_param"]["num_trees"] = str(len(trees))
    return xgboost.Booster({"nthread": THREADS}, model_file=bytearray(json.dumps(documents[0]).encode()))


def margins(booster: xgboost.Booster, matrix: Matrix) -> npt.NDArray[np.float64]:
    """Log-odds of success of each row."""
    return np.asarray(booster.inplace_predict(matrix, predict_type="margin"), dtype=np.float64)


def contributions(booster: xgboost.Booster, matrix: Matrix) -> npt.NDArray[np.float64]:
    """What each feature adds to a row's log-odds (exact SHAP values); the last column is what an average row has."""
    return np.asarray(booster.predict(xgboost.DMatrix(matrix, nthread=THREADS), pred_contribs=True), dtype=np.float64)


def _parameters(labels: Labels, recipe: str, seed: int) -> dict[str, Any]:
    base = float(np.clip(labels.mean(), 1e-4, 1 - 1e-4))
    rarer = min(float(labels.sum()), float(len(labels) - labels.sum()))
    own = {"min_child_weight": float(np.clip(rarer / 60, 2, 10))} | RECIPES[recipe]
    return _COMMON | own | {"base_score": base, "seed": seed, "nthread": THREADS}
