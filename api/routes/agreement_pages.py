"""The policy room as pages: the agreement in words, proposals with their differences and signatures, votes. Forms need no script."""

from collections.abc import Awaitable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError

from activities import policies as published
from api.auth import Principal
from api.board import agreement
from api.board.frame import frame
from api.board.pages import page
from api.deps import PEOPLE, Wired, Wiring, require
from api.errors import Forbidden, NotFound, Problem, problem_of
from api.services import policies, proposals, votes
from api.services.dry_run import dry_run
from api.services.room import SIGNS, Room
from api.services.wording import of_replay
from models.lifecycle import Role
from models.schemas.policy import Comment, DryRun, Proposed, Signing, Vote, Votes, VotesProposed, Withdrawal

router = APIRouter(prefix="/agreement", tags=["pages"], include_in_schema=False)

_SEE_OTHER = 303
_LISTED = 50
_MOST_FIELDS = 600
Reader = Annotated[Principal, Depends(require(*PEOPLE))]
Party = Annotated[Principal, Depends(require(Role.MANAGER, Role.MARKETER))]
Sales = Annotated[Principal, Depends(require(Role.REP, Role.MANAGER))]


@router.get("")
async def in_force(me: Reader, wired: Wired) -> HTMLResponse:
    """The agreement in force, in words, and what is proposed."""
    return await _version(wired, me, None)


@router.get("/versions")
async def history(me: Reader, wired: Wired, cursor: Annotated[str | None, Query(max_length=500)] = None) -> HTMLResponse:
    """Every version there was."""
    found = await policies.versions(wired.database, cursor=cursor, limit=_LISTED)
    return page("agreement_history.html", **await frame(wired, me), found=found, tab="history")


@router.get("/versions/{n}")
async def one_version(me: Reader, wired: Wired, n: int) -> HTMLResponse:
    """A version in words."""
    return await _version(wired, me, n)


async def _version(wired: Wiring, me: Principal, number: int | None) -> HTMLResponse:
    if number is not None and not 1 <= number < 2**31:
        raise NotFound("version of the policy")
    found = await policies.policy(wired.database, number)
    async with wired.database.autocommit() as connection:
        policy = await published.of_version(connection, found.version)
        latest = (await published.latest(connection)).version
    open_ones = (await proposals.proposals(wired.database, cursor=None, limit=_LISTED)).items if found.version == latest else []
    changed = await policies.difference(wired.database, found.version - 1, found.version) if found.version > 1 else ()
    return page(
        "agreement.html",
        **await frame(wired, me),
        tab="now" if number is None else "history",
        version=found,
        latest=latest,
        sections=agreement.sections(policy),
        proposals=[one for one in open_ones if one.state == "open"],
        changed=changed,
    )


@router.get("/proposals/new")
async def write_proposal(me: Party, wired: Wired, simulation: UUID | None = None) -> HTMLResponse:
    """Where a change is written; it begins with what a replay tried out, where one is named."""
    found = await policies.policy(wired.database)
    source, why = (found.source, "") if simulation is None else await of_replay(wired.database, simulation)
    typed = {"source": source, "why": why, "takes_effect": "next_stage", "based_on": str(found.version)}
    return await _editor(wired, me, typed)


@router.post("/proposals/new")
async def send_proposal(me: Party, wired: Wired, request: Request) -> Response:
    """Propose it, or say what is wrong with it."""
    return await _send(wired, me, await _typed(request), None)


@router.get("/proposals/{proposal}/edit")
async def edit_proposal(me: Party, wired: Wired, proposal: UUID) -> HTMLResponse:
    """Where a proposal is edited."""
    found = await proposals.view(wired.database, proposal)
    latest = (await policies.policy(wired.database)).version
    typed = {"source": found.source, "why": found.why, "takes_effect": found.takes_effect.value, "based_on": str(latest)}
    return await _editor(wired, me, typed, proposal=proposal)


@router.post("/proposals/{proposal}/edit")
async def send_edit(me: Party, wired: Wired, proposal: UUID, request: Request) -> Response:
    """Take the edit, or say what is wrong with it."""
    return await _send(wired, me, await _typed(request), proposal)


