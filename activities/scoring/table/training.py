"""Training from a table, start to end: read, prepare, look for leaks, validate, fit, judge."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from activities.scoring.table import boosting, dating, drift, metrics, validation, verdict
from activities.scoring.table.blending import Blend, choose, each_by_others
from activities.scoring.table.calibration import recalibrated
from activities.scoring.table.changes import alternatives
from activities.scoring.table.columns import Rows, Table
from activities.scoring.table.encoding import Encoder, Labels, learn
from activities.scoring.table.kinds import USEFUL, Detected, Kind, moments, numbers
from activities.scoring.table.leaks import find_leaks
from activities.scoring.table.linear import Vector, fit_path
from activities.scoring.table.model import Calibration, Model, bands_of, history_of, score_of
from activities.scoring.table.preparing import Prepared, Question, prepare
from activities.scoring.table.problems import TableProblem
from activities.scoring.table.reading import CsvTable
from activities.scoring.table.validation import Task
from activities.scoring.table.verdict import Judgement

SEED = 20_260_101
STEPS = 4 + validation.FOLDS + 2
"""How often `train` calls its progress."""
_MATURE = 0.9
_MORE_DATA = 1.05
_LOOKED_AT = 1_000

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Training:
    """What came of training.

    Args:
        question: what was asked.
        prepared: what was learned from, leaks and young rows still in it.
        leaks: columns left out because they tell the outcome, with why.
        judgement: how far to trust it.
        model: None where there were too few outcomes.
        validated: how it did on rows it did not know; None without a model.
        said: what a person should know.
    """

    question: Question
    prepared: Prepared
    leaks: Mapping[str, str]
    judgement: Judgement
    model: Model | None
    validated: "Validated | None"
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Validated:
    """How a model does on rows it did not know.

    Args:
        labels: the outcomes of the rows learned from.
        margins: their log-odds by models that did not know them.
        crossed: metrics of these.
        ahead_rows: places of the newest in the prepared table; None without an order in time.
        ahead_labels, ahead_margins: the newest, foretold by the older rows; None without an order in time.
        ahead: metrics of these.
        moved: what drifts; None without an order in time.
        importance: mean absolute share of each column in the log-odds.
    """

    labels: Labels
    margins: Vector
    crossed: Mapping[str, Any]
    ahead_rows: Rows | None
    ahead_labels: Labels | None
    ahead_margins: Vector | None
    ahead: Mapping[str, Any] | None
    moved: drift.Drift | None
    importance: Mapping[str, float]


def quiet(_: str) -> None:
    """Progress that is told to nobody."""


def train_file(path: Path, question: Question, progress: Progress = quiet) -> Training:
    """Train a model from a CSV file: `train` on what is in it.

    Raises:
        TableProblem: when nothing can be learned from it.
    """
    progress("reading")
    return train(CsvTable(path).read(), question, progress)


def train(table: Table, question: Question, progress: Progress = quiet) -> Training:
    """Train a model from a table in memory; `reading.table_from` makes one from rows by name.

    It takes seconds to minutes of one core and holds the interpreter for most of them: call it in a process or thread of its own.

    Args:
        table: the history; outcomes in a column of their own.
        question: what to learn. `screen=False` where the columns are known to hold nothing recorded after the moment of scoring.
        progress: called with what is done next, `STEPS` times at most.

    Returns:
        `model` (None below 25 outcomes of either kind), `judgement` (verdict and why), `validated` (metrics); `report.document` makes JSON
        of it and `report.write` a page.

    Raises:
        TableProblem: when nothing can be learned from it.
    """
    prepared = prepare(table, question)
    progress("looking for leaks")
    leaks = {name: why for name, why in _leaks(prepared).items() if name not in question.keep} if question.screen else {}
    prepared = _ripe(prepared, leaks)
    successes = int(prepared.labels.sum())
    none = verdict.too_few(successes, len(prepared.labels) - successes)
    if none:
        return Training(question, prepared, leaks, none, None, None, prepared.said)
    kinds = {name: found for name, found in prepared.kinds.items() if found.kind in USEFUL and name not in {*leaks, *question.aside}}
    if not kinds:
        left_out = ", ".join(leaks)
        raise TableProblem(
            f"Every useful column tells the outcome and was left out: {left_out}. Keep one with --keep COLUMN if it is known in time."
        )
    moment = prepared.moment if prepared.moment and prepared.moment[0] not in leaks else None
    task = Task(prepared.table, prepared.labels, kinds, moment, SEED)
    task = replace(task, dated=dating.useful(task, prepared.order, timed=question.time is not None))
    model, validated = _fitted(task, prepared, question, progress)
    moved = validated.moved.why if validated.moved else ()
    judgement = verdict.judge(validated.crossed, validated.ahead if question.time else None, moved)
    model = replace(model, about={**_about(prepared, question), "verdict": judgement.verdict.value})
    return Training(question, prepared, leaks, judgement, model, validated, prepared.said)


def _fitted(task: Task, prepared: Prepared, question: Question, progress: Progress) -> tuple[Model, Validated]:
    progress("validating")
    order, timed = prepared.order, question.time is not None
    members = validation.timely(task, order) if timed and order is not None else validation.EVERYTHING
    known = validation.crossed(task, lambda: progress("validating"), only=members)
    blend = choose(known, task.labels)
    honest = each_by_others(known, task.labels, validation.folded(task.labels, validation.FOLDS, task.seed))
    ahead = moved = None
    if order is not None:
        ahead = validation.forward(task, order, lambda: progress("looking ahead"), timed=timed)
        moved = drift.measure(task.labels, honest, order, ahead)
    drifting = moved is not None and moved.flagged and timed
    calibration = Calibration()
    if drifting and order is not None:
        blend = blend.evenly()
        honest = known.mixed(blend)
        calibration = recalibrated(honest, task.labels, order)
    progress("fitting")
    margins = calibration.slope * honest + calibration.intercept
    recent = order[-len(order) // 3 :] if drifting and order is not None else np.arange(len(margins))
    model = _final(task, (blend, known.rounds), calibration, (margins, recent))
    ahead_margins = None if ahead is None else ahead.blended if drifting else ahead.plain
    return model, Validated(
        task.labels,
        honest,
        _metrics(task.labels, honest),
        None if ahead is None else ahead.rows,
        None if ahead is None else task.labels[ahead.rows],
        ahead_margins,
        None if ahead is None or ahead_margins is None else _metrics(task.labels[ahead.rows], ahead_margins),
        moved,
        model.importance,
    )


def _final(task: Task, how: tuple[Blend, Mapping[str, int]], calibration: Calibration, past: tuple[Vector, Rows]) -> Model:
    """The model learned from all rows.

    Args:
        task: the rows.
        how: what it is made of, and rounds by recipe.
        calibration: of its log-odds.
        past: log-odds of the rows by models that did not know them, and which of them are recent.
    """
    blend, rounds = how
    encoder, matrix = learn(task.table, task.labels, task.kinds, task.moment, seed=task.seed, dated=task.dated)
    boosters = [
        boosting.boost(matrix, task.labels, round(rounds[recipe] * _MORE_DATA), recipe, seed=task.seed) for recipe in blend.boosters
    ]
    booster = boosting.merged(boosters, list(blend.boosters.values()))
    linear = fit_path(matrix, task.labels, [blend.penalty])[blend.penalty]
    margins, recent = past
    bands = bands_of(margins[recent], task.labels[recent])
    model = Model(encoder, booster, linear, blend.weight, calibration, history_of(margins), bands, _typical(task))
    some = np.unique(np.linspace(0, task.table.rows - 1, min(_LOOKED_AT, task.table.rows)).astype(np.int64))
    leads = task.table.at(some)
    parts = model.contributions(encoder.encode(leads))
    return replace(
        model, alternatives=alternatives(leads, task.kinds, encoder, parts), importance=_importance(encoder, list(task.kinds), parts)
    )


def _typical(task: Task) -> dict[str, float]:
    typical = {}
    for name, found in task.kinds.items():
        if found.kind is Kind.NUMBER:
            column = task.table.columns[name]
            values = numbers(column.levels, found.sentinels)[column.codes]
            if np.isfinite(values).any():
                typical[name] = round(float(np.nanmedian(values)), 6)
    return typical


def _metrics(labels: Labels, margins: Vector) -> dict[str, Any]:
    return metrics.summary(labels, expit(margins), score_of(margins), seed=SEED)


def _importance(encoder: Encoder, names: Sequence[str], parts: Vector) -> dict[str, float]:
    found: dict[str, float] = dict.fromkeys(names, 0.0)
    sums: dict[str, Vector] = {}
    for number, feature in enumerate(encoder.features):
        sums[feature.source] = sums.get(feature.source, np.zeros(len(parts))) + parts[:, number]
    for name, total in sums.items():
        found[name] = round(float(np.abs(total).mean()), 5)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _leaks(prepared: Prepared) -> dict[str, str]:
    own = prepared.moment[0] if prepared.moment else None
    kinds = {name: found for name, found in prepared.kinds.items() if name != own}
    return find_leaks(prepared.table, prepared.labels, kinds)


def _ripe(prepared: Prepared, leaks: Mapping[str, str]) -> Prepared:
    """Without rows too young to have failed, where a leaking date tells how long a success takes."""
    if prepared.moment is None:
        return prepared
    began = _days(prepared, prepared.moment[0], prepared.moment[1])
    for name in leaks:
        found = prepared.kinds[name]
        if found.kind is not Kind.DATE:
            continue
        took = (_days(prepared, name, found.how) - began)[prepared.labels == 1]
        took = took[np.isfinite(took)]
        if len(took) < 30 or len(took) < 0.5 * prepared.labels.sum() or np.quantile(took, 0.05) < 0:
            continue
        wait = float(np.quantile(took, _MATURE))
        young = (np.nanmax(began) - began < wait) & (prepared.labels == 0)
        if 0 < young.sum() < 0.5 * len(young):
            said = (
                f"By {name!r} nine of ten successes take up to {wait:,.0f} days; {int(young.sum()):,} younger rows without one "
                "are not failures yet and were left out."
            )
            return _without(prepared, young, said)
    return prepared


def _without(prepared: Prepared, gone: npt.NDArray[np.bool_], said: str) -> Prepared:
    keep = np.flatnonzero(~gone).astype(np.int64)
    order: Rows | None = None
    if prepared.order is not None:
        place = np.cumsum(~gone) - 1
        order = place[prepared.order[~gone[prepared.order]]].astype(np.int64)
    return replace(prepared, table=prepared.table.at(keep), labels=prepared.labels[keep], order=order, said=(*prepared.said, said))


def _days(prepared: Prepared, name: str, how: str) -> Vector:
    column = prepared.table.columns[name]
    return moments(column.levels, how)[column.codes]


def _about(prepared: Prepared, question: Question) -> dict[str, Any]:
    return {
        "target": question.target,
        "positive": prepared.positive,
        "rows": prepared.table.rows,
        "successes": int(prepared.labels.sum()),
        "columns": list(prepared.kinds),
    }


def column_facts(prepared: Prepared, found: Detected, name: str) -> dict[str, Any]:
    """What a report says of a column."""
    column = prepared.table.columns[name]
    return {"kind": found.kind.value, "values": len(np.unique(column.codes)), "note": found.note}


def now() -> str:
    """The moment a report is made."""
    return datetime.now(UTC).isoformat(timespec="seconds")
