"""Signing in by the company's own provider: there and back."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from api.deps import Wired, Wiring
from api.entering import let_in
from api.errors import NotFound
from api.paths import local_path
from api.routes.sign_in import login_page
from api.services.provider import COOKIE, LASTS, PATH, NotLetIn, Provider, ProviderAway
from api.services.sessions import Way

router = APIRouter(prefix=PATH, include_in_schema=False)
_FORBIDDEN, _AWAY = 403, 503


@router.get("")
async def leave(request: Request, wired: Wired, next: str = "/") -> Response:  # noqa: A002 - the name in the address
    """Send the browser to the provider."""
    onward = local_path(next)
    try:
        leaving = await _provider(wired).leave(request, onward)
    except ProviderAway as err:
        return _nobody_answers(wired, err, onward)
    answer = RedirectResponse(leaving.url, 303, {"Cache-Control": "no-store"})
    secure = wired.settings.public_url.startswith("https:")
    answer.set_cookie(COOKIE, leaving.cookie, max_age=LASTS, path=PATH, secure=secure, httponly=True, samesite="lax")
    return answer


@router.get("/back")
async def come_back(request: Request, wired: Wired) -> Response:
    """Sign in whom the provider vouches for, or say why not."""
    try:
        user, onward = await _provider(wired).come_back(request, wired.database)
        answer: Response = await let_in(request, wired, user, Way.PROVIDER, local_path(onward))
    except NotLetIn as err:
        answer = login_page(wired, "/", status=_FORBIDDEN, message=err.sentence)
    except ProviderAway as err:
        answer = _nobody_answers(wired, err, "/")
    answer.delete_cookie(COOKIE, path=PATH)
    return answer


def _provider(wired: Wiring) -> Provider:
    if wired.provider is None:
        raise NotFound("way to sign in")
    return wired.provider


def _nobody_answers(wired: Wiring, err: ProviderAway, onward: str) -> Response:
    message = f"{err} does not answer just now. Try again in a moment, or sign in with your password."
    return login_page(wired, onward, status=_AWAY, message=message)
