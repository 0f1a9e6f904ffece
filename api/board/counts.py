"""How many leads wait in each of the board's lists: one query for everybody, at most once a second."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from uuid import UUID

from sqlalchemy import text

from activities.database import Database
from api.board.views import VIEWS, BoardView, stages_of
from models.lifecycle import CLOSED, Stage

EXACT = 1000
"""Up to here a count is exact; beyond it nobody works a list off by counting."""
PAUSE = 1.0
"""Seconds for which a count stands."""
_STAGES = [stage.value for stage in Stage if stage not in CLOSED]

# Every open lead has a deadline, so that indexes alone answer.
_COUNT = text(
    """
    SELECT
        (SELECT jsonb_object_agg(stage, (SELECT count(*) FROM (
            SELECT FROM leads l WHERE l.stage = s.stage AND l.deadline_at IS NOT NULL LIMIT :most) found))
         FROM unnest(CAST(:stages AS text[])) AS s (stage)) AS stages,
        (SELECT count(*) FROM (SELECT FROM leads WHERE handed_back_at IS NOT NULL LIMIT :most) found) AS handed_back,
        (SELECT coalesce(jsonb_object_agg(owner_id, held), '{}') FROM (
            SELECT owner_id, count(*) AS held FROM leads WHERE owner_id IS NOT NULL GROUP BY owner_id) found) AS owners"""
)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many open leads there are.

    Args:
        stages: in each stage, counted to just beyond `EXACT`.
        handed_back: that came back, counted so too.
        owners: in each owner's hands, by the owner's id.
    """

    stages: Mapping[str, int]
    handed_back: int
    owners: Mapping[str, int]

    def of(self, view: BoardView, reader: UUID) -> str:
        """How many are in a view, as the rail shows it to this reader; nothing where it does not count."""
        if not view.counted:
            return ""
        stages = stages_of(view)
        if stages is not None:
            found = sum(self.stages.get(stage, 0) for stage in stages)
        elif "handed_back" in view.wanted:
            found = self.handed_back
        else:
            found = self.owners.get(str(reader), 0)
        return f"{found:,}" if found <= EXACT else f"{EXACT:,}+"

    def document(self, reader: UUID) -> str:
        """Every view's count as this reader sees it, as JSON."""
        return json.dumps({slug: self.of(view, reader) for slug, view in VIEWS.items() if view.counted})


class Counter:
    """Counts, and remembers it for a moment however many ask.

    Args:
        database: where leads are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._alone = asyncio.Lock()
        self._found: tuple[float, Counts] | None = None

    async def counts(self, *, anew: bool = False) -> Counts:
        """The counts, at most `PAUSE` old; as of now with `anew`.

        Raises:
            sqlalchemy.exc.DBAPIError: when the database is out of reach.
        """
        async with self._alone:
            if self._found and not anew and monotonic() < self._found[0] + PAUSE:
                return self._found[1]
            async with self._database.connection() as connection:
                row = (await connection.execute(_COUNT, {"stages": _STAGES, "most": EXACT + 1})).one()
            found = Counts(row.stages, row.handed_back, row.owners)
            self._found = monotonic(), found
        return found
