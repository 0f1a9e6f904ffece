"""The ledger and its projection: one transaction for everything a decision changes that people can see.

Rows of the ledger, the board's row, the notices and the NOTIFY that wakes every board land together or not at all.

What a decision wrote is confirmed only when Temporal has the workflow task that made it. A worker that dies in between
leaves entries that never happened for the engine, which decides again, later and perhaps otherwise. So every write is
fenced by (life of the workflow, time of its latest entry, seq): a later one takes the place of what stands from its
first `seq` on, an earlier one changes nothing any more, and the same one again writes nothing twice.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection as DriverConnection
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity

from activities.database import Database, driver, engine_errors
from activities.recipients import dialled
from activities.suppressions import WISHES
from models.ids import uuid7
from models.lifecycle import OWNED, Entry, EntryKind, LeadState, Notice, Stage
from models.locks import CHANGE_LOCK
from models.messages import Commit, Told
from models.tables import CHANGES, CHANNEL

_STATE = TypeAdapter(LeadState)

_LOCKS = "WITH sending AS MATERIALIZED (SELECT pg_advisory_xact_lock(%s)) SELECT pg_advisory_xact_lock(%s) FROM sending"
"""One after the other, in everybody's order: the second is taken for the row that the first gives."""

_IS_CURRENT = "EXISTS (SELECT FROM leads WHERE id = %(id)s AND life = %(life)s AND decided_at = %(decided_at)s AND seq = %(seq)s)"

EVENT_DATA = """
    jsonb_build_object('lead', entry.lead_id, 'seq', entry.seq, 'kind', entry.kind, 'from_stage', entry.from_stage,
        'to_stage', entry.to_stage, 'actor_kind', entry.actor_kind, 'actor', entry.actor_id, 'owner', entry.owner_id,
        'score', entry.score, 'tier', entry.tier, 'policy_version', entry.policy_version,
        'deadline', CASE WHEN entry.deadline_at IS NOT NULL
            THEN jsonb_build_object('kind', entry.deadline_kind, 'at', entry.deadline_at) END,
        'detail', entry.detail)"""
"""What a webhook is told of `entry`, a row of the ledger: ids, enums, numbers and times."""

_PROJECT = f"""
    UPDATE leads SET seq = %(seq)s, life = %(life)s, decided_at = %(decided_at)s, change = nextval('{CHANGES}'),
        stage = %(stage)s, tier = %(tier)s, score = %(score)s,
        owner_id = %(owner_id)s, owned_since = %(owned_since)s, deadline_kind = %(deadline_kind)s,
        deadline_at = %(deadline_at)s, arrived_at = %(arrived_at)s, since = %(since)s, contacted_at = %(contacted_at)s,
        mql_at = %(mql_at)s, sal_at = %(sal_at)s, sql_at = %(sql_at)s, amount_usd = %(amount_usd)s,
        policy_version = %(policy_version)s, closed = %(closed)s, handed_back_at = %(handed_back_at)s, state = %(state)s
    WHERE id = %(id)s
        AND (life, coalesce(decided_at, '-infinity'), seq) < (%(life)s::int, %(decided_at)s::timestamptz, %(seq)s::int)"""  # noqa: S608 - a constant of ours

_UNCONFIRMED = f"""
    WITH gone AS (DELETE FROM ledger WHERE lead_id = %(id)s AND seq >= %(first)s AND {_IS_CURRENT}),
        untold AS (DELETE FROM webhook_deliveries WHERE lead_id = %(id)s AND seq >= %(first)s AND state = 'waiting'
            AND (life, decided_at) IS DISTINCT FROM (%(life)s::int, %(decided_at)s::timestamptz) AND {_IS_CURRENT}),
        forgotten AS (DELETE FROM events WHERE lead_id = %(id)s AND seq >= %(first)s AND {_IS_CURRENT})
    DELETE FROM notices WHERE lead_id = %(id)s AND seq >= %(first)s AND {_IS_CURRENT}"""  # noqa: S608 - a constant of ours

