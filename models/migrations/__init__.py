"""The history of the tables (Alembic), and the one call that brings a database up to date."""

from pathlib import Path

from alembic import command
from alembic.config import Config


def config(url: str) -> Config:
    """Alembic's configuration for a database.

    Args:
        url: as SQLAlchemy wants it.
    """
    found = Config()
    found.set_main_option("script_location", str(Path(__file__).parent))
    found.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return found


def migrate(url: str) -> None:
    """Bring a database up to date; does nothing to one that is.

    Raises:
        sqlalchemy.exc.OperationalError: when it is out of reach.
    """
    command.upgrade(config(url), "head")
