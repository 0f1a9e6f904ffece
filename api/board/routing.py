"""The question who would get a lead, as a form, and the answer in sentences."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from api.errors import Invalid
from api.forms import WHOLE, Sent, filled, pairs, text_of
from models.schemas.routing import RoutingPreview, RoutingQuestion

FIELDS: Final = {
    "company": "Company",
    "email": "E-mail",
    "country": "Country",
    "title": "Title",
    "source": "Source",
    "campaign": "Campaign",
    "interest": "Interest",
    "score": "Score",
}
"""What can be said of a lead that is only thought of, in the order of the form."""
FALLBACKS: Final = {
    "wait": (
        "With nobody free, the lead waits in sight and goes to the first who is free: "
        "the highest score first, of equals the one that waits longest."
    ),
    "manager": "With nobody free for as long as the agreement says, the lead goes to the manager with the fewest leads.",
    "any_rep": (
        "With nobody free for as long as the agreement says, the lead goes to any rep who is there, whatever their territory and hours."
    ),
}
"""What happens to a lead nobody is free for, by `routing.fallback`."""
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def question(form: Sent) -> RoutingQuestion:
    """What is asked.

    Raises:
        Invalid: naming each field at fault; `lead` where it is no lead's address or id, or does not stand alone.
    """
    said: dict[str, Any] = {name: text for name in FIELDS if (text := text_of(form, name))}
    lines = text_of(form, "attributes")
    if lead := text_of(form, "lead"):
        if said or lines:
            raise Invalid({"lead": "says all there is to know: leave the fields below empty, or this one"})
        return RoutingQuestion(lead_id=lead_of(lead))
    if not said and not lines:
        raise Invalid({WHOLE: "say something about the lead: its company, its e-mail address or its country"})
    return filled(RoutingQuestion, said | ({"attributes": attributes(lines)} if lines else {}))


def lead_of(text: str) -> UUID:
    """The lead somebody means by its id, or by the address of its page.

    Raises:
        Invalid: when there is no id in it.
    """
    found = _ID.search(text)
    if found is None:
        raise Invalid({"lead": "is neither the address of a lead's page nor a lead's id"})
    return UUID(found[0])


def attributes(lines: str) -> dict[str, Any]:
    """Attributes from lines such as `employees = 250`. Numbers, true, false and lists are what they look like in JSON, all else is text.

    Raises:
        Invalid: when a line has no `=`, or a name stands there twice.
    """
    return {name: _value(value) for name, value in pairs(lines, "attributes", "employees = 250").items()}


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return text


def reason(answer: RoutingPreview) -> str:
    """Why it is this rep, or nobody, as a sentence of its own."""
    last = answer.why[-1]
    if answer.rep is None or last.startswith("it "):
        return f"{last[:1].upper()}{last[1:]}."
    return f"{answer.rep.name} {last}."


def others(answer: RoutingPreview) -> list[tuple[str, list[str]]]:
    """Why not the others: each reason with the names of those it holds for, the rarest reasons first."""
    by_reason: dict[str, list[str]] = {}
    for other in answer.others:
        by_reason.setdefault(other.why_not, []).append(other.rep.name)
    return sorted(by_reason.items(), key=lambda item: len(item[1]))


def shown(answer: RoutingPreview) -> Mapping[str, Any]:
    """What a page says of an answer."""
    return {"answer": answer, "reason": reason(answer), "others": others(answer), "fallback": FALLBACKS[answer.fallback]}
