"""The scoring model as HTTP tells of it."""

from datetime import datetime
from typing import Any

from pydantic import Field

from models.schemas.common import Person, View


class Comparison(View):
    """A model measured against the champion of its time, as it is stored and shown.

    Attributes:
        against: the champion's version.
        rows, successes: how many leads, and how many of them succeeded.
        log_loss, champion_log_loss: of both, on the same leads; lower is better.
        gain: how much lower its own is.
        gain_interval: between which values that lies, 19 times in 20.
        roc_auc, champion_roc_auc, auc_gain, auc_interval: the same of the ROC AUC, where higher is better.
        better: whether it may take over.
        why: that in words.
        how: how the leads were kept from it.
    """

    against: str
    rows: int
    successes: int
    log_loss: float
    champion_log_loss: float
    gain: float
    gain_interval: tuple[float, float]
    roc_auc: float
    champion_roc_auc: float
    auc_gain: float
    auc_interval: tuple[float, float]
    better: bool
    why: str
    how: str


class ModelView(View):
    """A version of the scoring model.

    Attributes:
        version: its name; `points` is the points table.
        kind: `history` (trained on our own leads), `installed` (trained elsewhere) or `points`.
        state: `waiting`, `training`, `challenger`, `champion`, `retired` or `failed`.
        outcome: what it takes for a success.
        columns: for each of its columns the feature it is.
        learned_from, learned_until: the first and the last lead it learned from were handed over then.
        verdict: `ready`, `weak` or `do not use`; `why` says why.
        metrics: on leads it did not know.
        compared: with the champion of its time; null where there were too few outcomes.
        watch: whether it drifts; null while it is not in service.
        progress: what its training is at; of the champion, why it cannot score and the points table does.
        may_be_promoted: whether `promote` would be granted now.
        obstacle: why not.
    """

    version: str
    kind: str
    state: str
    outcome: str | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    learned_from: datetime | None = None
    learned_until: datetime | None = None
    rows: int = 0
    successes: int = 0
    verdict: str | None = None
    why: list[str] = Field(default_factory=list)
    metrics: dict[str, Any] = Field(default_factory=dict)
    compared: Comparison | None = None
    watch: dict[str, Any] | None = None
    progress: str | None = None
    by: Person | None = None
    created_at: datetime | None = None
    trained_at: datetime | None = None
    promoted_at: datetime | None = None
    retired_at: datetime | None = None
    may_be_promoted: bool = False
    obstacle: str | None = None


class ModelDetail(ModelView):
    """A version with the report on it."""

    report: dict[str, Any] = Field(default_factory=dict)


class AgainstView(View):
    """What came of leads that were scored low and taken all the same.

    Attributes:
        claimed: those a person took of their own accord; all of them are learned from, with what was known then.
        explored: those that the policy's `explore` sent to review by chance.
    """

    claimed: int
    claimed_successes: int
    explored: int
    explored_successes: int


class OutcomesView(View):
    """What there is to learn from.

    Attributes:
        fewest: below so many of either kind no model is made.
    """

    successes: int
    failures: int
    fewest: int


class ChangeView(View):
    """A change of who scores; `by` is null for the schedule."""

    from_version: str
    to_version: str
    at: datetime
    why: str
    by: Person | None


class ModelsView(View):
    """All versions of the model, the latest first, the points table last.

    Attributes:
        champion: the version in service.
        outcomes: what there is to learn from.
        against_the_score: overrides and explorations.
        changes: who scored when.
    """

    items: list[ModelView]
    next_cursor: str | None = None
    champion: str
    outcomes: OutcomesView
    against_the_score: AgainstView
    changes: list[ChangeView]


class ModelInstalled(ModelView):
    """A model that was installed.

    Attributes:
        unmapped: columns of the model that are none of our features, and so are never known.
        notes: what a person should know.
    """

    unmapped: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
