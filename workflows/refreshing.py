"""Keeping what is known of open leads and their companies up to date: a schedule of Temporal's, and what it starts."""

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.enrichment import EnrichmentActivities

BATCH: Final = 32
"""Companies and people that one activity looks at."""
_MOST_BATCHES: Final = 50
"""In one run; what is left is for the next, so that no history grows without bound."""
_PATIENT = RetryPolicy(initial_interval=timedelta(seconds=5), maximum_interval=timedelta(minutes=1), maximum_attempts=5)
_LATER = Priority(priority_key=5)
"""After everything that leads themselves wait for."""


@workflow.defn(name="RefreshWorkflow")
class RefreshWorkflow:
    """One look for what is out of date."""

    @workflow.run
    async def run(self) -> int:
        """Ask again what is due, batch after batch, until nothing is.

        Returns:
            How many companies and people were looked at.
        """
        looked_at = 0
        for _ in range(_MOST_BATCHES):
            count = await workflow.execute_activity_method(
                EnrichmentActivities.refresh,
                BATCH,
                start_to_close_timeout=timedelta(minutes=10),
                heartbeat_timeout=timedelta(minutes=2),
                retry_policy=_PATIENT,
                priority=_LATER,
                summary="ask again what is out of date",
            )
            looked_at += count
            if count < BATCH:
                break
        return looked_at
