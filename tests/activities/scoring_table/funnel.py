"""A made-up funnel whose truth is known: every lead's own chance of success, and which columns were filled in after the outcome."""

import csv
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from activities.scoring.table.metrics import Outcomes, Probabilities

LEAKS = frozenset({"won_on", "order_total", "crm_step", "lost_because"})


@dataclass(frozen=True)
class Funnel:
    """Leads with what really decides.

    Args:
        header, rows: as they stand in a file; the outcome is in `bought`.
        chances: each lead's true chance of success.
        labels: what came of it.
    """

    header: list[str]
    rows: list[list[str]]
    chances: Probabilities
    labels: Outcomes

    def write(self, path: Path, start: int = 0, end: int | None = None) -> Path:
        """Write some of the rows as CSV."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(self.header)
            writer.writerows(self.rows[start:end])
        return path


def funnel(rows: int, seed: int, *, drift: float = 0.0, signal: float = 1.0, delay_days: float = 0.0, leaks: bool = True) -> Funnel:
    """Make a funnel: interactions, behaviour that decays, gaps, a category of many levels, a free text, and planted leaks.

    Args:
        rows: how many leads, oldest first, over two years.
        seed: of all chance.
        drift: by how much the log-odds of everybody rise over the two years.
        signal: how much of the truth there is; 0 makes every column noise.
        delay_days: how long a success takes on average; one that lies after the last day has not been seen yet.
        leaks: whether the columns that are filled in after the outcome are there.
    """
    chance = np.random.default_rng(seed)
    day = np.sort(chance.uniform(0, 730, rows))
    visits = chance.poisson(3, rows)
    minutes = chance.gamma(1.5, 4, rows) * (1 + (visits > 3))
    quiet = chance.exponential(20, rows)
    size = np.round(np.exp(chance.normal(4, 1.5, rows)))
    senior = chance.choice(["C-level", "VP", "Manager", "Staff", ""], rows, p=[0.08, 0.15, 0.3, 0.32, 0.15])
    source = chance.choice(["search", "webinar", "referral", "ads", "event"], rows)
    partner = chance.integers(0, 150, rows)
    fits = chance.normal(0, 0.5, 150)[partner]
    urgent = chance.random(rows) < 0.15
    margin = (
        0.35 * np.log1p(minutes)
        + 1.3 * np.exp(-quiet / 15)
        + np.select([senior == "C-level", senior == "VP", senior == "Manager"], [0.9, 0.6, 0.2], -0.3)
        + np.where((source == "webinar") & (visits > 3), 1.1, 0.0)
        + np.where((size > 50) & (size < 900), 0.6, -0.2)
        + 0.8 * urgent
        + fits
    )
    margin = signal * (margin - margin.mean()) - 1.3 + drift * (day / 730 - 0.5)
    chances = 1 / (1 + np.exp(-margin))
    labels = (chance.random(rows) < chances).astype(np.int8)
    took = chance.gamma(2, max(delay_days, 1.0) / 2, rows)
    if delay_days:
        labels = np.where(day + took > 730, 0, labels).astype(np.int8)
    known = chance.random(rows) > 0.1
    start = date(2024, 1, 1)
    own = {
        "lead_id": [f"L-{number:06d}" for number in range(rows)],
        "created": [(start + timedelta(days=int(at))).isoformat() for at in day],
        "visits": [str(each) for each in visits],
        "minutes_on_site": [f"{each:.1f}" if there else "" for each, there in zip(minutes, known, strict=True)],
        "days_since_last_visit": [f"{each:.0f}" for each in quiet],
        "employees": [f"{each:.0f}" if there else "unknown" for each, there in zip(size, chance.random(rows) > 0.2, strict=True)],
        "seniority": list(senior),
        "source": list(source),
        "partner": [f"partner {number}" for number in partner],
        "message": [_message(bool(each), chance) for each in urgent],
        "newsletter": list(chance.choice(["yes", "no"], rows)),
        "country": ["DE"] * rows,
    }
    after = {
        "won_on": [
            (start + timedelta(days=int(at + wait))).isoformat() if came else "" for at, wait, came in zip(day, took, labels, strict=True)
        ],
        "order_total": [f"{each:.0f}" if came else "0" for each, came in zip(chance.gamma(3, 900, rows), labels, strict=True)],
        "crm_step": [
            ("handover" if chance.random() < 0.9 else "call") if came else ("call" if chance.random() < 0.95 else "handover")
            for came in labels
        ],
        "lost_because": ["" if came or chance.random() < 0.4 else str(chance.choice(["price", "timing", "rival"])) for came in labels],
    }
    columns = own | (after if leaks else {}) | {"bought": ["yes" if came else "no" for came in labels]}
    return Funnel(list(columns), [list(row) for row in zip(*map(list, columns.values()), strict=True)], chances, labels)


def _message(urgent: bool, chance: np.random.Generator) -> str:
    words = list(chance.choice(["please", "send", "details", "about", "your", "product", "and", "prices", "team", "hello"], 6))
    if urgent:
        words.insert(int(chance.integers(0, 6)), "urgent")
    return " ".join([*words, str(chance.integers(0, 10_000))])
