"""What operators see of requests: logs without personal data, and metrics."""

import logging
import re
from time import perf_counter
from uuid import UUID

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.ids import uuid7

REQUESTS = Counter("twoway_requests_total", "HTTP requests answered.", ["method", "route", "status"])
LATENCY = Histogram("twoway_request_seconds", "Seconds until an HTTP answer begins.", ["method", "route"])

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_QUIET = frozenset({"/healthz", "/readyz", "/metrics", "/t"})
_SERVER_ERROR = 500
_log = structlog.get_logger()


def route_of(scope: Scope) -> str:
    """The template of the route that served a request, such as `/api/leads/{id}`; never the path itself."""
    return getattr(scope.get("route"), "path", None) or "unmatched"


def _ids(scope: Scope) -> dict[str, str]:
    """The ids in the path. Anything else in it may be a secret or say who somebody is."""
    found = {}
    for name, value in scope.get("path_params", {}).items():
        try:
            found[name] = str(UUID(str(value)))
        except ValueError:
            continue
    return found


class Observed:
    """Gives each request an id, and tells logs and metrics what became of it.

    Args:
        app: the application inside.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = perf_counter()
        asked = Headers(scope=scope).get("x-request-id", "")
        request_id = asked if _REQUEST_ID.fullmatch(asked) else str(uuid7())
        scope.setdefault("state", {})["request_id"] = request_id

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
                _tell(scope, message["status"], perf_counter() - begun)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._app(scope, receive, watched)


def _tell(scope: Scope, status: int, seconds: float) -> None:
    route = route_of(scope)
    method = scope["method"] if scope["method"] in _METHODS else "other"
    REQUESTS.labels(method, route, status).inc()
    LATENCY.labels(method, route).observe(seconds)
    level = logging.DEBUG if route in _QUIET else logging.ERROR if status >= _SERVER_ERROR else logging.INFO
    facts = {"method": method, "route": route, **_ids(scope), "status": status, "ms": round(seconds * 1000, 1)}
    _log.log(level, "request", user=scope["state"].get("user"), **facts)
