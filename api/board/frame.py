"""What every page shows around its own part: who reads, the views and their counts, what they have not read yet."""

from datetime import UTC, datetime
from typing import Any

from api.auth import Principal
from api.board.views import VIEWS, BoardView
from api.deps import Wiring
from api.live import head
from api.services import messages


async def frame(wired: Wiring, me: Principal, view: BoardView | None = None) -> dict[str, Any]:
    """The context of a page that extends `frame.html`.

    Args:
        wired: what the application holds.
        me: who reads.
        view: the view the page is, where it is one.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    counts = await wired.hub.counter.counts()
    async with wired.database.connection() as connection:
        change = await head(connection)  # before anything of the page is read, so that the live feed misses nothing
        unread = await messages.unread(connection, me)
    return {
        "me": me,
        "current": view,
        "rail": [(one, counts.of(one, me.id)) for one in VIEWS.values()],
        "change": change,
        "unread": unread,
        "now": datetime.now(UTC),
        "demo_hour": wired.settings.demo_hour,
    }
