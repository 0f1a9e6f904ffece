"""The API's own documentation: Swagger UI out of an installed package, so that nothing is loaded from elsewhere."""

from pathlib import Path

import fastapi_offline
from fastapi import APIRouter
from fastapi.staticfiles import StaticFiles
from starlette.responses import Response

from api.board.pages import page

ASSETS_AT = "/docs/assets"
"""Where Swagger UI's own files are served."""
assets = StaticFiles(directory=Path(fastapi_offline.__file__).parent / "static")
router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def docs() -> Response:
    """What the API offers, to be read and tried."""
    return page("docs.html", swagger=ASSETS_AT)
