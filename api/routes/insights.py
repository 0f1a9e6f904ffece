"""What the ledger shows when it is counted, as JSON or CSV."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import JSONResponse, Response

from api.auth import Principal
from api.deps import PEOPLE, Wired, require
from api.errors import NotFound
from api.services import insights
from models.schemas.insights import InsightForm, InsightName

router = APIRouter(prefix="/api/insights", tags=["insights"])
Reader = Annotated[Principal, Depends(require(*PEOPLE))]
_CSV = "text/csv"


async def named(name: str, _: Reader) -> InsightName:
    """The insight of this name, for whoever may read it.

    Raises:
        NotFound: when there is none.
    """
    if name not in set(InsightName):
        raise NotFound("insight")
    return InsightName(name)


Named = Annotated[InsightName, Depends(named)]


@router.get("/{name}", response_model=None, responses={200: {"content": {_CSV: {}}, "description": "The figures, as of `as_of`."}})
async def read_insight(
    name: Named, asked: Annotated[InsightForm, Query()], me: Reader, wired: Wired, accept: Annotated[str, Header()] = ""
) -> Response:
    """An insight over some time. `since` and `until` take a day or a moment; a share says of how many, with its 95 % interval.

    `docs/insights.md` defines every figure. Reps see themselves in `reps`, managers everybody.
    """
    found = await insights.insight(wired.database, wired.settings, me, name, asked)
    if asked.format == "csv" or (asked.format is None and _CSV in accept):
        text = insights.as_csv(found, asked.table)
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "X-Content-Type-Options": "nosniff"}
        return Response(text, media_type=f"{_CSV}; charset=utf-8", headers=headers)
    document: dict[str, Any] = found.document()
    return JSONResponse(document)
