"""How a model does on rows it did not know: in five folds, and forward in time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from activities.scoring.table import boosting
from activities.scoring.table.blending import FEWEST_TO_CHOOSE, Foretold, choose
from activities.scoring.table.calibration import recalibrated
from activities.scoring.table.columns import Rows, Table
from activities.scoring.table.encoding import Labels, learn
from activities.scoring.table.kinds import Detected
from activities.scoring.table.linear import PENALTIES, Vector, fit_path
from activities.scoring.table.model import Calibration, mix

FOLDS = 5
FORWARD = 0.3
"""Share of the rows, the newest, that are foretold by the others."""
_HELD_BACK = 0.2
_FEWEST_OUTCOMES = 20
_MANY_CELLS = 200_000
_FEW_BOOSTERS = 2

Members = tuple[Sequence[str], Sequence[float]]
"""Recipes of boosting and penalties of the regression."""
EVERYTHING: Members = (tuple(boosting.RECIPES), PENALTIES)


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be learned.

    Args:
        table: the history.
        labels: 1 for each row that succeeded.
        kinds: the columns to learn from.
        moment: the date column that says when a row was as it stands, and its format.
        seed: of all chance.
        dated: whether dates themselves are told.
    """

    table: Table
    labels: Labels
    kinds: Mapping[str, Detected]
    moment: tuple[str, str] | None
    seed: int
    dated: bool = False

    def at(self, rows: Rows) -> "Task":
        """The same with some of the rows."""
        return replace(self, table=self.table.at(rows), labels=self.labels[rows])

    @property
    def cells(self) -> int:
        """How large it is."""
        return len(self.labels) * len(self.kinds)

    @property
    def some(self) -> npt.NDArray[np.bool_]:
        """A fifth of the rows, by chance."""
        found: npt.NDArray[np.bool_] = folded(self.labels, round(1 / _HELD_BACK), self.seed + 1) == 0
        return found


def crossed(task: Task, tell: Callable[[], None], *, folds: int = FOLDS, only: Members = EVERYTHING) -> Foretold:
    """Foretell every row by the others, fold by fold; each fold has its own encoder.

    Args:
        task: what is to be learned.
        tell: called after each fold.
        folds: how many; each with the same share of successes.
        only: the members that are tried; of a large table only the boosters that did well on rows held back within the first fold.
    """
    fold = folded(task.labels, folds, task.seed)
    recipes, penalties = only
    parts = []
    for number in range(folds):
        inside, outside = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        most = _FEW_BOOSTERS if task.cells > _MANY_CELLS else len(recipes)
        found = foretell(task.at(inside), task.table.at(outside), (recipes, penalties), most=most)
        parts.append((outside, found))
        recipes = tuple(found.boosted)
        tell()
    return Foretold(
        {recipe: _together([(rows, each.boosted[recipe]) for rows, each in parts]) for recipe in recipes},
        {penalty: _together([(rows, each.linear[penalty]) for rows, each in parts]) for penalty in penalties},
        {recipe: int(np.median([each.rounds[recipe] for _, each in parts])) for recipe in recipes},
    )


def foretell(task: Task, others: Table, members: Members, *, most: int = len(boosting.RECIPES)) -> Foretold:
    """Learn from some rows and foretell others.

    Args:
        task: the rows to learn from.
        others: the rows to foretell.
        members: recipes of boosting, and penalties of the regression.
        most: how many recipes are kept, by what they lose on the rows held back to stop by; these are none of the others.
    """
    encoder, matrix = learn(task.table, task.labels, task.kinds, task.moment, seed=task.seed, dated=task.dated)
    coded = encoder.encode(others)
    recipes, penalties = members
    stopped = {recipe: boosting.rounds_for(matrix, task.labels, task.some, recipe, seed=task.seed) for recipe in recipes}
    kept = sorted(recipes, key=lambda recipe: stopped[recipe][1])[:most]
    rounds = {recipe: stopped[recipe][0] for recipe in recipes if recipe in kept}
    boosters = {recipe: boosting.boost(matrix, task.labels, count, recipe, seed=task.seed) for recipe, count in rounds.items()}
    boosted = {recipe: boosting.margins(booster, coded) for recipe, booster in boosters.items()}
    linear = {penalty: fitted.margins(coded) for penalty, fitted in fit_path(matrix, task.labels, penalties).items()}
    return Foretold(boosted, linear, rounds)


