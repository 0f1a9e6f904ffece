"""Writes the next migration: what `models/tables` says and a fresh database does not have yet.

`python -m local.migration "what changes"`, which is what `make migration` runs. Read what it writes: a column that is
renamed looks to it like one dropped and another added.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from local import Trouble
from local.folder import Folder
from local.postgres import Postgres
from models.migrations import config, migrate
from models.settings import Settings


def write(message: str) -> Path:
    """Write a migration and say where.

    Args:
        message: what it changes, in a few words.

    Raises:
        Trouble: when PostgreSQL does not start.
    """
    with TemporaryDirectory(prefix="twoway-migration-") as place:
        folder = Folder(Path(place))
        folder.prepare()
        postgres = Postgres(folder, _silent)
        try:
            url = Settings(database_url=postgres.start()).sqlalchemy_url
            migrate(url)
            return _compare(config(url), message)
        finally:
            postgres.stop()


def _compare(settings: Config, message: str) -> Path:
    settings.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    following = len(list(ScriptDirectory.from_config(settings).walk_revisions())) + 1
    script = command.revision(settings, message, autogenerate=True, rev_id=f"{following:04}")
    if script is None or isinstance(script, list):
        raise Trouble("Alembic wrote no single migration.")
    return Path(script.path)


def _silent(_: str) -> None:
    """What PostgreSQL's start has to say interests nobody here."""


if __name__ == "__main__":
    if not sys.argv[1:] or not sys.argv[1].strip():
        sys.exit('Say what changes: make migration m="tags on leads"')
    sys.stdout.write(f"{write(sys.argv[1].strip())}\n")
