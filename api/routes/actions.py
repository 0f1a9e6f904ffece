"""What people do with a lead. Each is put to the lead's decision tree: 200 and the lead as it is then, or 409 and why not."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, status

from api.auth import Principal
from api.deps import Db, Engined, RequestKey, require
from api.services.actions import Actions
from api.services.allowed import ROLES, Action
from models.schemas.actions import ContactForm, DispositionForm, NoteForm, Nothing, OverrideForm, ReleaseForm, ReviewForm
from models.schemas.leads import LeadView

router = APIRouter(prefix="/api", tags=["actions"])


def _by(action: Action) -> Callable[..., Awaitable[Actions]]:
    """A dependency: the actions of whoever asks, if they have a role that may do this."""
    allowed = require(*ROLES[action])

    async def actions(me: Annotated[Principal, Depends(allowed)], database: Db, engine: Engined, key: RequestKey) -> Actions:
        return Actions(database, engine, me, key)

    return actions


@router.post("/leads/{lead}/claim")
async def claim(lead: UUID, actions: Annotated[Actions, Depends(_by(Action.CLAIM))], form: Nothing | None = None) -> LeadView:
    """Take the lead. The first one wins; whoever comes later is told who has it."""
    return await actions.claim(lead)


@router.post("/leads/{lead}/contact")
async def contact(lead: UUID, actions: Annotated[Actions, Depends(_by(Action.CONTACT))], form: ContactForm) -> LeadView:
    """Log an attempt to reach the lead. Only its owner may."""
    return await actions.contact(lead, form)


@router.post("/leads/{lead}/disposition")
async def dispose(lead: UUID, actions: Annotated[Actions, Depends(_by(Action.DISPOSITION))], form: DispositionForm) -> LeadView:
    """Conclude. `qualified` needs the agreed criteria; without them the answer names what is missing."""
    return await actions.dispose(lead, form)


@router.post("/leads/{lead}/release")
async def release(lead: UUID, actions: Annotated[Actions, Depends(_by(Action.RELEASE))], form: ReleaseForm) -> LeadView:
    """Hand the lead back at once."""
    return await actions.release(lead, form)


@router.post("/leads/{lead}/override")
async def override(lead: UUID, actions: Annotated[Actions, Depends(_by(Action.OVERRIDE))], form: OverrideForm) -> LeadView:
    """Set owner and/or stage by hand."""
    return await actions.override(lead, form)


@router.post("/leads/{lead}/review")
async def review(lead: UUID, actions: Annotated[Actions, Depends(_by(Action.REVIEW))], form: ReviewForm) -> LeadView:
    """Conclude a review: on to a rep, to nurture, or out."""
    return await actions.review(lead, form)


@router.post("/leads/{lead}/hold")
async def hold(lead: UUID, actions: Annotated[Actions, Depends(_by(Action.HOLD))], form: NoteForm | None = None) -> LeadView:
    """Take an unowned lead out of automation, to work it in person."""
    return await actions.hold(lead, form or NoteForm())


@router.post("/leads/{lead}/resume")
async def resume(lead: UUID, actions: Annotated[Actions, Depends(_by(Action.RESUME))], form: NoteForm | None = None) -> LeadView:
    """Give a held lead back to automation."""
    return await actions.resume(lead, form or NoteForm())


@router.post("/leads/{lead}/rescore", status_code=status.HTTP_202_ACCEPTED)
async def rescore(lead: UUID, actions: Annotated[Actions, Depends(_by(Action.RESCORE))], form: Nothing | None = None) -> Nothing:
    """Have the lead scored again, soon."""
    await actions.rescore(lead)
    return Nothing()


@router.delete("/leads/{lead}", status_code=status.HTTP_204_NO_CONTENT)
async def erase(lead: UUID, actions: Annotated[Actions, Depends(_by(Action.ERASE))]) -> None:
    """Forget the person, everywhere and for good. Anonymous counters stay."""
    await actions.erase(lead)
