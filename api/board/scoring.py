"""Scoring models in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.board.pages import templates
from models.schemas.models import ChangeView, ModelView

_STATES = {
    "waiting": "waits to be trained",
    "training": "being trained",
    "challenger": "challenger",
    "champion": "scores now",
    "retired": "retired",
    "failed": "came to nothing",
}
_KINDS = {"history": "trained on our own leads", "installed": "installed from a file", "points": "agreed on by sales and marketing"}
_VERDICTS = {"ready": "Ready", "weak": "Weak", "do not use": "Do not use"}
_GOOD = {"ready": "good", "weak": "fair", "do not use": "bad"}


@dataclass(frozen=True, slots=True)
class Figure:
    """A number about a model.

    Args:
        name: what it is.
        value: as it is read.
        note: what it is to be held against; empty where there is nothing.
    """

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class ShownModel:
    """A model as it is shown.

    Args:
        version: its name in addresses.
        name: its name for people.
        view: the facts.
        state, kind, verdict: in words; `mark` is the verdict's colour.
        figures: its numbers.
        tiers: what each tier holds: name, threshold, share, rate, lift, recall.
        drift: what moved, each a sentence.
        action: what a button would do to it; empty where it can do nothing.
    """

    version: str
    name: str
    view: ModelView
    state: str
    kind: str
    verdict: str
    mark: str
    figures: tuple[Figure, ...]
    tiers: tuple[dict[str, Any], ...]
    drift: tuple[str, ...]
    action: str

    @property
    def under_way(self) -> bool:
        """Whether it is still being made."""
        return self.view.state in ("waiting", "training")


def shown(model: ModelView) -> ShownModel:
    """A model in words."""
    verdict = model.verdict or ""
    return ShownModel(
        model.version,
        name(model.version),
        model,
        _STATES.get(model.state, model.state) if model.version != "points" or model.state == "champion" else "stands by",
        _KINDS.get(model.kind, model.kind),
        _VERDICTS.get(verdict, ""),
        _GOOD.get(verdict, ""),
        tuple(_figures(model.metrics)),
        tuple(_tiers(model.metrics)),
        tuple((model.watch or {}).get("why", ())),
        _action(model),
    )


def name(version: str) -> str:
    """A version as people call it."""
    return "Points table" if version == "points" else f"Model {version.removeprefix('m')}"


def weights(report: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The features a model goes by, the weightiest first."""
    used = [(name, facts) for name, facts in report.get("columns", {}).items() if facts.get("importance")]
    return sorted(used, key=lambda one: -one[1]["importance"])


def change(made: ChangeView) -> dict[str, Any]:
    """A change of who scores, in words."""
    return {"was": name(made.from_version), "now": name(made.to_version), "at": made.at, "why": made.why, "by": made.by}


def _action(model: ModelView) -> str:
    if not model.may_be_promoted:
        return ""
    if model.version == "points":
        return "Go back to points"
    return "Put back" if model.promoted_at else "Let it score"


def _figures(metrics: dict[str, Any]) -> list[Figure]:
    if not metrics:
        return []
    low, high = metrics["roc_auc_interval"]
    return [
        Figure("ROC AUC", f"{metrics['roc_auc']:.3f}", f"{low:.3f} to {high:.3f}; .5 knows nothing"),
        Figure("PR AUC", f"{metrics['pr_auc']:.3f}", f"by chance {metrics['base_rate']:.3f}"),
        Figure("Log loss", f"{metrics['log_loss']:.4f}", f"the average alone {metrics['log_loss_base_rate']:.4f}"),
        Figure("Brier", f"{metrics['brier']:.4f}", "0 is perfect"),
        Figure("ECE", f"{metrics['ece']:.3f}", f"chance alone {metrics['ece_noise_floor']:.3f}"),
    ]


def _tiers(metrics: dict[str, Any]) -> list[dict[str, Any]]:
    tiers = metrics.get("tiers", {})
    return [{"name": tier, **tiers[tier]} for tier in ("high", "medium") if tier in tiers]


templates.filters["model_name"] = name
