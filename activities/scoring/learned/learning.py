"""Learning a model from leads and their outcomes, and measuring it against the champion."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from activities.scoring.inputs import AS_OF
from activities.scoring.learned.comparing import compare, points_as_chances
from activities.scoring.table import metrics, training
from activities.scoring.table.columns import Column, Table, table_of
from activities.scoring.table.encoding import Labels
from activities.scoring.table.kinds import Kind, detect
from activities.scoring.table.linear import Vector
from activities.scoring.table.model import Model
from activities.scoring.table.preparing import Question
from activities.scoring.table.problems import TableProblem
from activities.scoring.table.training import SEED, Training, Validated
from activities.scoring.table.verdict import too_few

FEWEST_SHARING = 5
"""Leads with the same word from which on a model may remember it."""
_OUTCOME, _ROW = "outcome", "row id"
_WORDS = frozenset({Kind.CATEGORY, Kind.HOST})
_DECILES = 11
Tell = Callable[[str], None]


def train(job: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """Train on leads, judge the model, and compare it with the champion.

    Args:
        job: `columns` (a feature's cells by its name), `moments`, `labels`, `points`, `tiers`, and `champion` (`version`, and its
            `content` and `columns` where it is no points table); all lists oldest first.
        tell: told what is done next.

    Returns:
        `content` (base64; None where there are too few outcomes), `report`, `verdict`, `why`, `metrics`, `figures`, `compared`, `spread`.

    Raises:
        TableProblem: when nothing can be learned from them.
    """
    from activities.scoring.table import report  # noqa: PLC0415 - the plots' library takes a second to load, and a check draws nothing
    from activities.scoring.table.figures import figures  # noqa: PLC0415 - as above

    labels = np.array(job["labels"], dtype=np.int8)
    none = too_few(int(labels.sum()), int(len(labels) - labels.sum()))
    if none is not None:
        return {"content": None, "verdict": none.verdict.value, "why": list(none.why)}
    names = list(job["columns"])
    cells = [*job["columns"].values(), job["moments"], [str(label) for label in job["labels"]], [str(row) for row in range(len(labels))]]
    table = table_of([*names, AS_OF, _OUTCOME, _ROW], list(zip(*cells, strict=True)))
    table = shared(table)
    found = training.train(table, Question(_OUTCOME, "1", AS_OF, aside=(AS_OF, _ROW), screen=False), tell)
    if found.model is None or found.validated is None:
        raise TableProblem("No model came of it.")
    tell("comparing with the champion")
    content = replace(found.model, about={**found.model.about, "target": job["outcome"]}).to_bytes()
    facts = report.document(found)
    for name in (AS_OF, _ROW):
        facts["columns"].pop(name, None)
    compared = _compared(found, found.validated, table, labels, job)
    return {
        "content": base64.b64encode(content).decode(),
        "verdict": found.judgement.verdict.value,
        "why": list(found.judgement.why),
        "report": facts,
        "metrics": _metrics(found.validated, job["tiers"]),
        "figures": [{"question": question, "plot": json.loads(plot.to_json())} for question, plot in figures(found)],
        "compared": compared,
        "spread": _spread(found.validated.margins),
        "columns": {field.name: field.name for field in found.model.encoder.fields},
    }


def check(job: Mapping[str, Any]) -> dict[str, Any]:
    """What a model's file is, and how it does on our own leads where there are any.

    Args:
        job: `content` (base64), and for leads with outcomes `mapping`, `columns`, `moments`, `labels`, `points`, `tiers` and
            `champion`, as for `train`.

    Raises:
        TableProblem: when it is no model.
    """
    model = Model.from_bytes(base64.b64decode(job["content"]), "The file")
    found: dict[str, Any] = {"about": dict(model.about), "fields": [field.name for field in model.encoder.fields], "compared": None}
    if job.get("labels") and job.get("mapping"):
        labels = np.array(job["labels"], dtype=np.int8)
        said = _said(model, job["mapping"], job)
        everything = np.ones(len(labels), dtype=np.bool_)
        champion = _champions(job, labels, everything)
        how = "our own leads, none of which it was trained on"
        known = compare(labels, said, champion, job["champion"]["version"], how, seed=SEED)
        found["compared"] = known.model_dump(mode="json") if known else None
        if known:
            own = metrics.summary(labels, said, 100 * said, seed=SEED)
            found["metrics"] = {**own, "validated_by": how, "tiers": metrics.at_tiers(labels, 100 * said, job["tiers"])}
    return found


def shared(table: Table) -> Table:
    """The same table without what only a few leads have: a model must not remember anybody.

    A word that fewer than five leads share is not known, as any is that a model did not learn. Numbers, dates and free texts stay: of the
    first two nothing is kept, and of texts only words that many have.
    """
    found = dict(table.columns)
    for name, column in table.columns.items():
        if name not in (AS_OF, _OUTCOME, _ROW) and detect(column).kind in _WORDS:
            counts = np.bincount(column.codes, minlength=len(column.levels))
            kept = [place for place, level in enumerate(column.levels) if counts[place] >= FEWEST_SHARING and level]
            to = np.zeros(len(column.levels), dtype=np.int32)
            to[kept] = np.arange(1, len(kept) + 1)
            found[name] = Column(name, ("", *(column.levels[place] for place in kept)), to[column.codes])
    return Table(found, table.rows, table.said)


def _compared(found: Training, validated: Validated, table: Table, labels: Labels, job: Mapping[str, Any]) -> dict[str, Any] | None:
    """Against the champion, on the newest leads foretold by the older ones; in folds where there are too few for that."""
    column = found.prepared.table.columns[_ROW]
    place = np.array([int(level) for level in column.levels], dtype=np.int64)[column.codes]
    if validated.ahead_rows is not None and validated.ahead_margins is not None:
        rows, margins, how = place[validated.ahead_rows], validated.ahead_margins, "the newest leads, foretold from the older ones"
        old = np.ones(len(labels), dtype=np.bool_)
        old[rows] = False
    else:
        rows, margins, how = place, validated.margins, "leads foretold in five folds, for there are too few to look ahead"
        old = np.ones(len(labels), dtype=np.bool_)
    champion = _champions(job, labels, old)
    known = compare(labels[rows], expit(margins), champion[rows], job["champion"]["version"], how, seed=SEED)
    return known.model_dump(mode="json") if known else None


def _champions(job: Mapping[str, Any], labels: Labels, old: npt.NDArray[np.bool_]) -> Vector:
    """What the champion says of every lead."""
    champion = job["champion"]
    if champion.get("content"):
        return _said(Model.from_bytes(base64.b64decode(champion["content"]), "The champion"), champion["columns"], job)
    return points_as_chances(np.array(job["points"], dtype=np.float64), labels, old)


def _said(model: Model, mapping: Mapping[str, str], job: Mapping[str, Any]) -> Vector:
    rows = len(job["labels"])
    columns = [job["columns"].get(source, [""] * rows) for source in mapping.values()]
    return model.probabilities(table_of([*mapping, AS_OF], list(zip(*columns, job["moments"], strict=True))))


def _metrics(found: Validated, tiers: Mapping[str, float]) -> dict[str, Any]:
    """The honest numbers first: of the newest leads where there were enough, else of leads in folds. Scores are chances times 100."""
    shown = found.crossed
    labels, margins, how = found.labels, found.margins, "five-fold cross-validation"
    if found.ahead is not None and found.ahead_labels is not None and found.ahead_margins is not None:
        shown, labels, margins = found.ahead, found.ahead_labels, found.ahead_margins
        how = "time split: the newest leads foretold by the older"
    return {**shown, "validated_by": how, "tiers": metrics.at_tiers(labels, 100 * expit(margins), tiers)}


def _spread(margins: Vector) -> list[float]:
    """Deciles of the chances of leads that the model did not know, against which drift is measured."""
    return [round(float(each), 6) for each in np.quantile(expit(margins), np.linspace(0, 1, _DECILES))]