ENTRY_COLUMNS = """lead_id, seq, at, kind, from_stage, to_stage, actor_kind, actor_id, owner_id, score, tier,
    policy_version, deadline_kind, deadline_at, note_id, detail"""


def heard_by_webhooks(entries: str, life: str, decided_at: str) -> str:
    """The statement that writes an event for every webhook that wants to hear of `entry`."""
    return f"""
    INSERT INTO webhook_deliveries (id, endpoint_id, lead_id, seq, life, decided_at, type, at, data)
    SELECT gen_random_uuid(), h.id, entry.lead_id, entry.seq, {life}, {decided_at}, 'lead.' || entry.kind, entry.at, {EVENT_DATA}
    FROM {entries} JOIN webhook_endpoints h ON h.active AND (h.events = '{{}}' OR 'lead.' || entry.kind = ANY(h.events))
    ON CONFLICT (endpoint_id, lead_id, seq, life, decided_at) DO NOTHING"""  # noqa: S608 - constants of ours


_INSERT_ENTRY = f"""
    WITH entry AS (
        INSERT INTO ledger ({ENTRY_COLUMNS})
        SELECT %(id)s, %(number)s, %(at)s, %(kind)s, %(from_stage)s, %(to_stage)s, %(actor_kind)s, %(actor_id)s::uuid,
            %(owner)s::uuid, %(score_then)s::float, %(tier_then)s, %(version)s, %(due)s, %(due_at)s::timestamptz, %(note)s::uuid, %(detail)s
        WHERE {_IS_CURRENT} RETURNING *)
    {heard_by_webhooks("entry", "%(life)s", "%(decided_at)s")}"""
"""An entry, and in the same statement an event for every webhook that wants it: no round trip more, none at all without one."""

_INSERT_NOTICE = f"""
    INSERT INTO notices (id, change, lead_id, seq, kind, user_id, role, at)
    SELECT %(notice)s, nextval('{CHANGES}'), %(id)s, %(number)s, %(kind)s, %(user)s::uuid, %(role)s, %(at)s
    WHERE {_IS_CURRENT}
    ON CONFLICT (lead_id, seq, kind, user_id, role) DO NOTHING"""

_INSERT_TOLD = f"""
    INSERT INTO events (lead_id, seq, upto, told)
    SELECT %(id)s, %(first)s, %(upto)s, %(told)s WHERE {_IS_CURRENT}
    ON CONFLICT (lead_id, seq) DO UPDATE SET upto = excluded.upto, told = excluded.told"""

# Whoever lost the lead, or did not get it after all, has room: the leads that come first of those that wait for them are asked again.
_WAKE = """
    INSERT INTO outbox (lead_id, signal, payload, created_at)
    SELECT q.lead_id, 'place_freed', '{{}}', now() FROM routing_queue q JOIN leads w ON w.id = q.lead_id
    WHERE q.reps && ARRAY(SELECT f.rep FROM ({freed}) f) AND q.lead_id <> %(id)s
    ORDER BY coalesce(w.score, q.score) DESC NULLS LAST, q.since, q.lead_id LIMIT 3"""
_FREE_OWNER = _WAKE.format(freed="SELECT owner_id AS rep FROM leads WHERE id = %(id)s AND owner_id IS NOT NULL")
_SETTLE = f"""
    WITH gone AS (DELETE FROM routing_queue WHERE lead_id = %(id)s),
        settled AS (UPDATE assignments SET settled = true WHERE lead_id = %(id)s AND NOT settled RETURNING rep_id)
    {_WAKE.format(freed="SELECT rep_id AS rep FROM settled WHERE rep_id IS DISTINCT FROM %(owner_id)s::uuid")}"""  # noqa: S608 - constants of ours
_OWN_NAME = """
    SELECT c.id FROM leads l JOIN companies c ON l.company_id IN (c.id, c.same_as)
    WHERE l.id = %(id)s AND c.domain IS NULL AND lower(c.name) = lower(l.company) AND NOT EXISTS (
        SELECT FROM leads o WHERE o.company_id = l.company_id AND o.id <> l.id AND lower(o.company) = lower(l.company))"""

