"""What training found: as JSON for programs, and as a page for people with nothing to load from elsewhere."""

import json
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader, select_autoescape

from activities.scoring.table import validation
from activities.scoring.table.figures import figures
from activities.scoring.table.kinds import USEFUL
from activities.scoring.table.problems import TableProblem
from activities.scoring.table.training import Training, column_facts, now

_SHOWN = {"displayModeBar": False, "responsive": True}
_PAGES = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape(["html"]))


def document(training: Training) -> dict[str, Any]:
    """The report as JSON: `verdict`, `why`, `leaks`, `metrics`, `columns` and what else there is to know."""
    found, prepared = training.validated, training.prepared
    columns = {name: _column(training, name) for name in prepared.kinds}
    return {
        "made": now(),
        "verdict": training.judgement.verdict.value,
        "why": list(training.judgement.why),
        "target": {
            "column": training.question.target,
            "positive": prepared.positive,
            "rows": len(prepared.labels),
            "successes": int(prepared.labels.sum()),
        },
        "leaks": dict(training.leaks),
        "metrics": _metrics(training),
        "drift": None
        if found is None or found.moved is None
        else {
            "flagged": found.moved.flagged,
            "why": list(found.moved.why),
            "score_psi": found.moved.psi,
            "periods": list(found.moved.periods),
        },
        "ordered_by": prepared.ordered_by or None,
        "columns": columns,
        "model": None
        if training.model is None
        else {
            "boosting_weight": training.model.weight,
            "rounds": training.model.booster.num_boosted_rounds(),
            "calibration": {"slope": training.model.calibration.slope, "intercept": training.model.calibration.intercept},
        },
        "notes": list(training.said),
    }


def write(training: Training, path: Path) -> Path:
    """Write the JSON to a file and the page beside it.

    Returns:
        Where the page is.

    Raises:
        TableProblem: when one of them cannot be written.
    """
    page = path.with_suffix(".html")
    if page == path:
        raise TableProblem("--report names the JSON file; the page is put beside it. Call it report.json.", asked_wrongly=True)
    facts = document(training)
    try:
        path.write_text(json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")
        page.write_text(_page(training, facts), "utf-8")
    except OSError as err:
        raise TableProblem(f"{err.filename or path} cannot be written: {err.strerror}.") from None
    return page


def _drawn(plot: go.Figure) -> str:
    return str(plot.to_html(full_html=False, include_plotlyjs=False, config=_SHOWN))


def _metrics(training: Training) -> dict[str, Any]:
    """The honest numbers first: forward in time where a time was named, else by folds; then both under their names."""
    found = training.validated
    if found is None:
        return {}
    forward = found.ahead is not None and training.question.time is not None
    chosen = found.ahead if forward and found.ahead is not None else found.crossed
    how = (
        f"time split: the newest {validation.FORWARD:.0%} foretold by the older" if forward else f"{validation.FOLDS}-fold cross-validation"
    )
    return {"validated_by": how, **chosen, "cross_validation": found.crossed, "forward_in_time": found.ahead}


def _column(training: Training, name: str) -> dict[str, Any]:
    detected = training.prepared.kinds[name]
    facts = column_facts(training.prepared, detected, name)
    facts["used"] = training.model is not None and name not in training.leaks and detected.kind in USEFUL
    if name in training.leaks:
        facts["note"] = f"left out as a leak: {training.leaks[name]}"
    if training.validated is not None and name in training.validated.importance:
        facts["importance"] = training.validated.importance[name]
    return facts


def _page(training: Training, facts: dict[str, Any]) -> str:
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 - four megabytes, and only a page wants them

    drawn = [(question, _drawn(plot)) for question, plot in figures(training)]
    script = get_plotlyjs() if drawn else ""
    return _PAGES.get_template("report.html").render(facts=facts, drawn=drawn, script=script)
