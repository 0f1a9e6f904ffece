"""What a decision asks of the world: find out, judge, find a rep, send. Each stays in the state until its answer comes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from models.lifecycle.vocabulary import Channel, EntryKind, FastLaneRule, Stage


@dataclass(frozen=True, slots=True)
class Effect:
    """Something the world must do and answer with an event. It stays in the state until that event arrives.

    Args:
        number: unique within the lead, so that an answer that comes too late is recognised.
    """

    number: int


@dataclass(frozen=True, slots=True)
class Enrich(Effect):
    """Find out who the lead and its company are; answered by `Enriched`."""

    do: Literal["enrich"] = "enrich"


@dataclass(frozen=True, slots=True)
class Score(Effect):
    """Judge the lead anew; answered by `Scored`.

    Args:
        asked_by_person: a marketer asked for it.
    """

    asked_by_person: bool = False
    do: Literal["score"] = "score"


@dataclass(frozen=True, slots=True)
class Route(Effect):
    """Find a rep for the lead; answered by `Routed`.

    Args:
        why: the entry this assignment will be recorded as.
        home: where the lead goes back to if the rep does not make contact.
        rule: the fast-lane rule, where one applies.
        excluded: reps who may not get it.
        not_before: set when nobody was free and it is to be tried again.
        actor: the reviewer who passed it, if one did.
    """

    why: EntryKind = EntryKind.ASSIGNED
    home: Stage = Stage.NEW
    rule: FastLaneRule | None = None
    excluded: tuple[str, ...] = ()
    not_before: datetime | None = None
    actor: str | None = None
    do: Literal["route"] = "route"


@dataclass(frozen=True, slots=True)
class Send(Effect):
    """Send one touch of a campaign; answered by `Sent`.

    Args:
        key: the touch's identity, `campaign:step:occurrence`; with the lead's id the provider's idempotency key.
    """

    campaign: str = ""
    step: int = 0
    occurrence: int = 0
    channel: Channel = Channel.EMAIL
    template: str = ""
    do: Literal["send"] = "send"

    @property
    def key(self) -> str:
        """Campaign, step and occurrence: what makes this touch the same touch when it is tried again."""
        return f"{self.campaign}:{self.step}:{self.occurrence}"


AnyEffect = Enrich | Score | Route | Send
