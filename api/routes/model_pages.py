"""Pages on how leads are scored: which model is in service, which others there are, and how each does."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from api.board import scoring
from api.board.frame import frame
from api.board.pages import page
from api.board.plotly import ADDRESS, allowed
from api.deps import Wired
from api.errors import Refused
from api.routes.models import Keeper, Reader, Version
from api.services import models

router = APIRouter(tags=["pages"], include_in_schema=False)

_SEE_OTHER = 303


@router.get("/models")
async def see_models(me: Reader, wired: Wired) -> HTMLResponse:
    """Who scores, who could, and what there is to learn from."""
    return await _list(me, wired)


@router.get("/models/{version}")
async def see_model(version: Version, me: Reader, wired: Wired) -> Response:
    """One model: its verdict, its numbers and its plots."""
    found, figures = await models.model(wired.database, version)
    shown = scoring.shown(found)
    context: dict[str, Any] = {
        "model": shown,
        "detail": found,
        "weights": scoring.weights(found.report),
        "figures": figures,
        "plotly": ADDRESS,
    }
    return await allowed(page("model.html", **await frame(wired, me), **context))


@router.post("/models/train")
async def train_model(me: Keeper, wired: Wired) -> RedirectResponse:
    """Have a model trained."""
    await models.train(wired.database, wired.engine, me, None)
    return RedirectResponse("/models", _SEE_OTHER)


@router.post("/models/promote")
async def promote_model(me: Keeper, wired: Wired, version: Annotated[str, Form(max_length=40, pattern=r"^[a-z0-9-]+$")]) -> Response:
    """Let a version score from now on."""
    try:
        await models.promote(wired.database, wired.engine, me.id, version)
    except Refused as refused:
        return await _list(me, wired, status=refused.status, problem={"version": version, "why": refused.detail})
    return RedirectResponse("/models", _SEE_OTHER)


async def _list(me: Any, wired: Any, *, status: int = 200, problem: Mapping[str, Any] | None = None) -> HTMLResponse:
    found = await models.models(wired.database)
    return page(
        "models.html",
        status=status,
        **await frame(wired, me),
        found=found,
        models=[scoring.shown(one) for one in found.items],
        changes=[scoring.change(one) for one in found.changes],
        problem=problem,
    )
