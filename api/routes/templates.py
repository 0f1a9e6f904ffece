"""The templates of nurture messages."""

from fastapi import APIRouter, Depends

from api.deps import Configured, Db, Me, require
from api.services import templates
from models.lifecycle import Role
from models.schemas.templates import Preview, PreviewForm, TemplateDetail, TemplateForm, TemplateList, TemplateName, TemplateVersions

router = APIRouter(prefix="/api/templates", tags=["templates"])
_WRITERS = Depends(require(Role.MARKETER))
_READERS = Depends(require(Role.MARKETER, Role.MANAGER))


@router.get("", dependencies=[_READERS])
async def list_templates(database: Db) -> TemplateList:
    """All templates in use, those that ship with the program included."""
    return await templates.listed(database)


@router.get("/{name}", dependencies=[_READERS])
async def read_template(name: TemplateName, database: Db) -> TemplateDetail:
    """What is in use under a name, in which languages and variants, and what each variant brought, with 95 % intervals."""
    return await templates.detail(database, name)


@router.get("/{name}/versions", dependencies=[_READERS])
async def list_versions(name: TemplateName, database: Db) -> TemplateVersions:
    """Every version that was published under a name, the latest first, ended ones too."""
    return await templates.versions(database, name)


@router.put("/{name}", dependencies=[_WRITERS])
async def publish_template(name: TemplateName, form: TemplateForm, database: Db, me: Me) -> TemplateDetail:
    """Publish a version of one language and variant. Variables that messages do not have are refused by name."""
    return await templates.publish(database, name, form, me.id)


@router.post("/{name}/preview", dependencies=[_WRITERS])
async def preview_template(name: TemplateName, form: PreviewForm, database: Db, settings: Configured) -> Preview:
    """What a lead would get, or how a draft would read to it. Nothing is sent, and nothing is written."""
    return await templates.preview(database, settings, name, form)
