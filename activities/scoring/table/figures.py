"""A model's plots, each with the question that it answers as its title."""

from collections.abc import Iterator, Sequence

import numpy as np
import plotly.graph_objects as go
from scipy.special import expit

from activities.scoring.table.encoding import Labels
from activities.scoring.table.linear import Vector
from activities.scoring.table.metrics import calibration_bins, lift_curve
from activities.scoring.table.training import Training, Validated

_INK, _ACCENT, _QUIET, _OTHER = "#1c2430", "#2457d6", "#9aa4b2", "#c2410c"
_MOST_BARS = 15


def figures(training: Training) -> Iterator[tuple[str, go.Figure]]:
    """The plots of what came of training, each with its question; none without a model."""
    found = training.validated
    if found is None:
        return
    yield "When it says 30 %, do 30 % succeed?", _calibration(found)
    yield "If only the best leads are worked, how many successes are among them?", _lift(found)
    yield "How far apart are successes and failures?", _spread(found)
    yield "What does it go by?", _importance(found)
    if found.moved is not None:
        periods = _periods(found.moved.periods, training.prepared.ordered_by)
        yield "Did as many succeed as expected, from the oldest tenth to the newest?", periods


def _calibration(found: Validated) -> go.Figure:
    plot = _figure("it says", "succeeded")
    plot.add_scatter(x=[0, 1], y=[0, 1], mode="lines", name="exactly true", line={"color": _QUIET, "dash": "dot"})
    _add_bins(plot, "leads it did not know", found.labels, found.margins, _ACCENT)
    if found.ahead_labels is not None and found.ahead_margins is not None:
        _add_bins(plot, "the newest, foretold by older ones", found.ahead_labels, found.ahead_margins, _OTHER)
    return plot.update_xaxes(tickformat=".0%", rangemode="tozero").update_yaxes(tickformat=".0%", rangemode="tozero")


def _add_bins(plot: go.Figure, name: str, labels: Labels, margins: Vector, colour: str) -> None:
    bins = calibration_bins(labels, expit(margins))
    said, came = [each[0] for each in bins], [each[1] for each in bins]
    reach = [1.96 * float(np.sqrt(max(rate * (1 - rate), 1e-9) / count)) for _, rate, count in bins]
    bars = {"type": "data", "array": reach, "thickness": 1, "width": 0}
    plot.add_scatter(x=said, y=came, error_y=bars, mode="lines+markers", name=name, line={"color": colour})


def _lift(found: Validated) -> go.Figure:
    plot = _figure("share of leads, best first", "share of successes")
    plot.add_scatter(x=[0, 1], y=[0, 1], mode="lines", name="by chance", line={"color": _QUIET, "dash": "dot"})
    _add_lift(plot, "leads it did not know", found.labels, found.margins, _ACCENT)
    if found.ahead_labels is not None and found.ahead_margins is not None:
        _add_lift(plot, "the newest, foretold by older ones", found.ahead_labels, found.ahead_margins, _OTHER)
    return plot.update_xaxes(tickformat=".0%").update_yaxes(tickformat=".0%")


def _add_lift(plot: go.Figure, name: str, labels: Labels, margins: Vector, colour: str) -> None:
    curve = [(0.0, 0.0), *lift_curve(labels, margins)]
    plot.add_scatter(x=[share for share, _ in curve], y=[part for _, part in curve], mode="lines", name=name, line={"color": colour})


def _spread(found: Validated) -> go.Figure:
    plot = _figure("it says", "share of leads")
    edges = np.linspace(0, 1, 41)
    for outcome, name, colour in ((0, "failures", _QUIET), (1, "successes", _ACCENT)):
        count, _ = np.histogram(expit(found.margins[found.labels == outcome]), bins=edges)
        plot.add_bar(
            x=((edges[:-1] + edges[1:]) / 2).tolist(),
            y=(count / max(1, count.sum())).tolist(),
            name=name,
            marker_color=colour,
            opacity=0.75,
        )
    return plot.update_layout(barmode="overlay", bargap=0.05).update_xaxes(tickformat=".0%").update_yaxes(tickformat=".0%")


def _importance(found: Validated) -> go.Figure:
    best = [(name, share) for name, share in found.importance.items() if share > 0][:_MOST_BARS][::-1]
    plot = _figure("mean change of the log-odds", "")
    plot.add_bar(x=[share for _, share in best], y=[_cut(name) for name, _ in best], orientation="h", marker_color=_ACCENT)
    return plot.update_layout(showlegend=False, height=180 + 22 * len(best)).update_yaxes(automargin=True)


def _periods(periods: Sequence[dict[str, float]], ordered_by: str) -> go.Figure:
    plot = _figure(
        f"tenths of the leads, by {_cut(ordered_by, 60)}",
        "successes",
    )
    tenths = list(range(1, len(periods) + 1))
    plot.add_bar(x=tenths, y=[each["observed"] for each in periods], name="observed", marker_color=_ACCENT, opacity=0.8)
    plot.add_scatter(x=tenths, y=[each["expected"] for each in periods], name="expected", mode="lines+markers", line={"color": _OTHER})
    return plot


def _figure(across: str, up: str) -> go.Figure:
    layout = go.Layout(
        xaxis={"title": across, "gridcolor": "#e6e9ee", "zeroline": False},
        yaxis={"title": up, "gridcolor": "#e6e9ee", "zeroline": False},
        font={"family": "system-ui, sans-serif", "size": 13, "color": _INK},
        plot_bgcolor="rgba(0,0,0,0)",
        paper_bgcolor="rgba(0,0,0,0)",
        margin={"l": 64, "r": 16, "t": 16, "b": 56},
        legend={"orientation": "h", "y": -0.22, "x": 0},
        height=400,
    )
    return go.Figure(layout=layout)


def _cut(text: str, longest: int = 40) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
