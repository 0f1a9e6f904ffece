"""The rules of engagement that sales and marketing agree on: parsed, validated, versioned.

A policy is a YAML file (`policy.yaml`, documented in `docs/policy.md`). Every key has a default, so an empty
file is the default policy; an unknown key or an impossible value is refused by name and line.
"""

from models.policy.base import Rules, Span, Wait, format_duration, parse_duration
from models.policy.changes import Change, changes
from models.policy.clock import Clock
from models.policy.deadlines import ClaimWindow, Deadlines, Meager
from models.policy.document import Agreement, Policy, Terms
from models.policy.nurture import Campaign, Caps, Condition, Exit, NurturePlan, Step, Waiting, language_tag
from models.policy.reading import PolicyError, load_policy, parse_policy, stored_policy, stored_terms
from models.policy.reps import Absence, Claims, RoutedTo, Routing, RoutingRule
from models.policy.scoring import Disqualify, FastLane, Points, Rescore, Review, Sal, Score, Sql, Tiers
from models.policy.tracking import Assessments, Signals, Tracking

__all__ = [
    "Absence",
    "Agreement",
    "Assessments",
    "Campaign",
    "Caps",
    "Change",
    "ClaimWindow",
    "Claims",
    "Clock",
    "Condition",
    "Deadlines",
    "Disqualify",
    "Exit",
    "FastLane",
    "Meager",
    "NurturePlan",
    "Points",
    "Policy",
    "PolicyError",
    "Rescore",
    "Review",
    "RoutedTo",
    "Routing",
    "RoutingRule",
    "Rules",
    "Sal",
    "Score",
    "Signals",
    "Span",
    "Sql",
    "Step",
    "Terms",
    "Tiers",
    "Tracking",
    "Wait",
    "Waiting",
    "changes",
    "format_duration",
    "language_tag",
    "load_policy",
    "parse_duration",
    "parse_policy",
    "stored_policy",
    "stored_terms",
]
