"""Campaigns, who is enrolled in which, and the limits they keep."""

import re
from datetime import time, timedelta
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from models.lifecycle import Channel
from models.policy.base import Rules, Span, Wait, time_of_day


def _named(kinds: tuple[str, ...]) -> tuple[str, ...]:
    if not kinds or any(not kind.strip() for kind in kinds):
        raise ValueError("name at least one kind of engagement, as in [pricing_view]")
    return kinds


Kinds = Annotated[tuple[str, ...], AfterValidator(_named)]
"""Kinds of engagement, as events have them."""


class Condition(Rules):
    """What a lead must have done for a step: all that is named here.

    Attributes:
        engaged: it did one of these, as a person.
        within: how long ago at most; ever, when left out.
        opened, clicked: the message that this campaign sent it last.
    """

    engaged: Kinds | None = None
    within: Wait | None = None
    opened: Literal[True] | None = None
    clicked: Literal[True] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.engaged is None and self.opened is None and self.clicked is None:
            raise ValueError("a condition needs at least one of engaged:, opened: and clicked:")
        if self.within is not None and self.engaged is None:
            raise ValueError("within: belongs to engaged:, name what the lead did")
        return self


class Waiting(Rules):
    """A step that is due as soon as the lead does one of these, or `at_most` after the step before it."""

    kinds: Kinds
    at_most: Wait


class Exit(Rules):
    """What ends a campaign for a lead: it did one of these."""

    when: Kinds


class Step(Rules):
    """One touch of a campaign; exactly one channel names its template.

    It is due `after` the step before it, or `every` so often for good, or when the lead does what it is to `wait_for`. With `if` it
    is skipped unless the lead did something, with `unless` when it did.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    after: Span | None = None
    every: Wait | None = None
    wait_for: Waiting | None = None
    only_if: Condition | None = Field(None, alias="if")
    unless: Condition | None = None
    email: str | None = None
    sms: str | None = None
    post: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        times = (self.after, self.every, self.wait_for)
        if self.every is not None and self.after is None and self.wait_for is None and self.conditional:
            raise ValueError("a step with every: repeats for good and cannot have if: or unless:")
        if sum(time is not None for time in times) != 1:
            raise ValueError("a step needs either after: or every:, or wait_for:")
        if sum(template is not None for template in (self.email, self.sms, self.post)) != 1:
            raise ValueError("a step needs exactly one of email:, sms: and post:")
        return self

    @property
    def conditional(self) -> bool:
        """Whether it depends on what the lead did."""
        return self.only_if is not None or self.unless is not None

    @cached_property
    def channel(self) -> Channel:
        """How it reaches the lead."""
        return next(channel for channel in Channel if getattr(self, channel) is not None)

    @property
    def template(self) -> str:
        """What is sent."""
        template: str = getattr(self, self.channel)
        return template

    @property
    def delay(self) -> timedelta:
        """How long after the step before it, at most."""
        if self.wait_for is not None:
            return self.wait_for.at_most
        return self.after if self.after is not None else self.every or timedelta()


class Campaign(Rules):
    """A sequence of touches, until one of `exit.when` happens. A step with `every` repeats for good, so only the last may have it."""

    steps: tuple[Step, ...] = Field(min_length=1)
    exit: Exit | None = None

    @field_validator("steps")
    @classmethod
    def _only_last_repeats(cls, value: tuple[Step, ...]) -> tuple[Step, ...]:
        if any(step.every is not None for step in value[:-1]):
            raise ValueError("only the last step may have every:, nothing after it would ever be sent")
        return value


class Caps(Rules):
    """How often a lead may be touched by automation, over all campaigns."""

    per_week: int = Field(3, ge=1)


def _default_campaigns() -> dict[str, Campaign]:
    def steps(*items: dict[str, str]) -> Campaign:
        return Campaign.model_validate({"steps": list(items)})

    return {
        "welcome": steps({"after": "1h", "email": "welcome"}, {"after": "2d", "email": "case-study"}),
        "medium": steps(
            {"after": "1d", "email": "guide"},
            {"after": "3d", "email": "webinar"},
            {"after": "7d", "sms": "check-in"},
            {"after": "14d", "post": "postcard"},
        ),
        "long-term": steps({"every": "30d", "email": "newsletter"}),
    }


class NurturePlan(Rules):
    """The campaigns, who is enrolled in which, and the limits they keep."""

    caps: Caps = Caps()
    quiet_hours: str | None = "20:00-08:00"
    campaigns: dict[str, Campaign] = Field(default_factory=_default_campaigns)
    by_interest: dict[str, str] = {"default": "welcome"}
    by_stage: dict[Literal["nurture", "long_term"], str] = {"nurture": "medium", "long_term": "long-term"}
    languages: dict[str, str] = {}
    fallback_language: str = "en"

    @field_validator("languages")
    @classmethod
    def _languages(cls, value: dict[str, str]) -> dict[str, str]:
        strange = [country for country in value if not re.fullmatch(r"[A-Za-z]{2}", country)]
        if strange:
            raise ValueError(f"{strange[0]!r} is not an ISO 3166 code of a country, such as DE")
        return {country.upper(): language_tag(language) for country, language in value.items()}

    @field_validator("fallback_language")
    @classmethod
    def _fallback(cls, value: str) -> str:
        return language_tag(value)

    @field_validator("quiet_hours")
    @classmethod
    def _parse_quiet(cls, value: str | None) -> str | None:
        if value is not None:
            _parse_quiet_hours(value)
        return value

    @model_validator(mode="after")
    def _campaigns_exist(self) -> Self:
        for group in (self.by_interest, self.by_stage):
            for key, name in group.items():
                if name not in self.campaigns:
                    raise ValueError(f"{key}: there is no campaign {name!r}; there are {', '.join(self.campaigns)}")
        return self

    @cached_property
    def quiet(self) -> tuple[time, time] | None:
        """Start and end of the quiet hours."""
        return _parse_quiet_hours(self.quiet_hours) if self.quiet_hours else None

    @cached_property
    def awaited(self) -> frozenset[str]:
        """Kinds of engagement that some campaign waits for or ends with, so that leads are told of them at once."""
        kinds: set[str] = set()
        for campaign in self.campaigns.values():
            kinds.update(campaign.exit.when if campaign.exit else ())
            for step in campaign.steps:
                kinds.update(step.wait_for.kinds if step.wait_for else ())
        return frozenset(kinds)

    def campaign_in(self, stage: str) -> str | None:
        """The campaign a lead is moved to with a stage."""
        return next((campaign for key, campaign in self.by_stage.items() if key == stage), None)

    def campaign_for(self, interest: str | None) -> str | None:
        """The campaign a new lead is enrolled in by its interest."""
        return self.by_interest.get(interest or "default") or self.by_interest.get("default")


def language_tag(value: str) -> str:
    """A language as templates have it: `de`, or `de-at` with a region.

    Raises:
        ValueError: when it is written otherwise.
    """
    tag = value.strip().lower().replace("_", "-")
    if not re.fullmatch(r"[a-z]{2,3}(-[a-z0-9]{2,8}){0,2}", tag):
        raise ValueError(f"{value!r} is not a language: write it as en, de or de-AT")
    return tag


def _parse_quiet_hours(text: str) -> tuple[time, time]:
    try:
        start, end = map(time_of_day, text.split("-"))
    except ValueError:
        raise ValueError(f"{text!r} are not quiet hours: write them as 20:00-08:00") from None
    if start == end:
        raise ValueError(f"{text!r} would be quiet all day or never: use null for no quiet hours")
    return start, end
