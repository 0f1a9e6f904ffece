"""Webhooks as pages: who is told, what was sent and what waits, and sending it again. Admins see them."""

from contextlib import suppress
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from api.auth import Principal
from api.board.frame import frame
from api.board.pages import page
from api.board.team import moment
from api.board.webhooks import WebhookForm
from api.deps import Wired, Wiring, require
from api.errors import Conflict, Invalid, NotFound
from api.forms import Sent, filled, sent, text_of, wrong
from api.services import users, webhooks
from models.schemas.integrations import NewWebhook, Replay, WebhookChange, WebhookView

router = APIRouter(prefix="/webhooks", tags=["pages"], include_in_schema=False)
Admin = Annotated[Principal, Depends(require())]
State = Annotated[Literal["waiting", "delivered", "failed"] | None, Query()]
Cursor = Annotated[str | None, Query(max_length=500)]
_LISTED = 50
_SEE_OTHER = 303


@router.get("")
async def list_webhooks(me: Admin, wired: Wired) -> HTMLResponse:
    """All webhooks, and how they are doing."""
    return page("webhooks.html", **await frame(wired, me), hooks=(await webhooks.endpoints(wired.database)).items)


@router.get("/new")
async def new_webhook(me: Admin, wired: Wired) -> HTMLResponse:
    """Where a webhook is made."""
    return page("webhook_new.html", **await frame(wired, me), form=WebhookForm(), wrong={})


@router.post("/new")
async def add_webhook(me: Admin, wired: Wired, request: Request) -> HTMLResponse:
    """Make a webhook, and show its secret this once."""
    form = WebhookForm.sent(await sent(request))
    try:
        made = await webhooks.create(wired.database, wired.settings, form.read(NewWebhook))
    except (Invalid, Conflict) as err:
        return page("webhook_new.html", status=err.status, **await frame(wired, me), form=form, wrong=wrong(err))
    return await _one(wired, me, made.id, status=201, secret=made.secret)


@router.get("/{webhook_id}")
async def see_webhook(
    webhook_id: UUID,
    me: Admin,
    wired: Wired,
    state: State = None,
    cursor: Cursor = None,
    again: Annotated[int | None, Query(ge=0, le=10**9)] = None,
) -> HTMLResponse:
    """One webhook: what was sent, what waits, and how it is set up."""
    return await _one(wired, me, webhook_id, state=state, cursor=cursor, again=again)


@router.post("/{webhook_id}")
async def change_webhook(webhook_id: UUID, me: Admin, wired: Wired, request: Request) -> Response:
    """Change where it leads and what it is told."""
    form = WebhookForm.sent(await sent(request))
    before = WebhookForm.of(await _hook(wired, webhook_id))
    try:
        await webhooks.change(wired.database, wired.settings, webhook_id, form.read(WebhookChange, before))
    except (Invalid, Conflict) as err:
        return await _one(wired, me, webhook_id, status=err.status, form=form, wrong=wrong(err))
    return RedirectResponse(f"/webhooks/{webhook_id}", _SEE_OTHER)


@router.post("/{webhook_id}/active")
async def switch_webhook(webhook_id: UUID, me: Admin, wired: Wired, request: Request) -> Response:
    """Switch it off, or on again with what still waits for it."""
    active = text_of(await sent(request), "active") == "true"
    await webhooks.change(wired.database, wired.settings, webhook_id, WebhookChange(active=active))
    return RedirectResponse(f"/webhooks/{webhook_id}", _SEE_OTHER)


@router.post("/{webhook_id}/secret")
async def rotate_secret(webhook_id: UUID, me: Admin, wired: Wired) -> HTMLResponse:
    """Make a new secret, and show it this once."""
    try:
        made = await webhooks.rotate(wired.database, wired.settings, webhook_id)
    except Conflict as err:
        return await _one(wired, me, webhook_id, status=err.status, wrong=wrong(err))
    return await _one(wired, me, webhook_id, secret=made.secret)


@router.post("/{webhook_id}/ping")
async def ping_webhook(webhook_id: UUID, me: Admin, wired: Wired) -> Response:
    """Send a test event."""
    try:
        await webhooks.ping(wired.database, webhook_id)
    except Conflict as err:
        return await _one(wired, me, webhook_id, status=err.status, wrong=wrong(err))
    return _on_their_way(webhook_id, 1)


@router.post("/{webhook_id}/replay")
async def replay_deliveries(webhook_id: UUID, me: Admin, wired: Wired, request: Request) -> Response:
    """Send one event again, or everything since a moment in the reader's own time."""
    form = await sent(request)
    try:
        found = await webhooks.replay(wired.database, webhook_id, _wanted(form, await _zone(wired, me)))
    except Invalid as err:
        return await _one(wired, me, webhook_id, status=err.status, wrong=wrong(err), since=text_of(form, "since"))
    return _on_their_way(webhook_id, found.count)


@router.post("/{webhook_id}/remove")
async def remove_webhook(webhook_id: UUID, me: Admin, wired: Wired) -> Response:
    """Forget it and what was to be sent there. One that is gone already is as good."""
    with suppress(NotFound):
        await webhooks.delete(wired.database, webhook_id)
    return RedirectResponse("/webhooks", _SEE_OTHER)


def _wanted(form: Sent, zone: str) -> Replay:
    """What is to be sent again: one delivery, or everything since a moment in this zone."""
    if delivery := text_of(form, "delivery"):
        return filled(Replay, {"delivery": delivery})
    since = moment(form, "since", zone)
    if since is None:
        raise Invalid({"since": "is required: since when"})
    return filled(Replay, {"since": since})


def _on_their_way(webhook_id: UUID, count: int) -> RedirectResponse:
    return RedirectResponse(f"/webhooks/{webhook_id}?again={count}", _SEE_OTHER)


async def _hook(wired: Wiring, webhook_id: UUID) -> WebhookView:
    async with wired.database.autocommit() as connection:
        return WebhookView(**await webhooks.endpoint(connection, webhook_id))


async def _zone(wired: Wiring, me: Principal) -> str:
    """The time zone of who reads."""
    return (await users.user(wired.database, me.id)).timezone


async def _one(
    wired: Wiring, me: Principal, webhook_id: UUID, *, status: int = 200, state: State = None, cursor: Cursor = None, **more: Any
) -> HTMLResponse:
    """The page of one of them.

    Args:
        wired: what the application holds.
        me: who reads.
        webhook_id: which.
        status: of HTTP.
        state: of the deliveries to be listed; all when left out.
        cursor: where their list goes on.
        more: `wrong`, the form as it was sent (`form`, `since`), a `secret` to show once, how many events are on their way `again`.
    """
    hook = await _hook(wired, webhook_id)
    found = await webhooks.deliveries(wired.database, webhook_id, state=state, cursor=cursor, limit=_LISTED)
    context: dict[str, Any] = {
        "hook": hook,
        "found": found,
        "leads": await webhooks.leads_of(wired.database, found.items),
        "state": state,
        "cursor": cursor,
        "zone": await _zone(wired, me),
        "form": WebhookForm.of(hook),
        "wrong": {},
        "since": "",
        "secret": None,
        "again": None,
    }
    return page("webhook.html", status=status, **await frame(wired, me), **(context | more))
