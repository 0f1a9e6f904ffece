"""Leads for which nobody is free: having them asked again when that may have changed."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_MOST = 500
"""So many are asked at once, those that come first; the others' turn comes when these are served, or by `routing.retry`."""

_WAKE = text(
    f"""
    INSERT INTO outbox (lead_id, signal, payload, created_at)
    SELECT q.lead_id, 'place_freed', '{{}}', now() FROM routing_queue q JOIN leads w ON w.id = q.lead_id
    ORDER BY coalesce(w.score, q.score) DESC NULLS LAST, q.since, q.lead_id LIMIT {_MOST}"""  # noqa: S608 - a constant of ours
)


async def wake(connection: AsyncConnection) -> None:
    """Have the leads that wait for a rep asked again, in the caller's transaction. Once it is committed, set `engine.outbox_filled`.

    Args:
        connection: in the transaction that changed what reps there are or what they can take.
    """
    await connection.execute(_WAKE)
