"""Turns templates into pages: one environment, one set of headers, one address for every asset.

Assets are served under a digest of what is in them, so that a browser keeps them for good and never sees an old one.
"""

from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

_HERE = Path(__file__).parent
_ASSETS = _HERE / "assets"
_AS_IS = ("/api/", "/live", "/metrics")
_FOR_GOOD = "public, max-age=31536000, immutable"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing inline, nothing from elsewhere: text that a prospect wrote can never become a script."""
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def _digest() -> str:
    found = sha256()
    for path in sorted(_ASSETS.rglob("*")):
        if path.is_file():
            found.update(path.relative_to(_ASSETS).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:16]


ASSETS_AT = f"/assets/{_digest()}"
"""Where this version's scripts and styles are served."""

templates = Environment(
    loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
templates.globals["assets"] = ASSETS_AT


class Assets(StaticFiles):
    """The board's own scripts and styles."""

    def __init__(self) -> None:
        super().__init__(directory=_ASSETS)

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """A file, to be kept for good: its address changes with what is in it."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = _FOR_GOOD
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


class Compressed:
    """Sends pages and assets compressed. The API and feeds go out as they are: theirs is to be quick, and to flow.

    Args:
        app: the application inside.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._plain = app
        self._compressed = GZipMiddleware(app, compresslevel=5)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        plain = scope["type"] != "http" or scope["path"].startswith(_AS_IS)
        await (self._plain if plain else self._compressed)(scope, receive, send)


def page(template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A page, or a part of one.

    Args:
        template: its file's name.
        status: of HTTP.
        context: what the template speaks of.
    """
    return HTMLResponse(templates.get_template(template).render(context), status, HEADERS)
