"""What people do with a lead: their words are stored, the lead's tree decides, and the answer is put into words with names."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid5

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import Database
from activities.people import standing_of
from api.auth import Principal
from api.errors import Invalid, NotFound, Problem, Refused
from api.services import leads
from api.services.engine import Engine
from models.ids import uuid7
from models.lifecycle import RefusalReason, Role, Stage
from models.messages import Answer, Claim, Contact, Disposition, Erase, Event, Hold, Override, Release, Rescore, Resume, Review
from models.schemas.actions import ContactForm, DispositionForm, NoteForm, OverrideForm, ReleaseForm, ReviewForm
from models.schemas.leads import LeadView

# Waits for an erasure under way and then finds nobody to write about, so that no words about a person outlive it.
_NOTE = text(
    """
    INSERT INTO notes (id, lead_id, author_id, body, reason, created_at)
    SELECT :id, l.id, :author, :body, :reason, now() FROM leads l WHERE l.id = :lead AND l.stage <> 'erased' FOR KEY SHARE
    ON CONFLICT (id) DO UPDATE SET body = excluded.body
        WHERE notes.body = excluded.body AND notes.reason IS NOT DISTINCT FROM excluded.reason
    RETURNING id"""
)
_UNNOTE = text("DELETE FROM notes WHERE id = :id AND NOT EXISTS (SELECT FROM ledger WHERE lead_id = :lead AND note_id = :id)")
_HOLDER = text(
    """
    SELECT u.id, u.name, CASE WHEN l.owner_id = u.id THEN l.owned_since END AS since
    FROM users u, leads l WHERE u.id = :owner AND l.id = :lead"""
)
_OPEN = text("SELECT closed, stage FROM leads WHERE id = :lead AND stage <> 'erased'")
_ABOUT_OWNER = frozenset({RefusalReason.OWNED, RefusalReason.NOT_OWNER})


@dataclass(frozen=True, slots=True)
class Actions:
    """What one user does, in one request.

    Args:
        database: where words and people are.
        engine: the way to the leads.
        me: who acts.
        request: their idempotency key, made unreadable.
    """

    database: Database
    engine: Engine
    me: Principal
    request: str | None = None

    async def claim(self, lead: UUID) -> LeadView:
        """Take the lead."""
        async with self.database.autocommit() as connection:
            standing = await standing_of(connection, str(self.me.id))
        return await self._put(lead, Claim(rep=str(self.me.id), standing=standing, request=self.request))

    async def contact(self, lead: UUID, form: ContactForm) -> LeadView:
        """Log an attempt to reach the lead."""
        note = await self._note(lead, note=form.note)
        message = Contact(rep=str(self.me.id), channel=form.channel, outcome=form.outcome, note=note, request=self.request)
        return await self._put(lead, message)

    async def dispose(self, lead: UUID, form: DispositionForm) -> LeadView:
        """Conclude."""
        note = await self._note(lead, note=form.note, reason=form.reason)
        message = Disposition(
            actor=str(self.me.id),
            by_manager=self.me.has(Role.MANAGER),
            outcome=form.outcome,
            criteria=form.criteria,
            amount_usd=form.amount_usd,
            has_reason=form.reason is not None,
            note=note,
            request=self.request,
        )
        return await self._put(lead, message)

    async def release(self, lead: UUID, form: ReleaseForm) -> LeadView:
        """Hand the lead back."""
        note = await self._note(lead, reason=form.reason)
        return await self._put(lead, Release(rep=str(self.me.id), note=note, request=self.request))

    async def override(self, lead: UUID, form: OverrideForm) -> LeadView:
        """Set owner and/or stage by hand.

        Raises:
            Invalid: when the new owner is no active rep.
        """
        async with self.database.autocommit() as connection:
            standing = await standing_of(connection, str(self.me.id))
            owner = await standing_of(connection, str(form.owner)) if form.owner else None
        if owner is not None and not owner.has(Role.REP):
            raise Invalid({"owner": "must be the id of an active rep"})
        note = await self._note(lead, reason=form.reason)
        message = Override(
            actor=str(self.me.id),
            standing=standing,
            owner=str(form.owner) if form.owner else None,
            owner_standing=owner,
            stage=form.stage,
            note=note,
            request=self.request,
        )
        return await self._put(lead, message)

    async def review(self, lead: UUID, form: ReviewForm) -> LeadView:
        """Conclude a review."""
        note = await self._note(lead, note=form.note)
        return await self._put(lead, Review(actor=str(self.me.id), outcome=form.outcome, note=note, request=self.request))

    async def hold(self, lead: UUID, form: NoteForm) -> LeadView:
        """Take the lead out of automation, to work it in person."""
        note = await self._note(lead, note=form.note)
        return await self._put(lead, Hold(actor=str(self.me.id), note=note, request=self.request))

    async def resume(self, lead: UUID, form: NoteForm) -> LeadView:
        """Give a held lead back to automation."""
        note = await self._note(lead, note=form.note)
        return await self._put(lead, Resume(actor=str(self.me.id), note=note, request=self.request))

    async def rescore(self, lead: UUID) -> None:
        """Have the lead scored again, soon.

        Raises:
            NotFound: when there is no such lead.
            Refused: when it is closed.
        """
        async with self.database.autocommit() as connection:
            row = (await connection.execute(_OPEN, {"lead": lead})).one_or_none()
        if row is None:
            raise NotFound("lead")
        if row.closed:
            raise Refused(RefusalReason.CLOSED, f"This lead is closed ({row.stage}); it is not scored any more.")
        message = Rescore(actor=str(self.me.id), request=self.request)
        await self.engine.signal(lead, message.kind, message.model_dump(mode="json", exclude_defaults=True))

    async def erase(self, lead: UUID) -> None:
        """Forget the person, everywhere and for good.

        Raises:
            NotFound: when there is no such lead, or it was erased before.
        """
        message = Erase(actor=str(self.me.id), request=self.request)
        answer = await self.engine.update(lead, message.kind, message)
        if not answer.ok:
            raise NotFound("lead")

    async def _note(self, lead: UUID, *, note: str | None = None, reason: str | None = None) -> str | None:
        """Store words before the event that names them. The same request sent again finds its own words there.

        Raises:
            NotFound: when there is no such lead.
        """
        if note is None and reason is None:
            return None
        own = [uuid5(lead, self.request)] if self.request else []
        async with self.database.autocommit() as connection:
            for number in (*own, uuid7()):
                row = {"id": number, "lead": lead, "author": self.me.id, "body": note or "", "reason": reason}
                if (await connection.execute(_NOTE, row)).one_or_none() is not None:
                    return str(number)
        raise NotFound("lead")

    async def _put(self, lead: UUID, message: Event) -> LeadView:
        """Put an event to the lead, and show the lead as it is afterwards.

        Raises:
            Refused: when the tree said no. Words stored for the event are gone then.
            NotFound: when there is no such lead, or it was erased.
            EngineAway, OutcomeUnknown: when Temporal does not answer.
        """
        answer = await self.engine.update(lead, message.kind, message)
        note = getattr(message, "note", None)
        async with self.database.autocommit() as connection:
            if answer.ok:
                return await leads.view(connection, lead)
            if note:
                await connection.execute(_UNNOTE, {"id": UUID(note), "lead": lead})
            refusal = await _refusal(connection, lead, answer)
        raise refusal


async def _refusal(connection: AsyncConnection, lead: UUID, answer: Answer) -> Problem:
    """The tree's no, with names where it can only speak of "somebody"."""
    if answer.stage is Stage.ERASED:
        return NotFound("lead")
    message, owner = answer.message or "", None
    if answer.owner:
        row = (await connection.execute(_HOLDER, {"owner": UUID(answer.owner), "lead": lead})).one_or_none()
        if row is not None:
            owner = {"id": str(row.id), "name": row.name}
            message = with_name(answer.reason, message, row.name, row.since)
    return Refused(answer.reason or "", message, owner=owner, missing=list(answer.missing))


def with_name(reason: str | None, message: str, owner: str, since: datetime | None) -> str:
    """A refusal's sentence, with the name of who has the lead where that is what it is about.

    Args:
        reason: why it was refused.
        message: the tree's sentence, which knows no names.
        owner: the name of who has the lead.
        since: since when, where that is known.
    """
    if reason not in _ABOUT_OWNER:
        return message
    has = f"{owner} has this lead{_since(since)}."
    return has if message.startswith("Somebody else") else f"{has} {message}"


def _since(moment: datetime | None) -> str:
    if moment is None:
        return ""
    today = moment.date() == datetime.now(UTC).date()
    return f" since {moment:%H:%M} UTC" if today else f" since {moment:%Y-%m-%d %H:%M} UTC"
