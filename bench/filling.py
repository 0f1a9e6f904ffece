"""Filling tables with so many rows that it must be quick."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import Database

_PATIENCE = "10min"
_INDEXES = text(
    """
    SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition FROM pg_index i
    WHERE i.indrelid = CAST(:table AS regclass) AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)"""
)


@asynccontextmanager
async def without_indexes(connection: AsyncConnection, *tables: str) -> AsyncIterator[None]:
    """Within a transaction, fill tables before their indexes are built and without asking of each row whether what it points to is there.

    Args:
        connection: as a superuser, in a transaction. Others wait for these tables until it ends.
        tables: the tables.
    """
    for setting in (f"statement_timeout = '{_PATIENCE}'", "session_replication_role = replica", "maintenance_work_mem = '256MB'"):
        await connection.execute(text(f"SET LOCAL {setting}"))
    found = [row for table in tables for row in await connection.execute(_INDEXES, {"table": table})]
    for index in found:
        await connection.execute(text(f"DROP INDEX {index.name}"))
    yield
    for index in found:
        await connection.exec_driver_sql(index.definition)


async def vacuum(database: Database) -> None:
    """Leave the tables as PostgreSQL's own upkeep would."""
    async with database.engine.connect() as raw:
        autocommit = await raw.execution_options(isolation_level="AUTOCOMMIT")
        for statement in (f"SET statement_timeout = '{_PATIENCE}'", "VACUUM (ANALYZE)", "CHECKPOINT"):
            await autocommit.exec_driver_sql(statement)
