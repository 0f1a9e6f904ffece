"""Pages of what-if: choose a change, and look at what would have been."""

from datetime import UTC, date, datetime, time
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Header, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from activities.policies import latest
from api.auth import Principal
from api.board import whatif
from api.board.frame import frame
from api.board.pages import page
from api.deps import RequestKey, Wired, Wiring
from api.errors import Invalid
from api.idempotency import own_key
from api.routes.simulations import Either
from api.services.whatif import orders
from models.policy import Policy
from models.schemas.whatif import SimulationOrder

router = APIRouter(tags=["pages"], include_in_schema=False)
_SEE_OTHER = 303
_LONGEST_KEY = 255
_MOST_FIELDS = 600
Part = Annotated[str | None, Header(alias="X-Part")]


@router.get("/what-if")
async def choose(me: Either, wired: Wired) -> HTMLResponse:
    """Choose a change; the latest replays below."""
    return await _form(wired, me)


@router.post("/what-if")
async def ask(me: Either, wired: Wired, request: Request, header: RequestKey) -> Response:
    """Have it replayed."""
    async with request.form(max_files=0, max_fields=_MOST_FIELDS) as form:
        fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        without = [value for value in form.getlist("without") if isinstance(value, str)]
    try:
        async with wired.database.autocommit() as connection:
            wanted = _wanted(await latest(connection), fields, without)
        key = fields.get("key", "")
        own = own_key(me.id, key) if 0 < len(key) <= _LONGEST_KEY else header
        made = await orders.order(wired.database, me.id, wanted, request=own)
    except Invalid as err:
        return await _form(wired, me, fields, without, err)
    return RedirectResponse(f"/what-if/{made}", _SEE_OTHER)


@router.get("/what-if/{simulation}")
async def see(simulation: UUID, me: Either, wired: Wired, part: Part = None) -> HTMLResponse:
    """How far a replay is, and what it found; for scripts only that."""
    async with wired.database.autocommit() as connection:
        found = await orders.view(connection, simulation)
    if part:
        return page("_simulation.html", simulation=found)
    return page("simulation.html", **await frame(wired, me), simulation=found)


@router.post("/what-if/{simulation}/retry")
async def retry(simulation: UUID, _: Either, wired: Wired) -> RedirectResponse:
    """Have a replay made once more that failed."""
    await orders.again(wired.database, simulation)
    return RedirectResponse(f"/what-if/{simulation}", _SEE_OTHER)


@router.post("/what-if/{simulation}/drop")
async def drop(simulation: UUID, _: Either, wired: Wired) -> RedirectResponse:
    """Forget a replay. One that is being made stops."""
    await orders.drop(wired.database, simulation)
    return RedirectResponse("/what-if", _SEE_OTHER)


def _wanted(policy: Policy, fields: dict[str, str], without: list[str]) -> SimulationOrder:
    """What the form asks for: its YAML where it has some, else the agreement in force with the fields' changes."""
    wrong: dict[str, str] = {}
    since, until = (_day(fields.get(name, ""), name, wrong) for name in ("since", "until"))
    reps: list[UUID] = []
    for rep in without:
        try:
            reps.append(UUID(rep))
        except ValueError:
            wrong["without"] = "names somebody who is no user"
    if wrong:
        raise Invalid(wrong)
    yaml = fields.get("policy", "").strip()
    other: str | dict[str, Any] = yaml or orders.adapted(policy, whatif.chosen(policy, fields)).document
    return SimulationOrder(policy=other, since=since, until=until, without=tuple(reps))


def _day(text: str, name: str, wrong: dict[str, str]) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        wrong[name] = "must be a day, as 2026-03-02"
        return None


async def _form(
    wired: Wiring, me: Principal, sent: dict[str, str] | None = None, without: list[str] | None = None, problem: Invalid | None = None
) -> HTMLResponse:
    async with wired.database.autocommit() as connection:
        policy = await latest(connection)
        found, reps = await orders.listed(connection), await orders.reps(connection)
    return page(
        "whatif.html",
        status=problem.status if problem else 200,
        **await frame(wired, me),
        policy=policy,
        fields={"since": "", "until": "", "policy": ""} | whatif.values(policy) | (sent or {}),
        without=without or [],
        reps=reps,
        simulations=found,
        problems=problem.fields["errors"] if problem else [],
        key=uuid4().hex,
    )
