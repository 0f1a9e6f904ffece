"""Suppressions: looked up, added, lifted with who and why; what the person wanted themselves stays unless they ask for it."""

from typing import Any

import pytest
from sqlalchemy import text

from activities.suppressions import hashed, suppress, suppressed
from api.board.suppressions import REASONS, WRITTEN_WITH
from api.services.mail_parsing import ReportKind
from models.lifecycle import Channel
from models.schemas.suppressions import OWN_WISH, SuppressionReason
from tests.api.test_frame_errors import problem
from tests.browsing import Visitors, filled_in, seen, wrong
from tests.eventually import eventually
from tests.stack import People, Person, Stack

pytestmark = pytest.mark.policy("calm")
ADA = "ada@firm.example"


async def suppress_now(stack: Stack, channel: Channel, address: str, why: str) -> None:
    async with stack.database.connection() as connection:
        await suppress(connection, channel, address, why)


async def why_not(stack: Stack, channel: Channel, address: str) -> str | None:
    async with stack.database.connection() as connection:
        return await suppressed(connection, channel, address)


async def listed(api: Person, **query: Any) -> list[dict[str, Any]]:
    answer = await api.get("/api/suppressions", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def lift(who: Person, one: dict[str, Any], **form: Any) -> Any:
    return await who.request("DELETE", f"/api/suppressions/{one['id']}", json=form)


def test_every_reason_and_channel_has_its_words() -> None:
    assert set(REASONS) == set(SuppressionReason)
    assert set(WRITTEN_WITH) == set(Channel)
    told = {kind.value for kind in ReportKind} - {ReportKind.DELIVERED.value}
    assert told <= set(SuppressionReason), "what providers report is a reason"


async def test_an_address_is_added_found_in_any_spelling_and_lifted_with_who_and_why(stack: Stack, people: People) -> None:
    mark = await people("marketer")
    form = {"address": "Ada@Firm.example", "reason": "decided", "note": "A competitor"}
    made = await mark.post("/api/suppressions", json=form)
    assert made.status_code == 201, made.text
    one = made.json()
    assert {name: one[name] for name in ("channel", "reason", "source", "own_wish", "note")} == {
        "channel": "email",
        "reason": "decided",
        "source": "user",
        "own_wish": False,
        "note": "A competitor",
    }
    assert one["by"] == {"id": mark.uid, "name": mark.uname}
    assert ADA not in made.text
    again = await mark.post("/api/suppressions", json=form)
    assert (again.status_code, again.json()) == (200, one), "the first stays"
    assert [found["id"] for found in await listed(mark, address=f" {ADA.upper()}")] == [one["id"]]
    assert await listed(mark, address="bob@firm.example") == []
    assert await why_not(stack, Channel.EMAIL, ADA) == "decided"
    problem(await lift(mark, one), 422, "invalid")
    lifted = await lift(mark, one, why="They are a customer now")
    assert lifted.status_code == 200, lifted.text
    kept = (await mark.get("/api/suppressions/lifted", params={"address": ADA})).json()["items"]
    assert kept == [lifted.json()]
    assert (kept[0]["reason"], kept[0]["lifted_by"]["name"], kept[0]["lifted_why"]) == ("decided", mark.uname, "They are a customer now")
    assert await why_not(stack, Channel.EMAIL, ADA) is None
    problem(await lift(mark, one, why="again"), 404, "not-found")


@pytest.mark.parametrize("why", sorted(OWN_WISH))
async def test_what_the_person_wanted_is_lifted_only_when_they_asked_for_it(stack: Stack, api: Person, why: str) -> None:
    await suppress_now(stack, Channel.EMAIL, ADA, why)
    (one,) = await listed(api)
    assert one["own_wish"]
    problem(await lift(api, one, why="Sales would like to"), 409, "conflict")
    assert await why_not(stack, Channel.EMAIL, ADA) == why
    lifted = await lift(api, one, why="She rang on Monday", asked_again=True)
    assert lifted.json()["asked_again"] is True
    assert await why_not(stack, Channel.EMAIL, ADA) is None


async def test_the_first_reason_stays_until_the_person_wants_it_themselves(stack: Stack) -> None:
    found = []
    for why in ("bounce", "refused", "complaint", "bounce", "stop"):
        await suppress_now(stack, Channel.EMAIL, ADA, why)
        found.append(await why_not(stack, Channel.EMAIL, ADA))
    assert found == ["bounce", "bounce", "complaint", "complaint", "complaint"]


async def test_what_is_no_address_is_refused_at_its_field(api: Person) -> None:
    for form in (
        {"address": "ada", "reason": "asked"},
        {"address": "030 901820", "channel": "sms", "reason": "asked"},
        {"address": "Main Street 1, 10115 Berlin", "channel": "post", "reason": "asked"},
    ):
        refused = await api.post("/api/suppressions", json=form)
        problem(refused, 422, "invalid")
        assert [error["field"] for error in refused.json()["errors"]] == ["address"]
    problem(await api.post("/api/suppressions", json={"address": ADA, "reason": "bounce"}), 422, "invalid")
    problem(await api.get("/api/suppressions", params={"address": "?"}), 422, "invalid")
    problem(await api.get("/api/suppressions", params={"cursor": "x"}), 422, "invalid")


async def test_the_list_goes_on_where_it_ended_and_is_told_apart_by_channel(stack: Stack, api: Person) -> None:
    for number in range(5):
        await suppress_now(stack, Channel.EMAIL, f"a{number}@firm.example", "bounce")
    await suppress_now(stack, Channel.SMS, "+49 30 901820", "stop")
    await suppress_now(stack, Channel.POST, "Main Street 1, 10115 Berlin, DE", "bounce")
    first = (await api.get("/api/suppressions", params={"limit": 4})).json()
    rest = (await api.get("/api/suppressions", params={"limit": 4, "cursor": first["next_cursor"]})).json()
    assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (4, 3, None)
    assert len({one["id"] for one in first["items"] + rest["items"]}) == 7
    for address in ("+4930901820", "main street 1 10115 BERLIN de"):
        assert len(await listed(api, address=address)) == 1, address
    assert [one["reason"] for one in await listed(api, channel="sms")] == ["stop"]
    assert len(await listed(api, reason="bounce", channel="email")) == 5


async def test_what_was_remarked_goes_with_the_person_and_the_hash_stays(stack: Stack, api: Person) -> None:
    lead = (await api.post("/api/leads", json={"email": ADA, "first_name": "Ada"})).json()["id"]
    for channel, said in (("email", "Ada rang"), ("post", "Ada wrote")):
        await api.post("/api/suppressions", json={"address": ADA, "channel": channel, "reason": "decided", "note": said})
    (post,) = await listed(api, channel="post")
    await lift(api, post, why="Ada rang again")
    assert (await api.delete(f"/api/leads/{lead}")).status_code == 204

    async def kept() -> list[tuple[Any, ...]]:
        query = """
            SELECT channel, address, why, note, 'on' FROM suppressions
            UNION SELECT channel, address, why, coalesce(note, lifted_why), 'lifted' FROM lifted_suppressions ORDER BY 1, 5"""
        async with stack.database.connection() as connection:
            return [tuple(row) for row in await connection.execute(text(query))]

    hash_of_ada = hashed(Channel.EMAIL, ADA)
    found = await eventually(kept, lambda rows: len(rows) == 3)
    assert found == [
        ("email", hash_of_ada, "erased", None, "on"),
        ("post", hash_of_ada, "decided", None, "lifted"),
        ("post", hash_of_ada, "erased", None, "on"),
    ]


# --- the page ------------------------------------------------------------------------------------------------------


async def test_an_address_is_looked_up_taken_out_of_use_and_lifted_by_forms(stack: Stack, api: Person, people: People) -> None:
    mark = await people("marketer")
    assert "Every address may be written to." in await seen(mark, "/suppressions")
    lead = (await api.post("/api/leads", json={"email": ADA, "first_name": "Ada", "company": "<b>Firm"})).json()["id"]
    page = await seen(mark, f"/suppressions?q={ADA}")
    assert "Nothing speaks against writing to" in page
    assert f'<a href="/leads/{lead}"' in page
    assert "030 901820</bdi> is not on the list as it is written here" in await seen(mark, "/suppressions?q=030 901820"), "no all-clear"
    assert wrong(await seen(mark, "/suppressions?q=%3F", 422), "q")
    page = await filled_in(mark, "/suppressions", 422, address="ada", channel="email", note="Rang")
    assert (bool(wrong(page, "address")), bool(wrong(page, "reason"))) == (False, True), "what is missing is told first"
    page = await filled_in(mark, "/suppressions", 422, address="ada", channel="email", reason="asked", note="Rang")
    assert wrong(page, "address") == "Must be an e-mail address, as ada@example.com."
    assert 'value="Rang"' in page
    page = await filled_in(mark, "/suppressions", 201, address=ADA, channel="email", reason="asked", note="Rang")
    assert "No e-mails go to" in page
    assert "It stood here before: asked us not to write." in await filled_in(
        mark, "/suppressions", 200, address=ADA, channel="email", reason="asked"
    )
    (one,) = await listed(api)
    where = f"/suppressions/{one['id']}/lift"
    assert wrong(await filled_in(mark, where, 422, q=ADA, asked_again="yes"), "why-email")
    page = await filled_in(mark, where, 409, q=ADA, why="Sales would like to")
    assert "lifted only when they asked" in wrong(page, "asked-email")
    assert 'value="Sales would like to"' in page
    page = await filled_in(mark, where, 200, q=ADA, why="She rang again", asked_again="yes")
    assert "Nothing speaks against writing to" in page
    assert "She rang again" in page
    assert await filled_in(mark, where, q=ADA, why="twice") == "/suppressions", "somebody was quicker"
    page = await seen(mark, "/suppressions?tab=lifted")
    assert "She rang again" in page
    assert mark.uname in page
    assert ADA not in page


async def test_other_sites_and_other_roles_change_no_suppression(stack: Stack, visitors: Visitors) -> None:
    mark, _ = await visitors("marketer")
    rep, _ = await visitors("rep")
    form = {"address": ADA, "channel": "email", "reason": "decided"}
    assert (await mark.post("/suppressions", data=form, headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403
    await filled_in(rep, "/suppressions", 403, **form)
    assert await why_not(stack, Channel.EMAIL, ADA) is None
    for who, leads_there in ((mark, True), (rep, False)):
        assert ('<a href="/suppressions"' in await seen(who, "/agreement")) == leads_there
