"""Workflows around the score: scoring many leads again, training a model, and looking after the one in service."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.scoring.governing import GoverningActivities
    from activities.scoring.rescoring import RescoringActivities
    from models.jobs import Due, RescoreChunk, Trained, TrainModel

LAST = Priority(priority_key=5)
"""After every lead, those of an import included."""
_PATIENT = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
_FAULTS = ["AttributeError", "KeyError", "IndexError", "LookupError", "TypeError", "ValueError", "DatabaseRefused"]
"""What waiting does not mend. An outage is waited out, however long it is."""
_UNLESS_FAULTY = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1), non_retryable_error_types=_FAULTS
)
_SOME = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1), maximum_attempts=8)
_TRIES = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_interval=timedelta(minutes=1), maximum_attempts=3)
_CHUNK = timedelta(minutes=2)
_TRAINING = timedelta(hours=2)
_BEAT = timedelta(seconds=30)
"""A training says at least every few seconds that it is alive; silent for this long its worker is gone, and another takes it over."""


@workflow.defn(name="RescoringWorkflow")
class RescoringWorkflow:
    """Scores a batch of leads again, or all open ones, chunk by chunk, no faster than the policy allows."""

    @workflow.run
    async def run(self, asked: RescoreChunk) -> None:
        """Go on to the last one."""
        while True:
            try:
                done = await workflow.execute_activity_method(
                    RescoringActivities.chunk,
                    asked,
                    start_to_close_timeout=_CHUNK,
                    retry_policy=_UNLESS_FAULTY,
                    priority=LAST,
                    summary="score some again",
                )
            except ActivityError as err:
                if asked.batch is None or is_cancelled_exception(err):
                    raise
                await workflow.execute_activity_method(
                    RescoringActivities.failed, asked.batch, start_to_close_timeout=_CHUNK, retry_policy=_PATIENT, summary="it failed"
                )
                return
            if done.over:
                return
            if asked.batch is None:
                asked = asked.model_copy(update={"position": done.position})
            if done.wait > 0:
                await workflow.sleep(timedelta(seconds=done.wait), summary="let live leads go first")
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(asked)


@workflow.defn(name="TrainingWorkflow")
class TrainingWorkflow:
    """Trains a model. A training that dies with its worker is begun again on another; one that fails for good says so."""

    @workflow.run
    async def run(self, job: TrainModel) -> None:
        """Train, and note it when that is impossible."""
        await train(job)


@workflow.defn(name="ModelCareWorkflow")
class ModelCareWorkflow:
    """Looks, every hour, how the model in service does, and whether it is time to train another."""

    @workflow.run
    async def run(self) -> None:
        """Look once."""
        due: Due = await workflow.execute_activity_method(
            GoverningActivities.look, start_to_close_timeout=_CHUNK, retry_policy=_SOME, priority=LAST, summary="how does the model do?"
        )
        if due.rescore:
            await rescore_all(f"{workflow.info().workflow_id}-rescore")
        if due.train is not None:
            await train(TrainModel(version=due.train))


async def train(job: TrainModel) -> None:
    """Train a version, from within a workflow; should it take over, all open leads are scored by it."""
    try:
        done: Trained = await workflow.execute_activity_method(
            GoverningActivities.train,
            job,
            start_to_close_timeout=_TRAINING,
            heartbeat_timeout=_BEAT,
            retry_policy=_TRIES,
            priority=LAST,
            summary=f"train {job.version}",
        )
    except ActivityError as err:
        if is_cancelled_exception(err):
            raise
        await workflow.execute_activity_method(
            GoverningActivities.failed, job, start_to_close_timeout=_CHUNK, retry_policy=_PATIENT, summary="it failed"
        )
        return
    if done.promoted:
        await rescore_all(f"rescore-by-{job.version}")


async def rescore_all(name: str) -> None:
    """Have all open leads scored again, from within a workflow, and do not wait for it."""
    await workflow.start_child_workflow(
        RescoringWorkflow.run, RescoreChunk(), id=name, parent_close_policy=workflow.ParentClosePolicy.ABANDON, priority=LAST
    )
