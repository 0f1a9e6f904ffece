"""Webhooks as forms, and what became of what they were told in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from api.board.notices import about
from api.board.pages import templates
from api.forms import Sent, filled, text_of
from models.lifecycle import EntryKind
from models.schemas.integrations import DeliveryView, NewWebhook, WebhookChange, WebhookView

MATTERS: Final[Mapping[str, tuple[EntryKind, ...]]] = {
    "It comes": (EntryKind.ARRIVED, EntryKind.REOPENED, EntryKind.SCORED, EntryKind.ENGAGED, EntryKind.FAST_LANE, EntryKind.PROMOTED),
    "It finds somebody": (EntryKind.CLAIMED, EntryKind.ASSIGNED, EntryKind.UNROUTED, EntryKind.TO_REVIEW, EntryKind.REVIEWED),
    "It is worked": (EntryKind.CONTACTED, EntryKind.WORKED, EntryKind.REMINDED, EntryKind.RETIMED, EntryKind.OVERRIDDEN),
    "It comes back": (EntryKind.RELEASED, EntryKind.LAPSED, EntryKind.MEAGER, EntryKind.TREE_ENDED, EntryKind.NOT_READY),
    "It is written to": (
        *(EntryKind.NURTURED, EntryKind.NURTURE_STEP, EntryKind.STEP_SKIPPED, EntryKind.HELD, EntryKind.RESUMED),
        *(EntryKind.CONSENTED, EntryKind.UNSUBSCRIBED),
    ),
    "It ends": (
        *(EntryKind.QUALIFIED, EntryKind.WON, EntryKind.LOST, EntryKind.DISQUALIFIED, EntryKind.STALE, EntryKind.CLOSED),
        *(EntryKind.ERASED, EntryKind.POLICY_CHANGED),
    ),
}
"""Every kind of event, by what it is about. Their names are shown as they are sent: whoever writes the receiver needs these."""
STATES: Final = {"waiting": "Waiting", "delivered": "Delivered", "failed": "Failed"}
"""What became of a delivery."""
_WHY: Final = {
    "timeout": "No answer in time",
    "unreachable": "Nobody answers there",
    "inward": "Its address leads inside",
    "broken": "No answer that could be read",
    "secret": "Its secret cannot be read: make a new one",
}
_OFF: Final = {"gone": "Off: it answered 410 Gone", "failing": "Off: it failed for days"}
Form = TypeVar("Form", NewWebhook, WebhookChange)


@dataclass(frozen=True, slots=True)
class WebhookForm:
    """A webhook as the fields of a form, as they were sent or as they stand.

    Args:
        events: what is ticked; nothing is everything.
        person: whether it is told who the lead is.
    """

    url: str = ""
    description: str = ""
    events: tuple[str, ...] = ()
    person: bool = False

    @classmethod
    def of(cls, hook: WebhookView) -> "WebhookForm":
        """The form of a webhook there is."""
        return cls(hook.url, hook.description, tuple(hook.events), "person" in hook.include)

    @classmethod
    def sent(cls, form: Sent) -> "WebhookForm":
        """The form as a browser sent it."""
        return cls(text_of(form, "url"), text_of(form, "description"), tuple(form.getlist("events")), "person" in form)

    def read(self, schema: type[Form], before: "WebhookForm | None" = None) -> Form:
        """The form as its schema has it; with `before`, the form as it stood, an address that is the same is left out.

        Raises:
            Invalid: naming every field at fault.
        """
        values: dict[str, Any] = {"description": self.description, "events": list(self.events), "include": ["person"] * self.person}
        if before is None or before.url != self.url:
            values["url"] = self.url
        return filled(schema, values)


def place(hook: WebhookView) -> str:
    """Where a webhook leads to, as short as people know it: the host."""
    return urlsplit(hook.url).hostname or hook.url


def standing(hook: WebhookView) -> tuple[str, str]:
    """How a webhook is doing: `on`, `failing` or `off`, and that in words."""
    if not hook.active:
        return "off", _OFF.get(hook.disabled_why or "", "Switched off")
    if hook.failures:
        return "failing", f"Fails, {hook.failures} time{'' if hook.failures == 1 else 's'} in a row"
    return "on", "On"


def hears(hook: WebhookView) -> str:
    """What a webhook is told: "Everything", or the first kinds of events and how many more."""
    kinds = [event.removeprefix("lead.") for event in hook.events]
    more = f" and {len(kinds) - 2} more" if len(kinds) > 2 else ""
    return f"{', '.join(kinds[:2])}{more}" if kinds else "Everything"


def answer(delivery: DeliveryView) -> str:
    """What came back the last time an event was offered."""
    if delivery.tries == 0 and delivery.tried_at is None:
        return "Not offered yet"
    if delivery.status is not None:
        return f"Answered {delivery.status}"
    return _WHY.get(delivery.why or "", "No answer")


templates.filters |= {"hook_place": place, "hook_standing": standing, "hook_hears": hears, "hook_answer": answer, "about_lead": about}
templates.globals |= {"EVENT_MATTERS": MATTERS, "DELIVERY_STATES": STATES}
