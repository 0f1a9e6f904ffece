"""Where other programs come in: forms elsewhere, and Slack's button. Whoever knows the secret may; admins manage both."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends, Header, Path, Request, Response, status
from fastapi.responses import JSONResponse

from api.deps import Configured, Db, Wired, require
from api.services import form_senders, form_sources, forms, slack_claims
from api.services.slack_claims import Claims
from models.schemas.common import Page
from models.schemas.integrations import FormChange, FormLanded, FormMade, FormView, NewForm, SlackLink, SlackLinkView

router = APIRouter(tags=["integrations"])
_ADMINS = [Depends(require())]
Key = Annotated[str, Path(max_length=60)]
SlackId = Annotated[str, Path(pattern=r"^[A-Z0-9]{5,20}$")]


@router.get("/api/forms", dependencies=_ADMINS)
async def list_forms(database: Db, settings: Configured) -> Page[FormView]:
    """The forms elsewhere whose submissions come in, without their secrets."""
    return await form_sources.sources(database, settings)


@router.post("/api/forms", status_code=201, dependencies=_ADMINS)
async def create_form(database: Db, settings: Configured, form: NewForm, response: Response) -> FormMade:
    """Let a form's submissions in. Its secret is shown this once."""
    response.headers["Cache-Control"] = "no-store"
    return await form_sources.create(database, settings, form)


@router.patch("/api/forms/{key}", dependencies=_ADMINS)
async def change_form(database: Db, settings: Configured, key: Key, form: FormChange) -> FormView:
    """Change what is named."""
    return await form_sources.change(database, settings, key, form)


@router.delete("/api/forms/{key}", status_code=204, dependencies=_ADMINS)
async def delete_form(database: Db, key: Key) -> None:
    """Let no more of a form's submissions in. Its leads stay."""
    await form_sources.delete(database, key)


@router.post(
    "/integrations/forms/{key}",
    status_code=201,
    responses={200: {"model": FormLanded, "description": "It had landed before, or the person was known already."}},
)
async def take_submission(request: Request, response: Response, wired: Wired, key: Key) -> FormLanded:
    """Take a submission in. It must be signed; sent again, it changes nothing."""
    query = f"?{request.url.query}" if request.url.query else ""
    sent = form_senders.Request(dict(request.headers), await request.body(), request.url.path + query)
    landed = await forms.take(wired.database, wired.engine, wired.settings, key, sent)
    if landed.duplicate or landed.merged:
        response.status_code = status.HTTP_200_OK
    return landed


@router.post("/integrations/slack/actions")
async def take_action(
    request: Request,
    wired: Wired,
    later: BackgroundTasks,
    x_slack_request_timestamp: Annotated[str, Header(max_length=20)],
    x_slack_signature: Annotated[str, Header(max_length=100)],
) -> Response:
    """Slack's claim button. Answers within the three seconds that Slack waits."""
    pressed = slack_claims.read(wired.settings, x_slack_request_timestamp, x_slack_signature, await request.body())
    if pressed is None:
        return Response()
    claims = Claims(wired.database, wired.engine, wired.settings, wired.poster)
    said = await claims.claim(pressed)
    later.add_task(claims.answer, pressed, said)
    return JSONResponse(said, background=later)


@router.get("/api/integrations/slack/users", dependencies=_ADMINS)
async def list_slack_users(database: Db) -> Page[SlackLinkView]:
    """Who in Slack is who here."""
    return await slack_claims.links(database)


@router.put("/api/integrations/slack/users/{slack_id}", dependencies=_ADMINS)
async def link_slack_user(database: Db, slack_id: SlackId, form: SlackLink) -> SlackLinkView:
    """Say whose Slack account it is, where the e-mail addresses differ."""
    async with database.connection() as connection:
        return await slack_claims.link(connection, slack_id, form.user)


@router.delete("/api/integrations/slack/users/{slack_id}", status_code=204, dependencies=_ADMINS)
async def unlink_slack_user(database: Db, slack_id: SlackId) -> None:
    """Forget whose Slack account it is."""
    async with database.connection() as connection:
        await slack_claims.unlink(connection, slack_id)
