"""The scoring model: its versions, training, installing, and who is champion."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response, status
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import UploadFile

from api.auth import Principal
from api.deps import Db, Engined, RequestKey, require
from api.errors import Invalid
from api.services import models
from api.uploads import documented
from models.lifecycle import Role
from models.schemas.models import ModelDetail, ModelInstalled, ModelsView, ModelView

router = APIRouter(prefix="/api/models", tags=["models"])

Reader = Annotated[Principal, Depends(require(Role.MARKETER, Role.MANAGER))]
"""Who may see how leads are scored."""
Keeper = Annotated[Principal, Depends(require(Role.MARKETER))]
"""Who may have models trained and put into service."""
Version = Annotated[str, Path(max_length=40, pattern=r"^[a-z0-9-]+$")]
_MAP: TypeAdapter[dict[str, str]] = TypeAdapter(dict[str, str])
_FORM = documented(
    map="Which of a lead's fields a column is, where its name does not say it, as JSON: "
    '`{"Job Title": "title", "Size": "attributes.size"}`. An empty field leaves the column out.',
)


@router.get("")
async def list_models(_: Reader, database: Db) -> ModelsView:
    """All versions with their metrics and verdicts, the latest first; and what there is to learn from."""
    return await models.models(database)


@router.post("", status_code=status.HTTP_201_CREATED, openapi_extra=_FORM)
async def install_model(request: Request, me: Keeper, database: Db, key: RequestKey, response: Response) -> ModelInstalled:
    """Install a model that `twoway train` made of another system's table. It scores once it is promoted."""
    async with request.form(max_files=1, max_fields=20) as form:
        file, said = form.get("file"), form.get("map")
        if not isinstance(file, UploadFile):
            raise Invalid({"file": "is required: a model that `twoway train` made, sent as multipart/form-data"})
        content = await file.read(models.LARGEST + 1)
    found = await models.install(database, me.id, content, _mapping(said), key)
    response.headers["Location"] = f"/api/models/{found.version}"
    return found


@router.post("/train", status_code=status.HTTP_202_ACCEPTED)
async def train_model(me: Keeper, database: Db, engine: Engined, key: RequestKey, response: Response) -> ModelView:
    """Have a model trained on the outcomes there are. It becomes a challenger, compared with the champion."""
    found = await models.train(database, engine, me, key)
    response.headers["Location"] = f"/api/models/{found.version}"
    return found


@router.get("/{version}")
async def see_model(version: Version, _: Reader, database: Db) -> ModelDetail:
    """One version with its report."""
    return (await models.model(database, version))[0]


@router.post("/{version}/promote")
async def promote_model(version: Version, me: Keeper, database: Db, engine: Engined) -> ModelView:
    """Let this version score from now on. One that is not better than the champion is refused; `points` puts the points table back."""
    return await models.promote(database, engine, me.id, version)


def _mapping(said: object) -> dict[str, str]:
    try:
        return _MAP.validate_json(said or "{}") if isinstance(said, str) or said is None else {}
    except ValidationError:
        raise Invalid({"map": 'must be a JSON object of texts, as in {"Job Title": "title"}'}) from None