async def _send(wired: Wiring, me: Principal, typed: dict[str, str], proposal: UUID | None) -> Response:
    inside = _room(wired, me)
    try:
        fields: dict[str, Any] = {
            name: typed[name] for name in ("source", "why", "takes_effect", "based_on") if typed.get(name, "").strip()
        }
        wanted = _read(Proposed, {**fields, "source": typed.get("source", "")})
        found = await (inside.propose(wanted) if proposal is None else inside.revise(proposal, wanted))
    except NotFound:
        raise
    except (Problem, RequestValidationError) as err:
        problem = _reason(err)
        # They have been told what changed meanwhile, if anything did: sent again, it is based on that.
        typed = {**typed, "based_on": str((await policies.policy(wired.database)).version)}
        return await _editor(wired, me, typed, proposal=proposal, problem=problem)
    return RedirectResponse(f"/agreement/proposals/{found.id}", _SEE_OTHER)


async def _editor(
    wired: Wiring, me: Principal, typed: dict[str, str], *, proposal: UUID | None = None, problem: Problem | None = None
) -> HTMLResponse:
    typed = {"source": "", "why": "", "takes_effect": "next_stage", "based_on": "", **typed}
    said = list(problem.fields.get("problems") or [problem.detail or problem.title]) if problem else []
    status = problem.status if problem else 200
    around = await frame(wired, me)
    return page("agreement_edit.html", status=status, **around, tab="proposals", typed=typed, proposal=proposal, problems=said)


@router.get("/proposals")
async def list_proposals(me: Reader, wired: Wired, cursor: Annotated[str | None, Query(max_length=500)] = None) -> HTMLResponse:
    """Every proposal there was."""
    found = await proposals.proposals(wired.database, cursor=cursor, limit=_LISTED)
    return page("agreement_proposals.html", **await frame(wired, me), found=found, tab="proposals")


@router.get("/proposals/{proposal}")
async def see_proposal(me: Reader, wired: Wired, proposal: UUID) -> HTMLResponse:
    """A proposal: what it changes, what was said, who signed."""
    return await _proposal(wired, me, proposal)


async def _proposal(
    wired: Wiring, me: Principal, proposal: UUID, *, problem: Problem | None = None, tried: DryRun | None = None, said: str = ""
) -> HTMLResponse:
    found = await proposals.view(wired.database, proposal)
    mine = [team for role, team in SIGNS.items() if role in me.roles]
    signed = {one.team: one for one in found.signatures if one.valid}
    return page(
        "agreement_proposal.html",
        status=problem.status if problem else 200,
        **await frame(wired, me),
        tab="proposals",
        proposal=found,
        signed=signed,
        may_sign=[team for team in mine if team not in signed and all(one.by.id != me.id for one in signed.values())],
        party=me.has(Role.MANAGER, Role.MARKETER),
        problem=(problem.detail or problem.title) if problem else None,
        tried=tried,
        said=said,
        sections=agreement.sections(await proposals.policy_of(wired.database, proposal)),
    )


async def _act(wired: Wiring, me: Principal, proposal: UUID, doing: Awaitable[object], said: str = "") -> Response:
    try:
        await doing
    except NotFound:
        raise
    except Problem as err:
        return await _proposal(wired, me, proposal, problem=err, said=said)
    return RedirectResponse(f"/agreement/proposals/{proposal}", _SEE_OTHER)


@router.post("/proposals/{proposal}/comments")
async def comment(me: Reader, wired: Wired, proposal: UUID, request: Request) -> Response:
    """Say something."""
    said = (await _typed(request)).get("body", "")
    try:
        wanted = _read(Comment, {"body": said})
    except RequestValidationError as err:
        return await _proposal(wired, me, proposal, problem=_reason(err), said=said)
    return await _act(wired, me, proposal, _room(wired, me).comment(proposal, wanted.body), said)


@router.post("/proposals/{proposal}/sign")
async def sign(me: Party, wired: Wired, proposal: UUID, request: Request) -> Response:
    """Sign what was read."""
    typed = await _typed(request)
    wanted = _read(Signing, {name: typed[name] for name in ("digest", "team") if typed.get(name)})
    return await _act(wired, me, proposal, _room(wired, me).sign(proposal, wanted))


@router.post("/proposals/{proposal}/withdraw")
async def withdraw(me: Party, wired: Wired, proposal: UUID, request: Request) -> Response:
    """Take it back."""
    typed = await _typed(request)
    wanted = _read(Withdrawal, {"why": typed["why"]} if typed.get("why", "").strip() else {})
    return await _act(wired, me, proposal, _room(wired, me).withdraw(proposal, wanted.why))