# The addresses of a person, as the list of suppressions has them (the hash of `activities.suppressions`).
_ADDRESSES = """
    SELECT c.channel, encode(sha256(convert_to('twoway:' || c.address, 'UTF8')), 'hex') AS address FROM (
        SELECT unnest(ARRAY['email', 'post']) AS channel, coalesce(email_key, lower(email)) AS address FROM leads WHERE id = %(id)s
        UNION SELECT 'sms', regexp_replace(phone, '[^0-9]', '', 'g') FROM leads WHERE id = %(id)s
        UNION SELECT 'sms', regexp_replace(recipient, '[^0-9]', '', 'g') FROM messages WHERE lead_id = %(id)s AND channel = 'sms'
        UNION SELECT 'sms', regexp_replace(%(dialled)s, '[^0-9]', '', 'g')
    ) c WHERE c.address <> ''"""
# Source and campaign stay for the counters, unless nobody else has them: a label of one person is that person's.
_FORGET = (
    # First, while they are still known: nothing is ever sent to their addresses again, and what was remarked about these goes.
    f"""INSERT INTO suppressions (channel, address, why, at) SELECT channel, address, 'erased', now() FROM ({_ADDRESSES}) a
        ON CONFLICT (channel, address) DO UPDATE SET note = NULL,
            (why, at, by_id) = (SELECT excluded.why, excluded.at, excluded.by_id WHERE suppressions.why NOT IN ({WISHES})
                UNION ALL SELECT suppressions.why, suppressions.at, suppressions.by_id WHERE suppressions.why IN ({WISHES}))""",  # noqa: S608 - ours
    f"UPDATE lifted_suppressions SET note = NULL, lifted_why = NULL WHERE (channel, address) IN ({_ADDRESSES})",  # noqa: S608 - ours
    """DELETE FROM crm_inbox WHERE email_key = (SELECT email_key FROM leads WHERE id = %(id)s)
        OR (crm, external_id) IN (SELECT crm, external_id FROM crm_links WHERE lead_id = %(id)s)""",
    # The record's id alone stays, so that the CRM does not bring the person back, and can be told to delete them.
    """UPDATE crm_links SET lead_id = NULL, owner = NULL, lead_owner = NULL, pushed_hash = NULL, deal = NULL, due = false,
        gone_at = clock_timestamp() WHERE lead_id = %(id)s""",
    "DELETE FROM crm_refusals WHERE lead_id = %(id)s",
    """DELETE FROM import_refusals
        WHERE addresses @> ARRAY[(SELECT email_key::text FROM leads WHERE id = %(id)s AND email_key IS NOT NULL)]""",
    # What is known of a company stays, unless it is a name that this person alone gave.
    "DELETE FROM source_answers WHERE subject_id = %(id)s",
    f"DELETE FROM source_answers WHERE subject_id IN ({_OWN_NAME})",  # noqa: S608 - a constant of ours
    f"DELETE FROM companies WHERE id IN ({_OWN_NAME})",  # noqa: S608 - a constant of ours
    """UPDATE leads SET email = NULL, email_key = NULL, first_name = NULL, last_name = NULL, company = NULL, title = NULL,
        phone = NULL, company_id = NULL, message = NULL, country = NULL, interest = NULL,
        source = CASE WHEN EXISTS (SELECT FROM leads o WHERE o.source = leads.source AND o.id <> leads.id) THEN source END,
        campaign = CASE WHEN EXISTS (SELECT FROM leads o WHERE o.campaign = leads.campaign AND o.id <> leads.id) THEN campaign END,
        consent = '{}', anonymous_id = NULL, attributes = '{}', domain = NULL, zone = NULL,
        account_id = NULL, search = '', enrichment = '{}', reasons = '[]', judgement = '{}' WHERE id = %(id)s""",
    "DELETE FROM lead_facts WHERE lead_id = %(id)s",
    "DELETE FROM consents WHERE lead_id = %(id)s",
    "DELETE FROM events WHERE lead_id = %(id)s",
    "UPDATE notes SET body = '', reason = NULL WHERE lead_id = %(id)s",
    # A device that was theirs last is nobody's from now on: it must not become that of who had it before.
    """DELETE FROM robots WHERE anonymous_id IN (SELECT anonymous_id FROM namings WHERE lead_id = %(id)s)""",
    """DELETE FROM namings n WHERE n.lead_id = %(id)s OR (n.anonymous_id IN (SELECT anonymous_id FROM namings WHERE lead_id = %(id)s)
        AND %(id)s = (SELECT o.lead_id FROM namings o WHERE o.anonymous_id = n.anonymous_id ORDER BY o.at DESC LIMIT 1))""",
    """UPDATE engagements SET properties = '{}', anonymous_id = NULL, agent = NULL, event_id = 'erased-' || id
        WHERE lead_id = %(id)s""",
    "UPDATE messages SET recipient = NULL, subject = NULL, body = NULL, provider_id = NULL WHERE lead_id = %(id)s",
    "UPDATE scores SET reasons = '[]' WHERE lead_id = %(id)s",
    "UPDATE assignments SET explanation = '{}' WHERE lead_id = %(id)s",
    "DELETE FROM journeys WHERE lead_id = %(id)s",  # it is counted anew from what is left
    "DELETE FROM idempotency WHERE lead_id = %(id)s",
    "DELETE FROM outbox WHERE lead_id = %(id)s",
)


