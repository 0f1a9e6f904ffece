"""The links in messages: for anybody who has one, without signing in."""

from base64 import b64decode

from fastapi import APIRouter, Request, status
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.deps import Configured, Db, Engined
from api.services import links
from api.services.links import Caller

router = APIRouter(tags=["links"], include_in_schema=False)

_DOT = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""A transparent picture of one pixel."""
_NEVER = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">
<title>{title}</title>
</head>
<body style="max-width:32em;margin:4em auto;padding:0 1em;font:16px/1.5 system-ui,sans-serif">
<h1 style="font-size:1.25em">{title}</h1>
{body}
</body>
</html>"""
_ASK = '<form method="post"><p>You will get no more of these.</p><button style="font:inherit;padding:.5em 1em">Stop them</button></form>'


def caller(request: Request) -> Caller:
    """Who follows a link, as far as the request tells."""
    return Caller(request.headers.get("user-agent"), request.client.host if request.client else None)


@router.get("/o/{token}.gif")
async def opened(request: Request, token: str, database: Db, engine: Engined, settings: Configured) -> Response:
    """The picture in a mail."""
    await links.opened(database, engine, links.read(settings, "o", token), caller(request))
    return Response(_DOT, media_type="image/gif", headers=_NEVER)


@router.get("/c/{token}")
async def clicked(request: Request, token: str, database: Db, engine: Engined, settings: Configured) -> RedirectResponse:
    """A link in a mail, on to where it leads."""
    target = await links.clicked(database, engine, links.read(settings, "c", token), caller(request), settings)
    return RedirectResponse(target, status.HTTP_303_SEE_OTHER, headers=_NEVER)


@router.get("/h/{token}")
async def hidden(request: Request, token: str, database: Db, engine: Engined, settings: Configured) -> Response:
    """A link in a mail that nobody sees."""
    await links.hidden(database, engine, links.read(settings, "h", token), caller(request))
    return Response(status_code=status.HTTP_204_NO_CONTENT, headers=_NEVER)


@router.get("/u/{token}")
async def ask(token: str, settings: Configured) -> HTMLResponse:
    """Ask before stopping: mail scanners follow links, too."""
    links.read(settings, "u", token)
    return HTMLResponse(_PAGE.format(title="No more messages?", body=_ASK), headers=_NEVER)


@router.post("/u/{token}")
async def stop(token: str, database: Db, engine: Engined, settings: Configured) -> HTMLResponse:
    """Stop them: by the button, or with one click of a mail program (RFC 8058)."""
    await links.stopped(database, engine, links.read(settings, "u", token))
    return HTMLResponse(_PAGE.format(title="Done.", body="<p>You will get no more of these messages from us.</p>"), headers=_NEVER)
