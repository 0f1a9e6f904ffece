"""Makes pages of a lead: the whole page, the drawer, and parts of the story."""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from starlette.responses import HTMLResponse

from api.board import about, doings, times, words
from api.board.desk import Desk
from api.board.pages import page
from api.services.allowed import Action
from models.lifecycle import Stage
from models.schemas.leads import LeadView

_STARTS_A_CLOCK: Final = frozenset({Action.CLAIM, Action.CONTACT})


def done(action: Action, lead: LeadView) -> str:
    """What an action that succeeded did, in a sentence.

    Args:
        action: which.
        lead: the lead as it is afterwards.
    """
    stage = words.STAGES[lead.stage].lower()
    owner = f", with {lead.owner.name}" if lead.owner else ""
    said = {
        Action.CLAIM: "It is yours.",
        Action.CONTACT: "Logged.",
        Action.DISPOSITION: f"Saved. The lead is now: {stage}.",
        Action.RELEASE: f"Handed back. The lead is now: {stage}.",
        Action.OVERRIDE: f"Done. The lead is now: {stage}{owner}.",
        Action.REVIEW: "Reviewed. A rep is being looked for." if lead.stage is Stage.REVIEW else f"Reviewed. The lead is now: {stage}.",
        Action.HOLD: "On hold. Automation is paused.",
        Action.RESUME: f"Automation goes on. The lead is now: {stage}.",
        Action.RESCORE: "It is scored again in a moment.",
        Action.ERASE: "Erased.",
    }[action]
    due = lead.deadline
    return f"{said} {words.DUE[due.kind]} due within {times.left(due.at)}." if due and action in _STARTS_A_CLOCK else said


def lead_html(desk: Desk, template: str, *, status: int = 200, **around: Any) -> HTMLResponse:
    """A lead's page (`lead.html`), its drawer (`_lead.html`) or a part of its story (`_story.html`).

    Args:
        desk: the lead as its reader finds it.
        template: which of the three.
        status: of HTTP.
        **around: what the page's frame shows.
    """
    return page(template, status=status, **around, desk=desk, name=desk.name, about=about, words=words, doings=doings, times=times)


def workflow_address(ui: str, namespace: str, lead: UUID) -> str:
    """Where Temporal's own pages show a lead's workflow."""
    return f"{ui.rstrip('/')}/namespaces/{namespace}/workflows/lead-{lead}"


def typed_in(form: Iterable[tuple[str, object]]) -> dict[str, str]:
    """What was typed into a form, by field. Where a field comes twice the later one counts; files are nobody's business here."""
    return {name: value for name, value in form if isinstance(value, str)}