def projection(state: LeadState) -> dict[str, Any]:
    """The columns of the board's row that follow from a lead's state."""
    deadline = state.deadline
    return {
        "seq": state.seq,
        "stage": state.stage.value,
        "tier": state.tier.value if state.tier else None,
        "score": state.score,
        "owner_id": UUID(state.owner) if state.owner else None,
        "owned_since": state.owned_since,
        "deadline_kind": deadline.kind.value if deadline else None,
        "deadline_at": deadline.at if deadline else None,
        "arrived_at": state.arrived_at,
        "since": state.since,
        "contacted_at": state.contacted_at,
        "mql_at": state.mql_at,
        "sal_at": state.sal_at,
        "sql_at": state.sql_at,
        "amount_usd": state.amount_usd,
        "policy_version": state.policy_version,
        "closed": state.closed,
        "handed_back_at": state.handed_back_at,
        "state": state_document(state),
    }


def state_document(state: LeadState) -> dict[str, Any]:
    """A state as JSON, as it stands in `leads.state`."""
    document: dict[str, Any] = _STATE.dump_python(state, mode="json")
    return document


def stored_state(document: dict[str, Any] | str) -> LeadState:
    """The state that `state_document` wrote, as a dictionary or as the JSON it is stored as, which is the quickest to read.

    Raises:
        pydantic.ValidationError: when it is none.
    """
    return _STATE.validate_json(document) if isinstance(document, str) else _STATE.validate_python(document)


async def write(
    connection: AsyncConnection, state: LeadState, entries: Sequence[Entry], told: Sequence[Told] = (), *, last: bool = False
) -> None:
    """Write what a decision changed, within the caller's transaction.

    Args:
        connection: in a transaction that the caller commits soon: other changes wait for it.
        state: the lead after the decision.
        entries: the ledger entries that lead there.
        told: the events that do, since what was written before. Without them the lead cannot be replayed.
        last: nothing else follows in the transaction, so it is committed in the same round trip. The lock that numbers
            changes is then held for as long as the server needs, and not until a busy process comes round to it.

    Raises:
        psycopg.Error: when the database refuses or is gone; the transaction is then lost as a whole.
    """
    found = await driver(connection)
    lead = UUID(state.lead_id)
    fence = fence_of(state)
    view = {**projection(state), **fence}
    view["state"] = Jsonb(view["state"])
    notices = [_notice(entry, notice) for entry in entries for notice in entry.notices]
    number = await _number(found, lead) if state.stage is Stage.ERASED else None
    async with found.pipeline(), found.cursor() as cursor:
        await cursor.execute(_LOCKS, (send_lock(lead), CHANGE_LOCK))
        if _frees_somebody(state, entries):
            await cursor.execute(_FREE_OWNER, {"id": lead})
        await cursor.execute(_PROJECT, view)
        if entries:
            await cursor.execute(_UNCONFIRMED, {**fence, "first": entries[0].seq})
        await cursor.executemany(_INSERT_ENTRY, [{**fence, **_row(entry)} for entry in entries])
        if told and entries:
            await cursor.execute(_INSERT_TOLD, {**fence, **_told(entries, told)})
        if notices:
            await cursor.executemany(_INSERT_NOTICE, [{**fence, **notice} for notice in notices])
        if not state.routing:
            await cursor.execute(_SETTLE, {"id": lead, "owner_id": view["owner_id"]})
        if state.stage is Stage.ERASED:
            for statement in _FORGET:
                await cursor.execute(statement, {"id": lead, "dialled": number})
        await cursor.execute("SELECT pg_notify(%s, '')", (CHANNEL,))
        if last:
            await found.commit()


