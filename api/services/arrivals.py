"""Many leads come in together, as the rows of a file do: as the same leads that they would be one by one, in a single transaction.

What costs most of an arrival, round trips, a durable commit, the start of a workflow, is paid once for all of them or left to
the sweep, which starts workflows as fast as workers take them on. Until then they are visible, and whoever claims one starts it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import DataError
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.births import begin
from activities.database import Database
from activities.policies import in_force
from api.services import persons
from api.services.arrival import Known, TakenAlready, born
from api.services.engine import BULK
from models.schemas.fields import address_key
from models.schemas.leads import Submission

Receipts = Callable[[AsyncConnection, Sequence[int]], Awaitable[None]]
"""Notes in the transaction in which submissions land, named by their places, that they did; raises `TakenAlready` when one had before."""
TOGETHER = 128
"""How many at a time. Whoever changes a lead meanwhile waits for the tens of milliseconds that PostgreSQL takes for them."""
_KNOWN = text("SELECT email_key FROM leads WHERE email_key = ANY(:keys)")


async def take_in_together(database: Database, forms: Sequence[Submission], receipts: Receipts | None = None) -> set[int]:
    """Take in those of many submissions that need nothing but to be stored.

    Args:
        database: where to.
        forms: what was sent; `TOGETHER` at most.
        receipts: makes sure that what is sent again after a power cut lands once.

    Returns:
        The places of those that are new leads now. All others are as they were and to be taken in one by one (`arrival.take_in`): people
        who are known, also from earlier in the same file, and visitors of a website. None landed when there was a surprise: somebody
        became known in this very moment, a value cannot be stored, a receipt was there.

    Raises:
        LookupError: when no policy was ever published.
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    first = {address_key(form.email): place for place, form in reversed(list(enumerate(forms)))}
    try:
        async with database.connection() as connection:
            known = (await connection.execute(_KNOWN, {"keys": list(first)})).scalars() if first else ()
            for key in known:
                del first[key]
            places = sorted(place for place in first.values() if not forms[place].anonymous_id)
            if places:
                if receipts is not None:
                    await receipts(connection, places)
                await _begin(connection, [forms[place] for place in places])
    except (Known, TakenAlready, DataError, psycopg.DataError):
        return set()
    return set(places)


async def _begin(connection: AsyncConnection, forms: Sequence[Submission]) -> None:
    """Store submissions of people who are new.

    Raises:
        Known: when one of them is not; the transaction must not be committed.
    """
    policy, at = await in_force(connection), datetime.now(UTC)
    births = []
    for form, person in zip(forms, await persons.of_forms(connection, forms), strict=True):
        births.append(born(form, person, policy, at, BULK))
        await asyncio.sleep(0)  # whoever does something one by one goes before the next row
    if len(await begin(connection, births)) < len(births):
        raise Known
