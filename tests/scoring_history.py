"""A made-up past: leads that were handed over, worked, won and lost, and whose outcome follows from what they did."""

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from activities.database import Database
from models.ids import uuid7

RARE = "Keeper of Zyzzyvas"
"""The title of the first lead, and of nobody else."""
TITLES = {"VP Sales": 1.2, "Director of Marketing": 0.5, "Student": -1.2}
_LEADS = text(
    """
    INSERT INTO leads (id, email, email_key, company, title, country, source, attributes, search, created_at, seq, first_seq, stage, tier,
        score, arrived_at, since, contacted_at, sql_at, policy_version, closed, state)
    VALUES (:id, :email, :email, 'Acme', :title, 'US', :source, :attributes, '', :at, 4, 1, :stage, :tier, :score, :at, :at, :contacted,
        :won, 1, :closed, :state)"""
).bindparams(bindparam("attributes", type_=JSONB), bindparam("state", type_=JSONB))
_LEDGER = text(
    """
    INSERT INTO ledger (lead_id, seq, at, kind, from_stage, to_stage, actor_kind, tier, policy_version)
    VALUES (:lead, :seq, :at, :kind, :was, :stage, :actor, :tier, 1)"""
)
_DID = text("INSERT INTO engagements (event_id, lead_id, kind, at, received_at, properties) VALUES (:event, :lead, :kind, :at, :at, '{}')")
_SCORES = text(
    "INSERT INTO scores (lead_id, number, at, score, points, model_version, probability) "
    "VALUES (:lead, 1, :at, :score, :points, :version, :probability)"
)


async def past(
    database: Database,
    count: int = 320,
    *,
    seed: int = 1,
    flat: bool = False,
    days: float = 200.0,
    version: str = "points",
    chance: float | None = None,
) -> list[UUID]:
    """Leads with outcomes, the oldest first.

    Args:
        database: where to.
        count: how many.
        seed: of chance.
        flat: outcomes follow from nothing.
        days: over how many days, up to ten days ago, they came.
        version: who scored them when they were handed over.
        chance: the probability it said.
    """
    draw = random.Random(seed)
    rows: dict[str, list[dict[str, Any]]] = {"leads": [], "ledger": [], "did": [], "scores": []}
    found = [_lead(draw, datetime.now(UTC) - timedelta(days=10 + days * (1 - number / count)), flat, rows) for number in range(count)]
    rows["leads"][0]["title"] = RARE
    for row in rows["scores"]:
        row |= {"version": version, "probability": chance}
    async with database.connection() as connection:
        for query, name in ((_LEADS, "leads"), (_LEDGER, "ledger"), (_DID, "did"), (_SCORES, "scores")):
            if rows[name]:
                await connection.execute(query, rows[name])
    return found


def _lead(draw: random.Random, at: datetime, flat: bool, rows: dict[str, list[dict[str, Any]]]) -> UUID:
    lead, title, source = uuid7(), draw.choice(list(TITLES)), draw.choice(["web", "fair", "partner"])
    views, size = draw.randint(0, 5), draw.choice([5, 50, 500])
    strength = 0.0 if flat else TITLES[title] + 0.5 * (views - 2) + (0.8 if size == 500 else 0.0) + (1.0 if source == "partner" else -0.4)
    won = draw.random() < 1 / (1 + math.exp(-1.4 * strength))
    handed = at + timedelta(hours=4)
    for number in range(views):
        rows["did"].append({"event": f"{lead}-{number}", "lead": lead, "kind": "pricing_view", "at": at + timedelta(minutes=10 * number)})
    tier = "high" if views > 3 else "medium" if views else "low"
    rows["scores"].append({"lead": lead, "at": handed - timedelta(minutes=1), "score": 20.0 * views, "points": 40.0 * views})
    stage = "won" if won else "lost"
    story = (("claimed", "new", "claimed"), ("contacted", "claimed", "working"), (stage, "working", stage))
    for seq, (kind, was, to) in enumerate(story, 2):
        when = handed + timedelta(hours=seq - 2)
        rows["ledger"].append({"lead": lead, "seq": seq, "at": when, "kind": kind, "was": was, "stage": to, "actor": "user", "tier": tier})
    rows["leads"].append(
        {
            "id": lead,
            "email": f"{lead.hex}@example.com",
            "title": title,
            "source": source,
            "attributes": {"size": size},
            "at": at,
            "stage": stage,
            "tier": tier,
            "score": 20.0 * views,
            "contacted": handed + timedelta(hours=1),
            "won": handed if won else None,
            "closed": True,
            "state": {},
        }
    )
    return lead
