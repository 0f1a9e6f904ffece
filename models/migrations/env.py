"""Runs migrations, one process at a time."""

from typing import Literal

from alembic import context
from sqlalchemy import create_engine, pool, text
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

import models.tables  # noqa: F401 - fills the metadata
from models.locks import MIGRATION_LOCK


def plain_text(kind: str, item: object, context: object) -> str | Literal[False]:
    """Migrations name the database's own types, so that they read the same whatever the tables are written with."""
    return "sa.String()" if kind == "type" and isinstance(item, AutoString) else False


engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "", poolclass=pool.NullPool)
with engine.connect() as connection:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
    connection.commit()
    context.configure(connection=connection, target_metadata=SQLModel.metadata, compare_type=True, render_item=plain_text)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
