"""Addresses that nothing is sent to any more. Marketers look after them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response, status

from api.auth import Principal
from api.deps import Db, require
from api.services import suppressions
from models.lifecycle import Channel, Role
from models.schemas.common import Limit, Page
from models.schemas.suppressions import LiftedView, Lifting, NewSuppression, SuppressionReason, SuppressionView

router = APIRouter(prefix="/api/suppressions", tags=["suppressions"])
Marketer = Annotated[Principal, Depends(require(Role.MARKETER))]
"""Who is asking, if they may look after suppressions."""
Written = Annotated[
    str | None, Query(max_length=320, description="An e-mail address, a phone number with its country, or a postal address.")
]


@router.get("")
async def list_suppressions(
    me: Marketer,
    database: Db,
    address: Written = None,
    channel: Channel | None = None,
    reason: SuppressionReason | None = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> Page[SuppressionView]:
    """The addresses that nothing is sent to, the latest first. Only hashes are kept: `address` finds one."""
    return await suppressions.suppressions(database, address=address, channel=channel, reason=reason, cursor=cursor, limit=limit)


@router.post("", status_code=201, responses={200: {"model": SuppressionView, "description": "It stood there before, for this reason."}})
async def add_suppression(me: Marketer, database: Db, form: NewSuppression, response: Response) -> SuppressionView:
    """Send nothing more to an address."""
    found, new = await suppressions.add(database, form, me.id)
    response.status_code = status.HTTP_201_CREATED if new else status.HTTP_200_OK
    return found


@router.get("/lifted")
async def list_lifted(
    me: Marketer, database: Db, address: Written = None, cursor: str | None = None, limit: Limit = 50
) -> Page[LiftedView]:
    """What was lifted, by whom and why, the latest first."""
    return await suppressions.lifted(database, address=address, cursor=cursor, limit=limit)


@router.delete("/{suppression}")
async def lift_suppression(suppression: UUID, me: Marketer, database: Db, form: Lifting) -> LiftedView:
    """Let an address be written to again, and keep why. What the person wanted themselves takes `asked_again`."""
    return await suppressions.lift(database, suppression, form, me.id)
