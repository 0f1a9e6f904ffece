"""CRMs: how syncing goes, and the door by which HubSpot says that there is news."""

import base64
import hmac
import time
from hashlib import sha256

from fastapi import APIRouter, Depends, Request, status
from fastapi.responses import Response

from api.deps import Configured, Db, Engined, Wiring, require
from api.errors import NotFound, Problem
from api.services.crm import status as crm
from models.crm import CrmName
from models.schemas.crm import CrmView
from models.settings import Settings

HUBSPOT = "/integrations/hubspot"
"""Where HubSpot sends its webhooks."""
_FRESH = 300.0
"""Seconds after which a signed request is too old, so that nobody can send it again later."""
router = APIRouter(tags=["integrations"])


@router.get("/api/integrations/crm", dependencies=[Depends(require())])
async def look(database: Db, settings: Configured) -> list[CrmView]:
    """Every CRM: when it was last synced, what was carried over, and what was not and why."""
    async with database.autocommit() as connection:
        return await crm.status(connection, settings)


@router.post(HUBSPOT, include_in_schema=False)
async def heed(request: Request, engine: Engined) -> Response:
    """HubSpot says that something changed. What it says is not believed, only that: an early sync looks for itself."""
    wiring: Wiring = request.app.state.wiring
    _demand_signature(request, await request.body(), wiring.settings)
    await engine.hasten(CrmName.HUBSPOT)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


def _demand_signature(request: Request, body: bytes, settings: Settings) -> None:
    """Let only HubSpot pass, by its signature of version 3: over the method, the address as HubSpot has it, the body and the time.

    Raises:
        NotFound: when no secret is set, so that there is no such door.
        Problem: when the signature is missing, wrong or old.
    """
    secret = settings.hubspot_client_secret.get_secret_value()
    if not secret:
        raise NotFound("door")
    stamp = request.headers.get("x-hubspot-request-timestamp", "")
    given = request.headers.get("x-hubspot-signature-v3", "")
    query = f"?{request.url.query}" if request.url.query else ""
    address = f"{settings.public_url.rstrip('/')}{HUBSPOT}{query}"
    signed = f"{request.method}{address}".encode() + body + stamp.encode()
    wanted = base64.b64encode(hmac.digest(secret.encode(), signed, sha256)).decode()
    fresh = stamp.isdecimal() and len(stamp) < 16 and abs(time.time() - int(stamp) / 1000) <= _FRESH
    if not hmac.compare_digest(wanted.encode(), given.encode()) or not fresh:
        raise Problem(401, "unauthorized", "This was not signed by HubSpot.", "The signature is missing, wrong or too old.")