@router.post("/proposals/{proposal}/publish")
async def publish(me: Party, wired: Wired, proposal: UUID) -> Response:
    """Bring it into force."""
    return await _act(wired, me, proposal, _room(wired, me).publish(proposal))


@router.post("/proposals/{proposal}/dry-run")
async def try_out(me: Party, wired: Wired, proposal: UUID) -> HTMLResponse:
    """What it would do to leads in flight."""
    found = await proposals.view(wired.database, proposal)
    tried = await dry_run(wired.database, await proposals.policy_of(wired.database, proposal), found.takes_effect)
    return await _proposal(wired, me, proposal, tried=tried)


@router.get("/votes")
async def data_points(me: Reader, wired: Wired) -> HTMLResponse:
    """What each data point is worth, and what sales thinks of that."""
    return await _votes(wired, me)


@router.post("/votes")
async def vote(me: Sales, wired: Wired, request: Request) -> Response:
    """Vote: a field a data point, with points, `-`, `0` or `+`; an empty one takes a vote back."""
    typed = await _typed(request)
    try:
        cast = [_vote(name.removeprefix("vote:"), text.strip()) for name, text in typed.items() if name.startswith("vote:")]
        if cast:
            await votes.vote(wired.database, me, Votes(votes=cast))
    except (Problem, ValidationError, ValueError) as err:
        problem = err if isinstance(err, Problem) else None
        said = problem.detail if problem else "Write points as a number, or - for less, 0 for as much, + for more. Nothing was saved."
        return await _votes(wired, me, problem=said, typed=typed)
    return RedirectResponse("/agreement/votes", _SEE_OTHER)


@router.post("/votes/proposal")
async def propose_votes(me: Party, wired: Wired) -> Response:
    """Propose the medians."""
    try:
        wanted = await votes.as_proposal(wired.database, me, VotesProposed())
        found = await _room(wired, me).propose(wanted)
    except Problem as err:
        return await _votes(wired, me, problem=err.detail)
    return RedirectResponse(f"/agreement/proposals/{found.id}", _SEE_OTHER)


async def _votes(wired: Wiring, me: Principal, *, problem: str | None = None, typed: dict[str, str] | None = None) -> HTMLResponse:
    found = await votes.votes(wired.database, me)
    mine = {item.point: _typed_vote(item.mine) for item in found.items}
    mine |= {name.removeprefix("vote:"): text for name, text in (typed or {}).items()}
    may_vote = not me.roles.isdisjoint({Role.REP, Role.MANAGER, Role.ADMIN})
    rights = {"may_vote": may_vote, "party": me.has(Role.MANAGER, Role.MARKETER)}
    around = {**await frame(wired, me), **rights, "tab": "votes"}
    return page("agreement_votes.html", status=422 if problem else 200, **around, found=found, mine=mine, problem=problem)


_STANCES = {"-": -1, "\N{MINUS SIGN}": -1, "0": 0, "=": 0, "+": 1}


def _vote(point: str, text: str) -> Vote:
    """A vote as it is typed.

    Raises:
        ValueError: when it is neither a number nor a sign.
    """
    if text in _STANCES:
        return Vote(point=point, stance=_STANCES[text])
    return Vote(point=point, points=float(text.replace(",", ".")) if text else None)


def _typed_vote(mine: Vote | None) -> str:
    if mine is None:
        return ""
    return f"{mine.points:g}" if mine.points is not None else {-1: "-", 0: "0", 1: "+"}[mine.stance or 0]


def _room(wired: Wiring, me: Principal) -> Room:
    return Room(wired.database, wired.engine, me)


def _read(form: type[Any], fields: dict[str, Any]) -> Any:
    try:
        return form.model_validate(fields)
    except ValidationError as err:
        raise RequestValidationError([{**error, "loc": ("body", *error["loc"])} for error in err.errors()]) from None


def _reason(err: Exception) -> Problem:
    return problem_of(err) or Forbidden()


async def _typed(request: Request) -> dict[str, str]:
    async with request.form(max_files=0, max_fields=_MOST_FIELDS) as form:
        return {name: value for name, value in form.multi_items() if isinstance(value, str)}
