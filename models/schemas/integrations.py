"""Webhooks, notices outside the page, and forms elsewhere, as HTTP takes them in and gives them out."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StrictBool, StringConstraints, model_validator

from models.lifecycle import EntryKind, NoticeKind
from models.schemas.common import Instant, Line, Person, Schema, View

EVENTS = tuple(f"lead.{kind}" for kind in EntryKind)
"""The types of events: one for each kind of ledger entry."""
_KNOWN_EVENTS = frozenset(EVENTS)
_LONGEST_URL = 2000


def _event(name: str) -> str:
    if name not in _KNOWN_EVENTS:
        raise ValueError(f"{name[:60]!r} is no event; there are {', '.join(EVENTS)}")
    return name


def _once(items: list[Any]) -> list[Any]:
    return list(dict.fromkeys(items))


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Url = Annotated[str, StringConstraints(strip_whitespace=True, max_length=_LONGEST_URL, pattern=r"^https?://[^\s\x00]+$")]
Events = Annotated[list[Annotated[str, AfterValidator(_event)]], Field(max_length=100), AfterValidator(_once)]
"""Types of events; none means all."""
Include = Annotated[list[Literal["person"]], BeforeValidator(_as_list), Field(max_length=1)]
"""What an event says beyond ids and facts: `person` is who the lead is."""
Description = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00]*$")]


class NewWebhook(Schema):
    """An endpoint to be. With `events` left out it hears of everything."""

    url: Url
    events: Events = Field(default=[])
    description: Description = ""
    include: Include = Field(default=[])
    active: StrictBool = True


class WebhookChange(Schema):
    """What is to be different about an endpoint; what is left out stays as it is."""

    url: Url | None = None
    events: Events | None = None
    description: Description | None = None
    include: Include | None = None
    active: StrictBool | None = None


class WebhookView(View):
    """An endpoint.

    Attributes:
        events: types of events it is told; none is all.
        failures: in a row, the first of them at `failing_since`.
        disabled_why: `gone` or `failing` when we switched it off ourselves.
        former_secret_until: the secret before this one signs until then, too.
        waiting: how many events it has not been told yet.
    """

    id: UUID
    url: str
    events: list[str]
    description: str
    include: list[str]
    active: bool
    failures: int
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_why: str | None
    former_secret_until: datetime | None
    waiting: int
    created_at: datetime


class WebhookMade(WebhookView):
    """An endpoint with its signing secret, which is shown this once."""

    secret: str


class WebhookSecret(View):
    """A new signing secret, shown this once. The former one signs beside it until `former_secret_until`."""

    secret: str
    former_secret_until: datetime


class DeliveryView(View):
    """An event for an endpoint.

    Attributes:
        state: `waiting`, `delivered`, or `failed` once it was given up.
        tries: how often it was offered.
        next_at: when it is offered next; null once it is not waiting any more.
        status: of the latest answer; null when there was none.
        why: what went wrong the last time.
    """

    id: UUID
    type: str
    lead: UUID | None
    seq: int | None
    at: datetime
    state: Literal["waiting", "delivered", "failed"]
    tries: int
    next_at: datetime | None
    tried_at: datetime | None
    status: int | None
    why: str | None


class Replay(Schema):
    """What is to be sent again: one delivery, or everything since a moment, with what was never recorded because the endpoint was off."""

    delivery: UUID | None = None
    since: Instant | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.delivery is None) == (self.since is None):
            raise ValueError("name either delivery or since")
        return self


class Replayed(View):
    """How many events are on their way again."""

    count: int


class NoticeChoice(View):
    """Which notices come by which way, and which there are."""

    email: list[NoticeKind]
    slack: list[NoticeKind]
    kinds: list[NoticeKind]


Kinds = Annotated[list[NoticeKind], Field(max_length=50), AfterValidator(_once)]


class NoticeChange(Schema):
    """Which notices are to come by which way; a way that is left out stays as it is."""

    email: Kinds | None = None
    slack: Kinds | None = None


class FormKind(StrEnum):
    """Who sends a form's submissions, and so how they are signed and what they look like."""

    GENERIC = "generic"
    HUBSPOT = "hubspot"
    TYPEFORM = "typeform"


_TARGETS = frozenset(
    (
        *("email", "first_name", "last_name", "company", "title", "phone", "country", "source", "campaign", "interest", "message"),
        *("consultation_requested", "anonymous_id", "consent.email", "consent.sms", "consent.post", "event_id"),
    )
)


def _fields(value: dict[str, str]) -> dict[str, str]:
    for name in value:
        if name not in _TARGETS and not (name.startswith("attributes.") and len(name) > len("attributes.")):
            raise ValueError(f"{name[:60]!r} is no field; there are {', '.join(sorted(_TARGETS))} and attributes.<name>")
    return value


Path = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
FieldMap = Annotated[dict[str, Path], Field(max_length=100), AfterValidator(_fields)]
"""Our field → where its value stands: names and numbers with dots between them, as `data.fields.0.value`."""
Defaults = Annotated[dict[Literal["source", "campaign", "interest", "country"], Line], Field(max_length=4)]
"""What a submission says that does not say it itself."""


def _hard_to_guess(secret: SecretStr) -> SecretStr:
    if not 16 <= len(secret.get_secret_value()) <= 200:
        raise ValueError("must have 16 to 200 characters")
    return secret


Secret = Annotated[SecretStr, AfterValidator(_hard_to_guess)]


class NewForm(Schema):
    """A source of submissions to be. HubSpot's secret is its app's client secret; others' is made here when it is left out."""

    name: Line
    kind: FormKind = FormKind.GENERIC
    secret: Secret | None = None
    fields: FieldMap = Field(default={})
    defaults: Defaults = Field(default={})

    @model_validator(mode="after")
    def _hubspot_brings_its_own(self) -> Self:
        if self.kind is FormKind.HUBSPOT and self.secret is None:
            raise ValueError("secret is required for HubSpot: the client secret of your app there")
        return self


class FormChange(Schema):
    """What is to be different about a source; what is left out stays as it is."""

    name: Line | None = None
    secret: Secret | None = None
    fields: FieldMap | None = None
    defaults: Defaults | None = None
    active: StrictBool | None = None


class FormView(View):
    """A source of submissions.

    Attributes:
        url: where its submissions are to be sent.
        received: how many landed in the last 90 days.
        last_received_at: when the last one did; null when none has.
    """

    key: str
    name: str
    kind: FormKind
    url: str
    fields: dict[str, str]
    defaults: dict[str, str]
    active: bool
    received: int
    last_received_at: datetime | None
    created_at: datetime


class FormMade(FormView):
    """A source with its signing secret, which is shown this once."""

    secret: str


class FormLanded(View):
    """What became of a submission.

    Attributes:
        lead: which lead it is now; null when it had landed before.
        merged: the person was known already.
        duplicate: this very submission had landed before, and changed nothing now.
    """

    lead: UUID | None
    merged: bool
    duplicate: bool


class SlackLink(Schema):
    """Whose Slack account it is."""

    user: UUID


class SlackLinkView(View):
    """Somebody in Slack and who they are here.

    Attributes:
        by_hand: an admin said so; otherwise it was found by their e-mail address.
    """

    slack_id: str
    user: Person
    by_hand: bool
