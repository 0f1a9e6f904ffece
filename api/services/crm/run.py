"""The loop that lands what CRMs said, beside serving."""

import asyncio

import structlog

from activities.crm import configured
from activities.database import Database
from api.services.bulk.work import passes
from api.services.crm.landing import land
from api.services.engine import Engine
from models.settings import Settings

_log = structlog.get_logger()


async def run(database: Database, engine: Engine, settings: Settings) -> None:
    """Land what is in the inbox, until cancelled; ends at once where no CRM is configured.

    Args:
        database: where the inbox is.
        engine: the way to leads' workflows.
        settings: which CRMs there are, and how often to look.
    """
    if not configured(settings):
        return
    waiting = ""
    while True:
        more = False
        try:
            more, waiting = await land(database, engine), ""
        except Exception as err:
            if not passes(err):
                raise
            if waiting != type(err).__name__:
                waiting = type(err).__name__
                _log.warning("what CRMs said waits", cause=waiting)
        if not more:
            await asyncio.sleep(min(settings.sweep_every, 1.0))
