"""What nurture messages say: a template (`activities.wording`) filled in for one person.

The paragraphs of an e-mail become both its plain and its HTML part, those of a letter or a postcard its HTML.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, select_autoescape
from jinja2.sandbox import SandboxedEnvironment

from activities.footers import footer
from activities.links import Link, Links
from activities.wording import SHIPPED_LANGUAGE, Template, fill, shipped
from models.lifecycle import Channel
from models.schemas.templates import sides
from models.settings import Settings

_ADDRESS = re.compile(r"(https?://[^\s<>\"]*[^\s<>\".,;:!?)])")
_TEMPLATES = SandboxedEnvironment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    undefined=StrictUndefined,
    autoescape=select_autoescape(["html"]),
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it leaves.

    Args:
        body: what it says; what people see of it on the board, too.
        subject: of an e-mail.
        plain, html: an e-mail's two parts, with its footer; one without HTML has one part. Of a letter, `html` is its pages, of a
            postcard its front.
        back: of a postcard; empty for all else.
        unsubscribe: where the person stops the channel; empty for a notice to one of our own users.
    """

    body: str
    subject: str | None = None
    plain: str = ""
    html: str = ""
    back: str = ""
    unsubscribe: str = ""


def targets(body: str) -> set[str]:
    """Where the links in a message lead."""
    return set(_ADDRESS.findall(body))


class Letters:
    """Fills templates in.

    Args:
        settings: the sender's name, and what links are made from.
    """

    def __init__(self, settings: Settings) -> None:
        name, address = parseaddr(settings.mail_from)
        self._sender = name or address
        self._links = Links(settings)

    def write(self, template: str, person: Mapping[str, Any], link: Link) -> Letter | None:
        """A message to one person by a template that ships with the program.

        Args:
            template: its name, as a campaign's step has it.
            person: the lead's row.
            link: whom it goes to, on which channel, and which message it is.

        Returns:
            None when that channel has no template of this name.
        """
        found = shipped(template, link.channel)
        return self.fill(found, person, link) if found else None

    def fill(self, template: Template, person: Mapping[str, Any], link: Link) -> Letter:
        """A message to one person.

        Args:
            template: for the link's channel.
            person: the lead's row.
            link: whom it goes to, on which channel, and which message it is.

        Raises:
            jinja2.TemplateError: when it cannot be filled in; what was published can.
        """
        body = fill(template.body, person, self._sender)
        if link.channel is Channel.EMAIL:
            return self._email(" ".join(fill(template.subject or "", person, self._sender).split()), body, link, template.language)
        if link.channel is Channel.POST:
            return self._on_paper(body)
        return Letter(body)

    def _on_paper(self, body: str) -> Letter:
        front, *back = sides(body)
        if not back:
            return Letter(body, html=_TEMPLATES.get_template("page.html").render(paragraphs=self._paragraphs(front, None)))
        card = _TEMPLATES.get_template("card.html")
        pages = [card.render(side=name, paragraphs=self._paragraphs(said, None)) for name, said in (("front", front), ("back", back[0]))]
        return Letter(body, html=pages[0], back=pages[1])

    def _email(self, subject: str, body: str, link: Link, language: str) -> Letter:
        letter = Letter(body, subject, unsubscribe=self._links.unsubscribe(link))
        said = {"subject": letter.subject, "body": body, "sender": self._sender, "footer": footer(language)}
        what = {**said, "unsubscribe": letter.unsubscribe}
        plain = _TEMPLATES.get_template("letter.txt").render(**what)
        html = _TEMPLATES.get_template("letter.html").render(
            **what,
            language=language or SHIPPED_LANGUAGE,
            paragraphs=self._paragraphs(body, link),
            opened=self._links.opened(link),
            hidden=self._links.hidden(link),
        )
        return replace(letter, plain=plain, html=html)

    def _paragraphs(self, body: str, link: Link | None) -> list[list[list[tuple[str, str | None]]]]:
        """The text as paragraphs of lines of pieces: words, and where they lead."""
        return [[self._pieces(line, link) for line in block.split("\n")] for block in re.split(r"\n{2,}", body)]

    def _pieces(self, line: str, link: Link | None) -> list[tuple[str, str | None]]:
        if link is None:  # nobody clicks on paper
            return [(line, None)]
        pieces = enumerate(_ADDRESS.split(line))
        return [(text, self._links.clicked(replace(link, target=text)) if n % 2 else None) for n, text in pieces if text]
