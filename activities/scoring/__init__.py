"""Judging a lead: what is known of it as facts, what they are worth in points, and why."""

from activities.scoring.activities import ScoringActivities

__all__ = ["ScoringActivities"]
