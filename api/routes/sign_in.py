"""Signing in by password, and signing out."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from api.board.pages import page
from api.deps import Visitor, Wired, Wiring
from api.entering import let_in, let_out, onwards
from api.origin import refuse_other_sites
from api.paths import local_path
from api.services import sessions, sign_in
from api.services.provider import PATH
from api.services.sessions import Way
from api.services.throttle import TooManyTries

router = APIRouter(include_in_schema=False)
_BLANK = "Enter your e-mail address and your password."
_WRONG = "That e-mail address and password do not belong together."
"""The same for every reason there is: which addresses have an account is nobody's business."""
_NOT_SIGNED_IN = {"WWW-Authenticate": 'Bearer realm="twoway"'}


def login_page(wired: Wiring, onward: str, *, status: int = 200, email: str = "", message: str | None = None) -> Response:
    """The page to sign in on.

    Args:
        wired: the application.
        onward: where to go afterwards, a path of ours.
        status: of HTTP.
        email: what was typed before.
        message: why it did not work.
    """
    provider = wired.provider.name if wired.provider else None
    return page("login.html", status=status, onward=onward, email=email, message=message, provider=provider, provider_at=PATH)


@router.get("/login")
async def show(wired: Wired, visitor: Visitor, next: str = "/") -> Response:  # noqa: A002 - the name in the address
    """The page to sign in on; whoever is signed in goes on."""
    onward = local_path(next)
    return onwards(onward) if visitor is not None else login_page(wired, onward)


@router.post("/login")
async def enter(
    request: Request,
    wired: Wired,
    email: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002 - the name in the form
) -> Response:
    """Sign in by e-mail address and password, or say that it did not work."""
    refuse_other_sites(request.headers, wired.settings.public_url)
    onward = local_path(next)
    if not email.strip() or not password:
        return login_page(wired, onward, status=422, email=email, message=_BLANK)
    address = request.client.host if request.client else "unknown"
    try:
        user = await sign_in.by_password(wired.database, email, password, address)
    except TooManyTries as err:
        answer = login_page(wired, onward, status=err.status, email=email, message=f"{err.title} {err.detail}")
        answer.headers.update(err.headers)
        return answer
    if user is None:
        answer = login_page(wired, onward, status=401, email=email, message=_WRONG)
        answer.headers.update(_NOT_SIGNED_IN)
        return answer
    return await let_in(request, wired, user, Way.PASSWORD, onward)


@router.post("/logout")
async def leave(request: Request, wired: Wired, visitor: Visitor) -> Response:
    """Sign this browser out."""
    refuse_other_sites(request.headers, wired.settings.public_url)  # theirs come without the cookie, but could have it taken away
    if visitor is not None and visitor.session is not None:
        await sessions.end(wired.database, visitor.session)
        wired.doorman.forget()
    return let_out(wired)
