"""The steps of a sync. Each is one page or one batch, and may be done again: what it repeats changes nothing more."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.crm import store
from activities.crm.configured import Opened
from activities.crm.protocol import FOR_PEOPLE, Crm, CrmError
from activities.crm.pushing import write_out
from activities.database import Database, engine_errors
from models.crm import CrmMoved, CrmName, CrmOrder, Stream
from models.locks import CRM_LOCKS
from models.settings import Settings


class CrmActivities:
    """Reads what changed in a CRM into the inbox, and writes leads that changed.

    Args:
        database: where leads are.
        settings: when syncing begins, and what becomes of the erased.
        crms: those that are configured.
    """

    def __init__(self, database: Database, settings: Settings, crms: Mapping[CrmName, Opened]) -> None:
        self._database, self._settings, self._crms = database, settings, crms

    @activity.defn(name="crm_pull")
    async def pull(self, order: CrmOrder) -> CrmMoved:
        """Read the next page of what changed into the inbox. The API lands it from there: it knows how leads come in.

        The page and the new position are one transaction, so a power cut repeats a page and loses none.

        Raises:
            ApplicationError: `CrmAway`, `CrmLimited`, `CrmMalformed`, `CrmRefused`, retryable; `CrmUnauthorized`,
                `CrmSchema`, which are for people to mend.
        """
        async with self._talking(order) as (crm, connection):
            async with connection.begin():
                at = await store.cursor(connection, order.crm, order.stream, self._settings.crm_since)
            since = at["since"] - crm.lag if order.first and not at["position"] else at["since"]
            page = await crm.changed_since(order.stream, since, at["position"])
            async with connection.begin():
                count = len(await store.take(connection, order.crm, page.records, at["started_at"]))
                until = max(page.since, at["since"]) if not page.more else page.since
                await store.moved(connection, order.crm, order.stream, count, since=until, position=page.after)
        return CrmMoved(count=count, more=page.more)

    @activity.defn(name="crm_push")
    async def push(self, order: CrmOrder) -> CrmMoved:
        """Write the next leads that changed. A lead that the CRM has news of waits until these have landed.

        Raises:
            ApplicationError: as for `pull`.
        """
        async with self._talking(order) as (crm, connection):
            async with connection.begin():
                at = await store.cursor(connection, order.crm, Stream.LEADS, None)
                rows, change, more = await store.leads_to_write(connection, order.crm, at["change"], crm.batch)
            count = await write_out(crm, connection, rows)
            async with connection.begin():
                await store.moved(connection, order.crm, Stream.LEADS, count, change=change)
        return CrmMoved(count=count, more=more)

    @activity.defn(name="crm_forget")
    async def forget(self, order: CrmOrder) -> CrmMoved:
        """Delete the records of people who were erased, where the settings say so.

        Raises:
            ApplicationError: as for `pull`.
        """
        async with self._talking(order) as (crm, connection):
            async with connection.begin():
                ids = await store.to_forget(connection, order.crm, crm.batch)
            if ids and self._settings.crm_erase == "delete":
                await crm.forget(ids)
            async with connection.begin():
                await store.forgotten(connection, order.crm, ids)
            return CrmMoved(count=len(ids), more=len(ids) == crm.batch)

    @asynccontextmanager
    async def _talking(self, order: CrmOrder) -> AsyncIterator[tuple[Crm, AsyncConnection]]:
        """A CRM and a connection, alone with this CRM; failures in our words."""
        opened = self._crms.get(order.crm)
        if opened is None:
            raise ApplicationError("this CRM is not configured on this worker", type="CrmUnconfigured", non_retryable=True)
        with engine_errors("the CRM could not be synced"):
            async with opened() as crm, self._database.locked(CRM_LOCKS[order.crm]) as connection:
                try:
                    yield crm, connection
                except CrmError as err:
                    async with connection.begin():
                        await store.troubled(connection, order.crm, order.stream, err.trouble.value)
                    raise ApplicationError(
                        f"{order.crm} could not be synced ({err.trouble})",
                        type=f"Crm{err.trouble.capitalize()}",
                        non_retryable=err.trouble in FOR_PEOPLE,
                        next_retry_delay=err.after,
                    ) from None
