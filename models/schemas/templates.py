"""Templates as marketers write them, see them filled in, and compare them."""

import re
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from models.lifecycle import Channel
from models.policy import language_tag
from models.schemas.fields import OptionalLine, Prose

Language = Annotated[str, AfterValidator(language_tag)]
Variant = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,29}$")]
TemplateName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]


_EDGE = re.compile(r"^-{3,}[ \t]*$", re.MULTILINE)


def sides(body: str) -> list[str]:
    """What stands on a piece of post: one text is a letter; a front and a back, parted by a line of dashes, are a postcard."""
    return [side.strip() for side in _EDGE.split(body)]


class TemplateForm(BaseModel):
    """A template to publish: it is in use from then on, and what it said before stays as an earlier version.

    Attributes:
        variant: of an A/B test; leads are shared out among the active ones of a language by their ids.
        subject: of an e-mail; other channels have none.
        body: of a postcard its front, a line of `---`, and its back; post without such a line is a letter.
        active: False takes the variant out of use.
    """

    model_config = ConfigDict(extra="forbid")

    channel: Channel
    language: Language = "en"
    variant: Variant = "a"
    subject: OptionalLine = None
    body: Prose
    active: bool = True

    @model_validator(mode="after")
    def _fits_its_channel(self) -> "TemplateForm":
        if (self.subject is not None) != (self.channel is Channel.EMAIL):
            raise ValueError("an e-mail needs a subject, and only an e-mail has one")
        if self.channel is Channel.POST and (len(found := sides(self.body)) > 2 or not all(found)):
            raise ValueError("a postcard has a front and a back, parted by one line of ---, and something on each")
        return self


class PreviewForm(BaseModel):
    """Whom a template is to be filled in for. With `body` it is this draft, otherwise the one that the lead would get."""

    model_config = ConfigDict(extra="forbid")

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


class TemplateDetail(BaseModel):
    """All that is in use under a name, and what it brought."""

    name: str
    templates: list[TemplateView]
    results: dict[Channel, list[VariantResult]] = Field(default_factory=dict)


class TemplateList(BaseModel):
    """All templates, by name and channel."""

    items: list[TemplateDetail]
