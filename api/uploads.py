"""Files that are sent with a form."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.datastructures import UploadFile

from api.auth import Principal
from api.deps import RequestKey, require
from api.errors import Invalid
from api.services.bulk.imports import Upload
from models.lifecycle import Role

_MOST_FIELDS = 20
_LONGEST_NAME = 200
Marketer = Annotated[Principal, Depends(require(Role.MARKETER))]
"""Who is asking, if they may work on many leads at once."""


@dataclass(frozen=True, slots=True)
class SentFile:
    """A form with a file of leads.

    Args:
        me: who sent it.
        upload: the file.
        fields: the form's other fields.
        request: by which the same form sent again is recognised.
    """

    me: Principal
    upload: Upload
    fields: Mapping[str, str]
    request: str | None


async def _sent(request: Request, me: Marketer, key: RequestKey) -> AsyncIterator[SentFile]:
    """The form, read only once its sender is known to be allowed. What does not fit into memory waits on disk.

    Raises:
        Invalid: when there is no file in it.
    """
    async with request.form(max_files=1, max_fields=_MOST_FIELDS) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile) or not file.filename:
            raise Invalid({"file": "is required: a CSV file, sent as multipart/form-data"})
        fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        yield SentFile(me, Upload(_plain(file.filename), file.file), fields, key)


LeadsUpload = Annotated[SentFile, Depends(_sent)]
"""A form with a file of leads, from a marketer."""


def _plain(name: str) -> str:
    """A file's own name, without folders and without characters that do nothing but harm."""
    own = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(letter for letter in own if letter.isprintable()).strip()[:_LONGEST_NAME] or "leads.csv"


def documented(**fields: str) -> dict[str, Any]:
    """How the form is told of in OpenAPI, since it is read only after its sender is known.

    Args:
        **fields: what its other fields mean.
    """
    properties: dict[str, Any] = {"file": {"type": "string", "format": "binary", "description": "A CSV file, of 100 MiB at most."}}
    properties |= {name: {"type": "string", "description": meaning} for name, meaning in fields.items()}
    schema = {"type": "object", "required": ["file"], "properties": properties}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}
