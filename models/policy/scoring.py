"""How leads are judged, and what a judgement leads to."""

import re
from datetime import timedelta
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from models.policy.base import Rules, Span, Wait
from models.rules import Condition, compile_words, requirement


class Tiers(Rules):
    """Which scores (0-100) are high and medium; everything else is low.

    Attributes:
        mode: `fixed`, or `capacity`: `high` is solved so that about as many leads a week are high as the reps can take on.
        high, medium: thresholds; with `capacity` those that hold while there is too little to solve them from.
        high_per_rep_per_week: high leads that one rep can do justice to in a week.
        window: how far back the scores go that thresholds are solved from.
        fallback: `high` and `medium` as agreed, where those in force were solved; written by the program.
    """

    mode: Literal["fixed", "capacity"] = "fixed"
    high: float = Field(60, ge=0, le=100)
    medium: float = Field(25, ge=0, le=100)
    high_per_rep_per_week: float = Field(20, gt=0, le=10_000)
    window: Wait = timedelta(weeks=4)
    fallback: tuple[float, float] | None = None

    @property
    def agreed(self) -> Self:
        """As people agreed on it, before anything was solved."""
        if self.fallback is None:
            return self
        high, medium = self.fallback
        return self.model_copy(update={"high": high, "medium": medium, "fallback": None})

    def solved(self, high: float, medium: float) -> Self:
        """With these thresholds in force."""
        return self.model_copy(update={"high": high, "medium": medium, "fallback": self.fallback or (self.high, self.medium)})

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.high <= self.medium:
            raise ValueError(f"high ({self.high:g}) must be above medium ({self.medium:g})")
        if self.fallback is not None and not 100 >= self.fallback[0] > self.fallback[1] >= 0:
            raise ValueError("fallback: write it as [high, medium], or leave it out")
        return self


class Points(Rules):
    """The points table: what sales voted each data point is worth.

    `explicit` maps a fact to patterns and their points (the best matching pattern of a fact counts);
    `implicit` maps a kind of engagement to points, which halve every `half_life`.
    """

    explicit: dict[str, dict[str, float]] = {
        "title": {"vice president|vp|chief|c[etfmo]o|head of": 100, "director": 60},
        "employees": {">=200": 40},
        "industry": {},
    }
    implicit: dict[str, float] = {"page_view": 10, "whitepaper_download": 50, "webinar_attended": 60, "pricing_view": 40, "demo_view": 60}
    half_life: Wait = timedelta(days=30)

    @field_validator("explicit")
    @classmethod
    def _patterns_compile(cls, value: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        for patterns in value.values():
            for pattern in patterns:
                if re.match(r"\s*[<>=!]", pattern):
                    requirement("it", pattern)
                else:
                    compile_words(pattern)
        return value


class Score(Rules):
    """How a lead is judged, and what its model learns.

    `outcome` is what a success is. A share `explore` of the leads that would go to long-term goes to review instead, by chance, so that
    somebody learns whether the score is right about them. A model is trained every `retrain`, or once there are `retrain_outcomes` new
    outcomes; with `promotion: automatic` one that is better takes over by itself.
    """

    tiers: Tiers = Tiers()
    points: Points = Points()
    points_to_sales: float = Field(200, gt=0)
    outcome: Literal["won", "sql"] = "won"
    explore: float = Field(0.0, ge=0, le=0.5)
    retrain: Wait = timedelta(days=7)
    retrain_outcomes: int = Field(200, ge=1)
    promotion: Literal["by_hand", "automatic"] = "by_hand"


class FastLane(Rules):
    """Which of the four "always pass to sales" rules are in force.

    Source: Dean Moothart, "Four times an inbound lead should always be passed to sales".
    """

    consultation_requested: bool = True
    named_accounts: bool = True
    sql_criteria: bool = True
    points: bool = True


class Review(Rules):
    """Which leads a lead-development reviewer vets by hand. `band` is the distance from a threshold as a share of 100 points of score."""

    when: tuple[Literal["no_company", "near_threshold"], ...] = ("no_company", "near_threshold")
    band: float = Field(0.05, ge=0, le=0.5)


class Sal(Rules):
    """What must be known of a lead before a rep's taking it counts as sales-accepted."""

    requires: tuple[str, ...] = ("email",)


class Sql(Rules):
    """The agreed criteria of a sales-qualified lead."""

    requires: dict[str, bool | float | str] = {"budget_usd": ">=10000", "authority": True, "need": True}

    @field_validator("requires")
    @classmethod
    def _parse(cls, value: dict[str, bool | float | str]) -> dict[str, bool | float | str]:
        for fact, wanted in value.items():
            requirement(fact, wanted)
        return value

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """The criteria as conditions on facts."""
        return tuple(requirement(fact, wanted) for fact, wanted in self.requires.items())


class Disqualify(BaseModel):
    """Which low leads are out. Keys other than `when` are named lists that a condition may refer to (`industry in blocked`)."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, list[str]]

    when: tuple[str, ...] = ("employees < 5", "industry in blocked", "email is disposable")

    @model_validator(mode="before")
    @classmethod
    def _default_list(cls, value: Any) -> Any:
        if isinstance(value, dict) and "when" not in value:
            return {"blocked": ["education"], **value}
        return value or {"blocked": ["education"]}

    @model_validator(mode="after")
    def _parse(self) -> Self:
        self.conditions  # noqa: B018 - parsed for its errors
        return self

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """The rules as conditions on facts."""
        return tuple(Condition.parse(text, self.__pydantic_extra__) for text in self.when)


class Rescore(Rules):
    """When engagement stirs a lead's workflow, how soon a promotion may repeat, and how many leads a second bulk re-scoring may wake."""

    stir: tuple[str, ...] = ("pricing_view", "demo_view", "reply", "assessment_completed", "webinar_attended")
    stir_points: float = Field(60, gt=0)
    stir_window: Wait = timedelta(hours=24)
    debounce: Span = timedelta(minutes=5)
    repromote_after: Wait = timedelta(days=7)
    bulk_per_second: int = Field(100, ge=1, le=10_000)
