"""A dry run over more leads than are looked at in one go is what the tree says of each of them, one by one."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

from sqlalchemy import text

from activities.database import Database
from activities.ledger import stored_state
from api.services.dry_run import LISTED, dry_run
from models.ids import uuid7
from models.lifecycle import Deadline, DeadlineKind, Stage, TakesEffect, Tier
from models.messages import PolicyChanged
from models.policy import Policy
from tests.activities.rows import HOUR, arrive, now, published, state_of
from workflows.decision import decide

_COPY = text(
    """
    INSERT INTO leads (id, search, seq, first_seq, first_name, stage, deadline_kind, deadline_at, arrived_at, since,
        policy_version, closed, state, created_at)
    SELECT uuidv7(), search, seq, first_seq, first_name, stage, deadline_kind, deadline_at, arrived_at, since,
        policy_version, closed, state, created_at
    FROM leads, generate_series(1, :times)"""
)
SHORTER = Policy.model_validate({"deadlines": {"contact": "2h", "nurture_stale": "10d"}, "score": {"tiers": {"high": 80, "medium": 30}}})


async def _company(database: Database) -> int:
    """Leads that claimed, nurtured and new ones at random points of their stages, under two versions, with closed ones in between."""
    chance, due = (
        Random(5),
        {Stage.CLAIMED: DeadlineKind.CONTACT, Stage.NURTURE: DeadlineKind.NURTURE_STALE, Stage.NEW: DeadlineKind.CLAIM_WINDOW},
    )
    await published(database, "{name: first, deadlines: {contact: 24h}}")
    await published(database, "{name: second, deadlines: {contact: 36h}}")
    for number in range(40):
        since, stage = now() - chance.random() * 24 * HOUR, chance.choice(list(due))
        how = {"owner": str(uuid7()), "owned_since": since} if stage is Stage.CLAIMED else {}
        lasts = {Stage.CLAIMED: (24 + 12 * (number % 2)) * HOUR, Stage.NURTURE: timedelta(days=30), Stage.NEW: 25 * HOUR}[stage]
        state = state_of(
            uuid7(),
            stage,
            **how,
            policy_version=1 + number % 2,
            deadline=Deadline(due[stage], since + lasts, since),
            tier=chance.choice(list(Tier)),
            score=chance.uniform(0, 100),
        )
        state.since = state.quiet_since = state.scored_at = since
        await arrive(database, state, owner_id=None)
    await arrive(database, state_of(uuid7(), Stage.WON, closed=True, deadline=None))
    async with database.connection() as connection:
        await connection.execute(_COPY, {"times": 32})
        await connection.execute(text("ANALYZE leads"))
        spoilt = "UPDATE leads SET state = '{}' WHERE id = (SELECT id FROM leads WHERE NOT closed ORDER BY id LIMIT 1)"
        await connection.execute(text(spoilt))
        return int((await connection.execute(text("SELECT count(*) FROM leads WHERE NOT closed"))).scalar_one())


async def _slowly(database: Database, takes_effect: TakesEffect, at: datetime) -> tuple[Counter[str], list[float], int]:
    """Which deadlines move by stage, where to, and how many tiers change."""
    terms = {version: Policy.model_validate({"deadlines": {"contact": f"{12 + 12 * version}h"}}).terms for version in (1, 2)}
    moved, ends, tiers = Counter[str](), list[float](), 0
    async with database.connection() as connection:
        for row in await connection.execute(text("SELECT policy_version, state FROM leads WHERE NOT closed AND state <> '{}'")):
            before = stored_state(row.state)
            event = PolicyChanged(at=at, version=3, document="", takes_effect=takes_effect, former=terms[row.policy_version])
            after = decide(before, event, SHORTER.numbered(3)).state
            tiers += before.tier != after.tier
            assert before.deadline is not None
            if after.deadline is None or after.deadline.at != before.deadline.at:
                moved[before.stage] += 1
                ends.append(after.deadline.at.timestamp() if after.deadline else float("inf"))
    return moved, sorted(ends), tiers


async def test_a_dry_run_in_batches_says_what_the_tree_says_of_every_lead(database: Database) -> None:
    leads = await _company(database)
    assert leads > 1300
    found = await dry_run(database, SHORTER, TakesEffect.NOW)
    moved, ends, tiers = await _slowly(database, TakesEffect.NOW, found.at)
    assert (found.leads, found.unreadable) == (leads - 1, 1)
    assert {one.stage: one.moved for one in found.stages if one.moved} == dict(moved)
    assert {Stage.CLAIMED, Stage.NURTURE} <= moved.keys()
    assert (found.moved, found.tiers, found.tiers > 0) == (moved.total(), tiers, True)
    assert found.past == sum(end < found.at.timestamp() for end in ends)
    listed = [one.new_at.timestamp() if one.new_at else float("inf") for one in found.first]
    assert listed == ends[:LISTED]
    assert sum(one.leads for one in found.stages) == found.leads


async def test_what_begins_with_the_next_stage_moves_nothing_that_runs(database: Database) -> None:
    leads = await _company(database)
    found = await dry_run(database, SHORTER, TakesEffect.NEXT_STAGE)
    moved, ends, _ = await _slowly(database, TakesEffect.NEXT_STAGE, found.at)
    assert (found.leads, found.moved) == (leads - 1, moved.total())
    assert len(found.first) == min(len(ends), LISTED)


async def test_a_dry_run_without_leads_says_so(database: Database) -> None:
    await published(database)
    found = await dry_run(database, SHORTER, TakesEffect.NOW)
    assert (found.leads, found.moved, found.stages, found.first) == (0, 0, [], [])
    assert found.at <= datetime.now(UTC)
