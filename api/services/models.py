"""The scoring model: all versions, having one trained, installing one, and who is champion."""

import asyncio
import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from activities import policies
from activities.database import Database
from activities.scoring import process, registry
from activities.scoring.governing import gathered
from activities.scoring.judging import POINTS
from activities.scoring.outcomes import FEWEST, Life, against_the_score, history, lives
from activities.scoring.registry import ModelKind, ModelState
from api.auth import Principal
from api.errors import EngineAway, Invalid, NotFound, OutcomeUnknown, Refused
from api.services.engine import Engine
from models.ids import uuid7
from models.jobs import RescoreChunk, TrainModel
from models.schemas.common import Person
from models.schemas.models import (
    AgainstView,
    ChangeView,
    Comparison,
    ModelDetail,
    ModelInstalled,
    ModelsView,
    ModelView,
    OutcomesView,
)
from workflows.scoring import LAST, RescoringWorkflow, TrainingWorkflow

LARGEST = 64 << 20
"""Bytes of a model's file."""
_PATIENCE = 120.0
NOT_BETTER = "not_better"
"""The reason of a promotion that is refused."""
_POINTS_WHY = "The points table that sales and marketing agreed on. It scores until a model is better, and whenever a model cannot."
_FIELDS = ("title", "country", "source", "campaign", "interest", "message")
_GROUPS = ("attributes.", "enrichment.", "company.", "email.", "form.", "title.", "did.", "feature.")
_log = structlog.get_logger()


async def models(database: Database) -> ModelsView:
    """All versions, and what there is to learn from."""
    async with database.autocommit() as connection:
        rows = await registry.models(connection)
        current = await registry.champion(connection)
        made = await registry.changes(connection)
        outcome, some = await _lives(connection)
    known = history(some, outcome, datetime.now(UTC))
    against = against_the_score(some, outcome)
    return ModelsView(
        items=[*(_view(row, current) for row in rows), _points(current)],
        champion=current,
        outcomes=OutcomesView(successes=known.successes, failures=len(known.examples) - known.successes, fewest=FEWEST),
        against_the_score=AgainstView.model_validate(against),
        changes=[ChangeView(from_version=row.from_version, to_version=row.to_version, at=row.at, why=row.why, by=_by(row)) for row in made],
    )


async def model(database: Database, version: str) -> tuple[ModelDetail, list[dict[str, Any]]]:
    """One version with its report, and its plots.

    Raises:
        NotFound: when there is none of that name.
    """
    async with database.autocommit() as connection:
        current = await registry.champion(connection)
        if version == POINTS:
            return ModelDetail(**_points(current).model_dump()), []
        row = await registry.model(connection, version)
    if row is None:
        raise NotFound("model")
    return ModelDetail(**_view(row, current).model_dump(), report=row.report), row.figures


async def train(database: Database, engine: Engine, me: Principal, request: str | None) -> ModelView:
    """Have a model trained on our own history; where one is being trained already, that is it.

    Raises:
        EngineAway: when Temporal is out of reach; nothing was ordered.
    """
    async with database.connection() as connection:
        policy = await policies.latest(connection)
        version, new = await registry.order(connection, ModelKind.HISTORY, outcome=policy.score.outcome, user=me.id, request=request)
    try:
        await engine.begin(TrainingWorkflow.run, TrainModel(version=version), workflow_id=f"train-{version}", priority=LAST)
    except (EngineAway, OutcomeUnknown):
        if new:  # nobody is to see it waiting for ever, nor to be told it again by the same key
            async with database.connection() as connection:
                why = ["Temporal was out of reach, so the training never began."]
                await registry.write(connection, version, state=ModelState.FAILED.value, why=why, request=None)
        raise
    return (await model(database, version))[0]


async def install(database: Database, user: UUID | None, content: bytes, mapping: Mapping[str, str], request: str | None) -> ModelInstalled:
    """Install a model that `twoway train` made from another system's table, as a challenger.

    Args:
        database: where to.
        user: who installs it; None for whoever sits at the machine.
        content: its file.
        mapping: for its columns the lead's fields they are; those left out are found by name.
        request: by which the same order sent again is recognised.

    Raises:
        Invalid: when the file is no model, or the mapping names what is not there.
    """
    if not content or len(content) > LARGEST:
        raise Invalid({"file": "is empty" if not content else f"is larger than {LARGEST >> 20} MiB: no model is"})
    about = await _checked({"do": "check", "content": base64.b64encode(content).decode()})
    columns = mapped(about["fields"], mapping)
    async with database.connection() as connection:
        policy = await policies.latest(connection)
        champion = await registry.champion(connection)
    asked, known = await gathered(database, policy, champion, only=columns)
    measured: dict[str, Any] = {}
    if min(known.successes, len(known.examples) - known.successes) >= FEWEST:
        measured = await _checked({**asked, "do": "check", "content": base64.b64encode(content).decode(), "mapping": columns})
    told = about["about"]
    why = [f"It was trained elsewhere, on {told.get('rows', 0):,} rows, {told.get('successes', 0):,} of which succeeded."]
    fields = {
        "columns": columns,
        "content": content,
        "verdict": told.get("verdict"),
        "why": why,
        "rows": int(told.get("rows", 0)),
        "successes": int(told.get("successes", 0)),
        "trained_at": datetime.now(UTC),
        "metrics": measured.get("metrics", {}),
        "compared": measured.get("compared"),
    }
    async with database.connection() as connection:
        outcome = str(told.get("target") or policy.score.outcome)
        state = ModelState.CHALLENGER
        version, new = await registry.order(connection, ModelKind.INSTALLED, outcome=outcome, user=user, request=request, state=state)
        if new:
            await registry.write(connection, version, **fields)
    found = (await model(database, version))[0]
    unmapped = [name for name in about["fields"] if name not in columns]
    notes = [f"Columns that are never known here: {', '.join(unmapped)}."] if unmapped else []
    if not measured.get("compared"):
        notes.append("There are too few outcomes here yet to measure it, so its own verdict stands.")
    return ModelInstalled(**found.model_dump(exclude={"report"}), unmapped=unmapped, notes=notes)


