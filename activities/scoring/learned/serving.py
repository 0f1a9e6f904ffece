"""A model in service: what it says of leads, why, how sure it is, and what would change it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

import numpy as np
from scipy.special import expit

from activities.scoring.features import Features, Known, features
from activities.scoring.features.possible import possibilities
from activities.scoring.inputs import AS_OF, row
from activities.scoring.judging import Judgement
from activities.scoring.reasons import change, explain, judgement, sure_between
from activities.scoring.table.columns import Table, table_of
from activities.scoring.table.linear import Vector
from activities.scoring.table.model import Model
from activities.scoring.table.serving import LeadScorer, Sure

FEW = 8
"""Leads up to which each is told what would change its score most; of many at once, nobody reads it."""


@dataclass(frozen=True, slots=True)
class Served:
    """A model that was loaded once and is asked by every thread.

    Args:
        version: its name.
        scorer: the model, and how sure it is.
        columns: for each of the model's columns the feature it is.
        sources: for each column of the model's matrix the feature it is about.
        lock: held while it is asked: a booster computes reasons for one caller at a time.
    """

    version: str
    scorer: LeadScorer
    columns: Mapping[str, str]
    sources: Sequence[str]
    lock: Lock

    @classmethod
    def load(cls, version: str, content: bytes, columns: Mapping[str, str]) -> "Served":
        """Load a model.

        Raises:
            TableProblem: when the bytes are none.
        """
        model = Model.from_bytes(content, "The stored model")
        sources = [columns.get(feature.source, feature.source) for feature in model.encoder.features]
        return cls(version, LeadScorer(model), columns, sources, Lock())

    def judge(self, leads: Sequence[tuple[Known, datetime]]) -> list[Judgement]:
        """What it says of leads.

        Args:
            leads: what is known of each, and as of when.
        """
        rows = [(features(known, at), at) for known, at in leads]
        table, model = self._table(rows), self.scorer.model
        with self.lock:
            matrix = model.encoder.encode(table)
            halves = model.halves(matrix)
            margins, parts = model.mixed(*halves), model.contributions(matrix)
            sure = self.scorer.sure(table, halves, margins)
            moving = [self._moving(*one) if len(leads) <= FEW else {} for one in leads]
        chances = expit(margins)
        return [self._judgement(rows[place], float(chances[place]), parts[place], sure[place], moving[place]) for place in range(len(rows))]

    def _judgement(
        self, lead: tuple[Features, datetime], chance: float, parts: Vector, sure: Sure, moving: Mapping[str, float]
    ) -> Judgement:
        found, at = lead
        base, shares = float(parts[-1]), defaultdict[str, float](float)
        for source, part in zip(self.sources, parts[:-1].tolist(), strict=True):
            shares[source] += part
        reasons = [reason.document() for reason in explain(found, shares, base=base, probability=chance, at=at)]
        said: dict[str, Any] = judgement(
            self.version,
            probability=round(chance, 4),
            usual=round(100 * float(expit(base)), 1),
            sure=sure_between(sure.low, sure.high, sure.like, [self.columns.get(name, name) for name in sure.unknown]),
            change=change(round(100 * chance, 1), moving),
        )
        return Judgement(chance, reasons, said)

    def _moving(self, known: Known, at: datetime) -> dict[str, float]:
        """The score after each thing that the lead could do now."""
        after = possibilities(known, at)
        chances = self.scorer.model.probabilities(self._table((found, at) for found in after.values()))
        return dict(zip(after, np.round(100 * chances, 1).tolist(), strict=True))

    def _table(self, leads: Iterable[tuple[Features, datetime]]) -> Table:
        return table_of([*self.columns, AS_OF], [row(self.columns, found, at) for found, at in leads])
