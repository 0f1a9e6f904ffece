"""How syncing with CRMs goes: for admins, and for Prometheus."""

from datetime import datetime
from typing import Any

from prometheus_client import Gauge
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.crm import configured
from models.crm import CrmName, Stream
from models.schemas.crm import CrmRefusalView, CrmView
from models.settings import Settings

_SHOWN = 20
_CURSORS = text("SELECT stream, synced_at, count, problem, problem_at FROM crm_cursors WHERE crm = :crm")
_COUNTS = text(
    """
    SELECT (SELECT count(*) FROM crm_links WHERE crm = :crm AND lead_id IS NOT NULL AND gone_at IS NULL) AS linked,
        (SELECT count(*) FROM crm_inbox WHERE crm = :crm) AS waiting,
        (SELECT count(*) FROM crm_refusals WHERE crm = :crm) AS refused"""
)
_REASONS = text("SELECT reason, count(*) AS count FROM crm_refusals WHERE crm = :crm GROUP BY reason ORDER BY count(*) DESC, reason")
_LATEST = text("SELECT at, way, what, reason, external_id, lead_id FROM crm_refusals WHERE crm = :crm ORDER BY id DESC LIMIT :limit")
_AGE = Gauge("twoway_crm_seconds_since_sync", "How long ago every stream of a CRM was last synced without a problem.", ["crm"])
_RECORDS = Gauge("twoway_crm_records", "Records carried over so far.", ["crm", "stream"])
_WAITING = Gauge("twoway_crm_waiting", "Records of a CRM that were read and have not landed yet.", ["crm"])
_REFUSED = Gauge("twoway_crm_refused", "What was not carried over in the last 30 days.", ["crm"])


async def status(connection: AsyncConnection, settings: Settings) -> list[CrmView]:
    """Every CRM that is configured, or was synced once."""
    named = configured(settings)
    found = [await _of(connection, crm, crm in named) for crm in CrmName]
    return [view for view in found if view.configured or view.synced_at or view.linked]


async def _of(connection: AsyncConnection, crm: CrmName, named: bool) -> CrmView:
    streams = {row["stream"]: dict(row) for row in (await connection.execute(_CURSORS, {"crm": crm})).mappings()}
    counts = (await connection.execute(_COUNTS, {"crm": crm})).mappings().one()
    reasons = {row.reason: row.count for row in await connection.execute(_REASONS, {"crm": crm})}
    latest = (await connection.execute(_LATEST, {"crm": crm, "limit": _SHOWN})).mappings()
    troubled = [stream for stream in streams.values() if stream["problem"]]
    problem = max(troubled, key=lambda stream: stream["problem_at"], default=None)
    return CrmView(
        crm=crm,
        configured=named,
        synced_at=_synced(streams),
        problem=problem["problem"] if problem else None,
        problem_at=problem["problem_at"] if problem else None,
        pulled=sum(stream["count"] for name, stream in streams.items() if name != Stream.LEADS),
        pushed=streams[Stream.LEADS]["count"] if Stream.LEADS in streams else 0,
        refused=reasons,
        latest=[CrmRefusalView(**row) for row in latest],
        linked=counts["linked"],
        waiting=counts["waiting"],
    )


def _synced(streams: dict[str, dict[str, Any]]) -> datetime | None:
    """When the last complete sync was: all three streams got through."""
    moments = [stream["synced_at"] for stream in streams.values()]
    return min(moments) if len(moments) == len(Stream) and all(moments) else None


async def measure(connection: AsyncConnection) -> None:
    """Set the gauges of CRMs that were synced once."""
    for crm in CrmName:
        streams = {row["stream"]: dict(row) for row in (await connection.execute(_CURSORS, {"crm": crm})).mappings()}
        if not streams:
            continue
        counts = (await connection.execute(_COUNTS, {"crm": crm})).mappings().one()
        synced = _synced(streams)
        if synced is not None:
            _AGE.labels(crm).set((datetime.now(synced.tzinfo) - synced).total_seconds())
        for name, stream in streams.items():
            _RECORDS.labels(crm, name).set(stream["count"])
        _WAITING.labels(crm).set(counts["waiting"])
        _REFUSED.labels(crm).set(counts["refused"])
