"""The links in a nurture mail: opened, clicked, no more of these."""

from uuid import UUID

import pytest

from activities.links import Link, Links, Purpose
from models.lifecycle import Channel
from tests.eventually import eventually
from tests.stack import Person, Stack
from tests.visitors import CHROME


async def mailed(api: Person) -> tuple[str, UUID]:
    """A lead that got a mail, and the mail."""
    lead = (await api.post("/api/leads", json={"email": "ada@firm.example", "consent": {"email": True}})).json()["id"]

    async def messages() -> list[dict[str, str]]:
        items: list[dict[str, str]] = (await api.get("/api/messages", params={"lead": lead})).json()["items"]
        return items

    return lead, UUID((await eventually(messages, bool))[0]["id"])


def token(stack: Stack, purpose: Purpose, lead: str, message: UUID, target: str | None = None) -> str:
    return Links(stack.settings).token(purpose, Link(UUID(lead), Channel.EMAIL, message, target))


async def test_an_opened_mail_is_known_once(stack: Stack, api: Person) -> None:
    lead, message = await mailed(api)
    for _ in range(2):
        picture = await api.get(f"/o/{token(stack, 'o', lead, message)}.gif", headers={"User-Agent": CHROME})
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/gif")
    shown = (await api.get("/api/messages", params={"lead": lead})).json()["items"]
    assert next(item for item in shown if item["id"] == str(message))["opened_at"]
    timeline = (await api.get(f"/api/leads/{lead}/timeline", params={"limit": 200})).json()["items"]
    assert [item["kind"] for item in timeline if item["kind"] == "email_opened"] == ["email_opened"]


async def test_a_click_leads_where_we_signed_it_to(stack: Stack, api: Person) -> None:
    lead, message = await mailed(api)
    answer = await api.get(f"/c/{token(stack, 'c', lead, message, 'https://twoway.example/guide')}")
    assert (answer.status_code, answer.headers["location"]) == (303, "https://twoway.example/guide")


async def test_one_click_stops_the_channel_for_good(stack: Stack, api: Person) -> None:
    lead, message = await mailed(api)
    link = f"/u/{token(stack, 'u', lead, message)}"
    asked = await api.get(link)
    assert "form" in asked.text
    stopped = await api.post(link, content=b"List-Unsubscribe=One-Click")
    assert stopped.status_code == 200

    async def kinds() -> list[str]:
        return [item["kind"] for item in (await api.get(f"/api/leads/{lead}/timeline", params={"limit": 200})).json()["items"]]

    assert "unsubscribed" in await eventually(kinds, lambda found: "unsubscribed" in found)


@pytest.mark.parametrize("path", ["/o/{}.gif", "/c/{}", "/u/{}", "/h/{}"])
async def test_a_forged_link_or_one_for_another_purpose_leads_nowhere(stack: Stack, api: Person, path: str) -> None:
    lead, message = await mailed(api)
    other: Purpose = "u" if path.startswith("/o") else "o"
    for forged in ("nonsense", token(stack, other, lead, message)):
        assert (await api.get(path.format(forged))).status_code == 404