def _together(parts: Sequence[tuple[Rows, Vector]]) -> Vector:
    found = np.empty(sum(len(rows) for rows, _ in parts))
    for rows, margins in parts:
        found[rows] = margins
    return found


@dataclass(frozen=True, slots=True)
class Forward:
    """What the newest rows were foretold to do by a model that knew only older ones.

    Args:
        rows: the newest, in the table's numbers.
        plain: log-odds by the blend as chosen, as they are.
        blended: log-odds with both halves alike, and calibrated on the newest of the older rows.
    """

    rows: Rows
    plain: Vector
    blended: Vector


def forward(task: Task, order: Rows, tell: Callable[[], None], *, timed: bool) -> Forward | None:
    """Foretell the newest rows by the older ones; None where either part holds too few outcomes.

    Everything is chosen on the older rows alone.

    Args:
        task: what is to be learned.
        order: row numbers from the oldest to the newest.
        tell: called now and then.
        timed: whether the order is one in time for sure: then what foretells the newest of the older rows is chosen, and log-odds are
            fitted to them.
    """
    parts = split(task, order)
    if parts is None:
        return None
    old, new = parts
    past, along = task.at(old), np.arange(len(old))
    known = crossed(past, lambda: None, folds=3, only=timely(past, along) if timed else EVERYTHING)
    tell()
    blend = choose(known, past.labels)
    found = foretell(past, task.table.at(new), (tuple(blend.boosters), (blend.penalty,)))
    calibration = recalibrated(known.mixed(blend.evenly()), past.labels, along) if timed else Calibration()
    tell()
    return Forward(new, found.mixed(blend), calibration.slope * found.mixed(blend.evenly()) + calibration.intercept)


def timely(task: Task, order: Rows) -> Members:
    """The booster and the penalty that foretell the newest two fifths best; everything where those hold too few outcomes to say.

    Each fifth is foretold by what came before it, by half of each. Of penalties that do as well but for chance (one standard error of
    the difference, Breiman et al. 1984) the strongest is taken: what moved once will move again.
    """
    newest, before = (
        split(task, order, _HELD_BACK),
        split(task, order[: round((1 - _HELD_BACK) * len(order))], _HELD_BACK / (1 - _HELD_BACK)),
    )
    if newest is None or before is None or min(task.labels.sum(), (1 - task.labels).sum()) < FEWEST_TO_CHOOSE:
        return EVERYTHING
    parts = [(foretell(task.at(old), task.table.at(new), EVERYTHING), task.labels[new]) for old, new in (before, newest)]
    recipe = min(boosting.RECIPES, key=lambda each: float(_losses([(found.boosted[each], came) for found, came in parts]).sum()))
    losses = {
        penalty: _losses([(mix(found.boosted[recipe], found.linear[penalty], 0.5), came) for found, came in parts]) for penalty in PENALTIES
    }
    best = min(losses.values(), key=lambda each: float(each.sum()))
    alike = [penalty for penalty, each in losses.items() if (each - best).mean() <= (each - best).std() / np.sqrt(len(each))]
    return (recipe,), (max(alike),)


def _losses(foretold: Sequence[tuple[Vector, Labels]]) -> Vector:
    """What each row loses."""
    return np.concatenate([np.logaddexp(0, margins) - came * margins for margins, came in foretold])


def split(task: Task, order: Rows, share: float = FORWARD) -> tuple[Rows, Rows] | None:
    """The older rows and the newest, of which there are that share; None where either part holds too few outcomes."""
    cut = round((1 - share) * len(order))
    old, new = order[:cut], order[cut:]
    few = min(min(task.labels[part].sum(), (1 - task.labels[part]).sum()) for part in (old, new)) < _FEWEST_OUTCOMES
    return None if few else (old, new)


def folded(labels: Labels, folds: int, seed: int) -> npt.NDArray[np.int64]:
    """A fold for each row, each fold with its share of either class."""
    chance = np.random.default_rng(seed)
    fold = np.empty(len(labels), dtype=np.int64)
    for outcome in (0, 1):
        rows = np.flatnonzero(labels == outcome)
        fold[chance.permutation(rows)] = np.arange(len(rows)) % folds
    return fold
