"""The templates of nurture messages: reading them, publishing a new version, seeing one filled in, comparing variants."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities import wording
from activities.database import Database
from activities.letters import Letters
from activities.links import Link
from activities.policies import latest
from activities.scoring.reasons import wilson
from activities.wording import Template
from api.errors import Conflict, Invalid, NotFound
from models.ids import uuid7
from models.lifecycle import Channel
from models.schemas.templates import (
    Difference,
    Preview,
    PreviewForm,
    Share,
    TemplateDetail,
    TemplateForm,
    TemplateList,
    TemplateVersions,
    TemplateVersionView,
    TemplateView,
    VariantResult,
)
from models.settings import Settings

_COMPARED: Final[tuple[Literal["opened", "clicked"], ...]] = ("opened", "clicked")
_NAMES = text("SELECT DISTINCT name FROM templates")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('twoway.templates'))")
_LATEST = text(
    """
    SELECT version, subject, body, active FROM templates
    WHERE name = :name AND channel = :channel AND language = :language AND variant = :variant ORDER BY version DESC LIMIT 1"""
)
_INSERT = text(
    """
    INSERT INTO templates (id, name, channel, language, variant, version, subject, body, active, author_id, created_at)
    VALUES (:id, :name, :channel, :language, :variant, :version, :subject, :body, :active, :author, now())"""
)
_WHO = text(
    """
    SELECT u.name AS author, t.created_at FROM templates t LEFT JOIN users u ON u.id = t.author_id
    WHERE t.name = :name AND t.channel = :channel AND t.language = :language AND t.variant = :variant AND t.version = :version"""
)
_VERSIONS = text(
    """
    SELECT t.channel, t.language, t.variant, t.version, t.subject, t.body, t.active, u.name AS author, t.created_at
    FROM templates t LEFT JOIN users u ON u.id = t.author_id WHERE t.name = :name ORDER BY t.created_at DESC, t.version DESC"""
)
_RESULTS = text(
    """
    SELECT channel, variant, count(*) AS sent, count(opened_at) AS opened, count(clicked_at) AS clicked,
        count(*) FILTER (WHERE state = 'bounced') AS bounced
    FROM messages WHERE template = :name AND variant IS NOT NULL AND sent_at IS NOT NULL
    GROUP BY channel, variant ORDER BY channel, variant"""
)
_LEAD = text("SELECT id, first_name, last_name, company, title, country, attributes FROM leads WHERE id = :lead AND stage <> 'erased'")


def share(count: int, of: int) -> Share:
    """A share with its interval."""
    if not of:
        return Share(count=count, share=None, low=None, high=None)
    low, high = wilson(count, of)
    return Share(count=count, share=count / of, low=low, high=high)


def difference(results: Sequence[VariantResult], what: Literal["opened", "clicked"]) -> Difference | None:
    """How far the best variant is ahead of the next, and how sure that is; None where there are no two to compare.

    Args:
        results: of the variants of one channel.
        what: the share that is compared.
    """
    shares = {one.variant: getattr(one, what) for one in results if one.sent}
    ranked = sorted(shares, key=lambda variant: (-shares[variant].share, variant))[:2]
    if len(ranked) < 2:
        return None
    first, second = (shares[variant] for variant in ranked)
    by = first.share - second.share
    low = by - math.hypot(first.share - first.low, second.high - second.share)
    high = by + math.hypot(first.high - first.share, second.share - second.low)
    return Difference(best=ranked[0], other=ranked[1], by=by, low=max(low, -1.0), high=min(high, 1.0))


async def listed(database: Database) -> TemplateList:
    """All names with what is in use under them, without results."""
    async with database.connection() as connection:
        published = (await connection.execute(_NAMES)).scalars()
        names = sorted({name for name, _ in wording.shipped_names()} | set(published))
        found = [TemplateDetail(name=name, templates=await _in_use(connection, name)) for name in names]
    return TemplateList(items=[item for item in found if item.templates])


async def detail(database: Database, name: str) -> TemplateDetail:
    """What is in use under a name, and what each variant brought.

    Raises:
        NotFound: when nothing ever was.
    """
    async with database.connection() as connection:
        in_use = await _in_use(connection, name)
        rows = (await connection.execute(_RESULTS, {"name": name})).all()
        if not in_use and not rows and name not in set((await connection.execute(_NAMES)).scalars()):
            raise NotFound("template")
    results: dict[Channel, list[VariantResult]] = {}
    for row in rows:
        shares = {what: share(getattr(row, what), row.sent) for what in ("opened", "clicked", "bounced")}
        results.setdefault(Channel(row.channel), []).append(VariantResult(variant=row.variant, sent=row.sent, **shares))
    return TemplateDetail(name=name, templates=in_use, results=results, differences=_differences(results))


async def versions(database: Database, name: str) -> TemplateVersions:
    """Every version that was published under a name, the latest first. None for one that only ships with the program.

    Raises:
        NotFound: when there never was a template of this name.
    """
    async with database.connection() as connection:
        rows = (await connection.execute(_VERSIONS, {"name": name})).mappings().all()
    if not rows and name not in {known for known, _ in wording.shipped_names()}:
        raise NotFound("template")
    return TemplateVersions(items=[TemplateVersionView.model_validate(dict(row)) for row in rows])


async def publish(database: Database, name: str, form: TemplateForm, author: UUID) -> TemplateDetail:
    """Bring a template into use. One that says the same as the latest version is none.

    Raises:
        Invalid: when it names what messages do not have, or cannot be filled in; nothing is stored.
        Conflict: when another version took the place of the one it is based on.
    """
    wrong = wording.problems(form.subject, form.body)
    if wrong:
        raise Invalid(wrong)
    key: dict[str, Any] = {"name": name, "channel": form.channel.value, "language": form.language, "variant": form.variant}
    said = {"subject": form.subject, "body": form.body, "active": form.active}
    async with database.connection() as connection:
        await connection.execute(_LOCK)
        row = (await connection.execute(_LATEST, key)).one_or_none()
        if form.based_on is not None and form.based_on != (row.version if row else 0):
            raise Conflict("Somebody else published a version of this meanwhile. Look at theirs first; yours is not lost.")
        if row is None or {name: getattr(row, name) for name in said} != said:
            version = row.version + 1 if row else 1
            await connection.execute(_INSERT, {**key, **said, "id": uuid7(), "version": version, "author": author})
    return await detail(database, name)


async def preview(database: Database, settings: Settings, name: str, form: PreviewForm) -> Preview:
    """A template filled in for a real lead: the one it would get, or a draft.

    Raises:
        NotFound: when there is no such lead, or no template of this name for the channel.
        Invalid: when a draft cannot be filled in.
        Conflict: when there is no key to sign its links with.
    """
    if not settings.secret_key.get_secret_value():
        raise Conflict("TWOWAY_SECRET_KEY is not set, and a message's links cannot be signed without it.")
    async with database.connection() as connection:
        lead = (await connection.execute(_LEAD, {"lead": form.lead_id})).mappings().one_or_none()
        if lead is None:
            raise NotFound("lead")
        plan = (await latest(connection)).nurture
        available = await wording.available(connection, name, form.channel)
    wanted = wording.languages(dict(lead), plan)
    found = wording.chosen(available, form.lead_id, wanted)
    if form.body is not None:
        wrong = wording.problems(form.subject, form.body)
        if wrong:
            raise Invalid(wrong)
        found = Template(name, form.channel, "", "", 0, form.subject, form.body)
    if found is None:
        raise NotFound("template for this channel")
    letter = Letters(settings).fill(found, dict(lead), Link(form.lead_id, form.channel, UUID(int=0)))
    draft = form.body is not None
    which = dict[str, Any](language=found.language, variant=found.variant, version=found.version)
    which = dict.fromkeys(which) if draft else which
    return Preview(subject=letter.subject, body=letter.body, html=letter.html, back=letter.back, languages=wanted, **which)


def _differences(results: Mapping[Channel, Sequence[VariantResult]]) -> dict[Channel, dict[Literal["opened", "clicked"], Difference]]:
    found = {channel: {what: difference(variants, what) for what in _COMPARED} for channel, variants in results.items()}
    return {channel: known for channel, each in found.items() if (known := {what: one for what, one in each.items() if one})}


async def _in_use(connection: AsyncConnection, name: str) -> list[TemplateView]:
    views = []
    for channel in Channel:
        for one in await wording.available(connection, name, channel):
            key = {"name": name, "channel": channel.value, "language": one.language, "variant": one.variant, "version": one.version}
            row = (await connection.execute(_WHO, key)).one_or_none() if one.version else None
            who = {"author": row.author, "created_at": row.created_at} if row else {}
            shown = {field: getattr(one, field) for field in ("channel", "language", "variant", "version", "subject", "body")}
            views.append(TemplateView(**shown, **who))
    return views
