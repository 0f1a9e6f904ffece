"""A sync, a step at a time and without Temporal's schedule, and what there is to see of it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from temporalio.testing import ActivityEnvironment

from activities.crm import CrmActivities, configured
from api.deps import Wiring
from api.services.crm.landing import land
from models.crm import CrmMoved, CrmName, CrmOrder, Stream
from tests.crm.office import Office, Record
from tests.stack import Stack


@dataclass
class Sync:
    """The program and a CRM, to be synced by hand.

    Args:
        stack: the whole program.
        office: the CRM.
        crm: as what it is spoken to.
    """

    stack: Stack
    office: Office
    crm: CrmName

    @property
    def steps(self) -> CrmActivities:
        return CrmActivities(self.stack.database, self.stack.settings, configured(self.stack.settings))

    async def pull(self) -> int:
        return sum([await self._through(self.steps.pull, stream) for stream in (Stream.PEOPLE, Stream.DEALS)])

    async def push(self) -> int:
        return await self._through(self.steps.push, Stream.LEADS)

    async def forget(self) -> int:
        return await self._through(self.steps.forget, Stream.LEADS)

    async def land(self) -> None:
        wiring: Wiring = self.stack.app.state.wiring
        while await self.column("SELECT count(*) FROM crm_inbox") != [0]:
            await land(wiring.database, wiring.engine)

    async def both(self) -> int:
        """A whole sync with all that follows; how many records it wrote there."""
        await self.pull()
        await self.land()
        await self.forget()
        return await self.push()

    async def _through(self, step: Any, stream: Stream) -> int:
        count, moved, first = 0, CrmMoved(more=True), True
        while moved.more:
            moved = await ActivityEnvironment().run(step, CrmOrder(crm=self.crm, stream=stream, first=first))
            count, first = count + moved.count, False
        return count

    async def column(self, sql: str, **what: Any) -> list[Any]:
        async with self.stack.database.connection() as connection:
            return list((await connection.execute(text(sql), what)).scalars())

    async def record_of(self, lead: str) -> Record:
        """The CRM's record of a lead."""
        found = await self.column("SELECT external_id FROM crm_links WHERE lead_id = :lead", lead=UUID(lead))
        return self.office.records[found[0]]

    async def refused(self) -> list[str]:
        """Why things were not carried over."""
        return await self.column("SELECT reason FROM crm_refusals ORDER BY id")
