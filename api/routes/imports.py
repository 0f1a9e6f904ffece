"""Files of leads that marketing brings along."""

from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response, status
from fastapi.responses import StreamingResponse
from pydantic import TypeAdapter, ValidationError

from api.deps import Db, require
from api.errors import Invalid, Problem
from api.services.bulk import imports
from api.uploads import LeadsUpload, SentFile, documented
from models.lifecycle import Role
from models.schemas.bulk import Columns, ImportPreview, ImportSummary, ImportView
from models.schemas.common import Limit, Page

router = APIRouter(prefix="/api/imports", tags=["imports"])

_MARKETERS = [Depends(require(Role.MARKETER))]
_COLUMNS: TypeAdapter[dict[str, str]] = TypeAdapter(Columns)
_LEFT_OUT = TypeAdapter(list[str])
_FORM = documented(
    columns='Which column a field comes from, where its name does not say it, as JSON: `{"email": "Contact", "attributes.size": "Size"}`.',
    leave_out='Columns that are not to be read, as JSON: `["Notes"]`. All others become attributes.',
)


@router.post("", status_code=status.HTTP_202_ACCEPTED, openapi_extra=_FORM)
async def order_import(sent: LeadsUpload, database: Db, response: Response) -> ImportSummary:
    """Have a CSV file of leads taken in. Whoever is known by then is merged; rows that cannot be used are kept with the reason."""
    ordered = await imports.order(database, sent.me.id, sent.upload, _columns(sent), request=sent.request)
    response.headers["Location"] = f"/api/imports/{ordered}"
    async with database.autocommit() as connection:
        return await imports.view(connection, ordered)


@router.post("/preview", openapi_extra=_FORM)
async def preview_import(sent: LeadsUpload, response: Response) -> ImportPreview:
    """What a file would be read as: its columns, its first rows, and what is wrong with them. Nothing is stored."""
    response.headers["Cache-Control"] = "no-store"  # so that nothing of it is kept for a repetition either
    return await imports.preview(sent.upload, _columns(sent))


@router.get("", dependencies=_MARKETERS)
async def list_imports(database: Db, limit: Limit = 50, cursor: Annotated[str | None, Query(max_length=500)] = None) -> Page[ImportSummary]:
    """All imports, the latest first."""
    async with database.autocommit() as connection:
        return await imports.imports(connection, cursor=cursor, limit=limit)


@router.get("/{import_id}", dependencies=_MARKETERS)
async def see_import(import_id: UUID, database: Db) -> ImportView:
    """How far an import is, and what was wrong with it."""
    async with database.autocommit() as connection:
        return await imports.view(connection, import_id)


@router.get(
    "/{import_id}/refused.csv",
    dependencies=_MARKETERS,
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}, "description": "The rows, as they stood in the file, each with the reason."}},
)
async def refused_rows(import_id: UUID, database: Db) -> StreamingResponse:
    """The rows that were refused, to mend and import again. Cells that a spreadsheet would take for formulas are made harmless."""
    async with database.autocommit() as connection:
        found = await imports.view(connection, import_id)
    if found.refused and not found.errors:
        raise Problem(410, "about:blank", "These rows are gone.", f"Refused rows are kept for {imports.KEPT_DAYS} days.")
    name = f"{found.file.removesuffix('.csv')}.refused.csv"
    headers = {
        "Content-Disposition": f"attachment; filename=\"refused.csv\"; filename*=UTF-8''{quote(name, safe='')}",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(imports.refused_rows(database, found), media_type="text/csv; charset=utf-8", headers=headers)


def _columns(sent: SentFile) -> dict[str, str]:
    """What the form says its file's columns are, by column.

    Raises:
        Invalid: when it cannot be read.
    """
    try:
        fields = _COLUMNS.validate_json(sent.fields.get("columns") or "{}")
    except ValidationError:
        raise Invalid({"columns": 'must be a JSON object of texts, as in {"email": "Contact"}'}) from None
    try:
        left_out = _LEFT_OUT.validate_json(sent.fields.get("leave_out") or "[]")
    except ValidationError:
        raise Invalid({"leave_out": 'must be a JSON list of columns, as in ["Notes"]'}) from None
    return imports.by_column(fields, left_out)
