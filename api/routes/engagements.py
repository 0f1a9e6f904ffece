"""Engagements: what leads and visitors did, sent in batches."""

from fastapi import APIRouter, Depends, status

from api.deps import Db, Engined, require
from api.services import engagements
from models.lifecycle import Role
from models.schemas.engagements import Batch, Receipt

router = APIRouter(prefix="/api", tags=["engagements"])


@router.post("/engagements", status_code=status.HTTP_202_ACCEPTED, dependencies=[Depends(require(Role.SERVICE))])
async def take(batch: Batch, database: Db, engine: Engined) -> Receipt:
    """Keep up to 1,000 events. Sending one again, by its id, changes nothing."""
    return await engagements.take(database, engine, batch)
