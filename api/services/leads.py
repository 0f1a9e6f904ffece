"""Leads as people look at them: one in full, and as cards."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.ledger import projection, stored_state
from api.errors import NotFound
from api.services import routing
from models.lifecycle import CLAIMABLE, CLOSED, Channel, EntryKind, LeadState, Stage
from models.schemas.common import Person
from models.schemas.leads import (
    AccountRef,
    AccountView,
    Attempt,
    ConsentView,
    DeadlineView,
    HandBack,
    HolderView,
    JudgementView,
    LeadCard,
    LeadView,
    Lifecycle,
    NurtureView,
    Signal,
)

_ATTEMPTS = (EntryKind.CONTACTED, EntryKind.WORKED)
_LATEST_ENGAGEMENTS = 500
_LATEST_NEWS = 20

# What a hand-back was: the entry that moved the lead at that moment, whose it was, and their last try.
_HANDED_BACK = """
    LEFT JOIN LATERAL (
        SELECT jsonb_build_object(
            'at', e.at, 'kind', e.kind, 'from_stage', e.from_stage, 'reason', n.reason, 'note', nullif(n.body, ''),
            'rep', jsonb_build_object('id', r.id, 'name', r.name),
            'attempt', (
                SELECT jsonb_build_object('at', t.at, 'by', jsonb_build_object('id', r.id, 'name', r.name),
                    'channel', t.detail ->> 'channel', 'outcome', t.detail ->> 'outcome', 'note', nullif(tn.body, ''))
                FROM ledger t LEFT JOIN notes tn ON tn.id = t.note_id
                WHERE t.lead_id = l.id AND t.seq < e.seq AND t.actor_id = r.id AND t.kind IN ('contacted', 'worked')
                ORDER BY t.seq DESC LIMIT 1)) AS handback
        FROM ledger e JOIN users r ON r.id = (l.state #>> '{holders,-1,rep}')::uuid LEFT JOIN notes n ON n.id = e.note_id
        WHERE l.handed_back_at IS NOT NULL AND e.lead_id = l.id AND e.at = l.handed_back_at AND e.from_stage <> e.to_stage
        ORDER BY e.seq DESC LIMIT 1) b ON true"""

CARD = f"""
    SELECT l.id, l.seq, l.email, l.first_name, l.last_name, l.company, l.title, l.country, l.source, l.campaign, l.interest,
        l.stage, l.tier, l.score, l.owner_id, o.name AS owner_name, l.closed, l.deadline_kind, l.deadline_at,
        l.state #>> '{{deadline,start}}' AS deadline_start, l.state ->> 'fast_lane' AS fast_lane, l.handed_back_at, b.handback,
        l.account_id, a.name AS account_name, l.arrived_at, l.since, l.contacted_at, l.reasons -> 0 AS reason, l.change
    FROM leads l LEFT JOIN users o ON o.id = l.owner_id LEFT JOIN accounts a ON a.id = l.account_id {_HANDED_BACK}"""  # noqa: S608
"""What a card consists of. To be completed with WHERE; an erased lead is on no list."""

_CARDS = text(f"{CARD} WHERE l.id = ANY(:ids) AND l.stage <> 'erased'")
_VIEW = text(
    f"""
    SELECT l.*, l.state #>> '{{deadline,start}}' AS deadline_start, l.state ->> 'fast_lane' AS fast_lane, b.handback,
        o.name AS owner_name, a.name AS account_name, a.domain AS account_domain,
        a.owner_id AS account_owner_id, ao.name AS account_owner_name,
        (SELECT coalesce(jsonb_agg(r ORDER BY r.seq), '[]') FROM (
            SELECT e.seq, e.at, e.kind, e.from_stage, e.to_stage, e.actor_id, u.name AS actor_name, e.detail,
                e.owner_id, lag(e.owner_id) OVER (ORDER BY e.seq) AS rep_id, n.body AS note, n.reason
            FROM ledger e LEFT JOIN users u ON u.id = e.actor_id LEFT JOIN notes n ON n.id = e.note_id
            WHERE e.lead_id = l.id) r
         WHERE r.kind = ANY(:attempts) OR (r.rep_id IS NOT NULL AND r.owner_id IS DISTINCT FROM r.rep_id AND r.to_stage <> ALL(:over))
        ) AS record,
        (SELECT coalesce(jsonb_agg(s ORDER BY s.last_at DESC), '[]') FROM (
            SELECT kind, count(*) AS count, max(at) AS last_at
            FROM (SELECT kind, at FROM engagements WHERE lead_id = l.id AND verdict = 'human' ORDER BY at DESC LIMIT :latest) latest
            GROUP BY kind) s
        ) AS signals,
        (SELECT coalesce(jsonb_agg(n ORDER BY n.last_at DESC), '[]') FROM (
            SELECT 'company' AS type, kind, 1 AS count, at AS last_at, title, url, source, confidence, seen_at
            FROM signals WHERE company_id = l.company_id ORDER BY at DESC LIMIT :news) n
        ) AS news,
        (SELECT coalesce(jsonb_agg(to_jsonb(c) ORDER BY c.at, c.channel), '[]') FROM consents c WHERE c.lead_id = l.id) AS consents,
        (SELECT coalesce(jsonb_object_agg(u.id, u.name), '{{}}') FROM users u
         WHERE u.id IN (SELECT e.owner_id FROM ledger e WHERE e.lead_id = l.id) OR u.id IN (
            SELECT rep::uuid FROM jsonb_array_elements(coalesce(q.explanation, r.explanation) -> 'others') other,
                jsonb_array_elements_text(other -> 'reps') rep
            UNION ALL SELECT r.rep_id)) AS names,
        CASE WHEN q.lead_id IS NOT NULL THEN
            jsonb_build_object('at', q.asked_at, 'since', q.since, 'explanation', q.explanation) END AS queued,
        CASE WHEN r.lead_id IS NOT NULL THEN jsonb_build_object('at', r.at, 'rep', r.rep_id, 'explanation', r.explanation) END AS assigned
    FROM leads l LEFT JOIN users o ON o.id = l.owner_id
        LEFT JOIN accounts a ON a.id = l.account_id LEFT JOIN users ao ON ao.id = a.owner_id
        LEFT JOIN routing_queue q ON q.lead_id = l.id
        LEFT JOIN LATERAL (SELECT * FROM assignments WHERE lead_id = l.id ORDER BY number DESC LIMIT 1) r ON true
        {_HANDED_BACK}
    WHERE l.id = :lead AND l.stage <> 'erased'"""  # noqa: S608 - a constant of ours
)


async def view(connection: AsyncConnection, lead: UUID) -> LeadView:
    """Everything about a lead, in one query.

    Raises:
        NotFound: when there is no such lead, or it was erased.
    """
    return (await view_and_state(connection, lead))[0]


async def view_and_state(connection: AsyncConnection, lead: UUID) -> tuple[LeadView, LeadState]:
    """Everything about a lead, and the state its tree decides from, in one query.

    Raises:
        NotFound: when there is no such lead, or it was erased.
    """
    what = {"lead": lead, "attempts": list(_ATTEMPTS), "over": list(CLOSED), "latest": _LATEST_ENGAGEMENTS, "news": _LATEST_NEWS}
    row = (await connection.execute(_VIEW, what)).mappings().one_or_none()
    if row is None:
        raise NotFound("lead")
    state = stored_state(row["state"])
    return _view(row, state), state


def newborn(written: Mapping[str, Any], state: LeadState, change: int) -> LeadView:
    """Everything about a lead whose row and first entry were written just now, without reading it back.

    Args:
        written: the columns that do not follow from its state. It has no account and no engagement.
        state: the lead after its arrival.
        change: the number of that change.
    """
    deadline = state.deadline
    nothing = dict.fromkeys(("handback", "owner_name", "assigned", "queued"))
    shown = {"deadline_start": deadline.start if deadline else None, "fast_lane": state.fast_lane, "change": change}
    said = {"granted": True, "at": written["created_at"], "how": "form", "source": written["source"]}
    consents = [{"channel": channel, **said} for channel in sorted(written["consent"])]
    record: dict[str, Any] = {"record": [], "signals": [], "news": [], "names": {}, "judgement": {}, "consents": consents}
    row = {**written, **projection(state), "id": UUID(state.lead_id), **nothing, **shown, **record}
    return _view(row, state)


async def cards(connection: AsyncConnection, leads: Sequence[UUID]) -> list[LeadCard]:
    """The cards of these leads, in no particular order. Erased ones and those that do not exist are left out."""
    rows = (await connection.execute(_CARDS, {"ids": list(leads)})).mappings()
    return [card(row) for row in rows]


def card(row: RowMapping) -> LeadCard:
    """A card from a row of `CARD`."""
    return LeadCard(
        **{name: row[name] for name in _PLAIN},
        claimable=_claimable(row),
        owner=person(row["owner_id"], row["owner_name"]),
        deadline=_deadline(row),
        account=AccountRef(id=row["account_id"], name=row["account_name"]) if row["account_id"] else None,
    )


_PLAIN = (
    "id", "email", "first_name", "last_name", "company", "title", "country", "source", "campaign", "interest", "stage", "tier",
    "score", "closed", "arrived_at", "since", "contacted_at", "reason", "handback", "fast_lane", "seq", "change",
)  # fmt: skip


def person(user: UUID | str | None, name: str | None) -> Person | None:
    """A user by id and name, if there is one."""
    return Person(id=UUID(str(user)), name=name or "") if user else None


def _claimable(row: Mapping[Any, Any]) -> bool:
    return not row["closed"] and Stage(row["stage"]) in CLAIMABLE


def _deadline(row: Mapping[Any, Any]) -> DeadlineView | None:
    return DeadlineView(kind=row["deadline_kind"], at=row["deadline_at"], start=row["deadline_start"]) if row["deadline_at"] else None


def _view(row: Mapping[Any, Any], state: LeadState) -> LeadView:
    names: dict[str, str] = row["names"]
    holders = _holders(state, names)
    handbacks = [_handback(entry, names) for entry in row["record"] if entry["kind"] not in _ATTEMPTS]
    account = None
    if row["account_id"]:
        owner = Person(id=row["account_owner_id"], name=row["account_owner_name"])
        account = AccountView(id=row["account_id"], name=row["account_name"], domain=row["account_domain"], owner=owner)
    return LeadView(
        **{name: row[name] for name in (*_PLAIN, *_IN_FULL) if name != "reason"},
        reason=row["reasons"][0] if row["reasons"] else None,
        claimable=_claimable(row),
        owner=person(row["owner_id"], row["owner_name"]),
        deadline=_deadline(row),
        account=account,
        timezone=row["zone"],
        consent={channel: channel in state.consent and channel not in state.unsubscribed for channel in Channel},
        unsubscribed=list(state.unsubscribed),
        consents=[ConsentView(**consent) for consent in row["consents"]],
        lifecycle=Lifecycle(mql_at=state.mql_at, sal_at=state.sal_at, sql_at=state.sql_at),
        nurture=_nurture(state),
        signals=[Signal(**signal) for signal in (*row["signals"], *row["news"])],
        attempts=[_attempt(entry, holders) for entry in row["record"] if entry["kind"] in _ATTEMPTS],
        holders=holders,
        handbacks=handbacks,
        came_back_from=row["handback"]["from_stage"] if row["handback"] else None,
        criteria=dict(state.criteria),
        judgement=JudgementView(**row["judgement"]) if row["judgement"] else None,
        scored_at=state.scored_at,
        round=state.round,
        deadline_version=state.deadline_version if state.deadline else None,
        routing=routing.view(row["assigned"], row["queued"], row["names"]),
    )


_IN_FULL = (
    "phone", "message", "attributes", "anonymous_id", "domain", "reasons", "enrichment", "amount_usd", "owned_since",
    "policy_version",
)  # fmt: skip


def _nurture(state: LeadState) -> NurtureView:
    n = state.nurture
    return NurtureView(campaign=n.campaign, step=n.step + 1 if n.campaign else None, paused=n.paused, next_at=n.next_at)


def _holders(state: LeadState, names: Mapping[str, str]) -> list[HolderView]:
    """Who had it, and who has it now, in order."""
    held: list[tuple[str, datetime, datetime | None, int, bool]] = [(h.rep, h.since, h.until, h.attempts, h.lapsed) for h in state.holders]
    if state.owner and state.owned_since:
        held.append((state.owner, state.owned_since, None, state.touches, False))
    now = datetime.now(UTC)
    return [
        HolderView(
            rep=person(rep, names.get(rep)),
            since=since,
            until=until,
            seconds=max(((until or now) - since).total_seconds(), 0.0),
            attempts=attempts,
            lapsed=lapsed,
        )
        for rep, since, until, attempts, lapsed in held
    ]


def _attempt(entry: Mapping[str, Any], holders: Iterable[HolderView]) -> Attempt:
    at = datetime.fromisoformat(entry["at"])
    tenure = next((n for n, h in enumerate(holders, 1) if h.since <= at and (h.until is None or at <= h.until)), None)
    return Attempt(
        at=at,
        by=person(entry["actor_id"], entry["actor_name"]),
        channel=entry["detail"]["channel"],
        outcome=entry["detail"]["outcome"],
        note=entry["note"] or None,
        tenure=tenure,
    )


def _handback(entry: Mapping[str, Any], names: Mapping[str, str]) -> HandBack:
    return HandBack(
        at=entry["at"],
        kind=entry["kind"],
        by=person(entry["actor_id"], entry["actor_name"]),
        from_stage=entry["from_stage"],
        to_stage=entry["to_stage"],
        rep=person(entry["rep_id"], names.get(entry["rep_id"])),
        reason=entry["reason"],
        note=entry["note"] or None,
    )
