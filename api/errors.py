"""Every way a request can fail, and the one place that turns a failure into an answer.

That is `application/problem+json` (RFC 9457), or a page where a person was looking for one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import structlog
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import Counter
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.board.problem_page import Asked, Failure, shown

MEDIA_TYPE = "application/problem+json"
REFUSALS = Counter("twoway_refusals_total", "Events the decision tree refused, by reason.", ["reason"])

KINDS = {
    "refused": "The lead's rules do not allow this now; `reason` says which one, and `owner` who has the lead. Nothing was changed.",
    "not-found": "There is nothing at this address, or nothing that you may know of.",
    "invalid": "What was sent cannot be used; `errors` names each field and what is wrong with it. Nothing was stored.",
    "forbidden": "You are signed in, but none of your roles opens this door.",
    "unauthorized": "Send `Authorization: Bearer <token>` with a token that was not revoked, or sign in at `/login`.",
    "cross-site": "A request that changes something came with a session's cookie, but not from one of our own pages. Nothing was changed.",
    "signature": "The request is not signed with the secret that was agreed on, or it was signed too long ago. Nothing was stored.",
    "too-many-tries": "Too many wrong passwords in a short time. Try again after `Retry-After`, or sign in by another way.",
    "too-many-events": "A website's visitor, or an address, sends more events than people do. Try again after `Retry-After`.",
    "too-large": "The body is over the limit: 1 MiB, 100 MiB for an import, 64 KiB for a visitor's events.",
    "conflict": "This contradicts what is already there. Nothing was changed.",
    "key-reused": "The `Idempotency-Key` was used within 24 hours for a different request. Use a new key.",
    "in-progress": "A request with this `Idempotency-Key` is still being worked on. Ask again with the same key after `Retry-After`.",
    "engine-away": "Temporal or its workers do not answer. Nothing was changed; try again after `Retry-After`.",
    "database-away": "The database does not answer. Try again after `Retry-After`.",
    "outcome-unknown": "The request was sent on, but no answer came in time. Ask again with the same `Idempotency-Key` to learn it.",
    "not-ready": "The server lacks something it needs; `missing` says what.",
    "internal": "The fault is on this side. The log holds the details under `reference`.",
}
"""What each type of problem means, in a sentence."""

_BY_STATUS = {400: "invalid", 401: "unauthorized", 403: "forbidden", 404: "not-found", 413: "too-large", 422: "invalid"}
_NOT_MIGRATED = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedFunction)
_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction)
_log = structlog.get_logger()


class Problem(Exception):  # noqa: N818 - named as in RFC 9457
    """A request that fails in a way its sender should understand.

    Args:
        status: of HTTP.
        type: a key of `KINDS`, stable for programs; `about:blank` where the status says it all.
        title: one sentence for a person, the same for every problem of the type.
        detail: what is particular about this one.
        headers: to answer with.
        fields: further members of the answer.
    """

    def __init__(
        self,
        status: int,
        type: str,  # noqa: A002 - the RFC's word
        title: str,
        detail: str | None = None,
        headers: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> None:
        super().__init__(title)
        self.status, self.type, self.title, self.detail = status, type, title, detail
        self.headers, self.fields = dict(headers or {}), fields

    @property
    def uri(self) -> str:
        """The type as a URI reference; it can be opened, and explains itself."""
        return self.type if ":" in self.type else f"/problems/{self.type}"


class Refused(Problem):
    """The decision tree said no.

    Args:
        reason: a `RefusalReason`.
        message: the sentence that goes with it.
        owner: `{id, name}` of who has the lead, where that is the reason.
        fields: further facts, such as what is missing.
    """

    def __init__(self, reason: str, message: str, *, owner: Mapping[str, Any] | None = None, **fields: Any) -> None:
        super().__init__(409, "refused", "This is not possible now.", message, reason=reason, owner=owner, **fields)
        self.reason = reason


class NotFound(Problem):
    """There is no such thing, or none its asker may know of.

    Args:
        what: a noun: "lead", "user".
    """

    def __init__(self, what: str) -> None:
        super().__init__(404, "not-found", "There is nothing here.", f"There is no such {what}.")


class Invalid(Problem):
    """What was sent cannot be used.

    Args:
        fields: the name of each field at fault and what is wrong with it; names with dots reach into objects.
    """

    def __init__(self, fields: Mapping[str, str]) -> None:
        errors = [{"field": name, "message": message} for name, message in fields.items()]
        detail = "; ".join(f"{name} {message.rstrip('.')}" for name, message in fields.items())
        super().__init__(422, "invalid", "Some of what was sent cannot be used.", detail, errors=errors)


class Conflict(Problem):
    """What is asked for contradicts what is there.

    Args:
        detail: how, in a sentence.
        field: what was sent that does, where it is one thing; for pages, which say it there.
    """

    def __init__(self, detail: str, field: str | None = None) -> None:
        super().__init__(409, "conflict", "This contradicts what is already there.", detail)
        self.field = field


class Forbidden(Problem):
    """Signed in, but not allowed.

    Args:
        detail: who would be.
    """

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(403, "forbidden", "You may not do this.", detail)


class Unauthorized(Problem):
    """No token and no session, or none that is valid."""

    def __init__(self) -> None:
        detail = "Send a token that is valid as `Authorization: Bearer <token>`, or sign in at /login."
        super().__init__(401, "unauthorized", "You are not signed in.", detail, {"WWW-Authenticate": 'Bearer realm="twoway"'})


class BadSignature(Problem):
    """A program's request whose signature does not fit.

    Args:
        detail: how it is to be signed.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(403, "signature", "The signature does not fit.", detail)


