"""What nurture sent."""

from uuid import UUID

from fastapi import APIRouter, Depends

from api.deps import PEOPLE, Db, require
from api.services import messages
from models.schemas.common import Limit, Page
from models.schemas.records import MessageView

router = APIRouter(prefix="/api/messages", tags=["messages"], dependencies=[Depends(require(*PEOPLE))])


@router.get("")
async def list_messages(database: Db, lead: UUID | None = None, cursor: str | None = None, limit: Limit = 50) -> Page[MessageView]:
    """What was sent to whom and when, what was not and why; latest first."""
    return await messages.messages(database, lead=lead, cursor=cursor, limit=limit)
