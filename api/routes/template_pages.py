"""Templates of messages as pages: what there is and what it brought, writing a version, and how it reads to a real lead."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from activities import policies
from activities.wording import SHIPPED_VARIANT
from api.auth import Principal
from api.board import wordings
from api.board.choosing import Chosen, choice
from api.board.frame import frame
from api.board.pages import page
from api.board.wordings import Draft
from api.deps import Wired, Wiring, require
from api.errors import Conflict, Invalid, NotFound
from api.forms import Sent, filled, sent, text_of, wrong
from api.services import templates
from models.lifecycle import Channel, Role
from models.schemas.common import Schema
from models.schemas.templates import Preview, PreviewForm, TemplateDetail, TemplateName, TemplateView

router = APIRouter(prefix="/templates", tags=["pages"], include_in_schema=False)
Reader = Annotated[Principal, Depends(require(Role.MARKETER, Role.MANAGER))]
Writer = Annotated[Principal, Depends(require(Role.MARKETER))]
_SEE_OTHER = 303


class _Named(Schema):
    """The name of a template to be."""

    name: TemplateName


@router.get("")
async def list_templates(me: Reader, wired: Wired) -> HTMLResponse:
    """All templates, and who uses them."""
    used = await _usage(wired)
    rows = [wordings.summary(one, used) for one in (await templates.listed(wired.database)).items]
    return page("templates.html", **await frame(wired, me), rows=rows)


@router.get("/_new")  # no name begins so
async def new_template(me: Writer, wired: Wired) -> HTMLResponse:
    """Where a template is begun."""
    return await _editor(wired, me, None, Draft())


@router.post("/_new")
async def publish_new(me: Writer, wired: Wired, request: Request) -> Response:
    """Publish it under a name of its own, or show how it would read."""
    form = await sent(request)
    return await _send(wired, me, None, form)


@router.get("/{name}")
async def see_template(
    name: TemplateName,
    me: Reader,
    wired: Wired,
    published: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    *,
    ended: bool = False,
) -> HTMLResponse:
    """One of them: what is in use, what its variants brought, and what it said before."""
    found = await templates.detail(wired.database, name)
    context: dict[str, Any] = {
        "found": found,
        "versions": (await templates.versions(wired.database, name)).items,
        "used": (await _usage(wired)).get(name, []),
        "published": published,
        "ended": ended,
    }
    return page("template.html", **await frame(wired, me), **context)


@router.get("/{name}/edit")
async def edit_template(
    name: TemplateName,
    me: Writer,
    wired: Wired,
    channel: Channel | None = None,
    language: Annotated[str, Query(max_length=35)] = "",
    variant: Annotated[str, Query(max_length=30)] = "",
    version: Annotated[int | None, Query(ge=0, le=2**31 - 1)] = None,
) -> HTMLResponse:
    """Where a version is written: from the one in use, or from an earlier one."""
    draft = await _draft(wired, await templates.detail(wired.database, name), channel, language, variant, version)
    return await _editor(wired, me, name, draft)


@router.post("/{name}/edit")
async def send_edit(name: TemplateName, me: Writer, wired: Wired, request: Request) -> Response:
    """Publish it, or show how it would read."""
    return await _send(wired, me, name, await sent(request))


@router.get("/{name}/preview")
async def preview_template(
    name: TemplateName,
    me: Writer,
    wired: Wired,
    channel: Channel = Channel.EMAIL,
    lead: Annotated[str, Query(max_length=200)] = "",
    pick: UUID | None = None,
) -> HTMLResponse:
    """What a lead would get of it, by the lead's language and variant."""
    found = await templates.detail(wired.database, name)
    chosen = await choice(wired.database, me, lead, pick)
    letter, problems = None, {}
    if chosen.lead is not None:
        try:
            letter = await templates.preview(wired.database, wired.settings, name, PreviewForm(lead_id=chosen.lead.id, channel=channel))
        except (Invalid, Conflict) as err:
            problems = wrong(err)
    channels = list(dict.fromkeys(one.channel for one in found.templates))
    context: dict[str, Any] = {"found": found, "channels": channels, "channel": channel, "chosen": chosen, "letter": letter}
    return page("template_preview.html", **await frame(wired, me), **context, wrong=problems)


