"""Who may pass which door: every route there is, with every role there is."""

import asyncio
import re
from uuid import uuid4

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from api.app import create_app
from models.lifecycle import Role
from models.settings import Settings
from tests.api.test_frame_errors import problem
from tests.stack import People, Person

REP, REVIEWER, MARKETER, MANAGER, ADMIN, SERVICE = Role.REP, Role.REVIEWER, Role.MARKETER, Role.MANAGER, Role.ADMIN, Role.SERVICE
EVERYBODY = frozenset(Role)
PEOPLE = EVERYBODY - {SERVICE}
PUBLIC = None

DOORS = {
    ("GET", "/openapi.json"): PUBLIC,
    ("GET", "/docs"): PUBLIC,
    ("GET", "/login"): PUBLIC,
    ("POST", "/login"): PUBLIC,
    ("POST", "/logout"): PUBLIC,
    ("GET", "/login/link/{secret}"): PUBLIC,
    ("POST", "/login/link/{secret}"): PUBLIC,
    ("GET", "/login/provider"): PUBLIC,
    ("GET", "/login/provider/back"): PUBLIC,
    ("GET", "/account"): EVERYBODY,
    ("POST", "/account/password"): EVERYBODY,
    ("POST", "/account/sign-out-everywhere"): EVERYBODY,
    ("POST", "/account/digest"): EVERYBODY,
    ("GET", "/healthz"): PUBLIC,
    ("GET", "/readyz"): PUBLIC,
    ("GET", "/metrics"): PUBLIC,
    ("GET", "/problems/{slug}"): PUBLIC,
    ("GET", "/o/{token}.gif"): PUBLIC,
    ("GET", "/c/{token}"): PUBLIC,
    ("GET", "/h/{token}"): PUBLIC,
    ("GET", "/t.js"): PUBLIC,
    ("POST", "/t"): PUBLIC,
    ("OPTIONS", "/t"): PUBLIC,
    ("GET", "/t/h/{visitor}"): PUBLIC,
    ("GET", "/u/{token}"): PUBLIC,
    ("POST", "/u/{token}"): PUBLIC,
    ("POST", "/api/leads"): {SERVICE, MARKETER, REP},
    ("GET", "/api/leads"): PEOPLE,
    ("GET", "/api/leads/{lead}"): PEOPLE,
    ("GET", "/api/leads/{lead}/timeline"): PEOPLE,
    ("POST", "/api/leads/{lead}/claim"): {REP},
    ("POST", "/api/leads/{lead}/contact"): {REP},
    ("POST", "/api/leads/{lead}/disposition"): {REP, MANAGER},
    ("POST", "/api/leads/{lead}/release"): {REP},
    ("POST", "/api/leads/{lead}/override"): {REP, MARKETER, MANAGER},
    ("POST", "/api/leads/{lead}/review"): {REVIEWER},
    ("POST", "/api/leads/{lead}/hold"): {MARKETER},
    ("POST", "/api/leads/{lead}/resume"): {MARKETER},
    ("POST", "/api/leads/{lead}/rescore"): {MARKETER},
    ("DELETE", "/api/leads/{lead}"): {ADMIN},
    ("POST", "/api/rescore"): {MARKETER},
    ("POST", "/api/hold"): {MARKETER},
    ("POST", "/api/resume"): {MARKETER},
    ("GET", "/api/batches/{batch}"): {MARKETER},
    ("POST", "/api/imports"): {MARKETER},
    ("POST", "/api/imports/preview"): {MARKETER},
    ("GET", "/api/imports"): {MARKETER},
    ("GET", "/api/imports/{import_id}"): {MARKETER},
    ("GET", "/api/imports/{import_id}/refused.csv"): {MARKETER},
    ("GET", "/imports"): {MARKETER},
    ("GET", "/imports/new"): {MARKETER},
    ("POST", "/imports/new"): {MARKETER},
    ("GET", "/imports/{import_id}"): {MARKETER},
    ("POST", "/imports/{import_id}/start"): {MARKETER},
    ("POST", "/imports/{import_id}/discard"): {MARKETER},
    ("GET", "/bulk"): {MARKETER},
    ("POST", "/bulk/{kind}"): {MARKETER},
    ("GET", "/batches/{batch}"): {MARKETER},
    ("GET", "/agreement"): PEOPLE,
    ("GET", "/agreement/versions"): PEOPLE,
    ("GET", "/agreement/versions/{n}"): PEOPLE,
    ("GET", "/agreement/proposals"): PEOPLE,
    ("GET", "/agreement/proposals/new"): {MARKETER, MANAGER},
    ("POST", "/agreement/proposals/new"): {MARKETER, MANAGER},
    ("GET", "/agreement/proposals/{proposal}"): PEOPLE,
    ("GET", "/agreement/proposals/{proposal}/edit"): {MARKETER, MANAGER},
    ("POST", "/agreement/proposals/{proposal}/edit"): {MARKETER, MANAGER},
    ("POST", "/agreement/proposals/{proposal}/comments"): PEOPLE,
    ("POST", "/agreement/proposals/{proposal}/sign"): {MARKETER, MANAGER},
    ("POST", "/agreement/proposals/{proposal}/withdraw"): {MARKETER, MANAGER},
    ("POST", "/agreement/proposals/{proposal}/publish"): {MARKETER, MANAGER},
    ("POST", "/agreement/proposals/{proposal}/dry-run"): {MARKETER, MANAGER},
    ("GET", "/agreement/votes"): PEOPLE,
    ("POST", "/agreement/votes"): {REP, MANAGER},
    ("POST", "/agreement/votes/proposal"): {MARKETER, MANAGER},
    ("GET", "/"): PEOPLE,
    ("GET", "/rows"): PEOPLE,
    ("GET", "/live"): PEOPLE,
    ("GET", "/notices"): PEOPLE,
    ("POST", "/notices/read"): PEOPLE,
    ("GET", "/leads/{lead}"): PEOPLE,
    ("POST", "/leads/{lead}/claim"): {REP},
    ("POST", "/leads/{lead}/contact"): {REP},
    ("POST", "/leads/{lead}/disposition"): {REP, MANAGER},
    ("POST", "/leads/{lead}/release"): {REP},
    ("POST", "/leads/{lead}/override"): {REP, MARKETER, MANAGER},
    ("POST", "/leads/{lead}/review"): {REVIEWER},
    ("POST", "/leads/{lead}/hold"): {MARKETER},
    ("POST", "/leads/{lead}/resume"): {MARKETER},
    ("POST", "/leads/{lead}/rescore"): {MARKETER},
    ("POST", "/leads/{lead}/erase"): {ADMIN},
    ("POST", "/api/engagements"): {SERVICE},
    ("GET", "/api/live"): PEOPLE,
    ("GET", "/api/notices"): PEOPLE,
    ("POST", "/api/notices/read"): PEOPLE,
    ("POST", "/api/notices/{notice_id}/read"): PEOPLE,
    ("GET", "/api/messages"): PEOPLE,
    ("GET", "/api/insights/{name}"): PEOPLE,
    ("GET", "/insights"): PEOPLE,
    ("GET", "/insights/{name}"): PEOPLE,
    ("GET", "/api/models"): {MARKETER, MANAGER},
    ("POST", "/api/models"): {MARKETER},
    ("POST", "/api/models/train"): {MARKETER},
    ("GET", "/api/models/{version}"): {MARKETER, MANAGER},
    ("POST", "/api/models/{version}/promote"): {MARKETER},
    ("GET", "/models"): {MARKETER, MANAGER},
    ("GET", "/models/{version}"): {MARKETER, MANAGER},
    ("POST", "/models/train"): {MARKETER},
    ("POST", "/models/promote"): {MARKETER},
    ("GET", "/api/policy"): EVERYBODY,
    ("PUT", "/api/policy"): {MARKETER, MANAGER},
    ("GET", "/api/policy/versions"): EVERYBODY,
    ("GET", "/api/policy/versions/{n}"): EVERYBODY,
    ("POST", "/api/policy/simulate"): {MARKETER, MANAGER},
    ("GET", "/api/policy/simulations"): {MARKETER, MANAGER},
    ("GET", "/api/policy/simulations/{simulation}"): {MARKETER, MANAGER},
    ("POST", "/api/policy/simulations/{simulation}/retry"): {MARKETER, MANAGER},
    ("DELETE", "/api/policy/simulations/{simulation}"): {MARKETER, MANAGER},
    ("GET", "/what-if"): {MARKETER, MANAGER},
    ("POST", "/what-if"): {MARKETER, MANAGER},
    ("GET", "/what-if/{simulation}"): {MARKETER, MANAGER},
    ("POST", "/what-if/{simulation}/retry"): {MARKETER, MANAGER},
    ("POST", "/what-if/{simulation}/drop"): {MARKETER, MANAGER},
    ("GET", "/api/policy/versions/{n}/diff"): EVERYBODY,
    ("GET", "/api/policy/proposals"): EVERYBODY,
    ("GET", "/api/policy/proposals/{proposal}"): EVERYBODY,
    ("PUT", "/api/policy/proposals/{proposal}"): {MARKETER, MANAGER},
    ("POST", "/api/policy/proposals/{proposal}/comments"): PEOPLE,
    ("POST", "/api/policy/proposals/{proposal}/sign"): {MARKETER, MANAGER},
    ("POST", "/api/policy/proposals/{proposal}/withdraw"): {MARKETER, MANAGER},
    ("POST", "/api/policy/proposals/{proposal}/publish"): {MARKETER, MANAGER},
    ("POST", "/api/policy/proposals/{proposal}/dry-run"): {MARKETER, MANAGER},
    ("GET", "/api/policy/votes"): PEOPLE,
    ("PUT", "/api/policy/votes"): {REP, MANAGER},
    ("POST", "/api/policy/votes/proposal"): {MARKETER, MANAGER},
    ("GET", "/api/users"): {ADMIN},
    ("POST", "/api/users"): {ADMIN},
    ("GET", "/api/users/me"): EVERYBODY,
    ("GET", "/api/users/{user_id}"): {ADMIN},
    ("PATCH", "/api/users/{user_id}"): {ADMIN},
    ("POST", "/api/users/{user_id}/absences"): {MANAGER},
    ("DELETE", "/api/users/{user_id}/absences/{start}"): {MANAGER},
    ("GET", "/api/users/{user_id}/tokens"): {ADMIN},
    ("POST", "/api/users/{user_id}/tokens"): {ADMIN},
    ("DELETE", "/api/users/{user_id}/tokens/{token_id}"): {ADMIN},
    ("POST", "/api/users/{user_id}/links"): {ADMIN},
    ("GET", "/api/webhooks"): {ADMIN},
    ("POST", "/api/webhooks"): {ADMIN},
    ("GET", "/api/webhooks/{webhook_id}"): {ADMIN},
    ("PATCH", "/api/webhooks/{webhook_id}"): {ADMIN},
    ("DELETE", "/api/webhooks/{webhook_id}"): {ADMIN},
    ("POST", "/api/webhooks/{webhook_id}/secret"): {ADMIN},
    ("POST", "/api/webhooks/{webhook_id}/ping"): {ADMIN},
    ("GET", "/api/webhooks/{webhook_id}/deliveries"): {ADMIN},
    ("POST", "/api/webhooks/{webhook_id}/replay"): {ADMIN},
    ("GET", "/api/forms"): {ADMIN},
    ("POST", "/api/forms"): {ADMIN},
    ("PATCH", "/api/forms/{key}"): {ADMIN},
    ("DELETE", "/api/forms/{key}"): {ADMIN},
    ("POST", "/integrations/forms/{key}"): PUBLIC,
    ("POST", "/integrations/slack/actions"): PUBLIC,
    ("GET", "/api/integrations/slack/users"): {ADMIN},
    ("PUT", "/api/integrations/slack/users/{slack_id}"): {ADMIN},
    ("DELETE", "/api/integrations/slack/users/{slack_id}"): {ADMIN},
    ("GET", "/api/me/notices"): PEOPLE,
    ("PATCH", "/api/me/notices"): PEOPLE,
    ("POST", "/account/notices"): PEOPLE,
    ("GET", "/api/accounts"): {MARKETER, MANAGER},
    ("POST", "/api/accounts"): {MARKETER, MANAGER},
    ("PATCH", "/api/accounts/{account_id}"): {MARKETER, MANAGER},
    ("DELETE", "/api/accounts/{account_id}"): {MARKETER, MANAGER},
    ("POST", "/api/routing/preview"): {MARKETER, MANAGER},
    ("GET", "/team"): {MANAGER},
    ("GET", "/team/new"): {ADMIN},
    ("POST", "/team/new"): {ADMIN},
    ("GET", "/team/{user_id}"): {MANAGER},
    ("POST", "/team/{user_id}"): {ADMIN},
    ("POST", "/team/{user_id}/active"): {ADMIN},
    ("POST", "/team/{user_id}/away"): {MANAGER},
    ("POST", "/team/{user_id}/back"): {MANAGER},
    ("POST", "/team/{user_id}/link"): {ADMIN},
    ("POST", "/team/{user_id}/tokens"): {ADMIN},
    ("POST", "/team/{user_id}/tokens/{token_id}/revoke"): {ADMIN},
    ("GET", "/routing"): {MARKETER, MANAGER},
    ("POST", "/routing"): {MARKETER, MANAGER},
    ("GET", "/accounts"): {MARKETER, MANAGER},
    ("POST", "/accounts"): {MARKETER, MANAGER},
    ("GET", "/accounts/{account_id}"): {MARKETER, MANAGER},
    ("POST", "/accounts/{account_id}"): {MARKETER, MANAGER},
    ("POST", "/accounts/{account_id}/remove"): {MARKETER, MANAGER},
    ("GET", "/webhooks"): {ADMIN},
    ("GET", "/webhooks/new"): {ADMIN},
    ("POST", "/webhooks/new"): {ADMIN},
    ("GET", "/webhooks/{webhook_id}"): {ADMIN},
    ("POST", "/webhooks/{webhook_id}"): {ADMIN},
    ("POST", "/webhooks/{webhook_id}/active"): {ADMIN},
    ("POST", "/webhooks/{webhook_id}/secret"): {ADMIN},
    ("POST", "/webhooks/{webhook_id}/ping"): {ADMIN},
    ("POST", "/webhooks/{webhook_id}/replay"): {ADMIN},
    ("POST", "/webhooks/{webhook_id}/remove"): {ADMIN},
    ("GET", "/forms"): {ADMIN},
    ("GET", "/forms/new"): {ADMIN},
    ("POST", "/forms/new"): {ADMIN},
    ("GET", "/forms/{key}"): {ADMIN},
    ("POST", "/forms/{key}"): {ADMIN},
    ("POST", "/forms/{key}/active"): {ADMIN},
    ("POST", "/forms/{key}/secret"): {ADMIN},
    ("POST", "/forms/{key}/remove"): {ADMIN},
    ("GET", "/suppressions"): {MARKETER},
    ("POST", "/suppressions"): {MARKETER},
    ("POST", "/suppressions/{suppression}/lift"): {MARKETER},
    ("GET", "/templates"): {MARKETER, MANAGER},
    ("GET", "/templates/_new"): {MARKETER},
    ("POST", "/templates/_new"): {MARKETER},
    ("GET", "/templates/{name}"): {MARKETER, MANAGER},
    ("GET", "/templates/{name}/edit"): {MARKETER},
    ("POST", "/templates/{name}/edit"): {MARKETER},
    ("GET", "/templates/{name}/preview"): {MARKETER},
    ("GET", "/api/suppressions"): {MARKETER},
    ("POST", "/api/suppressions"): {MARKETER},
    ("GET", "/api/suppressions/lifted"): {MARKETER},
    ("DELETE", "/api/suppressions/{suppression}"): {MARKETER},
    ("GET", "/api/templates"): {MARKETER, MANAGER},
    ("GET", "/api/templates/{name}"): {MARKETER, MANAGER},
    ("GET", "/api/templates/{name}/versions"): {MARKETER, MANAGER},
    ("PUT", "/api/templates/{name}"): {MARKETER},
    ("POST", "/api/templates/{name}/preview"): {MARKETER},
    ("POST", "/integrations/mail/{key}"): PUBLIC,
    ("POST", "/integrations/twilio/status/{message}"): PUBLIC,
    ("POST", "/integrations/twilio/replies"): PUBLIC,
    ("POST", "/integrations/lob"): PUBLIC,
    ("GET", "/api/integrations/crm"): {ADMIN},
    ("POST", "/integrations/hubspot"): PUBLIC,
}
"""Every route and the roles it lets in. An admin passes all. A route that is missing here fails the tests."""


