"""Webhooks: telling other programs what happens to leads. Admins manage them."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from api.deps import Configured, Db, require
from api.services import webhooks
from models.schemas.common import Limit, Page
from models.schemas.integrations import DeliveryView, NewWebhook, Replay, Replayed, WebhookChange, WebhookMade, WebhookSecret, WebhookView

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"], dependencies=[Depends(require())])


@router.get("")
async def list_webhooks(database: Db) -> Page[WebhookView]:
    """All webhooks, without their secrets."""
    return await webhooks.endpoints(database)


@router.post("", status_code=201)
async def create_webhook(database: Db, settings: Configured, form: NewWebhook, response: Response) -> WebhookMade:
    """Make a webhook. Its secret is shown this once."""
    response.headers["Cache-Control"] = "no-store"
    return await webhooks.create(database, settings, form)


@router.get("/{webhook_id}")
async def see_webhook(database: Db, webhook_id: UUID) -> WebhookView:
    """One webhook."""
    async with database.autocommit() as connection:
        return WebhookView(**await webhooks.endpoint(connection, webhook_id))


@router.patch("/{webhook_id}")
async def change_webhook(database: Db, settings: Configured, webhook_id: UUID, form: WebhookChange) -> WebhookView:
    """Change what is named. `active: true` switches one on again that had failed for days."""
    return await webhooks.change(database, settings, webhook_id, form)


@router.delete("/{webhook_id}", status_code=204)
async def delete_webhook(database: Db, webhook_id: UUID) -> None:
    """Forget a webhook and what was to be sent there."""
    await webhooks.delete(database, webhook_id)


@router.post("/{webhook_id}/secret")
async def rotate_secret(database: Db, settings: Configured, webhook_id: UUID, response: Response) -> WebhookSecret:
    """Make a new secret, shown this once. For a day events carry the signatures of both."""
    response.headers["Cache-Control"] = "no-store"
    return await webhooks.rotate(database, settings, webhook_id)


@router.post("/{webhook_id}/ping", status_code=202)
async def ping_webhook(database: Db, webhook_id: UUID) -> DeliveryView:
    """Send a test event."""
    return await webhooks.ping(database, webhook_id)


@router.get("/{webhook_id}/deliveries")
async def list_deliveries(
    database: Db,
    webhook_id: UUID,
    state: Literal["waiting", "delivered", "failed"] | None = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> Page[DeliveryView]:
    """What was sent and what waits, the latest first; kept for 30 days."""
    return await webhooks.deliveries(database, webhook_id, state=state, cursor=cursor, limit=limit)


@router.post("/{webhook_id}/replay", status_code=202)
async def replay_deliveries(database: Db, webhook_id: UUID, form: Replay) -> Replayed:
    """Send again, with the same ids: one delivery, or everything since a moment."""
    return await webhooks.replay(database, webhook_id, form)
