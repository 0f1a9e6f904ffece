"""Forms elsewhere as pages: which send their submissions here, where to, and how they are read. Admins see them."""

from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from activities.webhooks import new_secret
from api.auth import Principal
from api.board.forms_elsewhere import SourceForm
from api.board.frame import frame
from api.board.pages import page
from api.deps import Wired, Wiring, require
from api.errors import Conflict, Invalid, NotFound
from api.forms import filled, sent, text_of, wrong
from api.routes.integrations import Key
from api.services import form_sources
from models.schemas.integrations import FormChange, FormKind, NewForm

router = APIRouter(prefix="/forms", tags=["pages"], include_in_schema=False)
Admin = Annotated[Principal, Depends(require())]
_SEE_OTHER = 303


@router.get("")
async def list_forms(me: Admin, wired: Wired) -> HTMLResponse:
    """All of them, and what came in."""
    found = await form_sources.sources(wired.database, wired.settings)
    return page("forms.html", **await frame(wired, me), sources=found.items)


@router.get("/new")
async def new_form(me: Admin, wired: Wired) -> HTMLResponse:
    """Where a form elsewhere is let in."""
    return page("form_new.html", **await frame(wired, me), form=SourceForm(), wrong={})


@router.post("/new")
async def add_form(me: Admin, wired: Wired, request: Request) -> HTMLResponse:
    """Let a form's submissions in, and show its secret this once, unless it is its sender's own."""
    form = SourceForm.sent(await sent(request))
    try:
        made = await form_sources.create(wired.database, wired.settings, form.read(NewForm))
    except (Invalid, Conflict) as err:
        return page("form_new.html", status=err.status, **await frame(wired, me), form=form, wrong=wrong(err))
    return await _one(wired, me, made.key, status=201, secret=None if form.secret else made.secret)


@router.get("/{key}")
async def see_form(key: Key, me: Admin, wired: Wired) -> HTMLResponse:
    """One of them: where its submissions are sent to, and how they are read."""
    return await _one(wired, me, key)


@router.post("/{key}")
async def change_form(key: Key, me: Admin, wired: Wired, request: Request) -> Response:
    """Change its name, where its fields stand and what it does not say itself."""
    form = SourceForm.sent(await sent(request))
    try:
        await form_sources.change(wired.database, wired.settings, key, form.read(FormChange))
    except Invalid as err:
        return await _one(wired, me, key, status=err.status, form=form, wrong=wrong(err))
    return RedirectResponse(f"/forms/{key}", _SEE_OTHER)


@router.post("/{key}/active")
async def switch_form(key: Key, me: Admin, wired: Wired, request: Request) -> Response:
    """Let no more of it in, or again."""
    active = text_of(await sent(request), "active") == "true"
    await form_sources.change(wired.database, wired.settings, key, FormChange(active=active))
    return RedirectResponse(f"/forms/{key}", _SEE_OTHER)


@router.post("/{key}/secret")
async def change_secret(key: Key, me: Admin, wired: Wired, request: Request) -> Response:
    """Take HubSpot's secret in, or make a new one and show it this once. The former one is worthless at once."""
    source = await form_sources.source(wired.database, wired.settings, key)
    own = text_of(await sent(request), "secret") if source.kind is FormKind.HUBSPOT else None
    secret = new_secret() if own is None else own
    try:
        await form_sources.change(wired.database, wired.settings, key, filled(FormChange, {"secret": secret}))
    except (Invalid, Conflict) as err:
        return await _one(wired, me, key, status=err.status, wrong=wrong(err))
    return await _one(wired, me, key, secret=secret) if own is None else RedirectResponse(f"/forms/{key}", _SEE_OTHER)


@router.post("/{key}/remove")
async def remove_form(key: Key, me: Admin, wired: Wired) -> Response:
    """Forget it; its leads stay. One that is gone already is as good."""
    with suppress(NotFound):
        await form_sources.delete(wired.database, key)
    return RedirectResponse("/forms", _SEE_OTHER)


async def _one(wired: Wiring, me: Principal, key: str, *, status: int = 200, **more: Any) -> HTMLResponse:
    """The page of one of them.

    Args:
        wired: what the application holds.
        me: who reads.
        key: which.
        status: of HTTP.
        more: `wrong`, the form as it was sent (`form`), a `secret` to show once.
    """
    source = await form_sources.source(wired.database, wired.settings, key)
    context: dict[str, Any] = {"source": source, "form": SourceForm.of(source), "wrong": {}, "secret": None}
    return page("form.html", status=status, **await frame(wired, me), **(context | more))
