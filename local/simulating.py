"""Replays for whoever sits at the machine: nothing is stored, what was found is printed."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table
from sqlalchemy import text

from activities.database import Database
from api.board.whatif import FIGURES, in_words
from api.services.whatif import orders
from api.services.whatif.job import Ask, Progress, compare
from local import Trouble
from models.policy import PolicyError, load_policy
from models.schemas.whatif import Bounded, Comparison
from models.settings import Settings

_REPS = text("SELECT id, email FROM users WHERE email = ANY(:emails)")
_SHOWN = 20


async def simulate(
    settings: Settings, file: Path, window: tuple[datetime | None, datetime | None], without: Sequence[str], progress: Progress
) -> Comparison:
    """Replay past leads under a policy file.

    Args:
        settings: where the database is.
        file: the other agreement.
        window: when the leads arrived; the last 30 days where left out.
        without: e-mail addresses of reps who are not there.
        progress: told how far it is.

    Raises:
        Trouble: when the file is no policy, somebody is unknown, or the window is empty.
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    try:
        policy = load_policy(file, today=datetime.now(UTC).date())
    except PolicyError as err:
        raise Trouble(str(err)) from None
    until = window[1] or datetime.now(UTC)
    since = window[0] or until - orders.WINDOW
    if since >= until:
        raise Trouble("--since must be before --until.")
    database = Database(settings)
    try:
        async with database.autocommit() as connection:
            found = {row.email: str(row.id) for row in await connection.execute(_REPS, {"emails": list(without)})}
            if unknown := set(without) - found.keys():
                raise Trouble(f"There is no user {', '.join(sorted(unknown))}.")
            ask = Ask(policy, since, until, frozenset(found.values()))
            result: Mapping[str, Any] = await asyncio.to_thread(compare, settings.sqlalchemy_url, ask, progress)
            return await orders.named(connection, result)
    finally:
        await database.close()


def report(found: Comparison) -> Group:
    """What was found, for a terminal."""
    figures = Table("Figure", "As it was", "As it would be", "Difference", "95 % interval", title="What would be different")
    for one in found.figures:
        change = one.difference
        figures.add_row(
            FIGURES[one.name], _plain(one.was), _plain(one.would), f"{change.value:+,.2f}", f"{change.low:,.2f} to {change.high:,.2f}"
        )
    reps = Table("Rep", "Had at a time", "Would have", "Got", "Would get", title="Who has how many leads")
    for rep in found.reps:
        reps.add_row(rep.rep.name, f"{rep.open_was:,.2f}", f"{rep.open_would:,.2f}", str(rep.was), f"{rep.would:,.1f}")
    leads = Table("Lead", "Score", "It was", "It would be", title="Leads that go another way")
    for lead in found.changed_leads[:_SHOWN]:
        leads.add_row(lead.name, "" if lead.score is None else f"{lead.score:.0f}", in_words(lead.was), in_words(lead.would))
    lines = [
        f"{found.leads} leads replayed, {found.unreplayable} cannot be; {found.changed:g} go another way.",
        f"Under their own agreement {found.exact.same} of {found.exact.checked} come out exactly as recorded.",
        *(f"Changed: {one.key}: {one.was or 'nothing'} -> {one.would or 'nothing'}." for one in found.changes),
        *(f"Makes no difference here: {one}." for one in found.not_simulated),
        *(f"- {one}" for one in found.assumptions),
    ]
    return Group(figures, *([reps] if found.reps else []), *([leads] if found.changed_leads else []), *lines)


def _plain(bounded: Bounded) -> str:
    return f"{bounded.value:,.2f} ({bounded.low:,.2f} to {bounded.high:,.2f})"
