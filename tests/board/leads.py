"""Leads as tests of the board want them."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

from playwright.async_api import Page
from sqlalchemy import text

from activities.database import Database
from activities.ledger import state_document
from models.ids import uuid7
from models.lifecycle import LeadState, Stage
from tests.api.test_live import commit

_LEAD = """
    INSERT INTO leads (id, email, company, search, created_at, swept_at, seq, first_seq, change, stage, tier, score, source, campaign,
        deadline_kind, deadline_at, arrived_at, since, policy_version, closed, state)
    VALUES (:id, :email, :company, :search, now(), now(), 2, 1, nextval('changes'), :stage, :tier, :score, :source, :campaign,
        'nurture_stale', :due, :at, :at, 1, false, :state) RETURNING change"""
EVERY = "#rows > .row:not(.leaving)"


def _state(lead: UUID, stage: str, at: datetime) -> str:
    state = LeadState(lead_id=str(lead), stage=Stage(stage), arrived_at=at, since=at, quiet_since=at, tree_end=at, seq=2, policy_version=1)
    return json.dumps(state_document(state))


async def stand(
    database: Database,
    company: str,
    *,
    stage: str = "nurture",
    score: float | None = None,
    source: str = "web",
    age: float = 0,
    due: float = 60,
) -> UUID:
    """A lead that stands still: no workflow moves it.

    Args:
        database: where to.
        company: its only name.
        stage: where it stands.
        score: and with it the tier.
        source: where it came from.
        age: minutes since it arrived.
        due: minutes until its deadline.
    """
    lead, now = uuid7(), datetime.now(UTC)
    tier = None if score is None else "high" if score >= 60 else "medium" if score >= 25 else "low"
    row = {
        "id": lead,
        "email": f"{lead.hex}@x.example",
        "company": company,
        "search": company.lower(),
        "stage": stage,
        "tier": tier,
        "score": score,
        "source": source,
    }
    at = now - timedelta(minutes=age)
    times = {"at": at, "due": now + timedelta(minutes=due), "state": _state(lead, stage, at)}
    await commit(database, (_LEAD, {**row, **times, "campaign": "spring"}))
    return lead


async def crowd(database: Database, count: int) -> None:
    """Many leads that stand still, the first the newest."""
    many = _LEAD.replace(" RETURNING change", "")
    now = datetime.now(UTC)
    rows = [
        {
            "id": uuid7(),
            "email": f"n{n}@crowd.example",
            "company": f"Company {n:03}",
            "search": f"company {n:03}",
            "stage": "nurture",
            "tier": None,
            "score": None,
        }
        | {"source": "web", "campaign": "spring", "at": now - timedelta(minutes=n), "due": now + timedelta(days=1), "state": "{}"}
        for n in range(count)
    ]
    async with database.connection() as connection:
        await connection.execute(text(many), rows)


async def live(page: Page) -> Page:
    """The page, once it hears of changes."""
    await page.locator("#live[data-state=on]").wait_for()
    return page