async def _send(wired: Wiring, me: Principal, name: str | None, form: Sent) -> Response:
    """Do what a form of a template asks for: show how it reads, or publish it."""
    draft = Draft.sent(form)
    if text_of(form, "do") != "publish":
        return await _editor(wired, me, name, draft, form)
    try:
        named = name or _new_name(form)
        wanted = draft.read()
        await templates.publish(wired.database, named, wanted, me.id)
    except (Invalid, Conflict) as err:
        return await _editor(wired, me, name, draft, form, wrong=wrong(err), status=err.status)
    past = (await templates.versions(wired.database, named)).items
    same = (wanted.channel, wanted.language, wanted.variant)
    version = max(one.version for one in past if (one.channel, one.language, one.variant) == same)
    return RedirectResponse(f"/templates/{named}?published={version}{'' if wanted.active else '&ended=true'}", _SEE_OTHER)


def _new_name(form: Sent) -> str:
    try:
        return filled(_Named, {"name": text_of(form, "name")}).name
    except Invalid:
        raise Invalid({"name": "must be small letters, digits and dashes, as case-study"}) from None


async def _draft(wired: Wiring, found: TemplateDetail, channel: Channel | None, language: str, variant: str, version: int | None) -> Draft:
    """What the form is opened with: a version by its number, or else the latest of that language and variant.

    Raises:
        NotFound: when there is none.
    """
    past = (await templates.versions(wired.database, found.name)).items
    every: list[TemplateView] = [*past, *found.templates]
    wanted = [
        one
        for one in every
        if (channel or one.channel, language or one.language, variant or one.variant) == (one.channel, one.language, one.variant)
    ]
    first = next((one for one in wanted if version in (None, one.version)), None)
    if first is None:
        raise NotFound("version of this template")
    key = (first.channel, first.language, first.variant)
    latest = max(one.version for one in every if (one.channel, one.language, one.variant) == key)
    active = any((one.channel, one.language, one.variant) == key for one in found.templates)
    return Draft.of(first, latest, active=active)


async def _editor(
    wired: Wiring, me: Principal, name: str | None, draft: Draft, form: Sent | None = None, *, status: int = 200, **more: Any
) -> HTMLResponse:
    """Where a version is written, with how it would read beside it.

    Args:
        wired: what the application holds.
        me: who writes.
        name: of the template; None for one that is begun.
        draft: as it was sent, or as it stands.
        form: what was sent, where something was.
        status: of HTTP.
        more: `wrong`, when it could not be published.
    """
    form = form or Sent()
    chosen = await _chosen(wired, me, form)
    problems: dict[str, str] = dict(more.get("wrong", {}))
    letter: Preview | None = None
    if chosen.lead is not None and draft.body and not problems:
        try:
            letter = await templates.preview(wired.database, wired.settings, name or "_new", draft.preview(chosen.lead.id))
        except (Invalid, Conflict) as err:
            problems, status = wrong(err), err.status
    taken = [one.variant for one in (await templates.detail(wired.database, name)).templates] if name else []
    context: dict[str, Any] = {"name": name, "form": form, "draft": draft, "chosen": chosen, "letter": letter, "wrong": problems}
    return page("template_edit.html", status=status, **await frame(wired, me), **context, taken=taken or [SHIPPED_VARIANT])


async def _chosen(wired: Wiring, me: Principal, form: Sent) -> Chosen:
    """The lead somebody wants to see it filled in for: one they picked, or whom what they wrote finds."""
    pick, before, text = text_of(form, "pick"), text_of(form, "picked"), text_of(form, "lead")
    picked = pick or (before if text and text == text_of(form, "picked_as") else "")
    try:
        return await choice(wired.database, me, "" if pick else text, UUID(picked) if picked else None)
    except ValueError:
        return await choice(wired.database, me, text, None)


async def _usage(wired: Wiring) -> dict[str, list[str]]:
    async with wired.database.autocommit() as connection:
        return wordings.usage((await policies.latest(connection)).nurture)