async def _number(found: DriverConnection, lead: UUID) -> str | None:
    """How a lead's phone is dialled: what is suppressed when it is forgotten, beside how somebody wrote it."""
    async with found.cursor() as cursor:
        await cursor.execute("SELECT pg_advisory_xact_lock(%s)", (send_lock(lead),))
        await cursor.execute("SELECT phone, country FROM leads WHERE id = %s", (lead,))
        row = await cursor.fetchone()
    return dialled(*row) if row else None


def _frees_somebody(state: LeadState, entries: Sequence[Entry]) -> bool:
    """Whether a rep has a lead less after these entries: it is in nobody's hands now, or was given to somebody else."""
    had = any(entry.from_stage in OWNED for entry in entries)
    return had and (state.stage not in OWNED or any(entry.kind is EntryKind.OVERRIDDEN for entry in entries))


def send_lock(lead: UUID) -> int:
    """The advisory lock under which a message to a lead leaves: a grant waits for it, so nothing leaves after the grant."""
    return lead.int & (1 << 63) - 1


def fence_of(state: LeadState) -> dict[str, Any]:
    """What every write is fenced by, and the lead's id."""
    return {"id": UUID(state.lead_id), "life": state.life, "decided_at": state.written_at or state.since, "seq": state.seq}


def _id(text: str | None) -> UUID | None:
    return UUID(text) if text else None


def _row(entry: Entry) -> dict[str, Any]:
    deadline = entry.deadline
    return {
        "number": entry.seq,
        "at": entry.at,
        "kind": entry.kind,
        "from_stage": entry.from_stage,
        "to_stage": entry.to_stage,
        "actor_kind": entry.actor_kind,
        "actor_id": _id(entry.actor),
        "owner": _id(entry.owner),
        "score_then": entry.score,
        "tier_then": entry.tier,
        "version": entry.policy_version,
        "due": deadline.kind if deadline else None,
        "due_at": deadline.at if deadline else None,
        "note": _id(entry.note),
        "detail": Jsonb(dict(entry.detail)),
    }


def _told(entries: Sequence[Entry], told: Sequence[Told]) -> dict[str, Any]:
    return {"first": entries[0].seq, "upto": entries[-1].seq, "told": Jsonb([told_document(one) for one in told])}


def told_document(told: Told) -> dict[str, Any]:
    """An event as it stands in `events.told`: without what is as usual, and with its kind, by which it is read again."""
    found: dict[str, Any] = told.model_dump(mode="json", exclude_defaults=True)
    found["event"]["kind"] = told.event.kind
    return found


def _notice(entry: Entry, notice: Notice) -> dict[str, Any]:
    return {
        "notice": uuid7(),
        "number": entry.seq,
        "kind": notice.kind,
        "user": _id(notice.user),
        "role": notice.role,
        "at": entry.at,
    }


class LedgerActivities:
    """Carries a lead's decisions into PostgreSQL.

    Args:
        database: where to.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="commit")
    async def commit(self, change: Commit) -> int:
        """Write a change; again writes nothing.

        Returns:
            The number of the last entry written.

        Raises:
            ApplicationError: retryable when the database is out of reach. The message names no data of the lead.
        """
        with engine_errors("the ledger could not be written"):
            async with self._database.connection() as connection:
                await write(connection, change.state, change.entries, change.told, last=True)
        return change.state.seq
