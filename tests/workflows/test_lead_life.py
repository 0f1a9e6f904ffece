"""The four paths of the first 48 hours, in the real engine with time skipped."""

from datetime import timedelta

from temporalio.testing import WorkflowEnvironment

from models.lifecycle import EntryKind, Known, Role, Stage
from models.messages import Contact, Disposition, Release
from models.policy import Policy
from tests.workflows.world import World, born, claim, start, user, worker
from workflows.lead import LeadWorkflow

PLAIN = Policy.model_validate({"review": {"when": []}})
HIGH, MEDIUM, LOW = (Known(points=points, company=True) for points in (130, 60, 0))
SQL = {"budget_usd": 50_000, "authority": True, "need": True}


async def test_a_claimed_and_contacted_lead_stays_with_its_rep_until_won(env: WorkflowEnvironment) -> None:
    world, rep = World(PLAIN, known=MEDIUM), user()
    async with worker(env.client, world) as queue:
        lead = await start(env.client, queue, born(PLAIN, await env.get_current_time(), known=MEDIUM), PLAIN)
        assert (await claim(lead, rep)).owner == rep
        await lead.execute_update(LeadWorkflow.contact, Contact(rep=rep, channel="call", outcome="reached"))
        await lead.execute_update(LeadWorkflow.disposition, Disposition(actor=rep, outcome="qualified", criteria=SQL))
        await lead.execute_update(LeadWorkflow.disposition, Disposition(actor=rep, outcome="won", amount_usd=9))
        await lead.result()
        history = await lead.fetch_history()
    stages = [entry.to_stage for entry in world.ledger if entry.from_stage != entry.to_stage]
    assert stages == [Stage.CLAIMED, Stage.WORKING, Stage.QUALIFIED, Stage.WON]
    assert len(history.events) <= 70


async def test_a_high_lead_goes_to_a_rep_then_another_then_marketing(env: WorkflowEnvironment) -> None:
    world = World(PLAIN, known=HIGH, reps=(user(), user(), user()))
    async with worker(env.client, world) as queue:
        now = await env.get_current_time()
        lead = await start(env.client, queue, born(PLAIN, now, known=HIGH), PLAIN)
        await env.sleep(timedelta(hours=49))
        state = await lead.query(LeadWorkflow.state)
        owners = [entry.owner for entry in world.ledger if entry.to_stage is Stage.ASSIGNED and entry.kind is EntryKind.ASSIGNED]
        assert owners == [world.reps[0], world.reps[1]]
        assert (state.stage, state.owner) == (Stage.NURTURE, None)
        assert [holder.rep for holder in state.holders] == list(world.reps[:2])
        nurtured = next(entry for entry in world.ledger if entry.to_stage is Stage.NURTURE)
        assert nurtured.at - now <= timedelta(hours=48, seconds=1)
        await lead.terminate()


async def test_a_medium_lead_is_nurtured_and_promoted_when_its_score_rises(env: WorkflowEnvironment) -> None:
    world = World(PLAIN, known=MEDIUM, reps=(user(),))
    async with worker(env.client, world) as queue:
        lead = await start(env.client, queue, born(PLAIN, await env.get_current_time(), known=MEDIUM), PLAIN)
        await env.sleep(timedelta(hours=5))
        assert (await lead.query(LeadWorkflow.state)).stage is Stage.NURTURE
        world.known = HIGH
        await lead.signal("engage", {"stirring": True})
        await env.sleep(timedelta(minutes=6))
        state = await lead.query(LeadWorkflow.state)
        assert (state.stage, state.owner) == (Stage.ASSIGNED, world.reps[0])
        await lead.terminate()


async def test_a_low_lead_ends_by_itself_with_nobody_doing_anything(env: WorkflowEnvironment) -> None:
    world = World(PLAIN, known=LOW)
    async with worker(env.client, world) as queue:
        lead = await start(env.client, queue, born(PLAIN, await env.get_current_time(), known=LOW), PLAIN)
        await lead.result()
    stages = [entry.to_stage for entry in world.ledger if entry.from_stage != entry.to_stage]
    assert stages == [Stage.LONG_TERM, Stage.DISQUALIFIED]
    assert world.ledger[-1].kind is EntryKind.CLOSED
    assert "long-term:0:0" in world.sent
    assert "long-term:0:4" in world.sent


async def test_a_rep_who_hands_back_at_once_lets_the_campaign_go_on(env: WorkflowEnvironment) -> None:
    world, rep = World(PLAIN, known=MEDIUM), user()
    async with worker(env.client, world) as queue:
        lead = await start(env.client, queue, born(PLAIN, await env.get_current_time(), known=MEDIUM), PLAIN)
        await env.sleep(timedelta(hours=5))
        before = await lead.query(LeadWorkflow.state)
        await claim(lead, rep)
        paused = (await lead.query(LeadWorkflow.state)).nurture
        await lead.execute_update(LeadWorkflow.release, Release(rep=rep, note=user()))
        after = await lead.query(LeadWorkflow.state)
        assert (paused.paused, paused.next_at) == (True, None)
        assert after.stage is Stage.NURTURE
        assert (after.nurture.campaign, after.nurture.step) == (before.nurture.campaign, before.nurture.step)
        await lead.terminate()


async def test_no_score_in_time_lets_the_points_decide(env: WorkflowEnvironment) -> None:
    world = World(PLAIN, known=HIGH, reps=(user(),), away={"score": 1_000_000})
    async with worker(env.client, world) as queue:
        lead = await start(env.client, queue, born(PLAIN, await env.get_current_time(), known=HIGH), PLAIN)
        await env.sleep(timedelta(minutes=20))
        state = await lead.query(LeadWorkflow.state)
        assert (state.stage, state.score) == (Stage.ASSIGNED, 65.0)
        assert next(e for e in world.ledger if e.kind is EntryKind.SCORED).detail == (("points", 130.0), ("in_time", False))
        await lead.terminate()


async def test_with_enrichment_down_the_lead_is_scored_all_the_same(env: WorkflowEnvironment) -> None:
    world = World(PLAIN, known=MEDIUM, away={"enrich": 1_000_000})
    async with worker(env.client, world) as queue:
        lead = await start(env.client, queue, born(PLAIN, await env.get_current_time(), known=MEDIUM), PLAIN)
        await env.sleep(timedelta(minutes=3))
        assert (await lead.query(LeadWorkflow.state)).scored_at is not None
        await lead.terminate()


async def test_a_ledger_that_is_away_for_an_hour_loses_nothing_and_writes_nothing_twice(env: WorkflowEnvironment) -> None:
    world, rep = World(PLAIN, known=MEDIUM), user()
    async with worker(env.client, world) as queue:
        lead = await start(env.client, queue, born(PLAIN, await env.get_current_time(), known=MEDIUM), PLAIN)
        await env.sleep(timedelta(minutes=1))
        world.away["commit"] = 20
        world.roles[rep] = (Role.REP,)
        await lead.signal("claim", {"rep": rep})
        await env.sleep(timedelta(hours=1))
        assert [entry.seq for entry in world.ledger] == list(range(2, world.ledger[-1].seq + 1))
        await lead.terminate()
