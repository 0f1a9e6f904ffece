"""One thing done to many leads: everything that a filter shows."""

from uuid import UUID

from fastapi import APIRouter, Depends, Response, status

from api.deps import Db, RequestKey, require
from api.services.bulk import batches
from api.uploads import Marketer
from models.lifecycle import Role
from models.schemas.bulk import BatchKind, BatchOrdered, BatchView, NotedOrder, RescoreOrder

router = APIRouter(prefix="/api", tags=["batches"])


@router.post("/rescore", status_code=status.HTTP_202_ACCEPTED)
async def rescore(form: RescoreOrder, me: Marketer, database: Db, key: RequestKey, response: Response) -> BatchOrdered:
    """Have all these leads scored again. Closed ones refuse it."""
    ordered = await batches.order(database, me.id, BatchKind.RESCORE, form.filter, request=key)
    return _located(ordered, response)


@router.post("/hold", status_code=status.HTTP_202_ACCEPTED)
async def hold(form: NotedOrder, me: Marketer, database: Db, key: RequestKey, response: Response) -> BatchOrdered:
    """Take all these leads out of automation, to work them in person. Those that somebody has refuse it."""
    ordered = await batches.order(database, me.id, BatchKind.HOLD, form.filter, note=form.note, request=key)
    return _located(ordered, response)


@router.post("/resume", status_code=status.HTTP_202_ACCEPTED)
async def resume(form: NotedOrder, me: Marketer, database: Db, key: RequestKey, response: Response) -> BatchOrdered:
    """Give all these leads back to automation. Those that are not held refuse it."""
    ordered = await batches.order(database, me.id, BatchKind.RESUME, form.filter, note=form.note, request=key)
    return _located(ordered, response)


@router.get("/batches/{batch}", dependencies=[Depends(require(Role.MARKETER))])
async def see_batch(batch: UUID, database: Db) -> BatchView:
    """How far it is, and how many leads refused it for which reason."""
    async with database.autocommit() as connection:
        return await batches.view(connection, batch)


def _located(ordered: BatchOrdered, response: Response) -> BatchOrdered:
    response.headers["Location"] = f"/api/batches/{ordered.batch_id}"
    return ordered
