"""Templates of messages on pages: the form they are written in, who uses which, and what variants brought in words."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from activities.wording import SHIPPED_LANGUAGE, VARIABLES
from api.board.pages import templates
from api.errors import Invalid
from api.forms import Sent, filled, text_of
from models.lifecycle import Channel
from models.policy import NurturePlan
from models.schemas.templates import Difference, PreviewForm, Share, TemplateDetail, TemplateForm, TemplateView, VariantResult, sides

RESULTS: Final = {"opened": "Opened", "clicked": "Clicked", "bounced": "Came back"}
"""What is counted of messages."""
_MORE: Final = {"opened": "is opened more", "clicked": "is clicked more"}
_STEP = 0.1
Key = tuple[str, str, str]
"""Channel, language and variant: what has versions."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A template as the fields of a form, as they were sent or as they stand.

    Args:
        active: whether it is to be in use.
        loaded: what the form was opened with, as `email/en/a/3`; empty for a new one.
    """

    channel: str = Channel.EMAIL.value
    language: str = "en"
    variant: str = "a"
    subject: str = ""
    body: str = ""
    active: bool = True
    loaded: str = ""

    @classmethod
    def of(cls, one: TemplateView, latest: int | None = None, *, active: bool = True) -> "Draft":
        """The form of a version there is; `latest` is the one it would follow, where that is another."""
        version = one.version if latest is None else latest
        key = (one.channel.value, one.language, one.variant)
        return cls(*key, one.subject or "", one.body, active, "/".join((*key, str(version))))

    @classmethod
    def sent(cls, form: Sent) -> "Draft":
        """The form as a browser sent it. Line ends are what files have, whatever the browser's are."""
        plain = {name: text_of(form, name) for name in ("channel", "language", "variant", "subject", "loaded")}
        plain |= {name: plain[name].lower() for name in ("language", "variant")}
        return cls(**plain, body=text_of(form, "body").replace("\r\n", "\n"), active="active" in form)

    @property
    def key(self) -> Key:
        """What it is a version of."""
        return self.channel, self.language, self.variant

    def read(self) -> TemplateForm:
        """The form as its schema has it, based on what it was opened with.

        Raises:
            Invalid: naming every field at fault.
        """
        *key, version = self.loaded.split("/")
        based_on = int(version) if tuple(key) == self.key and version.isdigit() else 0
        values: dict[str, Any] = {"channel": self.channel, "language": self.language, "variant": self.variant, "body": self.body}
        if self.channel == Channel.EMAIL and not self.subject:
            raise Invalid({"subject": "is required: an e-mail has one"})
        subject = self.subject if self.channel == Channel.EMAIL else None
        try:
            return filled(TemplateForm, values | {"subject": subject, "active": self.active, "based_on": based_on})
        except Invalid as err:  # what is no single field's fault is the text's: a postcard without a back
            raise Invalid({error["field"] or "body": error["message"] for error in err.fields["errors"]}) from None

    def preview(self, lead: object) -> PreviewForm:
        """The form to see it filled in for a lead.

        Raises:
            Invalid: naming every field at fault.
        """
        form = self.read()
        return filled(PreviewForm, {"lead_id": lead, "channel": form.channel, "subject": form.subject, "body": form.body})


@dataclass(frozen=True, slots=True)
class Summary:
    """A name in the list of templates.

    Args:
        says: the subject of its first, in English where there is one, or how its text begins.
        channels, languages: what there is of it.
        variants: how many there are of its most varied language.
        author, at: who published last, and when; None for one that only ships with the program.
        used: by which campaigns.
    """

    name: str
    says: str
    channels: tuple[Channel, ...]
    languages: tuple[str, ...]
    variants: int
    author: str | None
    at: datetime | None
    used: tuple[str, ...]


def summary(detail: TemplateDetail, used: Mapping[str, Sequence[str]]) -> Summary:
    """What the list says of a name."""
    first = min(detail.templates, key=lambda one: one.language != SHIPPED_LANGUAGE)
    places = [(one.channel, one.language) for one in detail.templates]
    at, author = max(((one.created_at, one.author) for one in detail.templates if one.created_at), default=(None, None))
    return Summary(
        name=detail.name,
        says=first.subject or first.body.splitlines()[0],
        channels=tuple(dict.fromkeys(channel for channel, _ in places)),
        languages=tuple(dict.fromkeys(language for _, language in places)),
        variants=max(map(places.count, places)),
        author=author,
        at=at,
        used=tuple(used.get(detail.name, ())),
    )


def usage(plan: NurturePlan) -> dict[str, list[str]]:
    """For each template the campaigns that send it."""
    found: dict[str, list[str]] = {}
    for campaign, steps in plan.campaigns.items():
        for name in dict.fromkeys(step.template for step in steps.steps):
            found.setdefault(name, []).append(campaign)
    return found


def next_variant(taken: Iterable[str]) -> str:
    """The first letter that no variant has."""
    known = set(taken)
    return next((letter for letter in "abcdefghijklmnopqrstuvwxyz" if letter not in known), "")


def percent(share: float) -> str:
    """A share as people read one: "34 %", below ten "3.4 %"."""
    return f"{share * 100:.{0 if share >= 0.0995 else 1}f} %"


def interval(share: Share) -> str:
    """A share with its interval: "34 % (28 to 41)"."""
    if share.share is None or share.low is None or share.high is None:
        return "nothing to tell yet"
    low, high = (f"{value * 100:.{0 if share.high >= 0.0995 else 1}f}" for value in (share.low, share.high))
    return f"{percent(share.share)} ({low} to {high})"


def scale(results: Sequence[VariantResult], what: str) -> float:
    """Where the axis of a column ends, so that all its intervals fit: a tenth, two tenths, … of all."""
    highest = max((getattr(one, what).high or 0.0 for one in results), default=0.0)
    return min(1.0, max(_STEP, math.ceil(highest / _STEP - 1e-9) * _STEP))


def verdict(difference: Difference, what: str) -> str:
    """What may be said of the two best variants, and no more."""
    low, high = _points(difference.low), _points(difference.high)
    if difference.low > 0:
        return f"{difference.best} {_MORE[what]} than {difference.other}: by {low} to {high} points."
    return f"{difference.best} and {difference.other} cannot be told apart yet: the difference may be anything from {low} to {high} points."


def _points(share: float) -> str:
    said = f"{abs(share) * 100:.1f}".removesuffix(".0")
    return f"\N{MINUS SIGN}{said}" if share < 0 and said != "0" else said


templates.filters |= {"interval": interval, "sides": sides}
templates.globals |= {
    "RESULTS": RESULTS,
    "axis": scale,
    "verdict_of": verdict,
    "TEMPLATE_VARIABLES": VARIABLES,
    "next_variant": next_variant,
}