class TooLarge(Problem):
    """The body is over the limit.

    Args:
        limit: in bytes.
    """

    def __init__(self, limit: int) -> None:
        detail = f"At most {limit >> 20} MiB are accepted here." if limit >= 1 << 20 else f"At most {limit >> 10} KiB are accepted here."
        super().__init__(413, "too-large", "The body is too large.", detail, {"Connection": "close"})


class EngineAway(Problem):
    """Temporal, or every worker, is out of reach; nothing was changed."""

    def __init__(self, detail: str = "Nothing was changed. Please try again shortly.") -> None:
        super().__init__(503, "engine-away", "The engine that moves leads does not answer.", detail, {"Retry-After": "2"})


class DatabaseAway(Problem):
    """PostgreSQL is out of reach."""

    def __init__(self, detail: str = "Please try again shortly.") -> None:
        super().__init__(503, "database-away", "The database does not answer.", detail, {"Retry-After": "2"})


class OutcomeUnknown(Problem):
    """A request went on its way, and whether it arrived is not known."""

    def __init__(self, detail: str = "Ask again with the same Idempotency-Key: it will not be done twice.") -> None:
        super().__init__(504, "outcome-unknown", "No answer came in time.", detail)


@dataclass(frozen=True, slots=True)
class _Sentence:
    """How a kind of validation error is said."""

    text: str
    names: tuple[str, ...] = ()

    def say(self, context: Mapping[str, Any]) -> str:
        said = {name: context.get(name, "") for name in self.names}
        return self.text.format(**{name: f"{value:g}" if isinstance(value, float) else value for name, value in said.items()})


_SENTENCES = {
    "missing": _Sentence("is required"),
    "extra_forbidden": _Sentence("is not a field that is known here"),
    "json_invalid": _Sentence("is not valid JSON"),
    "enum": _Sentence("must be {expected}", ("expected",)),
    "literal_error": _Sentence("must be {expected}", ("expected",)),
    "string_too_short": _Sentence("must not be empty"),
    "string_too_long": _Sentence("must have at most {max_length} characters", ("max_length",)),
    "too_short": _Sentence("must have at least {min_length} of them", ("min_length",)),
    "too_long": _Sentence("must have at most {max_length} of them", ("max_length",)),
    "greater_than": _Sentence("must be above {gt}", ("gt",)),
    "greater_than_equal": _Sentence("must be {ge} or more", ("ge",)),
    "less_than": _Sentence("must be below {lt}", ("lt",)),
    "less_than_equal": _Sentence("must be {le} or less", ("le",)),
    "uuid_parsing": _Sentence("must be an id, written as a UUID"),
    "uuid_type": _Sentence("must be an id, written as a UUID"),
    "string_type": _Sentence("must be text"),
    "int_type": _Sentence("must be a whole number"),
    "int_parsing": _Sentence("must be a whole number"),
    "float_type": _Sentence("must be a number"),
    "float_parsing": _Sentence("must be a number"),
    "bool_type": _Sentence("must be true or false"),
    "bool_parsing": _Sentence("must be true or false"),
    "list_type": _Sentence("must be a list"),
    "dict_type": _Sentence("must be an object"),
    "model_type": _Sentence("must be an object"),
    "model_attributes_type": _Sentence("must be a JSON object, sent as application/json"),
    "timezone_aware": _Sentence("must have an offset, as in 2026-01-31T09:00:00Z"),
    "datetime_parsing": _Sentence("must be a time, as in 2026-01-31T09:00:00Z"),
    "datetime_from_date_parsing": _Sentence("must be a time, as in 2026-01-31T09:00:00Z"),
}


