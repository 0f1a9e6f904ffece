"""What a source of facts about a lead or its company is, and what it answers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

from activities.enrichment.web import Web
from models.settings import SourceSettings

Person = Mapping[str, Any]
"""A lead's row: what the form said, by column name, and `attributes`."""
Value = str | float | bool | list[str]
Findings = dict[str, Value]
"""What was found out, by the name a policy calls it."""


class Rank(IntEnum):
    """Whom to believe, of sources that say different things. What the form and the attributes say goes before all of them."""

    GUESS = 1
    SITE = 2
    REGISTRY = 3
    KEYED = 4


class Why(StrEnum):
    """Why a source has nothing to say."""

    SLOW = "slow"
    FAILED = "failed"
    OVER_BUDGET = "over_budget"
    NOT_CONFIGURED = "not_configured"
    NOTHING_FOUND = "nothing_found"


MISSING = frozenset({Why.SLOW, Why.FAILED, Why.OVER_BUDGET})
"""What makes a source missing: it may have had something to say."""


class SignalKind(StrEnum):
    """What a company does that makes it a likelier buyer."""

    FUNDING = "funding"
    HIRING = "hiring"
    EXPANSION = "expansion"
    LEADERSHIP = "leadership"


@dataclass(frozen=True, slots=True)
class News:
    """A buying signal.

    Args:
        kind: of it.
        at: when it happened, or was published.
        title: one line.
        url: where to read on; http or https.
        confidence: 0-1, that it is of this kind and about this company.
        key: what makes it one and the same when it is found again; its address, else its title when left out.
    """

    kind: SignalKind
    at: datetime
    title: str
    url: str | None = None
    confidence: float = 1.0
    key: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source knows.

    Args:
        facts: by name.
        news: the buying signals it has.
        confidence: 0-1, that it is about whom we asked about.
    """

    facts: Findings
    news: tuple[News, ...] = ()
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Company:
    """Which company is asked about.

    Args:
        domain: its web domain, where known.
        name: as somebody wrote it, where known.
        country: ISO 3166 code, where known.
        known: what was found out about it before.
    """

    domain: str | None
    name: str | None
    country: str | None = None
    known: Findings = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Budget:
    """What a source may cost.

    Args:
        seconds: for one answer.
        per_minute: questions, over all workers.
        burst: how many of them at once.
        cents: one question.
        cents_a_day: all of them, over all workers.
        keeps: how long an answer counts as fresh.
    """

    seconds: float = 5.0
    per_minute: float = 60.0
    burst: int = 10
    cents: float = 0.0
    cents_a_day: float = 1000.0
    keeps: timedelta = timedelta(days=7)


Subject = TypeVar("Subject")


class Source(ABC, Generic[Subject]):
    """Somebody outside who is asked. To add one: a class like these in a file of its own, and its name in `SOURCES`.

    Attributes:
        name: what provenance calls it, and its settings (`TWOWAY_<NAME>_…`).
        about: whom it knows.
        rank: how far it is believed.
        url: where it is, unless the settings say otherwise.
        keyed: it wants a key.
        account: what its settings and its budget are called, where several share one; its name otherwise.
        by_name: it finds a company of which only the name is known.
        follows: it does better with what the others found, so it is asked after them.
        places: its answer tells a company's `website`, so it is asked first where only the name is known.
        shared: one service answers for all, so that it is down for all; a company's own site is not.
        budget: what it may cost, unless the settings say otherwise.
    """

    name: ClassVar[str]
    about: ClassVar[Literal["company", "person"]] = "company"
    rank: ClassVar[Rank] = Rank.REGISTRY
    url: ClassVar[str] = ""
    keyed: ClassVar[bool] = False
    account: ClassVar[str] = ""
    by_name: ClassVar[bool] = False
    follows: ClassVar[bool] = False
    places: ClassVar[bool] = False
    shared: ClassVar[bool] = True
    budget: ClassVar[Budget] = Budget()

    def __init__(self, settings: SourceSettings, web: Web) -> None:
        self.web = web
        self.enabled = settings.enabled
        self.key = settings.key.get_secret_value()
        self.address = (settings.url or self.url).rstrip("/")
        own = self.budget
        self.allowed = Budget(
            seconds=settings.seconds or own.seconds,
            per_minute=settings.per_minute or own.per_minute,
            burst=own.burst if settings.per_minute is None else max(1, round(settings.per_minute / 6)),
            cents=own.cents if settings.cents is None else settings.cents,
            cents_a_day=own.cents_a_day if settings.cents_a_day is None else settings.cents_a_day,
            keeps=own.keeps,
        )

    @classmethod
    def settled_as(cls) -> str:
        """The name of its settings and of its budget."""
        return cls.account or cls.name

    @property
    def configured(self) -> bool:
        """Whether it can be asked: it has its key, or wants none."""
        return bool(self.key) or not self.keyed

    @abstractmethod
    async def ask(self, who: Subject) -> Answer | None:
        """What it knows; None when it knows nothing.

        Raises:
            Trouble: why it could not tell.
        """


class Guess(Protocol):
    """What is read off what the form says, without asking anybody."""

    @property
    def name(self) -> str:
        """What provenance calls it."""

    def look_up(self, person: Person) -> Findings:
        """What follows from the form; empty when nothing does."""
