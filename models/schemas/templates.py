"""Templates as marketers write them, see them filled in, and compare them."""

import re
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from models.lifecycle import Channel
from models.policy import language_tag
from models.schemas.common import Schema
from models.schemas.fields import OptionalLine, Prose

Language = Annotated[str, AfterValidator(language_tag)]
Variant = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,29}$")]
TemplateName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]


_EDGE = re.compile(r"^-{3,}[ \t]*$", re.MULTILINE)


def sides(body: str) -> list[str]:
    """What stands on a piece of post: one text is a letter; a front and a back, parted by a line of dashes, are a postcard."""
    return [side.strip() for side in _EDGE.split(body)]


class TemplateForm(Schema):
    """A template to publish: it is in use from then on, and what it said before stays as an earlier version.

    Attributes:
        variant: of an A/B test; leads are shared out among the active ones of a language by their ids.
        subject: of an e-mail; other channels have none.
        body: of a postcard its front, a line of `---`, and its back; post without such a line is a letter.
        active: False takes the variant out of use.
        based_on: the version it was made from, 0 for none or one that ships with the program; with another in its place by now it
            is refused, so that nobody undoes what they have not seen.
    """

    channel: Channel
    language: Language = "en"
    variant: Variant = "a"
    subject: OptionalLine = None
    body: Prose
    active: bool = True
    based_on: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None

    @model_validator(mode="after")
    def _fits_its_channel(self) -> "TemplateForm":
        if (self.subject is not None) != (self.channel is Channel.EMAIL):
            raise ValueError("an e-mail needs a subject, and only an e-mail has one")
        if self.channel is Channel.POST and (len(found := sides(self.body)) > 2 or not all(found)):
            raise ValueError("a postcard has a front and a back, parted by one line of ---, and something on each")
        return self


class PreviewForm(Schema):
    """Whom a template is to be filled in for. With `body` it is this draft, otherwise the one that the lead would get."""

    lead_id: UUID
    channel: Channel
    subject: OptionalLine = None
    body: Prose | None = None


class Preview(BaseModel):
    """A message as the lead would get it. Its links lead to no real message.

    Attributes:
        html: an e-mail's HTML, or a letter's pages, or the front of a postcard.
        back: of a postcard; empty for all else.
        language, variant, version: of the template; null for a draft.
        languages: in which the lead would be written to, the best first; the first that there is was taken.
    """

    subject: str | None
    body: str
    html: str
    back: str
    language: str | None
    variant: str | None
    version: int | None
    languages: list[str]


class Share(BaseModel):
    """How many of those who got a message did something: the share, and its 95 % interval (Wilson, 1927)."""

    count: int
    share: float | None
    low: float | None
    high: float | None


class Difference(BaseModel):
    """By how much the share of the best variant differs from that of the next: `best` minus `other`, with its 95 % interval.

    By Newcombe (1998, method 10), from the two shares' own intervals. Where it holds 0, nobody can tell them apart yet.
    """

    best: str
    other: str
    by: float
    low: float
    high: float


class VariantResult(BaseModel):
    """What a variant brought, over all its versions and languages. Machines that open and click are not counted."""

    variant: str
    sent: int
    opened: Share
    clicked: Share
    bounced: Share


class TemplateView(BaseModel):
    """A template in use.

    Attributes:
        version: 0 for one that ships with the program.
        author: who published it.
    """

    channel: Channel
    language: str
    variant: str
    version: int
    subject: str | None
    body: str
    author: str | None = None
    created_at: datetime | None = None


class TemplateVersionView(TemplateView):
    """A version as somebody published it.

    Attributes:
        active: it is in use, or was until the next one.
    """

    active: bool


class TemplateVersions(BaseModel):
    """Every version that was published under a name, the latest first."""

    items: list[TemplateVersionView]


class TemplateDetail(BaseModel):
    """All that is in use under a name, and what it brought.

    Attributes:
        differences: between the two variants with the highest shares, by channel and what the share is of.
    """

    name: str
    templates: list[TemplateView]
    results: dict[Channel, list[VariantResult]] = Field(default_factory=dict)
    differences: dict[Channel, dict[Literal["opened", "clicked"], Difference]] = Field(default_factory=dict)


class TemplateList(BaseModel):
    """All templates, by name and channel."""

    items: list[TemplateDetail]
