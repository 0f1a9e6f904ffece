"""Templates: which one a lead gets, and what may stand in one.

Those in `templates/<channel>/<name>.txt` ship with the program: in English, version 0, variant `a`. A version published in the
database takes the place of the one it has the name, channel, language and variant of. An e-mail's file begins with `Subject: …`
and a blank line.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import jinja2
from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.enrichment.basics import country_code
from models.lifecycle import Channel
from models.policy import NurturePlan

PERSON = ("first_name", "last_name", "company", "title")
"""What a template may say about the person; empty where it is not known, so give a default."""
VARIABLES = (*PERSON, "sender")
SHIPPED_LANGUAGE, SHIPPED_VARIANT = "en", "a"
_FOLDER = Path(__file__).with_name("templates")
_FILTERS = frozenset({"default", "d", "title", "upper", "lower", "capitalize", "trim", "truncate"})
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Filter, nodes.If, nodes.CondExpr, nodes.Not,
    nodes.And, nodes.Or, nodes.Compare, nodes.Operand, nodes.Keyword,
)  # fmt: skip
"""A message needs values, defaults and conditions. Without loops, calls and arithmetic none can keep a worker busy for ever."""
_WORDING = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)

_PUBLISHED = text(
    """
    SELECT * FROM (
        SELECT DISTINCT ON (language, variant) language, variant, version, subject, body, active FROM templates
        WHERE name = :name AND channel = :channel ORDER BY language, variant, version DESC) latest"""
)


@dataclass(frozen=True, slots=True)
class Template:
    """What a message says before it is filled in.

    Args:
        language: a tag such as `en` or `de-AT`, in small letters.
        variant: of an A/B test.
        version: 0 for one that ships with the program.
        subject: of an e-mail.
    """

    name: str
    channel: Channel
    language: str
    variant: str
    version: int
    subject: str | None
    body: str


def problems(subject: str | None, body: str) -> dict[str, str]:
    """What is wrong with a template, by field; nothing when it may be published.

    Variables that messages do not have are named, and so is whatever a message has no use for.
    """
    found = {}
    for field, said in (("subject", subject), ("body", body)):
        wrong = _wrong(said or "")
        if wrong:
            found[field] = wrong
    return found


def _wrong(said: str) -> str | None:
    try:
        tree = _WORDING.parse(said)
    except TemplateSyntaxError as err:
        return f"line {err.lineno}: {err.message}"
    other = next((type(node).__name__.lower() for node in tree.find_all(nodes.Node) if not isinstance(node, _ALLOWED)), None)
    if other:
        return f"{other} is not available: a message has values, defaults and conditions"
    unknown = sorted({node.name for node in tree.find_all(nodes.Name) if node.name not in VARIABLES})
    if unknown:
        return f"there is no {', '.join(unknown)}; there are {', '.join(VARIABLES)}"
    strange = next((filtered.name for filtered in tree.find_all(nodes.Filter) if filtered.name not in _FILTERS), None)
    if strange:
        return f"the filter {strange} is not available; there are {', '.join(sorted(_FILTERS))}"
    return _failing(said)


def _failing(said: str) -> str | None:
    """What happens when nothing is known about the person, or all of it."""
    for value in ("", "Ada"):
        try:
            fill(said, dict.fromkeys(PERSON, value), sender="Us")
        except Exception as err:
            return f"cannot be filled in: {type(err).__name__}"
    return None


def fill(said: str, person: Mapping[str, Any], sender: str) -> str:
    """A text with what is known about the person in it.

    Raises:
        jinja2.TemplateError: when it cannot be filled in.
    """
    words = {name: " ".join(str(person.get(name) or "").split()) for name in PERSON}
    return _compiled(said).render(**words, sender=sender).strip()


@lru_cache(maxsize=256)
def _compiled(said: str) -> jinja2.Template:
    return _WORDING.from_string(said)


def shipped(name: str, channel: Channel) -> Template | None:
    """The template that comes with the program; None when there is none of this name."""
    path = _FOLDER / channel.value / f"{name}.txt"
    if path.parent != _FOLDER / channel.value or not path.is_file():
        return None
    said = path.read_text("utf-8").strip()
    subject: str | None = None
    if channel is Channel.EMAIL:
        head, _, said = said.partition("\n\n")
        subject = head.removeprefix("Subject:").strip()
    return Template(name, channel, SHIPPED_LANGUAGE, SHIPPED_VARIANT, 0, subject, said)


def shipped_names() -> list[tuple[str, Channel]]:
    """All templates that come with the program."""
    return sorted((path.stem, Channel(path.parent.name)) for path in _FOLDER.glob("*/*.txt"))


async def available(connection: AsyncConnection, name: str, channel: Channel) -> list[Template]:
    """All that are in use under a name: the latest version of each language and variant."""
    rows = (await connection.execute(_PUBLISHED, {"name": name, "channel": channel.value})).all()
    ours = shipped(name, channel)
    found = {(ours.language, ours.variant): ours} if ours else {}
    for row in rows:
        found.pop((row.language, row.variant), None)
        if row.active:
            found[row.language, row.variant] = Template(name, channel, row.language, row.variant, row.version, row.subject, row.body)
    return sorted(found.values(), key=lambda template: (template.language, template.variant))


def languages(lead: Mapping[str, Any], plan: NurturePlan) -> list[str]:
    """The languages to write to a lead in, the best first.

    What the customer says (`attributes.language`, also without its region), then its country's (`nurture.languages`), then
    `nurture.fallback_language`, then English.
    """
    said = str((lead.get("attributes") or {}).get("language") or "").strip().lower().replace("_", "-")
    code = country_code(lead.get("country"))
    by_country = plan.languages.get(code or "")
    wanted = [said, said.partition("-")[0], by_country, plan.fallback_language, SHIPPED_LANGUAGE]
    return list(dict.fromkeys(language for language in wanted if language))


def chosen(templates: Sequence[Template], lead: UUID, wanted: Iterable[str]) -> Template | None:
    """The one a lead gets: the first language there is, and in it the variant its id leads to.

    Each variant is as likely as the others, the same lead always gets the same one, and a variant more or less changes it only for
    those who get or had that one (rendezvous hashing: Thaler and Ravishankar, 1998).
    """
    for language in wanted:
        found = [template for template in templates if template.language == language]
        if found:
            return max(found, key=lambda one: sha256(f"{lead}:{one.name}:{one.variant}".encode()).digest())
    return max(templates, key=lambda one: sha256(f"{lead}:{one.name}:{one.variant}".encode()).digest(), default=None)