def routes() -> set[tuple[str, str]]:
    """Every route of the application."""
    contexts = iter_route_contexts(create_app(Settings()).routes)
    return {(method, context.path or "") for context in contexts for method in (context.methods or set()) - {"HEAD"}}


async def knock(person: httpx.AsyncClient, method: str, path: str) -> int:
    """The status a request without content gets; a feed that opens counts as let in."""
    address = re.sub(r"\{(\w+)\}", lambda found: "9" if found[1] == "n" else str(uuid4()), path)
    try:
        async with asyncio.timeout(1 if path.endswith("/live") else 20):
            return (await person.request(method, address, json=None if method in {"GET", "DELETE"} else {})).status_code
    except TimeoutError:
        return 200


def test_every_route_is_in_the_table_and_nothing_else() -> None:
    assert routes() == DOORS.keys()


@pytest.mark.parametrize("role", Role)
async def test_each_role_passes_the_doors_it_is_meant_to_and_no_other(people: People, role: Role) -> None:
    person = await people(role)
    found = {door: await knock(person, *door) for door in DOORS}
    may = {door: roles is PUBLIC or role in roles or role is Role.ADMIN for door, roles in DOORS.items()}
    assert {door: status != 403 for door, status in found.items()} == may
    assert {door for door, status in found.items() if status == 401 or (status >= 500 and door != ("GET", "/readyz"))} == set()


async def test_without_a_token_only_public_doors_open(api: Person) -> None:
    async with httpx.AsyncClient(transport=api._transport, base_url=api.base_url) as nobody:
        found = {door: await knock(nobody, *door) for door in DOORS}
    assert {door for door, status in found.items() if status != 401} == {door for door, roles in DOORS.items() if roles is PUBLIC}


async def test_a_user_with_several_roles_passes_the_doors_of_each(people: People) -> None:
    person = await people("service", "marketer")
    assert (await person.get("/api/accounts")).status_code == 200
    assert (await person.post("/api/engagements", json={"events": []})).status_code in (202, 422)
    problem(await person.get("/api/users"), 403, "forbidden")


async def test_the_role_is_looked_at_before_the_content(people: People) -> None:
    rep = await people("rep")
    problem(await rep.post("/api/users", content=b"{", headers={"Content-Type": "application/json"}), 422, "invalid")
    problem(await rep.post("/api/users", json={"nonsense": 1}), 403, "forbidden")
