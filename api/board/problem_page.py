"""What a person sees when a page cannot be shown: what happened, what to do, and a way on."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response

from api.board.pages import HEADERS, page
from api.paths import local_path

_FOR_PROGRAMS = ("/api/", "/problems/", "/assets/")
_ALSO_FOR_PROGRAMS = frozenset({"/api", "/healthz", "/readyz", "/metrics", "/openapi.json"})
_FOR_STRANGERS = ("/o/", "/c/", "/u/", "/h/", "/t/")
"""Links in messages: who follows one has no board to go back to."""
_JSON = ("application/json", "application/problem+json", "application/*", "*/*")
_PAGE = ("text/html", "application/xhtml+xml")
_WHAT_TO_DO = {
    "not-found": "The address may be mistyped, or what was here is gone.",
    "forbidden": "If this belongs to your work, ask an admin for the role.",
    "unauthorized": "Your session has ended. Nothing was changed: sign in and do it again.",
    "invalid": "Go back, correct it and send it again.",
    "engine-away": "Nothing is lost. It usually takes a few seconds.",
    "database-away": "Nothing is lost. It usually takes a few seconds.",
    "outcome-unknown": "Look at the lead before you do it again: it may have worked.",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """A problem as a page tells it.

    Args:
        status: of HTTP.
        kind: the problem's type.
        title: one sentence.
        detail: what is particular about this one, if anything.
        headers: to answer with.
        reference: by which the log knows it, where nobody expected it.
    """

    status: int
    kind: str
    title: str
    detail: str | None
    headers: Mapping[str, str]
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for.

    Args:
        method: of HTTP.
        path: without the query.
        query: as it stood in the address.
        headers: of the request.
    """

    method: str
    path: str
    query: str
    headers: Headers

    @property
    def by_a_person(self) -> bool:
        """Whether a person looks at a whole page, rather than a program or a script that wants a part."""
        if self.path.startswith(_FOR_PROGRAMS) or self.path in _ALSO_FOR_PROGRAMS or "x-part" in self.headers:
            return False
        accepts = _qualities(self.headers.get("accept", ""))
        wanted = max(accepts.get(kind, 0.0) for kind in _PAGE)
        return wanted > 0 and wanted >= max(accepts.get(kind, 0.0) for kind in _JSON)

    @property
    def address(self) -> str:
        """The path with its query; the front page for one that a browser would take for another site."""
        return local_path(f"{self.path}?{self.query}" if self.query else self.path)

    @property
    def came_from(self) -> str:
        """The page of ours the request was sent from; the front page when that is not known."""
        page_before = urlsplit(self.headers.get("referer", ""))
        return local_path(page_before.path) if page_before.netloc == self.headers.get("host") else "/"


def shown(asked: Asked, failure: Failure) -> Response:
    """The page for a failure; who only has to sign in is sent to do so, and comes back afterwards."""
    looks = asked.method == "GET"
    if failure.status == 401 and looks:
        return RedirectResponse(_sign_in(asked.address), 303, HEADERS)
    answer = page(
        "error.html",
        status=failure.status,
        failure=failure,
        what_to_do=_WHAT_TO_DO.get(failure.kind),
        again=asked.address if looks and failure.status >= 500 else None,
        sign_in=_sign_in(asked.came_from) if failure.status == 401 else None,
        back=not asked.path.startswith(_FOR_STRANGERS),
    )
    answer.headers.update(failure.headers)
    return answer


def _sign_in(onward: str) -> str:
    return "/login" if onward == "/" else f"/login?{urlencode({'next': onward})}"


def _qualities(accept: str) -> dict[str, float]:
    """How much each media type is wanted, from 0 to 1."""
    found: dict[str, float] = {}
    for entry in accept.split(","):
        kind, *parameters = (part.strip().lower() for part in entry.split(";"))
        quality = next((value.partition("=")[2] for value in parameters if value.startswith("q=")), "1")
        try:
            found[kind] = float(quality)
        except ValueError:
            found[kind] = 0.0
    return found
