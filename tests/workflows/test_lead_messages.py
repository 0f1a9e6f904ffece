"""How a lead's workflow is spoken to: updates, the same messages as plain signals, repeats, and what happens meanwhile."""

import asyncio
from datetime import timedelta

from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from models.lifecycle import EntryKind, Known, Role, Stage
from models.messages import Claim, Contact, Engage
from models.policy import Policy
from models.worktime import Away
from tests.workflows.world import REP, Lead, World, born, claim, moment, start, user, worker
from workflows.lead import LeadWorkflow

PLAIN = Policy.model_validate({"review": {"when": []}})
MEDIUM = Known(points=60, company=True)


async def told(lead: Lead, env: WorkflowEnvironment) -> Stage:
    """The stage once everything said so far was heard."""
    await env.sleep(timedelta(seconds=5))
    return (await lead.query(LeadWorkflow.state)).stage


async def test_of_fifty_claims_at_once_one_is_granted_and_the_others_hear_who_has_it(env: WorkflowEnvironment) -> None:
    world, reps = World(PLAIN, known=MEDIUM), [user() for _ in range(50)]
    async with worker(env.client, world) as queue:
        lead = await start(env.client, queue, born(PLAIN, await env.get_current_time(), known=MEDIUM), PLAIN)
        answers = await asyncio.gather(*(claim(lead, rep) for rep in reps))
        granted = [answer for answer in answers if answer.ok]
        assert len(granted) == 1
        assert {answer.owner for answer in answers} == {granted[0].owner}
        assert len([entry for entry in world.ledger if entry.kind is EntryKind.CLAIMED]) == 1
        await lead.terminate()


async def test_a_claim_is_in_the_ledger_before_it_is_answered(env: WorkflowEnvironment) -> None:
    world, rep = World(PLAIN, known=MEDIUM), user()
    async with worker(env.client, world) as queue:
        lead = await start(env.client, queue, born(PLAIN, await env.get_current_time(), known=MEDIUM), PLAIN)
        answer = await claim(lead, rep)
        assert world.commits[-1].state.seq >= answer.seq
        assert world.commits[-1].state.owner == rep
        await lead.terminate()


async def test_the_same_request_again_gets_the_same_answer_and_is_logged_once(env: WorkflowEnvironment) -> None:
    world, rep = World(PLAIN, known=MEDIUM), user()
    async with worker(env.client, world) as queue:
        lead = await start(env.client, queue, born(PLAIN, await env.get_current_time(), known=MEDIUM), PLAIN)
        await claim(lead, rep)
        call = Contact(rep=rep, channel="call", outcome="no_answer", request="key-1")
        first = await lead.execute_update(LeadWorkflow.contact, call)
        second = await lead.execute_update(LeadWorkflow.contact, call)
        assert first == second
        assert len([entry for entry in world.ledger if entry.kind is EntryKind.WORKED]) == 1
        await lead.terminate()


async def test_a_plain_claim_signal_is_granted_to_a_rep_and_to_nobody_else(env: WorkflowEnvironment) -> None:
    world, rep, stranger = World(PLAIN, known=MEDIUM), user(), user()
    world.roles[rep] = (Role.REP,)
    async with worker(env.client, world) as queue:
        lead = await start(env.client, queue, born(PLAIN, await env.get_current_time(), known=MEDIUM), PLAIN)
        await lead.signal("claim", {"rep": stranger})
        assert await told(lead, env) is Stage.NEW
        await lead.signal("claim", {"rep": "not even an id"})
        assert await told(lead, env) is Stage.NEW
        await lead.signal("claim", {"rep": rep})
        assert await told(lead, env) is Stage.CLAIMED
        await lead.terminate()


async def test_a_claim_signal_cannot_bring_its_own_permission(env: WorkflowEnvironment) -> None:
    world, stranger = World(PLAIN, known=MEDIUM), user()
    async with worker(env.client, world) as queue:
        lead = await start(env.client, queue, born(PLAIN, await env.get_current_time(), known=MEDIUM), PLAIN)
        await lead.signal("claim", Claim(rep=stranger, standing=REP))
        assert await told(lead, env) is Stage.NEW
        await lead.terminate()


async def test_every_signal_reaches_the_tree(env: WorkflowEnvironment) -> None:
    world, rep, boss = World(PLAIN, known=MEDIUM), user(), user()
    world.roles = {rep: (Role.REP,), boss: (Role.MANAGER,)}
    async with worker(env.client, world) as queue:
        lead = await start(env.client, queue, born(PLAIN, await env.get_current_time(), known=MEDIUM), PLAIN)
        await lead.signal("claim", {"rep": rep})
        await lead.signal("contact", {"rep": rep, "channel": "call", "outcome": "reached"})
        assert await told(lead, env) is Stage.WORKING
        await lead.signal("disposition", {"actor": boss, "by_manager": True, "outcome": "not_ready"})
        assert await told(lead, env) is Stage.WORKING
        await lead.signal("disposition", {"actor": rep, "outcome": "not_ready"})
        assert await told(lead, env) is Stage.NURTURE
        await lead.signal("override", {"actor": boss, "owner": rep, "note": user()})
        assert await told(lead, env) is Stage.ASSIGNED
        await lead.signal("release", {"rep": rep, "note": user()})
        assert await told(lead, env) is Stage.NURTURE
        scored = len([e for e in world.asked if e == "score"])
        await lead.signal("rescore", {})
        await told(lead, env)
        assert len([e for e in world.asked if e == "score"]) == scored + 1
        await lead.signal("consent", {"stopped": ["email"]})
        await told(lead, env)
        assert (await lead.query(LeadWorkflow.state)).unsubscribed == ("email",)
        await lead.terminate()


