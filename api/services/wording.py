"""What somebody proposes, understood and in writing: a change made anywhere but in the text itself keeps the text's comments and order."""

import re
from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy import text
from starlette.concurrency import run_in_threadpool

from activities import policies
from activities.database import Database
from api.errors import Invalid, NotFound
from models.policy import Policy, PolicyError, parse_policy, stored_policy
from models.policy.rewriting import as_yaml, rewritten
from models.schemas.policy import Proposed

_AT_LINE = re.compile(r"(\w+)(?:, line (\d+))?: ([^:\s]+): (.*)", re.DOTALL)
_REPLAY = text("SELECT name, source, rules, since, until FROM simulations WHERE id = :id")


class NotAPolicy(Invalid):
    """What was sent does not validate, so that nothing was stored.

    Args:
        where: the field it came in.
        err: what is wrong.
    """

    def __init__(self, where: str, err: PolicyError) -> None:
        fields: dict[str, str] = {}
        for problem in err.problems:
            found = _AT_LINE.fullmatch(problem)
            name = f"{where}.{found[3]}" if found else where
            said = (f"line {found[2]}: " if found[2] else "") + found[4] if found else problem
            fields[name] = f"{fields[name]}; {said}" if name in fields else said
        super().__init__(fields)
        self.fields["problems"] = err.problems


async def understood(wanted: Proposed, base: str) -> tuple[Policy, str]:
    """The policy somebody proposes, and its text.

    Args:
        wanted: what they sent: a text, or a document, which is written into the text it changes.
        base: that text.

    Raises:
        NotAPolicy: when it does not validate.
    """
    # A long text takes a while to read, in which others are served.
    return await run_in_threadpool(_understood, wanted, base, datetime.now(UTC).date())


def _understood(wanted: Proposed, base: str, today: date) -> tuple[Policy, str]:
    try:
        if wanted.source is not None:
            return parse_policy(wanted.source, today=today), wanted.source
        policy = parse_policy(as_yaml(wanted.document or {}), today=today)
        return policy, rewritten(base, policy, today=today)
    except PolicyError as err:
        raise NotAPolicy("source" if wanted.document is None else "document", err) from None


async def in_force(database: Database) -> str:
    """The text of the version in force.

    Raises:
        LookupError: when none was ever published.
    """
    async with database.autocommit() as connection:
        return await policies.source(connection)


async def amended(database: Database, wanted: Policy) -> str:
    """The text of the version in force, changed so that it says what another policy does."""
    return await run_in_threadpool(rewritten, await in_force(database), wanted, today=datetime.now(UTC).date())


async def of_replay(database: Database, simulation: UUID) -> tuple[str, str]:
    """The text and the reason of a proposal to agree on what a replay tried out.

    Raises:
        NotFound: when there is no such replay.
    """
    async with database.autocommit() as connection:
        row = (await connection.execute(_REPLAY, {"id": simulation})).one_or_none()
    if row is None:
        raise NotFound("simulation")
    as_written = row.source if not row.source.lstrip().startswith("{") else await amended(database, stored_policy(0, row.rules))
    days = f"from {row.since:%-d %b %Y} until {row.until:%-d %b %Y}"
    return as_written, f"What it would have done to the leads that arrived {days}: /what-if/{simulation}"
