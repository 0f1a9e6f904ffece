"""The activities that train models and look after the one in service. The training itself runs in a process of its own."""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity

from activities import policies
from activities.database import Database, engine_errors
from activities.scoring import process, registry, watching
from activities.scoring.features import Features, features_of
from activities.scoring.inputs import cell, columns
from activities.scoring.judging import POINTS
from activities.scoring.outcomes import FEWEST, Example, History, Life, history, lives
from activities.scoring.registry import ModelKind, ModelState
from models.jobs import Due, Trained, TrainModel
from models.lifecycle import NoticeKind
from models.policy import Policy

_AT_ONCE = 250
_BEAT = 5.0
_AGAIN = timedelta(days=1)
"""A training that came to nothing, or to little, is not repeated sooner."""
_LOST = timedelta(hours=6)
_LAST = text("SELECT created_at, rows FROM models WHERE kind = 'history' ORDER BY number DESC LIMIT 1")
_NEVER_BEGUN = text(
    "SELECT version FROM models WHERE state = 'waiting' AND created_at < now() - interval '10 minutes' ORDER BY number LIMIT 1"
)
# an hour is more than it takes to begin; it may be going on still, and twice does no harm
_HALFWAY = text("SELECT EXISTS (SELECT FROM model_changes WHERE rescored_at IS NULL AND at < now() - interval '1 hour')")
_GIVE_UP = text(
    """
    UPDATE models SET state = 'failed', progress = NULL, why = '["It was begun and never came to an end."]'
    WHERE state IN ('waiting', 'training') AND created_at < now() - :lost"""
)
_log = structlog.get_logger()


