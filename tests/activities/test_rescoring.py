"""Scoring many leads again: judged in bulk, woken where it matters, counted once; and looking after the model in service."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio.testing import ActivityEnvironment

from activities.database import Database
from activities.scoring import registry
from activities.scoring.governing import GoverningActivities
from activities.scoring.judging import FELL_BACK, Judgement, ModelUnusable, judge_leads
from activities.scoring.registry import ModelKind, ModelState
from activities.scoring.rescoring import RescoringActivities
from models.ids import uuid7
from models.jobs import Due, RescoreChunk, RescoredChunk
from models.lifecycle import Stage, Tier
from models.tables import Batch, BatchLead
from tests.activities.rows import arrive, change, column, hire, now, one, published, state_of, store
from tests.scoring_history import past


class Fixed:
    """A judge that says the same of everybody."""

    def __init__(self, chance: float | None) -> None:
        self.chance = chance
        self.asked: list[tuple[str, int]] = []

    async def judge(self, connection: AsyncConnection, version: str, leads: Mapping[UUID, datetime]) -> Mapping[UUID, Judgement]:
        self.asked.append((version, len(leads)))
        if self.chance is None:
            raise ModelUnusable("it is gone")
        return {lead: Judgement(self.chance, [{"text": "Because", "points": 1.0, "at": None}], {"by": version}) for lead in leads}


async def champion(database: Database, version: str = "m1", **more: Any) -> None:
    async with database.connection() as connection:
        name, new = await registry.order(connection, ModelKind.HISTORY, outcome="won", user=None)
        assert (name, new) == (version, True)
        await registry.write(connection, version, state=ModelState.CHALLENGER.value, **more)
        await registry.promote(connection, version, None, "for the test")


async def standing(database: Database, stage: Stage = Stage.NURTURE, score: float = 40.0, tier: Tier = Tier.MEDIUM, **more: Any) -> UUID:
    return await arrive(database, state_of(uuid7(), stage, score=score, tier=tier, **more))


async def chunk(database: Database, judge: Fixed | None, **asked: Any) -> RescoredChunk:
    found: RescoredChunk = await ActivityEnvironment().run(RescoringActivities(database, judge).chunk, RescoreChunk(**asked))
    return found


async def test_a_batch_wakes_those_whose_score_moved_and_only_notes_the_others(database: Database) -> None:
    await published(database)
    await champion(database)
    user = await hire(database)
    same, moved = await standing(database), await standing(database, score=12.0, tier=Tier.LOW)
    closed = await standing(database, Stage.LOST, closed=True, deadline=None)
    batch = Batch(id=uuid7(), user_id=user, kind="rescore", state="waiting", count=3)
    await store(database, batch, *(BatchLead(batch_id=batch.id, lead_id=lead) for lead in (same, moved, closed)))
    judge = Fixed(0.4)
    found = await chunk(database, judge, batch=str(batch.id))
    assert (found.judged, found.woken, found.over, judge.asked) == (3, 1, True, [("m1", 3)])
    assert await column(database, "SELECT lead_id FROM outbox WHERE signal = 'rescore'") == [moved]
    row = await one(database, "SELECT lead_id, number, score, probability, model_version, reasons FROM scores")
    assert tuple(row) == (same, None, 40.0, 0.4, "m1", [{"text": "Because", "points": 1.0, "at": None}])
    done = await one(database, "SELECT state, done, refused, reasons FROM batches")
    assert tuple(done) == ("done", 3, 1, {"closed": 1})
    assert await column(database, "SELECT count(*) FROM batch_leads") == [0]
    assert await chunk(database, judge, batch=str(batch.id)) == RescoredChunk(over=True)


async def test_the_nightly_round_wakes_only_whose_tier_fades(database: Database) -> None:
    await published(database)
    await champion(database)
    fades = await standing(database, score=70.0, tier=Tier.HIGH)
    for lead in (
        await standing(database, score=30.0),
        await standing(database, score=5.0, tier=Tier.LOW),
        await standing(database, Stage.WORKING, score=70.0, tier=Tier.HIGH, owner=str(await hire(database)), owned_since=now()),
    ):
        assert lead != fades
    found = await chunk(database, Fixed(0.35), decayed=True)
    assert (found.judged, found.woken, found.over) == (2, 1, True)
    assert await column(database, "SELECT lead_id FROM outbox") == [fades]
    await change(database, "UPDATE model_changes SET at = now() - interval '2 hours'")
    looking = GoverningActivities(database).look
    assert (await ActivityEnvironment().run(looking)) == Due(rescore=True)
    everybody = await chunk(database, Fixed(0.35))
    assert (everybody.judged, everybody.woken) == (4, 4)
    assert (await ActivityEnvironment().run(looking)) == Due()


async def test_no_more_are_woken_while_those_woken_before_still_wait(database: Database) -> None:
    await published(database, "rescore: {bulk_per_second: 1}")
    for _ in range(3):
        await standing(database)
    first = await chunk(database, Fixed(0.9))
    assert (first.woken, first.wait) == (3, 3.0)
    await standing(database)
    behind = await chunk(database, Fixed(0.9), position=first.position)
    assert (behind.judged, behind.over, behind.position, behind.wait) == (0, False, first.position, 1.0)


async def test_a_model_that_fails_is_said_aloud_and_the_points_score(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[dict[str, Any]] = []
    monkeypatch.setattr("activities.scoring.judging._log.error", lambda event, **more: said.append({"event": event, **more}), raising=False)
    policy = await published(database)
    await champion(database)
    lead = await arrive(database, title="VP")
    before = FELL_BACK._value.get()
    async with database.connection() as connection:
        for judge in (Fixed(None), None):
            found = (await judge_leads(connection, [lead], policy, now(), judge))[lead]
            assert (found.version, found.score, found.probability) == ("points", 50.0, None)
        assert (await judge_leads(connection, [uuid4()], policy, now(), None)) == {}
    assert FELL_BACK._value.get() == before + 2
    assert [(one["model"], one["cause"]) for one in said] == [("m1", "it is gone"), ("m1", "this worker was started without models")]


async def test_drift_is_noted_on_the_model_and_told_once(database: Database) -> None:
    await published(database)
    await past(database, 160, days=5, version="m1", chance=0.95)
    await champion(database, report={"spread": [number / 10 for number in range(11)]}, content=b"{", columns={})
    await change(database, "UPDATE models SET promoted_at = now() - interval '60 days'")
    looking = GoverningActivities(database).look
    for _ in range(2):
        found: Due = await ActivityEnvironment().run(looking)
        assert found == Due()
    watch = await one(database, "SELECT watch FROM models")
    assert "PSI" in watch[0]["why"][0]
    assert sorted(await column(database, "SELECT role FROM notices WHERE kind = 'model_drifts'")) == ["manager", "marketer"]


async def test_a_model_is_ordered_by_the_clock_once_there_are_outcomes_and_a_lost_one_is_given_up(database: Database) -> None:
    await published(database)
    looking = GoverningActivities(database).look
    assert (await ActivityEnvironment().run(looking)) == Due()
    await past(database, 120, days=20)
    assert (await ActivityEnvironment().run(looking)) == Due(train="m1")
    assert (await ActivityEnvironment().run(looking)) == Due()
    await change(database, "UPDATE models SET created_at = created_at - interval '20 minutes'")
    assert (await ActivityEnvironment().run(looking)) == Due(train="m1")
    await change(database, "UPDATE models SET created_at = created_at - interval '8 days', state = 'training'")
    assert (await ActivityEnvironment().run(looking)) == Due(train="m2")
    assert await column(database, "SELECT state FROM models ORDER BY number") == ["failed", "waiting"]
