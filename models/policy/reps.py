"""What reps may take, and how leads find them."""

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import Literal, Self
from uuid import UUID

from pydantic import (
    Field,
    field_validator,
    model_validator,
)

from models.policy.base import Rules, Span, Wait
from models.rules import Condition


class Claims(Rules):
    """How much one rep may take."""

    per_rep_open: int = Field(25, ge=1)
    per_rep_daily: int = Field(50, ge=1)
    cooldown_after_lapse: Span = timedelta(hours=24)


class Absence(Rules):
    """What an owner's absence does to a first contact that is due.

    An absence that ends within `wait` stops the clock; a longer one, or one without an end, hands the lead on at once.
    """

    wait: Span = timedelta(hours=24)


class RoutedTo(Rules):
    """Whom a rule sends a lead to: the reps of a territory, or these reps by their ids.

    Ids and no e-mail addresses: the agreement travels through Temporal, which holds nothing personal.
    """

    territory: str | None = Field(None, min_length=1, max_length=200)
    reps: tuple[UUID, ...] = ()

    @field_validator("reps", mode="before")
    @classmethod
    def _by_id(cls, value: object) -> object:
        if isinstance(value, list | tuple) and any(isinstance(item, str) and "@" in item for item in value):
            raise ValueError("name reps by their ids (GET /api/users), not by e-mail addresses: no address may travel with the agreement")
        return value

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.territory is None) == (not self.reps):
            raise ValueError("name either a territory or reps")
        return self


class RoutingRule(Rules):
    """Leads of which all of `when` holds go to `to`. Without a condition it holds for all."""

    when: tuple[str, ...] = ()
    to: RoutedTo


class Routing(Rules):
    """How leads find a rep.

    With nobody free a lead waits. It is tried again as soon as a place is freed, and every `retry` in any case; after
    `fallback_after` the `fallback` takes over.
    """

    retry: Wait = timedelta(minutes=5)
    rules: tuple[RoutingRule, ...] = ()
    lists: dict[str, tuple[str, ...]] = {}
    existing_owner: bool = True
    working_hours: Literal["required", "preferred", "ignored"] = "preferred"
    catch_up: bool = False
    per_rep_daily: int | None = Field(None, ge=1)
    fallback: Literal["wait", "manager", "any_rep"] = "wait"
    fallback_after: Span = timedelta()

    @field_validator("lists", mode="before")
    @classmethod
    def _as_words(cls, value: object) -> object:
        """Codes such as `no` are read as false by YAML 1.1: say so, rather than look for a country named False."""
        for items in value.values() if isinstance(value, Mapping) else ():
            if isinstance(items, list | tuple) and (odd := [item for item in items if isinstance(item, bool)]):
                raise ValueError(f"{str(odd[0]).lower()} is no word; put words such as no, yes, on and off in quotes")
        return value

    @model_validator(mode="after")
    def _rules_parse(self) -> Self:
        for rule in self.rules:
            for text in rule.when:
                Condition.parse(text, self.lists)
        return self

    @cached_property
    def parsed(self) -> tuple[tuple[tuple[Condition, ...], RoutedTo], ...]:
        """Each rule as its conditions and whom it sends a lead to."""
        return tuple((tuple(Condition.parse(text, self.lists) for text in rule.when), rule.to) for rule in self.rules)
