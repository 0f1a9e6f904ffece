"""What leaves for other programs and for people elsewhere, beside serving."""

import asyncio

from activities.database import Database
from activities.posting import Poster
from api.services import forms, notice_queue, webhooks
from api.services.notice_queue import NoticeQueue
from api.services.webhook_queue import AT_ONCE, WebhookQueue
from models.settings import Settings

_CHAT_SECONDS = 10.0


async def run(database: Database, settings: Settings) -> None:
    """Deliver webhooks and notices until cancelled.

    Args:
        database: where the queues are.
        settings: how to deliver.
    """
    # Room for every endpoint to hang with all it is given, so that none is kept waiting by others.
    room = webhooks.MOST * AT_ONCE
    async with (
        Poster(settings, settings.webhook_timeout, room) as hooks,
        Poster(settings, _CHAT_SECONDS) as chats,
        asyncio.TaskGroup() as both,
    ):
        both.create_task(WebhookQueue(database, settings, hooks).run())
        both.create_task(NoticeQueue(database, settings, chats).run())


async def prune(database: Database) -> None:
    """Forget what left long ago.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    await webhooks.prune(database)
    await notice_queue.prune(database)
    await forms.prune(database)
