"""Which notices reach one outside the page."""

from typing import Annotated

from fastapi import APIRouter, Depends

from api.auth import Principal
from api.deps import PEOPLE, Db, require
from api.services import notice_choice
from models.schemas.integrations import NoticeChange, NoticeChoice

router = APIRouter(prefix="/api/me", tags=["live"])
Reader = Annotated[Principal, Depends(require(*PEOPLE))]


@router.get("/notices")
async def see_choice(database: Db, me: Reader) -> NoticeChoice:
    """Which notices come by e-mail and in Slack, and which there are."""
    return await notice_choice.choice(database, me.id)


@router.patch("/notices")
async def change_choice(database: Db, me: Reader, form: NoticeChange) -> NoticeChoice:
    """Change which notices come by e-mail and in Slack."""
    return await notice_choice.choose(database, me.id, form)
