"""`twoway train` and `twoway score`: progress on the way, and what came of it in a few lines."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from activities.scoring.table import report as reports
from activities.scoring.table import scoring, training
from activities.scoring.table.model import Model
from activities.scoring.table.preparing import Question
from activities.scoring.table.problems import TableProblem
from activities.scoring.table.reading import CsvTable
from local import Trouble

Consoles = tuple[Console, Console]
"""Where results go, and where progress and remarks go."""


def train(history: Path, asked: tuple[str, str | None, str | None, tuple[str, ...]], report: Path, model: Path, consoles: Consoles) -> None:
    """Train from a file, write the report and the model, and say the verdict.

    Args:
        history: the file.
        asked: target, its value for a success, the column of time, columns to keep.
        report: where the report goes.
        model: where the model goes.
        consoles: to print to.

    Raises:
        Trouble: when nothing can be learned from it, or there are too few outcomes for a model.
    """
    out, err = consoles
    target, positive, time, keep = asked
    with _explained():
        _writable(report, model)
        with Progress(console=err, transient=True) as progress:
            task = progress.add_task("starting", total=training.STEPS)

            def tell(what: str) -> None:
                progress.update(task, description=what, advance=1)

            found = training.train_file(history, Question(target, positive, time, keep), tell)
            page = reports.write(found, report)
            if found.model is not None:
                found.model.write(model)
    _remarks(found.said, err)
    _results(found, out)
    if found.model is None:
        raise Trouble(f"No model was made. {' '.join(found.judgement.why)} The report is in {report} and {page}.")
    out.print(f"Report: {report} and {page}. Model: {model}.", markup=False)


def _results(found: training.Training, out: Console) -> None:
    for name, why in found.leaks.items():
        out.print(f"Leak, left out: {name}: {why}.", markup=False)
    if found.validated is not None:
        numbers, ahead = found.validated.crossed, found.validated.ahead
        low, high = numbers["roc_auc_interval"]
        out.print(
            f"On leads it did not know: ROC AUC {numbers['roc_auc']:.3f} ({low:.3f} to {high:.3f}), log loss {numbers['log_loss']:.4f} "
            f"(base rate {numbers['log_loss_base_rate']:.4f}), ECE {numbers['ece']:.3f} (noise {numbers['ece_noise_floor']:.3f})."
        )
        if ahead is not None:
            out.print(
                f"Forward in time, by {found.prepared.ordered_by}: ROC AUC {ahead['roc_auc']:.3f}, log loss {ahead['log_loss']:.4f}.",
                markup=False,
            )
    out.print(f"Verdict: {found.judgement.verdict}.")
    for why in found.judgement.why:
        out.print(f"  {why}", markup=False)


def score(leads: Path, model: Path, scored: Path, consoles: Consoles) -> None:
    """Score a file.

    Args:
        leads: the file.
        model: what `train` made.
        scored: where to write.
        consoles: to print to.

    Raises:
        Trouble: when a file cannot be used.
    """
    out, err = consoles
    with _explained():
        scorer = Model.read(model)
        with Progress(console=err, transient=True) as progress:
            task = progress.add_task("scoring", total=CsvTable(leads).bytes)
            found = scoring.score(leads, scorer, scored, lambda done: progress.update(task, completed=done))
    _remarks(found.said, err)
    out.print(f"{found.rows:,} leads scored, in {scored}.", markup=False)


def _remarks(said: Iterable[str], err: Console) -> None:
    for remark in said:
        err.print(f"Note: {remark}", markup=False)


def _writable(*paths: Path) -> None:
    """Refuse a place that cannot be written to before minutes are spent, not after."""
    for path in paths:
        if not path.parent.is_dir():
            raise TableProblem(f"There is no folder {path.parent} to put {path.name} in.", asked_wrongly=True)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except TableProblem as problem:
        raise Trouble(str(problem), exit_code=2 if problem.asked_wrongly else 1) from None
