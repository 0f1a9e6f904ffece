"""What a policy amounts to, and what can be set, as tables for the terminal."""

from pydantic import SecretStr
from rich.table import Column, Table

from activities.enrichment.sources import checked
from models.policy import Policy, format_duration
from models.settings import Settings, SourceSettings


def rules(policy: Policy) -> Table:
    """The rules people ask about first."""
    d, t, n = policy.deadlines, policy.score.tiers, policy.nurture
    window = ", ".join(f"{tier} {format_duration(getattr(d.claim_window, tier))}" for tier in ("high", "medium", "low"))
    clock = policy.clock
    lanes = [name for name, on in policy.fast_lane.model_dump().items() if on]
    table = Table("rule", "agreed", title=f"Policy {policy.name!r}", title_justify="left")
    for name, agreed in (
        ("any rep may claim within", window),
        ("first contact within", format_duration(d.contact)),
        ("marketing's when not contacted within", format_duration(d.tree)),
        ("next touch within", format_duration(d.next_touch)),
        (
            "people's clock",
            "always" if clock.hours == "always" else f"working hours in {clock.timezone}, holidays {clock.holidays or 'none'}",
        ),
        ("high from, medium from", f"{t.high:g}, {t.medium:g} of 100"),
        ("points that go to sales", f"{policy.score.points_to_sales:g}"),
        ("always passed to sales", ", ".join(lanes) or "never"),
        ("reps a lead is offered to", str(policy.max_assignments)),
        ("open leads a rep may have", str(policy.claims.per_rep_open)),
        ("qualified when", ", ".join(f"{fact} {wanted}" for fact, wanted in policy.sql.requires.items())),
        ("disqualified when", "; ".join(policy.disqualify.when) or "never"),
        ("campaigns", ", ".join(f"{name} ({len(campaign.steps)} steps)" for name, campaign in n.campaigns.items())),
        ("messages a lead gets at most", f"{n.caps.per_week} a week, none in {n.quiet_hours or 'no hours'}"),
    ):
        table.add_row(name, agreed)
    return table


def settings_table() -> Table:
    """Every setting of the environment."""
    table = Table(Column("setting", no_wrap=True), Column("default", overflow="fold"), "meaning")
    for name, field in Settings.model_fields.items():
        default = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
        table.add_row(f"TWOWAY_{name.upper()}", "" if default is None else str(default), field.description)
    for name, field in SourceSettings.model_fields.items():
        table.add_row(
            f"TWOWAY_<SOURCE>_{name.upper()}", "true" if field.default is True else "", f"Of a source of enrichment: {field.description}"
        )
    table.add_row("", "", f"Sources: {', '.join(checked())}.")
    table.add_row("TEMPORAL_ADDRESS", "localhost:7233", "Temporal's host and port.")
    table.add_row("TEMPORAL_NAMESPACE", "default", "Its namespace.")
    table.add_row(
        "TEMPORAL_API_KEY", "", "For Temporal Cloud. TLS and profiles: as in the documentation of Temporal's environment configuration."
    )
    return table
