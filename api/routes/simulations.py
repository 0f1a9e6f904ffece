"""What would have been under another agreement: replays of past leads."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response, status

from api.auth import Principal
from api.deps import Db, RequestKey, require
from api.services.whatif import orders
from models.lifecycle import Role
from models.schemas.whatif import SimulationOrder, SimulationOrdered, SimulationSummary, SimulationView

Either = Annotated[Principal, Depends(require(Role.MANAGER, Role.MARKETER))]
"""Whose agreement it is: a manager of sales, or a marketer."""
router = APIRouter(prefix="/api/policy", tags=["policy"])


@router.post("/simulate", status_code=status.HTTP_202_ACCEPTED)
async def simulate(form: SimulationOrder, me: Either, database: Db, key: RequestKey, response: Response) -> SimulationOrdered:
    """Replay past leads under another policy, and compare. It is made in the background; poll what `Location` names."""
    made = await orders.order(database, me.id, form, request=key)
    response.headers["Location"] = f"/api/policy/simulations/{made}"
    return SimulationOrdered(id=made)


@router.get("/simulations")
async def simulations(_: Either, database: Db) -> list[SimulationSummary]:
    """The latest replays, the newest first."""
    async with database.autocommit() as connection:
        return await orders.listed(connection)


@router.get("/simulations/{simulation}")
async def see_simulation(simulation: UUID, _: Either, database: Db) -> SimulationView:
    """How far a replay is and, once it is done, what it found."""
    async with database.autocommit() as connection:
        return await orders.view(connection, simulation)


@router.post("/simulations/{simulation}/retry", status_code=status.HTTP_202_ACCEPTED)
async def retry_simulation(simulation: UUID, _: Either, database: Db) -> SimulationOrdered:
    """Have a replay made once more that failed. Any other stays as it is."""
    await orders.again(database, simulation)
    return SimulationOrdered(id=simulation)


@router.delete("/simulations/{simulation}", status_code=status.HTTP_204_NO_CONTENT)
async def drop_simulation(simulation: UUID, _: Either, database: Db) -> None:
    """Forget a replay. One that is being made stops."""
    await orders.drop(database, simulation)
