"""The answers that sign a browser in and out: the one place that sets the session cookie."""

from uuid import UUID

import structlog
from fastapi import Request, status
from starlette.responses import RedirectResponse

from api.auth import COOKIE
from api.deps import Wiring
from api.services import sessions
from api.services.sessions import Browser, Way

_NEVER = {"Cache-Control": "no-store"}
_log = structlog.get_logger()


async def let_in(request: Request, wired: Wiring, user: UUID, way: Way, onward: str = "/") -> RedirectResponse:
    """Sign the browser in, end the session it had, and send it on.

    Args:
        request: that asked for it.
        wired: the application.
        user: who it is.
        way: how they showed that.
        onward: a path of ours.
    """
    browser = Browser(request.headers.get("user-agent", ""), request.cookies.get(COOKIE))
    secret = await sessions.begin(wired.database, user, way, browser)
    wired.doorman.forget()
    _log.info("signed in", user=str(user), way=way.value)
    answer = onwards(onward)
    _set(answer, wired, secret, int(sessions.LONGEST.total_seconds()))
    return answer


def let_out(wired: Wiring, onward: str = "/login") -> RedirectResponse:
    """Take the cookie away and send the browser on. Ending the session itself is the caller's."""
    answer = onwards(onward)
    _set(answer, wired, "", 0)
    return answer


def onwards(path: str) -> RedirectResponse:
    """Send a browser on to a path of ours, with a GET."""
    return RedirectResponse(path, status.HTTP_303_SEE_OTHER, _NEVER)


def _set(answer: RedirectResponse, wired: Wiring, secret: str, seconds: int) -> None:
    secure = wired.settings.public_url.startswith("https:")
    answer.set_cookie(COOKIE, secret, max_age=seconds, path="/", secure=secure, httponly=True, samesite="lax")
