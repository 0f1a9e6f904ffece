"""Signing in by a link that works once. Looking at it uses nothing up: mail programs follow links, too."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.board.pages import page
from api.deps import Wired
from api.entering import let_in
from api.origin import refuse_other_sites
from api.services import sign_in_links
from api.services.sessions import Way

router = APIRouter(prefix="/login/link", include_in_schema=False)
_GONE = 410


@router.get("/{secret}")
async def ask(wired: Wired, secret: str) -> Response:
    """Ask whether to sign in, and say as whom."""
    name = await sign_in_links.whose(wired.database, secret)
    return page("link.html", status=200 if name else _GONE, name=name)


@router.post("/{secret}")
async def enter(request: Request, wired: Wired, secret: str) -> Response:
    """Use the link up and sign in."""
    refuse_other_sites(request.headers, wired.settings.public_url)
    user = await sign_in_links.use(wired.database, secret)
    if user is None:
        return page("link.html", status=_GONE, name=None)
    return await let_in(request, wired, user, Way.LINK)
