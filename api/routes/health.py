"""What operators ask: is it alive, is it ready, how is it doing; and what each kind of problem means."""

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from api.deps import Wired
from api.errors import KINDS, NotFound
from api.services import health

router = APIRouter(tags=["operations"])


@router.get("/healthz")
async def alive() -> dict[str, str]:
    """Whether the process answers at all."""
    return {"status": "alive"}


@router.get("/readyz")
async def ready(wired: Wired) -> dict[str, str]:
    """Whether everything is there that serving takes; otherwise 503 with what is missing."""
    await health.ready(wired.database, wired.engine, wired.settings)
    return {"status": "ready"}


@router.get("/metrics")
async def metrics(wired: Wired) -> Response:
    """Metrics for Prometheus."""
    return Response(await health.metrics(wired.database), media_type=CONTENT_TYPE_LATEST)


@router.get("/problems/{slug}")
async def explain(slug: str) -> PlainTextResponse:
    """What a type of problem means."""
    if slug not in KINDS:
        raise NotFound("type of problem")
    return PlainTextResponse(KINDS[slug])