class GoverningActivities:
    """Trains models, and watches the one in service.

    Args:
        database: where leads and models are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="train_model")
    async def train(self, job: TrainModel) -> Trained:
        """Train a version on all outcomes there are, and compare it with the champion. One that is trained already is left alone.

        Returns:
            Whether it is the champion now, which takes a policy that says so.

        Raises:
            ApplicationError: retryable, when the database is out of reach.
            Died: retryable, when the process it was trained in ended.
        """
        beating = asyncio.create_task(_beat())
        try:
            with engine_errors("a model could not be trained"):
                async with self._database.connection() as connection:
                    found = await registry.model(connection, job.version)
                    if found is None or found.state not in (ModelState.WAITING, ModelState.TRAINING):
                        return Trained(promoted=found is not None and found.state == ModelState.CHAMPION)
                    policy = await policies.latest(connection)
                    champion = await registry.champion(connection)
                    await registry.write(connection, job.version, state=ModelState.TRAINING.value, progress="reading the history")
                asked, known = await gathered(self._database, policy, champion)
            try:
                done = await process.run({**asked, "do": "train"}, lambda what: self._tell(job.version, what))
            except process.Impossible as err:
                done = {"content": None, "verdict": registry.DO_NOT_USE, "why": [str(err)]}
            with engine_errors("a model could not be stored"):
                return Trained(promoted=await self._keep(job.version, done, known, policy))
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating

    @activity.defn(name="model_failed")
    async def failed(self, job: TrainModel) -> None:
        """Note that a training failed for good."""
        with engine_errors("a failure could not be noted"):
            async with self._database.connection() as connection:
                found = await registry.model(connection, job.version)
                if found is not None and found.state in (ModelState.WAITING, ModelState.TRAINING):
                    why = ["The training was begun three times and broke off each time; the worker's log says how."]
                    await registry.write(connection, job.version, state=ModelState.FAILED.value, progress=None, why=why)

    @activity.defn(name="look_after_models")
    async def look(self) -> Due:
        """See how the model in service does, say so if it drifts, and order a new one if it is time."""
        with engine_errors("the model could not be looked after"):
            async with self._database.connection() as connection:
                policy = await policies.latest(connection)
                now = datetime.now(UTC)
                await connection.execute(_GIVE_UP, {"lost": _LOST})
                some = await lives(connection)
                known = history(some, policy.score.outcome, now)
                champion = await registry.champion(connection)
                if champion != POINTS:
                    await self._watch(connection, champion, policy.score.outcome, known.ripe, some, now)
                halfway: bool = (await connection.execute(_HALFWAY)).scalar_one()
                waiting: str | None = (await connection.execute(_NEVER_BEGUN)).scalar_one_or_none()
                if waiting is not None:
                    return Due(train=waiting, rescore=halfway)
                last = (await connection.execute(_LAST)).one_or_none()
                if not is_due(known, policy, now, None if last is None else (last.created_at, last.rows)):
                    return Due(rescore=halfway)
                version, _ = await registry.order(connection, ModelKind.HISTORY, outcome=policy.score.outcome, user=None)
        return Due(train=version, rescore=halfway)

    async def _watch(
        self, connection: AsyncConnection, champion: str, outcome: str, ripe: timedelta, some: Sequence[Life], now: datetime
    ) -> None:
        found = await registry.model(connection, champion)
        if found is None:
            return
        since = [life for life in some if found.promoted_at is not None and life.moment >= found.promoted_at]
        said = await watching.foretold(connection, champion, since)
        watch = watching.watched(said, found.report.get("spread", []), outcome, now, ripe)
        await registry.write(connection, champion, watch=watch)
        if watch["why"] and not (found.watch or {}).get("why"):
            _log.warning("the model in service drifts", model=champion, why=watch["why"])
            await registry.tell(connection, NoticeKind.MODEL_DRIFTS)

    def _tell(self, version: str, what: str) -> None:
        activity.heartbeat(what)
        task = asyncio.get_running_loop().create_task(self._progress(version, what))
        _TELLING.add(task)
        task.add_done_callback(_TELLING.discard)

    async def _progress(self, version: str, what: str) -> None:
        with suppress(Exception):  # it is only shown
            async with self._database.connection() as connection:
                await connection.execute(_PROGRESS, {"version": version, "progress": what})

    async def _keep(self, version: str, done: Mapping[str, Any], known: History, policy: Policy) -> bool:
        """Store what came of it.

        Returns:
            Whether it took over.
        """
        async with self._database.connection() as connection:
            await registry.write(connection, version, **fields_of(done, known))
            if done["content"] is None:
                return False
            better = bool(done["compared"] and done["compared"]["better"])
            found = await registry.model(connection, version)
            current = await registry.champion(connection)
            takes_over = better and policy.score.promotion == "automatic" and registry.obstacle(found, current) is None
            if takes_over:
                await registry.promote(
                    connection, version, None, "It is better than the champion, and the policy lets such a model take over."
                )
            await registry.tell(connection, NoticeKind.MODEL_PROMOTED if takes_over else NoticeKind.MODEL_TRAINED)
        return takes_over


_TELLING: set[asyncio.Task[None]] = set()
_PROGRESS = text("UPDATE models SET progress = :progress WHERE version = :version AND state = 'training'")


async def gathered(
    database: Database, policy: Policy, champion: str, *, only: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], History]:
    """Everything a training or a comparison needs, read in short transactions.

    Args:
        database: where leads are.
        policy: what a success is, and the tiers.
        champion: whom it is compared with.
        only: the features that are wanted, beside those the champion wants; None for all there are.

    Returns:
        The job, without what to do, and the history it is about.
    """
    async with database.autocommit() as connection:
        known = history(await lives(connection), policy.score.outcome, datetime.now(UTC))
        stored = await registry.file(connection, champion)
    enough = min(known.successes, len(known.examples) - known.successes) >= FEWEST
    features = await _features(database, known.examples) if enough else {}
    kept = {example.life.lead for example in known.examples} & features.keys() if enough else None
    if kept is not None:  # someone was erased meanwhile
        known = History(tuple(example for example in known.examples if example.life.lead in kept), known.ripe, known.said)
    against: dict[str, Any] = {"version": champion}
    if stored is not None:
        against |= {"content": base64.b64encode(stored.content).decode(), "columns": dict(stored.columns)}
    wanted = None if only is None else [*only.values(), *(stored.columns.values() if stored else ())]
    tiers = policy.score.tiers
    return {
        "columns": columns(known, features, wanted) if enough else {},
        "moments": [cell(example.life.moment) for example in known.examples],
        "labels": [int(example.success) for example in known.examples],
        "points": [example.life.points for example in known.examples],
        "outcome": policy.score.outcome,
        "tiers": {"medium": tiers.medium, "high": tiers.high},
        "champion": against,
    }, known


def is_due(known: History, policy: Policy, now: datetime, last: tuple[datetime, int] | None) -> bool:
    """Whether a model should be trained now, by schedule.

    Args:
        known: the outcomes there are.
        policy: how often, and after how many new ones.
        now: this moment.
        last: when the last training was ordered, and how many outcomes it learned from; None before the first.
    """
    if min(known.successes, len(known.examples) - known.successes) < FEWEST:
        return False
    if last is None:
        return True
    at, rows = last
    new = len(known.examples) - rows
    if now - at < min(_AGAIN, policy.score.retrain):
        return False
    return new >= policy.score.retrain_outcomes or (new > 0 and now - at >= policy.score.retrain)


async def _features(database: Database, examples: tuple[Example, ...]) -> dict[UUID, Features]:
    found: dict[UUID, Features] = {}
    for start in range(0, len(examples), _AT_ONCE):
        part = {example.life.lead: example.life.moment for example in examples[start : start + _AT_ONCE]}
        async with database.autocommit() as connection:
            found |= await features_of(connection, part)
    return found


def fields_of(done: Mapping[str, Any], known: History) -> dict[str, Any]:
    """The columns of `models` that follow from a training."""
    moments = [example.life.moment for example in known.examples]
    fields: dict[str, Any] = {
        "state": ModelState.FAILED.value if done["content"] is None else ModelState.CHALLENGER.value,
        "progress": None,
        "verdict": done["verdict"],
        "why": [*done["why"]],
        "rows": len(moments),
        "successes": known.successes,
        "learned_from": moments[0] if moments else None,
        "learned_until": moments[-1] if moments else None,
        "trained_at": datetime.now(UTC),
    }
    if done["content"] is None:
        return fields
    report = {**done["report"], "spread": done["spread"], "history": list(known.said)}
    more = {"metrics": done["metrics"], "figures": done["figures"], "compared": done["compared"], "columns": done["columns"]}
    return {**fields, **more, "report": report, "content": base64.b64decode(done["content"])}


async def _beat() -> None:
    """Say now and then that the training lives, so that Temporal gives it to another worker as soon as this one is gone."""
    while True:
        activity.heartbeat()
        await asyncio.sleep(_BEAT)