async def test_stirrings_within_the_debounce_window_are_one_rescore(env: WorkflowEnvironment) -> None:
    world = World(PLAIN, known=MEDIUM)
    async with worker(env.client, world) as queue:
        lead = await start(env.client, queue, born(PLAIN, await env.get_current_time(), known=MEDIUM), PLAIN)
        await env.sleep(timedelta(minutes=1))
        before = len([e for e in world.asked if e == "score"])
        for _ in range(20):
            await lead.signal("engage", Engage(stirring=True))
        await env.sleep(timedelta(minutes=6))
        assert len([e for e in world.asked if e == "score"]) == before + 1
        await lead.terminate()


async def test_a_claim_is_answered_while_scoring_hangs(env: WorkflowEnvironment) -> None:
    world, rep = World(PLAIN, known=MEDIUM, away={"score": 1_000_000, "enrich": 1_000_000}), user()
    async with worker(env.client, world) as queue:
        lead = await start(env.client, queue, born(PLAIN, await env.get_current_time(), known=MEDIUM), PLAIN)
        assert (await claim(lead, rep)).ok
        await lead.terminate()


async def test_a_changed_policy_moves_the_running_deadline_now(env: WorkflowEnvironment) -> None:
    world, rep = World(PLAIN, known=MEDIUM), user()
    async with worker(env.client, world) as queue:
        now = await env.get_current_time()
        lead = await start(env.client, queue, born(PLAIN, now, known=MEDIUM), PLAIN)
        await claim(lead, rep)
        shorter = Policy.model_validate({"review": {"when": []}, "deadlines": {"contact": "2h"}})
        await lead.signal("policy_changed", {"version": 7, "document": shorter.model_dump_json()})
        await lead.signal("policy_changed", {"version": 3, "document": PLAIN.model_dump_json()})
        await env.sleep(timedelta(minutes=1))
        moved = next(entry for entry in world.ledger if entry.kind is EntryKind.POLICY_CHANGED)
        assert moved.policy_version == 7
        assert moved.deadline is not None
        assert moved.deadline.at - now < timedelta(hours=2, minutes=1)
        await env.sleep(timedelta(hours=2))
        assert (await lead.query(LeadWorkflow.state)).stage is Stage.NURTURE
        await lead.terminate()


async def test_a_rep_who_falls_ill_moves_the_running_deadline_now(env: WorkflowEnvironment) -> None:
    world, rep = World(PLAIN, known=MEDIUM), user()
    async with worker(env.client, world) as queue:
        now = await env.get_current_time()
        lead = await start(env.client, queue, born(PLAIN, now, known=MEDIUM), PLAIN)
        await claim(lead, rep)
        before = (await lead.query(LeadWorkflow.state)).deadline
        away = Away(now, now + timedelta(hours=6))
        await lead.signal("retime", {"rep": rep, "away": [{"start": away.start, "until": away.until}]})
        await env.sleep(timedelta(minutes=1))
        after = (await lead.query(LeadWorkflow.state)).deadline
        assert before is not None
        assert after is not None
        assert timedelta(hours=5, minutes=59) < after.at - before.at <= timedelta(hours=6)
        assert [entry.kind for entry in world.ledger].count(EntryKind.RETIMED) == 1  # the first score may be written after it
        await lead.terminate()


async def test_a_life_goes_on_over_continue_as_new(restless: Client) -> None:
    world, rep = World(PLAIN, known=MEDIUM), user()
    async with worker(restless, world) as queue:
        lead = await start(restless, queue, born(PLAIN, moment(), known=MEDIUM), PLAIN)
        await claim(lead, rep)
        answers = []
        for number in range(40):
            call = Contact(rep=rep, channel="call", outcome="no_answer", request=f"key-{number}")
            current: WorkflowHandle[LeadWorkflow, None] = restless.get_workflow_handle_for(LeadWorkflow.run, lead.id)
            answers.append(await current.execute_update(LeadWorkflow.contact, call))
        current = restless.get_workflow_handle_for(LeadWorkflow.run, lead.id)
        state = await current.query(LeadWorkflow.state)
        again = await current.execute_update(LeadWorkflow.contact, Contact(rep=rep, channel="call", outcome="no_answer", request="key-3"))
        description = await current.describe()
        assert description.run_id != lead.first_execution_run_id
        assert all(answer.ok for answer in answers)
        assert (state.owner, state.touches) == (rep, 40)
        assert again == answers[3]
        assert [entry.seq for entry in world.ledger] == list(range(2, state.seq + 1))
        assert (
            description.typed_search_attributes.get(next(k.key for k in description.typed_search_attributes if k.key.name == "LeadStage"))
            == "claimed"
        )
        await current.terminate()


async def test_nothing_depends_on_the_workflow_staying_in_memory(env: WorkflowEnvironment) -> None:
    world, rep = World(PLAIN, known=MEDIUM), user()
    async with worker(env.client, world, max_cached_workflows=0) as queue:
        lead = await start(env.client, queue, born(PLAIN, await env.get_current_time(), known=MEDIUM), PLAIN)
        await claim(lead, rep)
        await lead.execute_update(LeadWorkflow.contact, Contact(rep=rep, channel="call", outcome="reached"))
        await env.sleep(timedelta(days=15))
        assert (await lead.query(LeadWorkflow.state)).stage is Stage.NURTURE
        await lead.terminate()
