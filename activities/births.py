"""New leads come into the ledger: one statement and one version of each row, whether it is one lead or a hundred of a file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import driver
from activities.ledger import ENTRY_COLUMNS, fence_of, heard_by_webhooks, projection, told_document
from models.ids import uuid7
from models.lifecycle import Entry, LeadState
from models.locks import CHANGE_LOCK
from models.messages import Told
from models.tables import CHANGES, CHANNEL


@dataclass(frozen=True, slots=True)
class Birth:
    """A new lead with its first entries.

    Args:
        person: the columns of its row that do not follow from its state, by name.
        state: the lead after the decision.
        entries: the ledger entries that lead there.
        told: the events that do.
    """

    person: Mapping[str, Any]
    state: LeadState
    entries: Sequence[Entry]
    told: Sequence[Told] = ()


async def begin(connection: AsyncConnection, births: Sequence[Birth], *, last: bool = False) -> dict[UUID, int]:
    """Write new leads with their first entries.

    Args:
        connection: in a transaction that the caller commits soon: other changes wait for it.
        births: the leads, at least one. All persons have the same columns.
        last: nothing else follows in the transaction, so it is committed in the same round trip, as for `ledger.write`.

    Returns:
        The number of each lead's change. One whose `email_key` another lead has is missing: nothing of it was written, and
        what else the transaction holds is for the caller to take back.

    Raises:
        psycopg.Error: when the database refuses or is gone; the transaction is then lost as a whole.
    """
    found = await driver(connection)
    leads = [{**birth.person, **projection(birth.state), **fence_of(birth.state)} for birth in births]
    entries = [(birth, entry) for birth in births for entry in birth.entries]
    rows = {
        "leads": leads,
        "entries": [_entry(birth, entry) for birth, entry in entries],
        "told": [_told(birth) for birth in births if birth.told],
        "notices": [notice for birth, entry in entries for notice in _notices(birth, entry)],
    }
    async with found.pipeline(), found.cursor() as begun:
        await begun.execute(_beginning(tuple(leads[0])), {table: Jsonb(of, dumps=_dumps) for table, of in rows.items()})
        if last:
            await found.commit()
        return dict(await begun.fetchall())


_dumps = partial(json.dumps, default=str)
"""Ids and moments as PostgreSQL reads them. All rows of a table are one parameter: one a cell costs more than deciding on the lead does."""


@lru_cache
def _beginning(columns: tuple[str, ...]) -> bytes:
    """The statement that inserts leads with these columns, all named by us, and all that belongs to them, and tells of it.

    It reads nothing, so it may take the lock itself: changes are numbered for rows that the lock gives.
    """
    names, born = ", ".join(columns), "WHERE lead_id IN (SELECT id FROM born)"
    sql = f"""
        WITH locked AS MATERIALIZED (SELECT pg_advisory_xact_lock({CHANGE_LOCK})),
            born AS (INSERT INTO leads ({names}, change)
                SELECT {names}, nextval('{CHANGES}') FROM (
                    SELECT row.* FROM locked, jsonb_populate_recordset(NULL::leads, %(leads)s) AS row) AS rows
                ON CONFLICT (email_key) DO NOTHING RETURNING id, life, decided_at, change, pg_notify('{CHANNEL}', '')),
            entry AS (INSERT INTO ledger ({ENTRY_COLUMNS})
                SELECT {ENTRY_COLUMNS} FROM jsonb_populate_recordset(NULL::ledger, %(entries)s) {born} RETURNING *),
            heard AS ({heard_by_webhooks("entry JOIN born ON born.id = entry.lead_id", "born.life", "born.decided_at")}),
            kept AS (INSERT INTO events (lead_id, seq, upto, told)
                SELECT lead_id, seq, upto, told FROM jsonb_populate_recordset(NULL::events, %(told)s) {born}),
            noticed AS (INSERT INTO notices (id, change, lead_id, seq, kind, user_id, role, at)
                SELECT id, nextval('{CHANGES}'), lead_id, seq, kind, user_id, role, at
                FROM jsonb_populate_recordset(NULL::notices, %(notices)s) {born})
        SELECT id, change FROM born"""  # noqa: S608
    return sql.encode()


def _entry(birth: Birth, entry: Entry) -> dict[str, Any]:
    deadline = entry.deadline
    return {
        "lead_id": birth.state.lead_id,
        "seq": entry.seq,
        "at": entry.at,
        "kind": entry.kind,
        "from_stage": entry.from_stage,
        "to_stage": entry.to_stage,
        "actor_kind": entry.actor_kind,
        "actor_id": entry.actor,
        "owner_id": entry.owner,
        "score": entry.score,
        "tier": entry.tier,
        "policy_version": entry.policy_version,
        "deadline_kind": deadline.kind if deadline else None,
        "deadline_at": deadline.at if deadline else None,
        "note_id": entry.note,
        "detail": dict(entry.detail),
    }


def _told(birth: Birth) -> dict[str, Any]:
    told = [told_document(one) for one in birth.told]
    return {"lead_id": birth.state.lead_id, "seq": birth.entries[0].seq, "upto": birth.entries[-1].seq, "told": told}


def _notices(birth: Birth, entry: Entry) -> list[dict[str, Any]]:
    of = {"lead_id": birth.state.lead_id, "seq": entry.seq, "at": entry.at}
    return [{**of, "id": uuid7(), "kind": one.kind, "user_id": one.user, "role": one.role} for one in entry.notices]
