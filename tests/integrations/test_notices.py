"""Notices outside the page: once each, by the way their reader chose, with what they need to act; and Slack's claim button."""

import hmac
import json
import time
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from sqlalchemy import text

from activities.posting import Poster
from activities.slack import genuine
from api.errors import OutcomeUnknown
from api.services import slack_claims
from api.services.engine import Engine
from api.services.notice_queue import NoticeQueue
from models.settings import Settings
from tests.activities.post_office import PostOffice, post_office
from tests.api.forms import act, arrive, look, until
from tests.api.test_frame_errors import problem
from tests.eventually import eventually
from tests.integrations.world import World
from tests.stack import People, Person, Stack

pytestmark = pytest.mark.policy("calm")
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
POSTED, TEAMS = "/slack/chat.postMessage", "/teams"
ABOUT_NO_LEAD = """
    INSERT INTO notices (id, change, seq, kind, role, at)
    VALUES (gen_random_uuid(), nextval('changes'), 0, 'model_trained', 'marketer', now())"""


@pytest.fixture
async def office() -> AsyncIterator[PostOffice]:
    """A mail server."""
    async with post_office() as found:
        yield found


@pytest.fixture
def settings(settings: Settings, outside: World, office: PostOffice) -> Settings:
    """Every way out there is."""
    ways = {
        "smtp_host": "127.0.0.1",
        "smtp_port": office.port,
        "smtp_tls": "none",
        "slack_bot_token": "xoxb-test",
        "slack_channel": "C0LEADS",
        "slack_api_url": outside.url("/slack"),
        "slack_signing_secret": SECRET,
        "teams_webhook_url": outside.url(TEAMS),
    }
    return Settings.model_validate(settings.model_dump() | ways)


async def assigned(api: Person, people: People) -> tuple[dict[str, Any], Person, Person]:
    """A lead that a marketer gave to a rep."""
    rep, marketer = await people("rep"), await people("marketer")
    lead = await arrive(api, title="Clerk")
    answer = await act(marketer, lead, "override", {"owner": rep.uid, "reason": "yours"})
    assert answer.status_code == 200, answer.text
    return lead, rep, marketer


async def test_who_is_assigned_a_lead_is_told_once_by_every_way(
    api: Person, people: People, outside: World, office: PostOffice, stack: Stack
) -> None:
    outside.modes[POSTED] = 500
    await _run(stack, ABOUT_NO_LEAD)
    lead, rep, _ = await assigned(api, people)

    async def mine() -> list[Any]:
        return [letter for letter in office.letters if letter["To"] == rep.email]

    (letter,) = await eventually(mine, bool)
    assert letter["Subject"] == "A lead was assigned to you: Ada Zzyzx, Quux Ltd"
    assert f"/leads/{lead['id']}" in letter.get_content()
    assert "Time until" in letter.get_content()
    assert (letter["Auto-Submitted"], letter["List-Unsubscribe"]) == ("auto-generated", None)
    (card,) = await eventually(lambda: _bodies(outside, TEAMS), bool)
    content = card["attachments"][0]["content"]
    assert content["body"][0]["text"] == "A lead was assigned to you"
    assert f"For {rep.uname}" in content["body"][1]["text"].replace("\\", "")
    await eventually(lambda: outside.here(POSTED), bool)
    outside.modes.clear()
    await _run(stack, "UPDATE notice_sendings SET next_at = now()")
    message = (await eventually(lambda: _bodies(outside, POSTED), lambda found: len(found) >= 2))[-1]
    assert (message["channel"], message["text"]) == ("C0LEADS", "A lead was assigned to you: Ada Zzyzx, Quux Ltd")
    await eventually(lambda: _states(stack), lambda found: set(found) == {"sent"})
    async with Poster(stack.settings, 5) as poster:
        queue = NoticeQueue(stack.database, stack.settings, poster)
        await _run(stack, "UPDATE notice_position SET change = 0")
        assert await queue.find() is False
        assert await queue.tell() is False
    assert len(await mine()) == 1


async def _bodies(outside: World, path: str) -> list[Any]:
    return outside.got(path)


async def _states(stack: Stack) -> list[str]:
    async with stack.database.autocommit() as connection:
        return [row.state for row in await connection.execute(text("SELECT state FROM notice_sendings"))]


async def _run(stack: Stack, sql: str, **values: Any) -> None:
    async with stack.database.connection() as connection:
        await connection.execute(text(sql), values)


