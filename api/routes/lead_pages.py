"""A lead's page and drawer, and the forms of everything that can be done with it.

The forms do what the API's routes do, by the same services. What is answered depends on who asks: a browser without script
gets a page or is sent to one; a script names the part it wants in `X-Part`, and puts it where it belongs.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ValidationError
from starlette.responses import HTMLResponse

from api.auth import Principal
from api.board import pages
from api.board.desk import Desk, Trouble
from api.board.frame import frame
from api.board.lead import done, lead_html, typed_in, workflow_address
from api.board.rows import row_html
from api.deps import PEOPLE, RequestKey, Wired, Wiring, require
from api.errors import REFUSALS, EngineAway, Invalid, NotFound, OutcomeUnknown, Problem, Refused, problem_of
from api.idempotency import own_key
from api.services import leads
from api.services.actions import Actions
from api.services.allowed import ROLES, Action
from api.services.lead_page import load
from models.lifecycle import DispositionOutcome
from models.rules import as_number
from models.schemas.actions import ContactForm, DispositionForm, NoteForm, OverrideForm, ReleaseForm, ReviewForm
from models.schemas.leads import LeadView

router = APIRouter(tags=["pages"], include_in_schema=False)

EVENTS = 40
"""How many events of a lead's story are shown at first."""
_MOST_FIELDS = 60
_LONGEST_KEY = 255
_SEE_OTHER = 303
_CRITERIA = "criteria."
_PARTS = {"drawer": "_lead.html", "story": "_story.html"}
Form = TypeVar("Form", bound=BaseModel)
Part = Annotated[str | None, Header(alias="X-Part")]


@router.get("/leads/{lead}")
async def look_at(
    lead: UUID,
    me: Annotated[Principal, Depends(require(*PEOPLE))],
    wired: Wired,
    part: Part = None,
    events: Annotated[int, Query(ge=1, le=400)] = EVENTS,
    before: Annotated[str | None, Query(max_length=500)] = None,
) -> HTMLResponse:
    """A lead: its page, or for scripts the `drawer`, a part of its `story`, or its `row`."""
    if part == "row":
        async with wired.database.connection() as connection:
            return _row(await leads.view(connection, lead))
    if part in _PARTS:
        return lead_html(await _desk(wired, lead, me, events=events, before=before), _PARTS[part])
    around = await frame(wired, me)  # before the lead is read, so that the live feed misses nothing of it
    return lead_html(await _desk(wired, lead, me, events=events, before=before), "lead.html", **around)


async def _desk(wired: Wiring, lead: UUID, me: Principal, *, events: int = EVENTS, before: str | None = None, **said: Any) -> Desk:
    async with wired.database.connection() as connection:
        found = await load(connection, lead, me, events=events, before=before)
    workflow = workflow_address(wired.settings.temporal_ui_url, wired.engine.client.namespace, lead)
    return Desk(found, me, workflow, earlier=before is not None, **said)


def _row(lead: LeadView, message: str | None = None, status: int = 200) -> HTMLResponse:
    return HTMLResponse(row_html(lead, message=message), status, pages.HEADERS)


