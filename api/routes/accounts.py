"""Named accounts."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from api.auth import Principal
from api.deps import Db, require
from api.services import accounts
from models.lifecycle import Role
from models.schemas.common import Limit, Page
from models.schemas.people import AccountChange, AccountView, NewAccount

_kept = require(Role.MARKETER, Role.MANAGER)
Keeper = Annotated[Principal, Depends(_kept)]
"""Who is asking, if they may name accounts."""
router = APIRouter(prefix="/api/accounts", tags=["accounts"], dependencies=[Depends(_kept)])


@router.get("")
async def list_accounts(database: Db, cursor: str | None = None, limit: Limit = 50) -> Page[AccountView]:
    """The named accounts by domain."""
    return await accounts.accounts(database, cursor=cursor, limit=limit)


@router.post("", status_code=201)
async def create_account(database: Db, form: NewAccount) -> AccountView:
    """Name an account. Leads of its domain belong to it at once."""
    return await accounts.create(database, form)


@router.patch("/{account_id}")
async def change_account(database: Db, account_id: UUID, form: AccountChange) -> AccountView:
    """Change what is named. With another domain, other leads belong to it at once."""
    return await accounts.change(database, account_id, form)


@router.delete("/{account_id}", status_code=204)
async def delete_account(database: Db, account_id: UUID) -> None:
    """Forget an account. Its leads stay."""
    await accounts.delete(database, account_id)