async def test_what_comes_back_comes_with_the_attempt_to_who_wants_it(
    stack: Stack, api: Person, people: People, outside: World, office: PostOffice
) -> None:
    rep, marketer, silent = await people("rep"), await people("marketer"), await people("marketer")
    assert (await silent.patch("/api/me/notices", json={"email": []})).json()["email"] == []
    lead = await arrive(api)
    assert (await act(rep, lead, "claim")).status_code == 200
    note = {"channel": "call", "outcome": "no_answer", "note": "Rang <!channel> twice,\nher mother answered"}
    assert (await act(rep, lead, "contact", note)).status_code == 200
    assert (await act(rep, lead, "release", {"reason": "not my region"})).status_code == 200

    async def told() -> list[Any]:
        return [letter for letter in office.letters if letter["To"] in (marketer.email, silent.email)]

    (letter,) = await eventually(told, bool)
    assert letter["To"] == marketer.email
    said = letter.get_content().replace("\r\n", "\n")
    assert f"{rep.uname} had it until" in said
    assert "Reason: not my region" in said
    assert "Last attempt: Phone, no answer" in said
    assert "> Rang <!channel> twice,\n> her mother answered" in said
    posted = await eventually(lambda: _bodies(outside, POSTED), lambda found: any("came back" in one["text"] for one in found))
    words = next(one for one in posted if "came back" in one["text"])["blocks"][0]["text"]["text"]
    assert "> Rang &lt;!channel&gt; twice," in words
    assert (await api.delete(f"/api/leads/{lead['id']}")).status_code == 204
    async with stack.database.autocommit() as connection:
        kept = (await connection.execute(text("SELECT string_agg(s::text, ' ') FROM notice_sendings s"))).scalar_one()
    assert not any(word in kept for word in ("Zzyzx", "Quux", "mother"))


async def test_people_are_told_in_slack_directly_where_it_knows_them(stack: Stack, api: Person, people: People, outside: World) -> None:
    rep, marketer = await people("rep"), await people("marketer")
    outside.slack_people["U0REP"] = rep.email
    lead = await arrive(api)
    await act(marketer, lead, "override", {"owner": rep.uid, "reason": "yours"})
    posted = await eventually(lambda: _bodies(outside, POSTED), bool)
    assert {one["channel"] for one in posted if one["text"].startswith("A lead was assigned")} == {"U0REP"}
    assert (await api.get("/api/integrations/slack/users")).json()["items"][0]["slack_id"] == "U0REP"
    await eventually(lambda: _states(stack), lambda found: set(found) == {"sent"})


async def test_a_letter_the_server_puts_off_comes_later_and_old_news_never(
    stack: Stack, api: Person, people: People, office: PostOffice
) -> None:
    office.at_recipient = "451 Later"
    _, rep, _ = await assigned(api, people)
    await eventually(lambda: _email(stack), lambda row: row is not None and row.why == "smtp_451")
    office.at_recipient = "250 OK"
    await _run(stack, "UPDATE notice_sendings SET next_at = now()")
    await eventually(lambda: _email(stack), lambda row: row.state == "sent")
    assert [letter["To"] for letter in office.letters] == [rep.email]
    await _run(stack, "UPDATE notice_sendings SET state = 'waiting', next_at = now(), at = now() - interval '2 days'")
    await eventually(lambda: _email(stack), lambda row: (row.state, row.why) == ("dropped", "late"))
    assert len(office.letters) == 1


async def _email(stack: Stack) -> Any:
    async with stack.database.autocommit() as connection:
        return (await connection.execute(text("SELECT state, why FROM notice_sendings WHERE channel = 'email'"))).first()


async def test_everybody_chooses_for_themself(api: Person, people: People) -> None:
    rep = await people("rep")
    usual = (await rep.get("/api/me/notices")).json()
    assert "assigned" in usual["email"]
    assert "unsubscribed" not in usual["email"]
    changed = (await rep.patch("/api/me/notices", json={"email": ["unsubscribed", "unsubscribed"]})).json()
    assert (changed["email"], changed["slack"]) == (["unsubscribed"], usual["slack"])
    problem(await rep.patch("/api/me/notices", json={"email": ["nonsense"]}), 422, "invalid")
    form = await rep.post("/account/notices", data={"slack": ["assigned", "lapsed"]})
    assert form.status_code == 303
    assert (await rep.get("/api/me/notices")).json() | {"kinds": []} == {"email": [], "slack": ["assigned", "lapsed"], "kinds": []}
    page = (await rep.get("/account?chosen=true")).text
    assert page.count(" checked>") == 2
    assert "Your choice is kept" in page
    assert (await api.get("/api/me/notices")).json()["email"] == usual["email"]