# --- forms ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sent:
    """A form that somebody sent.

    Args:
        wired: what the application holds.
        me: who sent it, in a role that may.
        action: what it asks for.
        typed: its fields.
        part: what is to be answered with.
        request: the key by which sending it again is recognised.
    """

    wired: Wiring
    me: Principal
    action: Action
    typed: Mapping[str, str]
    part: str | None
    request: str | None

    @property
    def actions(self) -> Actions:
        """What its sender does."""
        return Actions(self.wired.database, self.wired.engine, self.me, self.request)

    def read(self, form: type[Form], **more: Any) -> Form:
        """The form, as the API takes it.

        Args:
            form: which.
            **more: fields that are not simply what was typed.

        Raises:
            RequestValidationError: when it cannot be used.
        """
        plain = {name: self.typed[name] for name in form.model_fields if self.typed.get(name, "").strip()}
        try:
            return form.model_validate({**plain, **more})
        except ValidationError as err:
            raise RequestValidationError([{**error, "loc": ("body", *error["loc"])} for error in err.errors()]) from None

    async def answer(self, lead: UUID, act: Callable[[], Awaitable[LeadView | None]], *, gone: bool = False) -> Response:
        """Do it, and answer with what its sender wants to see.

        Args:
            lead: which.
            act: does it; reading the form is part of that.
            gone: there is nothing to see afterwards, so everybody is sent to the board.

        Raises:
            NotFound: when there is no such lead.
        """
        try:
            after = await act()
        except NotFound:
            raise
        except (Problem, RequestValidationError) as err:
            problem = problem_of(err)
            assert problem is not None  # noqa: S101 - narrows the type
            return await self._refused(lead, problem)
        return RedirectResponse("/", _SEE_OTHER) if gone else await self._done(lead, after)

    async def _done(self, lead: UUID, after: LeadView | None) -> Response:
        if self.part == "row":
            return _row(after or await self._look(lead))
        if self.part == "drawer":
            desk = await _desk(self.wired, lead, self.me)
            return lead_html(replace(desk, done=done(self.action, desk.lead)), "_lead.html")
        return RedirectResponse(f"/leads/{lead}", _SEE_OTHER)

    async def _refused(self, lead: UUID, problem: Problem) -> Response:
        if isinstance(problem, Refused):
            REFUSALS.labels(problem.reason).inc()
        trouble = _trouble(self.action, problem, self.typed)
        if self.part == "row":
            answer = _row(await self._look(lead), trouble.message, problem.status)
        else:
            around = {} if self.part else await frame(self.wired, self.me)
            desk = await _desk(self.wired, lead, self.me, said=trouble)
            answer = lead_html(desk, "_lead.html" if self.part else "lead.html", status=problem.status, **around)
        answer.headers.update(problem.headers)
        return answer

    async def _look(self, lead: UUID) -> LeadView:
        async with self.wired.database.connection() as connection:
            return await leads.view(connection, lead)


def _trouble(action: Action, problem: Problem, typed: Mapping[str, str]) -> Trouble:
    """What went wrong, as the form says it."""
    errors = {error["field"]: error["message"] for error in problem.fields.get("errors", ())}
    if action is Action.DISPOSITION and "body" in errors:
        errors["reason"] = errors.pop("body")
    if action is Action.DISPOSITION:
        errors = {".".join(name.split(".")[:2]): message for name, message in errors.items()}  # without which of two types it might be
    fields = {name: f"{message[:1].upper()}{message[1:].rstrip('.')}." for name, message in errors.items()}
    message = "Nothing was saved yet: please look at what is marked." if fields else problem.detail or problem.title
    if isinstance(problem, OutcomeUnknown):
        message = "No answer came in time, so nobody knows yet whether this was saved. Send it again: it will not be done twice."
    same = typed.get("key") if isinstance(problem, EngineAway | OutcomeUnknown) else None
    missing = frozenset[str](problem.fields.get("missing") or ())
    if action is not Action.DISPOSITION:
        fields |= dict.fromkeys(missing, "Needed here.")
    elif missing:
        message = "Not qualified yet: what the agreement asks for is marked below."
    return Trouble(action, message, problem.status, fields=fields, missing=missing, typed=typed, key=same)


def _by(action: Action) -> Any:
    """A dependency: the form of this action, from somebody in a role that may send it."""

    async def sent(
        request: Request, me: Annotated[Principal, Depends(require(*ROLES[action]))], wired: Wired, header: RequestKey, part: Part = None
    ) -> Sent:
        async with request.form(max_files=0, max_fields=_MOST_FIELDS) as form:
            typed = typed_in(form.multi_items())
        key = typed.get("key", "")
        own = own_key(me.id, key) if 0 < len(key) <= _LONGEST_KEY else header
        return Sent(wired, me, action, typed, part, own)

    return Depends(sent)


