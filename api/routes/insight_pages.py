"""Insights as pages in the board's frame: what there is to say, each table with its chart, and the way to the figures."""

from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from fastapi.responses import RedirectResponse, Response

from api.board.frame import frame
from api.board.insights import HORIZONS, MOST_MARKS, TITLES, parts, periods
from api.board.pages import page
from api.board.plotly import ADDRESS, allowed
from api.deps import Wired
from api.routes.insights import Named, Reader
from api.services.insights import BY, insight
from models.schemas.insights import InsightQuery

router = APIRouter(prefix="/insights", include_in_schema=False)


@router.get("")
async def first(_: Reader) -> RedirectResponse:
    """The first of them."""
    return RedirectResponse("/insights/funnel", 303)


@router.get("/{name}")
async def see_insight(name: Named, asked: Annotated[InsightQuery, Query()], me: Reader, wired: Wired) -> Response:
    """An insight over some time, the last 90 days unless told otherwise."""
    found = await insight(wired.database, wired.settings, me, name, asked)
    zone = found.facts["timezone"]
    query = {key: str(value) for key, value in asked.model_dump(mode="json", exclude_defaults=True).items() if value is not None}
    today = datetime.now(UTC).astimezone(ZoneInfo(zone)).date()
    context: dict[str, Any] = {
        "name": name,
        "titles": TITLES,
        "found": found,
        "zone": zone,
        "parts": list(parts(found)),
        "periods": [(words, urlencode({**query, **since, "until": ""}), now) for words, since, now in periods(today, query)],
        "choices": BY[name],
        "horizons": sorted({*HORIZONS, asked.horizon}),
        "asked": query,
        "query": urlencode(query),
        "kept": urlencode({key: value for key, value in query.items() if key != "by"}),
        "most_marks": MOST_MARKS,
        "plotly": ADDRESS,
    }
    return await allowed(page("insight.html", **await frame(wired, me), **context))
