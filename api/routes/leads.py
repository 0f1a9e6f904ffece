"""Leads: taking them in, looking at them, and erasing them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response, status

from api.auth import Principal
from api.deps import PEOPLE, Db, Engined, require
from api.services import arrival, lead_lists, leads, timeline
from models.lifecycle import Role
from models.schemas.common import Page
from models.schemas.leads import ArrivedLead, LeadCard, LeadFilter, LeadView, Submission, TimelineItem

router = APIRouter(prefix="/api", tags=["leads"])

Reader = Annotated[Principal, Depends(require(*PEOPLE))]


@router.post(
    "/leads",
    status_code=status.HTTP_201_CREATED,
    responses={200: {"model": ArrivedLead, "description": "The person was known already; the submission is kept with their lead."}},
    dependencies=[Depends(require(Role.SERVICE, Role.MARKETER, Role.REP))],
)
async def take_in(form: Submission, response: Response, database: Db, engine: Engined) -> ArrivedLead:
    """Take a lead in. The same person again (by e-mail) is merged into the lead they are: 200 instead of 201."""
    lead = await arrival.accept(database, engine, form)
    if lead.merged:
        response.status_code = status.HTTP_200_OK
    return lead


@router.get("/leads")
async def look_through(wanted: Annotated[LeadFilter, Query()], me: Reader, database: Db) -> Page[LeadCard]:
    """A page of leads, as cards."""
    async with database.autocommit() as connection:
        return await lead_lists.page(connection, wanted, me.id)


@router.get("/leads/{lead}", dependencies=[Depends(require(*PEOPLE))])
async def look_at(lead: UUID, database: Db) -> LeadView:
    """Everything about one lead."""
    async with database.autocommit() as connection:
        return await leads.view(connection, lead)


@router.get("/leads/{lead}/timeline", dependencies=[Depends(require(*PEOPLE))])
async def look_back(
    lead: UUID,
    database: Db,
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> Page[TimelineItem]:
    """What happened to a lead, the newest last."""
    async with database.autocommit() as connection:
        return await timeline.page(connection, lead, limit=limit, cursor=cursor)
