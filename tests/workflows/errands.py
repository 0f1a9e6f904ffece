"""Runs of the workflows that are no leads': scoring, models, digests, upkeep and CRMs, with activities that answer what is written here.

`tests.workflows.scenarios` records their histories beside those of leads.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from temporalio import activity
from temporalio.client import Client, WorkflowFailureError, WorkflowHistory
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from models.crm import CrmMoved, CrmName
from models.jobs import Due, RescoreChunk, RescoredChunk, Trained, TrainModel
from models.messages import DigestPlan
from tests.engines import skipping
from worker import WORKFLOWS
from workflows.crm import CrmSync
from workflows.digest import DigestWorkflow
from workflows.refreshing import BATCH, RefreshWorkflow
from workflows.sandbox import Sandbox
from workflows.scoring import ModelCareWorkflow, RescoringWorkflow, TrainingWorkflow

LEAD, USERS = "01890000-0000-7000-8000-000000000001", ("01890000-0000-7000-8000-000000000002", "01890000-0000-7000-8000-000000000003")
FAULT = ApplicationError("a fault", type="ValueError", non_retryable=True)
AWAY = ApplicationError("away", type="DatabaseAway")


@dataclass(frozen=True)
class Errand:
    """One run.

    Args:
        workflow: whose.
        asked: what it is started with.
        answers: what each activity answers, one time after the other; an exception is raised.
    """

    workflow: type
    asked: tuple[Any, ...] = ()
    answers: Mapping[str, Sequence[Any]] = field(default_factory=dict)


ERRANDS = {
    "all_leads_rescored_in_two_chunks": Errand(
        RescoringWorkflow,
        (RescoreChunk(),),
        {"rescore_chunk": [AWAY, RescoredChunk(position=LEAD, judged=64, wait=30), RescoredChunk(over=True)]},
    ),
    "a_batch_that_cannot_be_rescored": Errand(
        RescoringWorkflow, (RescoreChunk(batch=LEAD),), {"rescore_chunk": [RescoredChunk(), FAULT], "rescore_failed": [None]}
    ),
    "a_training_that_takes_over": Errand(
        TrainingWorkflow,
        (TrainModel(version="v1"),),
        {"train_model": [Trained(promoted=True)], "rescore_chunk": [RescoredChunk(over=True)]},
    ),
    "a_training_that_fails_three_times": Errand(
        TrainingWorkflow, (TrainModel(version="v1"),), {"train_model": [AWAY, AWAY, AWAY], "model_failed": [None]}
    ),
    "models_with_nothing_due": Errand(ModelCareWorkflow, (), {"look_after_models": [Due()]}),
    "models_with_everything_due": Errand(
        ModelCareWorkflow,
        (),
        {
            "look_after_models": [Due(train="v2", rescore=True)],
            "train_model": [Trained()],
            "rescore_chunk": [RescoredChunk(over=True)],
        },
    ),
    "a_digest_that_one_of_two_gets": Errand(
        DigestWorkflow, (), {"plan_digest": [DigestPlan(week=date(2026, 3, 2), users=USERS)], "send_digest": [FAULT, True]}
    ),
    "what_is_known_looked_over_in_two_batches": Errand(RefreshWorkflow, (), {"refresh": [BATCH, 5]}),
    "a_crm_synced_in_several_pages": Errand(
        CrmSync,
        (CrmName.HUBSPOT,),
        {
            "crm_pull": [CrmMoved(count=50, more=True), CrmMoved(count=3), CrmMoved()],
            "crm_forget": [CrmMoved(count=1)],
            "crm_push": [CrmMoved(count=100, more=True), CrmMoved(count=2)],
        },
    ),
    "a_crm_that_does_not_let_us_in": Errand(
        CrmSync, (CrmName.SALESFORCE,), {"crm_pull": [ApplicationError("no", type="CrmUnauthorized", non_retryable=True)]}
    ),
}


def errand_id(name: str) -> str:
    """The id of an errand's workflow; replaying needs the same, because workflows that it starts are called after it."""
    return f"errand-{name}"


@asynccontextmanager
async def _worker(client: Client, answers: Mapping[str, Sequence[Any]]) -> AsyncIterator[str]:
    """A real worker of which every activity answers the next thing it is to."""
    left = {name: iter(said) for name, said in answers.items()}

    @activity.defn(dynamic=True)
    async def answer(_: Sequence[RawValue]) -> Any:
        said = next(left[activity.info().activity_type])
        if isinstance(said, Exception):
            raise said.with_traceback(None)  # which grows with every time it is raised
        return said

    queue = f"test-{uuid4()}"
    async with Worker(client, task_queue=queue, workflows=WORKFLOWS, workflow_runner=Sandbox(), activities=[answer]):
        yield queue


async def run(name: str) -> WorkflowHistory:
    """Run an errand on a server of its own."""
    errand = ERRANDS[name]
    async with skipping() as env, _worker(env.client, errand.answers) as queue:
        handle = await env.client.start_workflow(
            errand.workflow.__name__, args=errand.asked, id=errand_id(name), task_queue=queue, execution_timeout=timedelta(days=2)
        )
        with suppress(WorkflowFailureError):
            await handle.result()
        return await handle.fetch_history()