def test_slacks_signature_is_the_one_it_documents() -> None:
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
        b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
        b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    right = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    assert genuine(SECRET, "1531420618", body, right, 1531420618 + 300)
    assert not genuine(SECRET, "1531420618", body, right, 1531420618 + 301)
    assert not genuine(SECRET, "1531420618", body + b"x", right, 1531420618)
    assert not genuine(SECRET, "soon", body, right, 1531420618)


async def press(api: Person, lead: dict[str, Any], outside: World, **more: Any) -> Any:
    """Press the button, as Slack tells of it."""
    payload = {
        "type": "block_actions",
        "user": {"id": "U0REP", "team_id": "T1"},
        "team": {"id": "T1"},
        "trigger_id": uuid4().hex,
        "response_url": outside.url("/respond"),
        "actions": [{"action_id": "claim", "value": lead["id"]}],
        **more,
    }
    body = urlencode({"payload": json.dumps(payload)}).encode()
    stamp = str(int(time.time()))
    signature = "v0=" + hmac.new(SECRET.encode(), b"v0:" + stamp.encode() + b":" + body, sha256).hexdigest()
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
    answer = await api.post("/integrations/slack/actions", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json() if answer.content else None


async def test_a_lead_worth_it_is_offered_in_slack_and_the_button_claims_it(
    api: Person, people: People, outside: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack_claims, "_PATIENCE", 20)  # a loaded machine is no subject of this test
    rep, other = await people("rep"), await people("rep")
    lead = await until(api, await arrive(api, title="CEO", interest="demo", attributes={"employees": 500}), tier="high")
    assert lead["owner"] is None
    offered = await eventually(lambda: _bodies(outside, POSTED), bool)
    (message,) = [one for one in offered if one["text"].startswith("A lead is up for grabs")]
    claim = message["blocks"][1]["elements"][0]
    assert (claim["action_id"], claim["value"]) == ("claim", lead["id"])
    outside.slack_people["U0REP"] = rep.email.upper()
    said = await press(api, lead, outside)
    assert said["text"].startswith(f"{rep.uname} has this lead now.")
    assert said["replace_original"] is True
    assert outside.got("/respond") == [said]
    assert (await look(api, lead))["owner"]["id"] == rep.uid
    answer = await api.put("/api/integrations/slack/users/U0OTHER", json={"user": other.uid})
    assert answer.json()["by_hand"] is True
    late = await press(api, lead, outside, user={"id": "U0OTHER"})
    assert (late["response_type"], late["text"].startswith(f"{rep.uname} has this lead")) == ("ephemeral", True)
    stranger = await press(api, lead, outside, user={"id": "U0REP", "team_id": "T2"})
    assert "Nobody here" in stranger["text"]
    assert await press(api, lead, outside, actions=[{"action_id": "open"}]) is None
    assert (await api.delete("/api/integrations/slack/users/U0OTHER")).status_code == 204
    assert "Nobody here" in (await press(api, lead, outside, user={"id": "U0OTHER"}))["text"]


async def test_a_claim_that_the_engine_does_not_answer_in_time_is_left_with_the_lead(
    api: Person, people: People, outside: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: object) -> None:
        raise OutcomeUnknown

    rep = await people("rep")
    lead = await arrive(api, title="Clerk")
    outside.slack_people["U0REP"] = rep.email
    with monkeypatch.context() as patched:
        patched.setattr(Engine, "update", silent)
        assert "on its way" in (await press(api, lead, outside))["text"]
    found = await eventually(lambda: look(api, lead), lambda found: found["owner"] is not None)
    assert found["owner"]["id"] == rep.uid


async def test_only_slack_may_press(api: Person, outside: World) -> None:
    stamp = str(int(time.time()))
    signed = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": "v0=" + "0" * 64}
    problem(await api.post("/integrations/slack/actions", content=b"payload={}", headers=signed), 403, "signature")
    problem(await api.post("/integrations/slack/actions", content=b"payload={}"), 422, "invalid")
