"""The history of the tables: what it makes is what the program expects, and its latest step can be undone."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlmodel import SQLModel

import models.tables
from models.migrations import config, migrate
from models.settings import Settings

assert models.tables.User.metadata is SQLModel.metadata  # loaded, so that the metadata holds every table


def test_the_migrations_make_the_tables_the_program_expects(settings: Settings) -> None:
    engine = create_engine(settings.sqlalchemy_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []
    engine.dispose()


def test_signing_in_can_be_undone_and_done_again(settings: Settings) -> None:
    added = {"sessions", "sign_in_links", "sign_in_attempts"}
    engine = create_engine(settings.sqlalchemy_url)
    assert added <= set(inspect(engine).get_table_names())
    command.downgrade(config(settings.sqlalchemy_url), "0001")
    assert added.isdisjoint(inspect(engine).get_table_names())
    assert "password_hash" not in {column["name"] for column in inspect(engine).get_columns("users")}
    migrate(settings.sqlalchemy_url)
    assert added <= set(inspect(engine).get_table_names())
    engine.dispose()


CAME_BACK = """
    INSERT INTO leads (id, search, created_at, seq, first_seq, stage, arrived_at, since, policy_version, closed, state)
    SELECT gen_random_uuid(), '', now(), 3, 1, stage, now(), '2026-03-02T10:00:00Z', 1, false,
        jsonb_build_object('holders', jsonb_build_array(jsonb_build_object('until', until)))
    FROM (VALUES ('nurture', '2026-03-02T10:00:00Z'), ('long_term', '2026-03-01T10:00:00Z'), ('disqualified', '2026-03-02T10:00:00Z'))
        AS found (stage, until)"""


def test_leads_that_came_back_before_there_was_a_board_are_on_it(settings: Settings) -> None:
    command.downgrade(config(settings.sqlalchemy_url), "0002")
    engine = create_engine(settings.sqlalchemy_url)
    with engine.begin() as connection:
        connection.execute(text(CAME_BACK))
    migrate(settings.sqlalchemy_url)
    with engine.begin() as connection:
        found = connection.execute(text("SELECT stage, handed_back_at = since FROM leads WHERE handed_back_at IS NOT NULL")).all()
    assert [tuple(row) for row in found] == [("nurture", True)]
    engine.dispose()
