"""Pages for work on many leads: importing a file, and doing one thing to everything a filter shows."""

from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from api.auth import Principal
from api.board import bulk
from api.board.frame import frame
from api.board.pages import page
from api.deps import RequestKey, Wired, Wiring
from api.errors import Invalid
from api.idempotency import own_key
from api.services.bulk import batches, imports
from api.uploads import LeadsUpload, Marketer, SentFile
from models.schemas.bulk import BatchKind, ImportView, JobState
from models.schemas.fields import OptionalProse
from models.schemas.leads import LeadSet

router = APIRouter(tags=["pages"], include_in_schema=False)

_SEE_OTHER = 303
_LISTED = 50
_MOST_FIELDS = 520
_LONGEST_KEY = 255
Part = Annotated[str | None, Header(alias="X-Part")]


class _Remark(BaseModel):
    """The remark on a form."""

    note: OptionalProse = None


@router.get("/imports")
async def list_imports(
    me: Marketer, wired: Wired, part: Part = None, cursor: Annotated[str | None, Query(max_length=500)] = None
) -> HTMLResponse:
    """All imports, the latest first; for scripts only the list."""
    async with wired.database.autocommit() as connection:
        found = await imports.imports(connection, cursor=cursor, limit=_LISTED)
    if part:
        return page("_imports.html", found=found, cursor=cursor)
    return page("imports.html", **await frame(wired, me), found=found, cursor=cursor)


@router.get("/imports/new")
async def choose_file(me: Marketer, wired: Wired) -> HTMLResponse:
    """Where a file is chosen."""
    return page("import_new.html", **await frame(wired, me), problem=None, key=uuid4().hex)


@router.post("/imports/new")
async def send_file(sent: LeadsUpload, wired: Wired) -> Response:
    """Store a file, to be started once somebody has looked at what its columns are."""
    request = own_key(sent.me.id, await run_in_threadpool(_digest, sent)) if sent.fields.get("key") else sent.request
    try:
        draft = await imports.order(wired.database, sent.me.id, sent.upload, {}, request=request, draft=True)
    except Invalid as err:
        return page("import_new.html", status=err.status, **await frame(wired, sent.me), problem=_said(err), key=uuid4().hex)
    return RedirectResponse(f"/imports/{draft}", _SEE_OTHER)


@router.get("/imports/{import_id}")
async def see_import(import_id: UUID, me: Marketer, wired: Wired, part: Part = None) -> HTMLResponse:
    """An import: what its columns are before it is started, how far it is afterwards; for scripts only that."""
    job = await _import(wired, import_id)
    if job.state is JobState.DRAFT:
        return await _mapping(wired, me, job)
    if part:
        return page("_import.html", job=job)
    return page("import.html", **await frame(wired, me), job=job)


@router.post("/imports/{import_id}/start")
async def start_import(import_id: UUID, me: Marketer, wired: Wired, request: Request) -> Response:
    """Start an import with the columns as the form has them, or look at the file again under them."""
    job = await _import(wired, import_id)
    sent = await _fields(request)
    columns = bulk.chosen(job.header, sent)
    if job.state is JobState.DRAFT and sent.get("do") == "look":
        return await _mapping(wired, me, job, columns)
    if job.state is JobState.DRAFT:
        try:
            await imports.start(wired.database, job, columns)
        except Invalid as err:
            return await _mapping(wired, me, job, columns, err)
    return RedirectResponse(f"/imports/{import_id}", _SEE_OTHER)


@router.post("/imports/{import_id}/discard")
async def discard_import(import_id: UUID, me: Marketer, wired: Wired) -> RedirectResponse:
    """Forget a file that was not started."""
    await imports.discard(wired.database, import_id)
    return RedirectResponse("/imports", _SEE_OTHER)


@router.get("/bulk")
async def choose_action(wanted: Annotated[LeadSet, Query()], me: Marketer, wired: Wired) -> HTMLResponse:
    """What to do with everything a filter shows."""
    async with wired.database.autocommit() as connection:
        count = await batches.count(connection, wanted, me.id)
    return page("bulk.html", **await frame(wired, me), bulk=bulk.lead_set_form(wanted, count))


@router.post("/bulk/{kind}")
async def order_batch(kind: BatchKind, me: Marketer, wired: Wired, request: Request, header: RequestKey) -> RedirectResponse:
    """Have it done."""
    sent = await _fields(request)
    key, note = sent.pop("key", ""), sent.pop("note", None)
    try:
        wanted = LeadSet.model_validate({name: value for name, value in sent.items() if value})
        remark = _Remark(note=note).note
    except ValidationError as err:
        raise RequestValidationError([{**error, "loc": ("body", *error["loc"])} for error in err.errors()]) from None
    own = own_key(me.id, key) if 0 < len(key) <= _LONGEST_KEY else header
    ordered = await batches.order(wired.database, me.id, kind, wanted, note=None if kind is BatchKind.RESCORE else remark, request=own)
    return RedirectResponse(f"/batches/{ordered.batch_id}", _SEE_OTHER)


@router.get("/batches/{batch}")
async def see_batch(batch: UUID, me: Marketer, wired: Wired, part: Part = None) -> HTMLResponse:
    """How far a batch is; for scripts only that."""
    async with wired.database.autocommit() as connection:
        found = await batches.view(connection, batch)
    context: dict[str, Any] = {"batch": found, "title": bulk.title(found), "reasons": bulk.reasons(found)}
    if part:
        return page("_batch.html", **context)
    return page("batch.html", **await frame(wired, me), **context)


async def _import(wired: Wiring, import_id: UUID) -> ImportView:
    async with wired.database.autocommit() as connection:
        return await imports.view(connection, import_id)


async def _fields(request: Request) -> dict[str, str]:
    async with request.form(max_files=0, max_fields=_MOST_FIELDS) as form:
        return {name: value for name, value in form.multi_items() if isinstance(value, str)}


async def _mapping(
    wired: Wiring, me: Principal, job: ImportView, columns: dict[str, str] | None = None, problem: Invalid | None = None
) -> HTMLResponse:
    preview = await imports.preview_of(wired.database, job, columns)
    return page(
        "import_columns.html",
        status=problem.status if problem else 200,
        **await frame(wired, me),
        job=job,
        preview=preview,
        choices=bulk.choices(preview),
        problem=_said(problem) if problem else preview.problem if columns is not None else None,
    )


def _digest(sent: SentFile) -> str:
    """What a form with a file is recognised by: who goes back and chooses another file sends another form."""
    file = sent.upload.content
    file.seek(0)
    found = sha256(f"{sent.fields['key']}\0{sent.upload.name}\0".encode())
    while part := file.read(1 << 20):
        found.update(part)
    return found.hexdigest()


def _said(problem: Invalid) -> str:
    """A problem of a file in its own words, without the name of a field in front."""
    said: str = problem.fields["errors"][0]["message"]
    return said
