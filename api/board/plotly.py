"""Plotly's own script on pages with charts, out of the installed package."""

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from api.board.pages import CONTENT_SECURITY_POLICY

SCRIPT = "plotly.min.js"
PLOTLY_AT = "/assets-plotly"
"""Where it is served."""
ADDRESS = f"{PLOTLY_AT}/{SCRIPT}"
_MAP_STYLE = re.compile(r"""createElement\("style"\);\w+\.id="[0-9a-f]+",\w+\.textContent='([^'\\]*)'""")


def _plotly() -> Path:
    """The folder of the installed Plotly that holds its script; the package itself is not loaded, which takes a second."""
    found = find_spec("plotly")
    assert found is not None and found.origin is not None  # noqa: S101 - a dependency of ours
    return Path(found.origin).parent / "package_data"


class PlotlyFiles(StaticFiles):
    """Plotly's script out of the installed package, and nothing else of it."""

    def __init__(self) -> None:
        super().__init__(directory=_plotly())

    def lookup_path(self, path: str) -> Any:
        """Where a file is; only the script is found."""
        return super().lookup_path(path) if path == SCRIPT else ("", None)

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """The script, to be kept for a day: another version has the same address."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "public, max-age=86400"
        return response


@cache
def _content_security_policy() -> str:
    """The pages' policy, and by its digest the one style sheet that Plotly's script would put into a page for maps as it loads.

    We draw no map, but a refused style is an error in everybody's console. All else that it styles goes through our own sheet.
    """
    found = _MAP_STYLE.search((_plotly() / SCRIPT).read_text("utf-8"))
    digest = b64encode(sha256(found[1].encode()).digest()).decode() if found else None
    return CONTENT_SECURITY_POLICY.replace("style-src 'self'", f"style-src 'self' 'sha256-{digest}'") if digest else CONTENT_SECURITY_POLICY


async def allowed(answer: Response) -> Response:
    """The same page, on which Plotly's script may run."""
    answer.headers["Content-Security-Policy"] = await run_in_threadpool(_content_security_policy)
    return answer
