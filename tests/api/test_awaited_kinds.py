"""What campaigns wait for or end with reaches the lead's workflow at once; nothing else of it does."""

from datetime import UTC, date, datetime

import pytest

from activities.database import Database
from api.services import stirring
from api.services.stirring import Doings, Who
from models.ids import uuid7
from models.messages import Engage
from models.policy import parse_policy

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
RULES = parse_policy(
    """
    nurture:
      campaigns: {welcome: {exit: {when: [trial_started]}, steps: [{wait_for: {kinds: [brochure_read], at_most: 1d}, email: welcome}]}}
      by_stage: {}
    """,
    today=date(2026, 3, 2),
)


@pytest.mark.parametrize(
    ("did", "closed", "told"),
    [
        ({"brochure_read", "ada@acme.example"}, False, ("brochure_read",)),
        ({"trial_started", "brochure_read"}, False, ("brochure_read", "trial_started")),
        ({"something_else"}, False, None),
        ({"brochure_read"}, True, None),
    ],
)
async def test_only_kinds_the_policy_names_are_told(database: Database, did: set[str], closed: bool, told: tuple[str, ...] | None) -> None:
    lead = Who(uuid7(), closed=closed, named=False, quiet=True)
    async with database.connection() as connection:
        found = await stirring.signals(connection, RULES, [Doings(lead, AT, kinds=did)])
    assert found == ([(lead.id, Engage(stirring=False, occurred_at=AT, kinds=told))] if told else [])