async def promote(database: Database, engine: Engine, user: UUID | None, version: str) -> ModelView:
    """Make a version the champion, and have all open leads scored by it. `points` puts the points table back.

    Raises:
        NotFound: when there is none of that name.
        Refused: when it is not better than the champion; the message says the interval.
    """
    async with database.connection() as connection:
        await registry.alone(connection)
        current = await registry.champion(connection)
        why = "The points table was put back."
        if version != POINTS:
            row = await registry.model(connection, version)
            if row is None:
                raise NotFound("model")
            reason = None if current == version else registry.obstacle(row, current)
            if reason is not None:
                raise Refused(NOT_BETTER, reason)
            why = row.compared["why"] if row.compared else "It is the first model, and was installed."
            why = f"It was put back; it was champion before. {why}" if row.promoted_at is not None else why
        was = await registry.promote(connection, version, user, why)
    if was != version:
        await _rescore_all(engine, version)
    return (await model(database, version))[0]


def mapped(fields: list[str], wanted: Mapping[str, str]) -> dict[str, str]:
    """For each of a model's columns the feature it is; columns that are none of ours are left out.

    Args:
        fields: the model's columns.
        wanted: what was said of some of them.

    Raises:
        Invalid: when it names a column the model has not, or something no lead has; or nothing is left of the model.
    """
    wrong = {f"map.{name}": f"is no column of the model, which has: {', '.join(fields[:40])}" for name in wanted if name not in fields}
    for name, target in wanted.items():
        if name in fields and target and target not in _FIELDS and not target.startswith(_GROUPS):
            wrong[f"map.{name}"] = f"must be one of {', '.join(_FIELDS)}, or attributes.NAME, enrichment.NAME or company.NAME"
    if wrong:
        raise Invalid(wrong)
    found = {name: wanted.get(name) or (_plain(name) if _plain(name) in _FIELDS else f"attributes.{name}") for name in fields}
    found = {name: target for name, target in found.items() if wanted.get(name, " ")}
    if not found:
        raise Invalid({"map": "leaves nothing of the model: every one of its columns is mapped to nothing"})
    return {name: target.removeprefix("feature.") for name, target in found.items()}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]+", "_", name.lower().removeprefix("lead ")).strip("_")


async def _checked(job: dict[str, Any]) -> dict[str, Any]:
    try:
        async with asyncio.timeout(_PATIENCE):
            return await process.run(job)
    except TimeoutError:
        raise Invalid({"file": f"could not be looked at within {_PATIENCE:.0f} seconds"}) from None
    except process.Impossible as err:
        raise Invalid({"file": str(err)}) from None
    except process.Died:
        raise Invalid({"file": "cannot be read: it is no model, or a damaged one"}) from None


async def _rescore_all(engine: Engine, version: str) -> None:
    """Scores of the former model must not stay beside those of the new one. While Temporal is away they do; the hourly look mends it."""
    try:
        await engine.begin(RescoringWorkflow.run, RescoreChunk(), workflow_id=f"rescore-by-{version}-{uuid7()}", priority=LAST)
    except (EngineAway, OutcomeUnknown):
        _log.warning("open leads are scored by it once Temporal is back", model=version)


async def _lives(connection: AsyncConnection) -> tuple[str, list[Life]]:
    policy = await policies.latest(connection)
    return policy.score.outcome, await lives(connection)


def _view(row: Any, current: str) -> ModelView:
    reason = None if row.version == current else registry.obstacle(row, current)
    own = {name: value for name, value in row._mapping.items() if name in ModelView.model_fields and name != "compared"}
    compared = Comparison.model_validate(row.compared) if row.compared else None
    return ModelView(**own, compared=compared, by=_by(row), may_be_promoted=reason is None and row.version != current, obstacle=reason)


def _points(current: str) -> ModelView:
    mine = current == POINTS
    state = ModelState.CHAMPION if mine else ModelState.RETIRED
    return ModelView(version=POINTS, kind=POINTS, state=state.value, why=[_POINTS_WHY], may_be_promoted=not mine)


def _by(row: Any) -> Person | None:
    user: UUID | None = row.user_id
    return Person(id=user, name=row.user_name) if user is not None else None
