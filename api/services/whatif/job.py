"""Makes one replay, in a process of its own: `python -m api.services.whatif.job`, told which on its standard input.

A replay is a long calculation, which would hold up everybody whom a process of the API serves. Its own process can be
ended, gives its memory back, and gives way to the others.
"""

import gc
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, NullPool, bindparam, create_engine, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError

from api.errors import DatabaseAway, problem_of
from api.services.whatif import reading
from models.policy import Policy, stored_policy
from workflows.whatif.comparison import Comparison, Question, Watched

ELSEWHERE, AWAY = 3, 4
"""The exit codes when another process is at it, and when the database went out of reach."""
_POLITE = 5
_CONNECT = {"connect_timeout": 5, "options": "-c timezone=UTC -c statement_timeout=120000"}
_LOCK = text("SELECT pg_try_advisory_lock(:key)")
_ORDER = text("SELECT * FROM simulations WHERE id = :id AND state IN ('waiting', 'running')")
_BEGIN = text("UPDATE simulations SET state = 'running', leads = :leads, done = 0, touched_at = now() WHERE id = :id")
_GO_ON = text("UPDATE simulations SET done = :done, touched_at = now() WHERE id = :id AND state = 'running'")
_DONE = text(
    """
    UPDATE simulations SET state = 'done', done = leads, result = :result, finished_at = now(), touched_at = now()
    WHERE id = :id AND state = 'running'"""
).bindparams(bindparam("result", type_=JSONB))


class Cancelled(Exception):  # noqa: N818 - nothing is wrong
    """Nobody wants the result any more."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be replayed.

    Args:
        policy: the other agreement.
        since, until: when the leads arrived.
        without: ids of reps who are not there.
        as_of: up to when lives are told; None for now.
    """

    policy: Policy
    since: datetime
    until: datetime
    without: frozenset[str] = frozenset()
    as_of: datetime | None = None


Progress = Callable[[int, int], None]
"""Told how many of how many leads are done with."""


def compare(url: str, ask: Ask, progress: Progress) -> dict[str, Any]:
    """Replay leads under another agreement and compare.

    Args:
        url: of the database, as SQLAlchemy writes it.
        ask: what.
        progress: told how far it is; may raise to stop it.

    Returns:
        What `Comparison.result` gives, and how many leads could not be replayed.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=_CONNECT)
    try:
        with engine.connect() as connection:
            own = reading.policies(connection)
            question = _question(connection, ask, own)
            ids = reading.leads(connection, ask.since, ask.until)
            watched, chance, done = Watched(), Random(question.seed), 0  # noqa: S311 - the same every time
            for part in reading.parts(connection, ids, people=False):
                for past in part.pasts:
                    watched.watch(past, question.as_of, chance)
                done += part.leads
                progress(done // 2, len(ids))
            comparison = Comparison(question, watched, reading.apart(connection, ask.since, ask.until))
            for part in reading.parts(connection, ids, people=True):
                for past in part.pasts:
                    comparison.add(past)
                done += part.leads
                progress(done // 2, len(ids))
            found = comparison.result()
            return {**found, "unreplayable": len(ids) - found["leads"]}
    finally:
        engine.dispose()


def _question(connection: Connection, ask: Ask, own: dict[int, Policy]) -> Question:
    policy, as_of = _numbered(ask.policy, own), ask.as_of or datetime.now(UTC)
    return Question(policy, own, ask.since, ask.until, as_of, ask.without, reading.team(connection, policy))


def _numbered(policy: Policy, own: dict[int, Policy]) -> Policy:
    """With the number of the version that says the same, or the next one."""
    same = [version for version, published in own.items() if published.digest == policy.digest]
    return policy.numbered(max(same) if same else max(own, default=0) + 1)


def carry_out(url: str, simulation: UUID) -> int:
    """Make a replay that was ordered, and store what it found.

    Returns:
        The exit code.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database refuses what it is told.
    """
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=_CONNECT)
    try:
        with engine.connect() as connection:
            if not connection.execute(_LOCK, {"key": simulation.int & (1 << 63) - 1}).scalar_one():
                return ELSEWHERE
            order = connection.execute(_ORDER, {"id": simulation}).one_or_none()
            if order is None:
                return 0
            connection.execute(_BEGIN, {"id": simulation, "leads": 0})

            def progress(done: int, leads: int) -> None:
                if done <= reading.PART // 2:
                    connection.execute(_BEGIN, {"id": simulation, "leads": leads})
                if not connection.execute(_GO_ON, {"id": simulation, "done": done}).rowcount:
                    raise Cancelled  # noqa: TRY301 - from the depths of the calculation

            ask = Ask(stored_policy(0, order.rules), order.since, order.until, frozenset(order.without))
            found = compare(url, ask, progress)
            connection.execute(_DONE, {"id": simulation, "result": found})
    except Cancelled:
        return 0
    except DBAPIError as err:
        if isinstance(problem_of(err), DatabaseAway):
            return AWAY
        raise
    finally:
        engine.dispose()
    return 0


def main() -> None:
    """Make the replay that standard input names."""
    told = json.load(sys.stdin)
    os.nice(_POLITE)
    gc.disable()  # lives hold each other in no circles, and looking for some would take a fifth of the time
    sys.exit(carry_out(told["url"], UUID(told["id"])))


if __name__ == "__main__":
    main()
