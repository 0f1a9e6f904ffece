"""Thresholds that follow the reps' capacity: solved at publication, again when the team shrinks, and stored as a version."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from sqlalchemy import text

from activities import policies
from activities.database import Database
from activities.ledger import state_document, stored_state
from api.services import thresholds
from models.ids import uuid7
from models.lifecycle import Kept, Stage
from models.policy import Policy
from tests.activities.rows import TODAY, arrive, change, column, hire, now, one, published, state_of

RULE = "name: ours\nscore: {tiers: {mode: capacity, high_per_rep_per_week: 20}}"
_SCORES = text(
    """
    INSERT INTO scores (lead_id, number, at, score, points, model_version)
    SELECT l.id, 1, :at, n * 100.0 / :leads, 0, 'points'
    FROM (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM leads WHERE source = 'past') l"""
)
_LEADS = text(
    """
    INSERT INTO leads (id, search, created_at, seq, first_seq, stage, source, arrived_at, since, policy_version, closed, state)
    SELECT gen_random_uuid(), '', now(), 1, 1, 'lost', 'past', now(), now(), 1, true, '{}' FROM generate_series(1, :leads)"""
)


async def scored(database: Database, leads: int = 200, days: float = 14) -> None:
    """A past of leads whose scores are evenly spread."""
    async with database.connection() as connection:
        await connection.execute(_LEADS, {"leads": leads})
        await connection.execute(_SCORES, {"leads": leads, "at": now() - timedelta(days=days)})


async def resolved(database: Database) -> Policy | None:
    async with database.connection() as connection:
        return await policies.resolve(connection)


async def test_without_a_past_the_agreed_thresholds_hold_and_that_is_said(database: Database) -> None:
    await hire(database)
    policy = await published(database, RULE)
    assert (policy.score.tiers.high, policy.score.tiers.medium) == (60, 25)
    (account,) = await column(database, "SELECT solved FROM policies")
    assert (account["solved"], account["why"]) == (False, "The agreed thresholds hold: 0 scored leads in 0 days are too few.")


async def test_thresholds_are_solved_at_publication_and_again_when_the_team_shrinks(database: Database) -> None:
    reps = [await hire(database) for _ in range(3)]
    await scored(database)  # 100 leads a week, evenly spread: three reps at 20 take the best 60 in a hundred
    lead = await arrive(database)
    policy = await published(database, RULE)
    assert (policy.version, policy.score.tiers.high) == (1, 40)
    assert await resolved(database) is None  # nothing changed
    away = f'[{{"start": "{now().isoformat()}", "until": null}}]'
    await change(database, "UPDATE users SET absences = CAST(:away AS jsonb) WHERE id = :id", away=away, id=reps[0])
    await change(database, "UPDATE users SET active = false WHERE id = :id", id=reps[1])
    after = await resolved(database)
    assert after is not None
    assert (after.version, after.score.tiers.high, after.score.tiers.medium) == (2, 80, 33.5)
    assert after.agreed.digest == policy.agreed.digest
    row = await one(database, "SELECT origin, author_id, takes_effect, told, source, why FROM policies WHERE version = 2")
    assert (row.origin, row.author_id, row.takes_effect, row.told, row.source) == ("solver", None, "next_stage", 1, RULE)
    assert "2 reps can take on 20 high leads a week" in row.why
    assert await resolved(database) is None  # and it does not flap
    payloads = await column(database, "SELECT payload FROM outbox WHERE lead_id = :lead ORDER BY id", lead=lead)
    assert payloads == [{"version": 1}, {"version": 2, "takes_effect": "next_stage"}]


async def test_the_same_rule_published_again_is_no_new_version_whatever_was_solved(database: Database) -> None:
    await hire(database)
    await scored(database)
    first = await published(database, RULE)
    assert first.score.tiers.high != 60
    again = await published(database, "# the same\n" + RULE)
    assert again == first


async def test_fixed_thresholds_are_left_alone(database: Database) -> None:
    await hire(database)
    await scored(database)
    await published(database)
    assert await resolved(database) is None


async def test_a_start_with_an_old_file_does_not_undo_what_was_agreed_on_since(database: Database) -> None:
    file = "name: from the file"

    async def start(source: str) -> tuple[str, bool]:
        async with database.connection() as connection:
            policy, new = await policies.publish_file(connection, source, today=TODAY)
        return policy.name, new

    assert await start(file) == ("from the file", True)
    async with database.connection() as connection:
        room = Policy.model_validate({"name": "from the room"})
        await policies.bring(connection, room, "name: from the room", policies.Publication("room"))
    assert await start(file) == ("from the room", False)
    assert await start("name: a new file") == ("a new file", True)
    assert await start("name: a new file") == ("a new file", False)


async def test_the_program_looks_by_itself_soon_after_the_team_changed_and_leaves_an_unchanged_team_alone(database: Database) -> None:
    reps = [await hire(database) for _ in range(3)]
    await scored(database)
    await published(database, RULE)
    engine: Any = SimpleNamespace(outbox_filled=asyncio.Event())
    assert await thresholds.look(database, engine) is None
    await change(database, "UPDATE users SET active = false WHERE id = ANY(:ids)", ids=reps[:2])
    assert await thresholds.look(database, engine) == 2
    assert engine.outbox_filled.is_set()
    assert await thresholds.look(database, engine) is None
    assert await column(database, "SELECT origin FROM policies ORDER BY version") == ["file", "solver"]


def test_the_terms_a_lead_keeps_survive_the_database() -> None:
    state = state_of(uuid7(), Stage.CLAIMED, kept=Kept(3, Policy().terms))
    assert stored_state(state_document(state)) == state


async def test_scores_older_than_the_window_count_for_nothing(database: Database) -> None:
    await hire(database)
    await scored(database, days=40)
    await published(database, RULE)
    assert (await column(database, "SELECT solved ->> 'leads' FROM policies")) == ["0"]
