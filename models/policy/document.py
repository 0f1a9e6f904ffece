"""The agreement as a whole."""

import hashlib
from functools import cached_property
from typing import Literal, Self

from pydantic import (
    Field,
    field_validator,
)

from models.lifecycle import Tier
from models.policy.base import Rules
from models.policy.clock import Clock
from models.policy.deadlines import Deadlines
from models.policy.nurture import NurturePlan
from models.policy.reps import Absence, Claims, Routing
from models.policy.scoring import Disqualify, FastLane, Rescore, Review, Sal, Score, Sql, Tiers
from models.policy.tracking import Assessments, Signals, Tracking


class Terms(Rules):
    """What of an agreement gives deadlines: all that a lead keeps of an older one until its next stage."""

    deadlines: Deadlines
    clock: Clock
    absence: Absence


class Agreement(Rules):
    """How the agreement itself is changed: with `both` teams' signatures, or by whoever may publish, with `none`."""

    signatures: Literal["both", "none"] = "both"


class Policy(Rules):
    """One version of the agreement. Attribute names are the keys of the file."""

    name: str = "default"
    agreement: Agreement = Agreement()
    deadlines: Deadlines = Deadlines()
    clock: Clock = Clock()
    contact_counts: tuple[Literal["reached", "no_answer", "left_message", "bounced", "attempted"], ...] = ("reached",)
    max_assignments: int = Field(2, ge=1)
    claims: Claims = Claims()
    absence: Absence = Absence()
    routing: Routing = Routing()
    score: Score = Score()
    fast_lane: FastLane = FastLane()
    review: Review = Review()
    sal: Sal = Sal()
    sql: Sql = Sql()
    disqualify: Disqualify = Field(default_factory=lambda: Disqualify.model_validate({}))
    rescore: Rescore = Rescore()
    tracking: Tracking = Tracking()
    signals: Signals = Signals()
    assessments: Assessments = {}
    nurture: NurturePlan = Field(default_factory=NurturePlan)
    version: int = Field(0, ge=0, exclude=True)

    @field_validator("contact_counts")
    @classmethod
    def _some_contact(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("at least one outcome must count as contact, or nobody could ever make any")
        return value

    def tier(self, score: float) -> Tier:
        """The tier a score (0-100) falls in. A score at a threshold is in the higher tier."""
        if score >= self.score.tiers.high:
            return Tier.HIGH
        return Tier.MEDIUM if score >= self.score.tiers.medium else Tier.LOW

    def points_as_score(self, points: float) -> float:
        """Points as a score: their share of `points_to_sales`, between 0 and 100."""
        return max(0.0, min(100.0, 100.0 * points / self.score.points_to_sales))

    @cached_property
    def document(self) -> str:
        """The policy as JSON, as it is stored and handed to workflows."""
        return self.model_dump_json()

    @cached_property
    def terms(self) -> str:
        """What of it gives deadlines, as JSON; `stored_terms` reads it."""
        return Terms(deadlines=self.deadlines, clock=self.clock, absence=self.absence).model_dump_json()

    @property
    def agreed(self) -> Self:
        """What people agreed on: the same with thresholds that were solved from the reps' capacity taken out again."""
        tiers = self.score.tiers.agreed
        return self if tiers is self.score.tiers else self._with(tiers)

    def with_tiers(self, high: float, medium: float) -> Self:
        """The same rules with thresholds that were solved from the reps' capacity."""
        return self._with(self.score.tiers.solved(high, medium))

    def _with(self, tiers: Tiers) -> Self:
        other = self.model_copy(update={"score": self.score.model_copy(update={"tiers": tiers})})
        for name in ("document", "digest"):  # a copy takes along what was worked out from the original
            other.__dict__.pop(name, None)
        return other

    @cached_property
    def digest(self) -> str:
        """A fingerprint of what the policy says, whatever the file's layout."""
        return hashlib.sha256(self.document.encode()).hexdigest()[:16]

    def numbered(self, version: int) -> Self:
        """The same rules as version `version`."""
        return self.model_copy(update={"version": version})
