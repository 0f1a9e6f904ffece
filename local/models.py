"""Models, for whoever sits at the machine: no sign-in is asked."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from activities.database import Database
from api.services import models
from api.services.engine import Engine
from local import Trouble
from models.settings import Settings


async def install(settings: Settings, path: Path, mapping: Mapping[str, str], *, promote: bool, out: Console) -> None:
    """Install a model that `twoway train` made, and say what came of it.

    Args:
        settings: where to.
        path: the model's file.
        mapping: which of a lead's fields its columns are, where their names do not say it.
        promote: whether it is to score at once.
        out: to print to.

    Raises:
        Trouble: when the file cannot be read.
        Problem: when it is no model, or may not score.
    """
    content = _content(path)
    database = Database(settings)
    engine = Engine(settings, database)
    try:
        found = await models.install(database, None, content, mapping, None)
        out.print(f"Installed as {found.version}. Verdict: {found.verdict}.", markup=False)
        for column, feature in found.columns.items():
            out.print(f"  {column} is {feature}", markup=False)
        for note in found.notes:
            out.print(note, markup=False)
        if promote:
            await engine.connect()
            await models.promote(database, engine, None, found.version)
            out.print(f"{found.version} scores every lead from now on. `points` is one call away: POST /api/models/points/promote.")
    finally:
        await engine.close()
        await database.close()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise Trouble(f"{path} cannot be read: {err.strerror}.") from None
