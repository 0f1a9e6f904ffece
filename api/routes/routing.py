"""Who would get a lead."""

from typing import Annotated

from fastapi import APIRouter, Depends

from api.auth import Principal
from api.deps import Db, require
from api.services import routing
from models.lifecycle import Role
from models.schemas.routing import RoutingPreview, RoutingQuestion

_asking = require(Role.MARKETER, Role.MANAGER)
Asker = Annotated[Principal, Depends(_asking)]
"""Who is asking, if they may know who would get a lead."""
router = APIRouter(prefix="/api/routing", tags=["routing"], dependencies=[Depends(_asking)])


@router.post("/preview")
async def preview(database: Db, question: RoutingQuestion) -> RoutingPreview:
    """Who would get this lead now, and why, and why none of the others. Nothing is written.

    The lead is one that exists (`lead_id`), or one that is only thought of (its fields).
    """
    return await routing.preview(database, question)
