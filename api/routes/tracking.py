"""The website's visitors: the snippet, and the door it sends to. Both for anybody, and neither tells anything about anybody."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, status
from fastapi.responses import Response

from api.deps import Wiring
from api.errors import Invalid, NotFound, TooLarge
from api.services.tracking import beacons, script
from api.services.tracking.limits import EVENTS

router = APIRouter(tags=["tracking"], include_in_schema=False)
_SCRIPT = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "cross-origin"}


@router.get("/t.js")
async def snippet(request: Request) -> Response:
    """The snippet that a website includes."""
    headers = {"ETag": script.ETAG, **_SCRIPT}
    if script.ETAG in request.headers.get("if-none-match", ""):
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
    return Response(script.SERVED, media_type="text/javascript", headers=headers)


@router.post("/t")
async def take(request: Request) -> Response:
    """Take events of a visitor. 204: every one that is possible is stored, or was before."""
    wiring: Wiring = request.app.state.wiring
    body = await request.body()
    if len(body) > beacons.LARGEST:
        EVENTS.labels("malformed").inc()
        raise TooLarge(beacons.LARGEST)
    try:
        beacon = beacons.read(body, datetime.now(UTC))
    except Invalid:
        EVENTS.labels("malformed").inc()
        raise
    beacon.agent = request.headers.get("user-agent")
    beacon.address = request.client.host if request.client else None
    origin = request.headers.get("origin")
    beacon.site = (urlsplit(origin).netloc.lower() or "null") if origin else None
    await wiring.collector.add(beacon)
    return Response(status_code=status.HTTP_204_NO_CONTENT, headers=_allowed(origin))


@router.options("/t")
async def ask(request: Request) -> Response:
    """Browsers ask first whether another site may send JSON here: any may."""
    more = {"Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "Content-Type", "Access-Control-Max-Age": "86400"}
    return Response(status_code=status.HTTP_204_NO_CONTENT, headers=_allowed(request.headers.get("origin")) | more)


@router.get("/t/h/{visitor}")
async def hidden(request: Request, visitor: str) -> Response:
    """A link in a page that nobody sees, and that only a machine follows."""
    if not beacons.is_visitor(visitor):
        raise NotFound("link")
    wiring: Wiring = request.app.state.wiring
    await wiring.collector.hidden(visitor, request.client.host if request.client else None)
    return Response(status_code=status.HTTP_204_NO_CONTENT, headers={"Cache-Control": "no-store", "X-Robots-Tag": "noindex"})


def _allowed(origin: str | None) -> dict[str, str]:
    """Beacons are sent with cookies, whether wanted or not, and are answered with nothing; so any site may have the answer."""
    if origin is None:
        return {}
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true", "Vary": "Origin"}