@router.post("/leads/{lead}/claim")
async def claim(lead: UUID, sent: Annotated[Sent, _by(Action.CLAIM)]) -> Response:
    """Take the lead."""
    return await sent.answer(lead, lambda: sent.actions.claim(lead))


_PLAIN: Mapping[Action, tuple[type[BaseModel], Callable[[Actions, UUID, Any], Awaitable[LeadView]]]] = {
    Action.CONTACT: (ContactForm, Actions.contact),
    Action.RELEASE: (ReleaseForm, Actions.release),
    Action.OVERRIDE: (OverrideForm, Actions.override),
    Action.REVIEW: (ReviewForm, Actions.review),
    Action.HOLD: (NoteForm, Actions.hold),
    Action.RESUME: (NoteForm, Actions.resume),
}
"""What is done with what was typed, as it was typed."""


def _door(action: Action) -> Callable[..., Awaitable[Response]]:
    form, act = _PLAIN[action]

    async def door(lead: UUID, sent: Annotated[Sent, _by(action)]) -> Response:
        async def run() -> LeadView:
            return await act(sent.actions, lead, sent.read(form))

        return await sent.answer(lead, run)

    return door


for _action in _PLAIN:
    router.post(f"/leads/{{lead}}/{_action}", name=_action)(_door(_action))


@router.post("/leads/{lead}/disposition")
async def dispose(lead: UUID, sent: Annotated[Sent, _by(Action.DISPOSITION)]) -> Response:
    """Conclude."""

    async def act() -> LeadView:
        return await sent.actions.dispose(lead, sent.read(DispositionForm, **_numbers(sent.typed)))

    return await sent.answer(lead, act)


@router.post("/leads/{lead}/rescore")
async def rescore(lead: UUID, sent: Annotated[Sent, _by(Action.RESCORE)]) -> Response:
    """Have the lead scored again, soon."""
    return await sent.answer(lead, lambda: sent.actions.rescore(lead))


@router.post("/leads/{lead}/erase")
async def erase(lead: UUID, sent: Annotated[Sent, _by(Action.ERASE)]) -> Response:
    """Forget the person, once their address was typed as a confirmation."""
    async with sent.wired.database.connection() as connection:
        email = (await leads.view(connection, lead)).email or ""

    async def act() -> None:
        if sent.typed.get("confirm", "").strip().casefold() != email.casefold():
            raise Invalid({"confirm": f"must be {email}, to make sure that it is the right person"})
        await sent.actions.erase(lead)

    return await sent.answer(lead, act, gone=True)


def _numbers(typed: Mapping[str, str]) -> dict[str, Any]:
    """What of a disposition is more than text: the criteria where it qualifies, the amount where it ends.

    Raises:
        Invalid: when something is no number.
    """
    outcome, wrong = typed.get("outcome"), dict[str, str]()
    criteria: dict[str, float | bool | None] = {}
    if outcome == DispositionOutcome.QUALIFIED:
        stated = {name: text.strip() for name, text in typed.items() if name.startswith(_CRITERIA) and text.strip()}
        criteria = {name.removeprefix(_CRITERIA): _fact(name, text, wrong) for name, text in stated.items()}
    ends = outcome in (DispositionOutcome.WON, DispositionOutcome.LOST)
    amount = _fact("amount_usd", typed["amount_usd"].strip(), wrong) if ends and typed.get("amount_usd", "").strip() else None
    if wrong:
        raise Invalid(wrong)
    return {"criteria": criteria, "amount_usd": amount}


def _fact(name: str, text: str, wrong: dict[str, str]) -> float | bool | None:
    if name != "amount_usd" and text in ("true", "false"):
        return text == "true"
    number = as_number(text.lstrip("$"))
    if number is None:
        wrong[name] = "must be a number, such as 20,000"
    return number
