"""The weekly digest as a workflow, and the schedule that starts it on Monday mornings.

Who gets it and what it says is for activities to know; in here are a date and users' ids.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.insights.digest import DigestActivities
    from models.messages import DigestOrder, DigestPlan

_PATIENT = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5))
_ATTEMPT = timedelta(minutes=3)
_A_DAY = timedelta(days=1)
"""After this long last week's news is none."""


@workflow.defn(name="DigestWorkflow")
class DigestWorkflow:
    """Sends everybody who wants it the digest of the week that ended last."""

    @workflow.run
    async def run(self) -> int:
        """Plan it, and send it to one after the other; one who cannot be reached holds up nobody else.

        Returns:
            To how many it left.
        """
        plan: DigestPlan = await workflow.execute_activity_method(
            DigestActivities.plan,
            workflow.now(),
            start_to_close_timeout=_ATTEMPT,
            schedule_to_close_timeout=_A_DAY,
            retry_policy=_PATIENT,
        )
        sent = 0
        for user in plan.users:
            try:
                sent += await workflow.execute_activity_method(
                    DigestActivities.send,
                    DigestOrder(week=plan.week, user=user),
                    start_to_close_timeout=_ATTEMPT,
                    schedule_to_close_timeout=_A_DAY,
                    retry_policy=_PATIENT,
                    summary=f"week of {plan.week}",
                )
            except ActivityError as err:
                workflow.logger.warning("a digest could not be sent: %s", type(err.cause).__name__)
        return sent