def _sentence(error: Mapping[str, Any]) -> str:
    known = _SENTENCES.get(error["type"])
    if known:
        return known.say(error.get("ctx") or {})
    message: str = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return message[:1].lower() + message[1:]


def invalid(errors: Sequence[Mapping[str, Any]]) -> Invalid:
    """Validation errors in words. The value itself is never repeated: it may be a secret."""
    fields: dict[str, str] = {}
    for error in errors:
        where, *path = error["loc"]
        if error["type"] == "json_invalid":
            path = []
        name = ".".join(str(part) for part in path if not str(part).startswith(("function-", "list[", "dict["))) or str(where)
        fields.setdefault(name, _sentence(error))
    return Invalid(fields)


def _of_http(exc: HTTPException) -> Problem:
    kind = _BY_STATUS.get(exc.status_code, "about:blank")
    if exc.status_code == 404:
        return Problem(404, kind, "There is nothing here.", headers=exc.headers)
    if exc.status_code == 413:
        return Problem(413, kind, "The body is too large.", exc.detail, headers=exc.headers)
    return Problem(exc.status_code, kind, str(exc.detail), headers=exc.headers)


def problem_of(exc: Exception) -> Problem | None:
    """The problem an exception stands for; None for one that nobody expected."""
    cause = exc.orig if isinstance(exc, DBAPIError) and exc.orig else exc
    if isinstance(exc, Problem):
        return exc
    if isinstance(exc, RequestValidationError):
        return invalid(exc.errors())
    if isinstance(exc, HTTPException):
        return _of_http(exc)
    if isinstance(cause, _NOT_MIGRATED):
        return DatabaseAway("Its tables are not up to date. /readyz says what is missing.")
    if isinstance(exc, OperationalError | InterfaceError | PoolTimeout) or isinstance(cause, _AWAY):
        return DatabaseAway()
    if isinstance(exc, DataError) or isinstance(cause, psycopg.DataError):
        return Invalid({"request": "holds a value that cannot be stored"})
    return None


async def respond(request: Request, exc: Exception) -> Response:
    """The answer to a request that failed: a page for a person, `application/problem+json` for everybody else.

    What nobody expected is logged under a reference, and only the reference is told.
    """
    problem = problem_of(exc)
    if problem is None:
        reference = getattr(request.state, "request_id", None)
        _log.error("unexpected failure", reference=reference, exc_info=exc)
        detail = "This is our fault, not yours. Please name the reference when you report it."
        problem = Problem(500, "internal", "Something went wrong here.", detail, reference=reference)
    elif isinstance(problem, DatabaseAway | EngineAway):
        _log.warning(problem.type, cause=type(exc).__name__)
    elif isinstance(problem, Refused):
        REFUSALS.labels(problem.reason).inc()
    asked = Asked(request.method, request.url.path, request.url.query, request.headers)
    if asked.by_a_person:
        facts = Failure(problem.status, problem.type, problem.title, problem.detail, problem.headers, problem.fields.get("reference"))
        return shown(asked, facts)
    body = {"type": problem.uri, "title": problem.title, "status": problem.status, "instance": request.url.path}
    body |= {"detail": problem.detail} if problem.detail else {}
    body |= problem.fields
    return JSONResponse(body, problem.status, problem.headers, MEDIA_TYPE)


class Problems:
    """Answers for whatever escapes the application inside it, so that no failure leaves without an answer.

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
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as exc:
            if started:
                raise
            response = await respond(Request(scope), exc)
            await response(scope, receive, send)
