"""How leads come in."""

import asyncio

import pytest

from api.services import arrival, leads
from models.schemas.leads import ArrivedLead, Submission
from tests.api.forms import CRITERIA, Json, act, arrive, close, event, look, report, send, until, work
from tests.stack import People, Person, Stack


async def count(stack: Stack, table: str = "leads") -> int:
    async with stack.database.connection() as connection:
        return int((await connection.exec_driver_sql(f"SELECT count(*) FROM {table}")).scalar_one())


async def test_a_lead_is_visible_at_once_with_everything_it_said(api: Person) -> None:
    lead = await arrive(api, phone="+49 30 901820", country="Germany", message="Call me", attributes={"employees": 250, "tags": ["a", "b"]})
    assert lead["merged"] is False
    shown = await look(api, lead)
    assert (shown["stage"], shown["claimable"], shown["owner"], shown["closed"]) == ("new", True, None, False)
    assert (shown["company"], shown["message"], shown["attributes"]) == ("Quux Ltd", "Call me", {"employees": 250, "tags": ["a", "b"]})
    assert shown["timezone"] == "Europe/Berlin"
    assert shown["consent"] == {"email": True, "sms": False, "post": False}
    assert shown["deadline"]["kind"] in ("score_by", "claim_window")
    assert shown["lifecycle"] == {"mql_at": None, "sal_at": None, "sql_at": None}
    assert shown["nurture"]["campaign"] == "welcome"
    newest = (await api.get("/api/leads")).json()["items"]
    assert [card["id"] for card in newest] == [lead["id"]]


async def test_what_is_answered_is_what_can_be_read(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: object) -> None:
        """Its workflow would go on with it meanwhile."""

    monkeypatch.setattr(arrival, "set_off", nothing)
    said = {"phone": "+49 30 901820", "source": "Web", "attributes": {"b": [1, 2.5], "a": None}, "consent": {"sms": True}}
    for form in (
        {"email": "bare@read.example"},
        {"email": "full@read.example", "interest": "demo", "consultation_requested": True, **said},
    ):
        answered = await arrival.accept(stack.database, stack.app.state.wiring.engine, Submission.model_validate(form))
        async with stack.database.autocommit() as connection:
            read = await leads.view(connection, answered.id)
        assert answered.model_dump(mode="json") == ArrivedLead(**dict(read), merged=False).model_dump(mode="json")


async def test_its_workflow_scores_it(api: Person) -> None:
    found = await until(api, await arrive(api, title="Manager"), tier="medium")
    assert found["score"] == 30
    assert found["reasons"][0]["points"] == 60


async def test_the_same_person_again_is_merged_and_keeps_what_was_known(api: Person) -> None:
    first = await arrive(api, email="Ada.L@Dup.example", title=None)
    again = await send(api, email=" ada.l@dup.EXAMPLE ", title="Boss", first_name="Adele", source="webinar", attributes={"size": 3})
    assert again.status_code == 200, again.text
    lead = again.json()
    assert (lead["id"], lead["merged"]) == (first["id"], True)
    assert (lead["title"], lead["first_name"], lead["source"], lead["attributes"]) == ("Boss", "Ada", "web", {"size": 3})
    timeline = (await api.get(f"/api/leads/{lead['id']}/timeline")).json()["items"]
    assert [item["data"]["first_name"] for item in timeline if item["kind"] == "form_submitted"] == ["Adele"]
    found = (await api.get("/api/leads", params={"q": "boss"})).json()["items"]
    assert [card["id"] for card in found] == [first["id"]]


async def test_a_later_form_adds_consent_and_never_takes_it_away(api: Person) -> None:
    lead = await arrive(api, email="consent@dup.example", consent={"email": True})
    await send(api, email="consent@dup.example", consent={"sms": True, "email": False})
    await until(api, lead, consent={"email": True, "sms": True, "post": False})


async def test_of_many_forms_of_one_person_at_once_one_makes_a_lead(api: Person, stack: Stack) -> None:
    answers = await asyncio.gather(*(send(api, email="race@dup.example") for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [200] * 11 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await count(stack) == 1


async def test_bad_input_is_refused_by_name_and_nothing_is_stored(api: Person, stack: Stack) -> None:
    wrong: list[tuple[Json, str]] = [
        ({"email": "nobody"}, "email"),
        ({"email": "a@b"}, "email"),
        ({"email": None}, "email"),
        ({"email": ["a@b.example"]}, "email"),
        ({"first_name": 5}, "first_name"),
        ({"company": "x" * 201}, "company"),
        ({"message": "x" * 10_001}, "message"),
        ({"title": "a\x00b"}, "title"),
        ({"title": "\ud800"}, "title"),
        ({"consent": {"email": "yes"}}, "consent.email"),
        ({"consent": {"fax": True}}, "consent.fax"),
        ({"consultation_requested": 1}, "consultation_requested"),
        ({"attributes": {f"a{n}": 1 for n in range(101)}}, "attributes"),
        ({"attributes": {"a": {"b": 1}}}, "attributes"),
        ({"attributes": {"a": "x\x00"}}, "attributes"),
        ({"attributes": {"a": "\ud800"}}, "attributes"),
        ({"attributes": {"a": float("nan")}}, "attributes"),
        ({"attributes": []}, "attributes"),
        ({"favourite_colour": "green"}, "favourite_colour"),
    ]
    for more, field in wrong:
        answer = await send(api, **more)
        assert answer.status_code == 422, f"{more}: {answer.text}"
        assert answer.headers["content-type"] == "application/problem+json"
        assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert await count(stack) == 0


@pytest.mark.parametrize("email", ["x@mail.big.example", "y@gmail.com"])
async def test_a_lead_of_a_named_account_goes_to_the_accounts_owner(api: Person, people: People, email: str) -> None:
    await people("rep")
    owner = await people("rep")
    account = await api.post("/api/accounts", json={"name": "Big Corp", "domain": "big.example", "owner": owner.uid})
    assert account.status_code == 201, account.text
    lead = await arrive(api, email=email, attributes={"website": "https://www.big.example/about"})
    assert lead["account"]["name"] == "Big Corp"
    assert lead["account"]["owner"] == {"id": owner.uid, "name": owner.uname}
    await until(api, lead, stage="assigned", owner={"id": owner.uid, "name": owner.uname}, fast_lane="named_account")


async def test_whoever_asks_for_a_consultation_goes_to_a_rep_at_once_even_when_known(api: Person, people: People) -> None:
    rep = await people("rep")
    lead = await arrive(api, email="ask@dup.example")
    assert (await send(api, email="ask@dup.example", consultation_requested=True)).status_code == 200
    await until(api, lead, owner={"id": rep.uid, "name": rep.uname}, fast_lane="consultation_requested")


async def test_what_a_visitor_did_before_becomes_the_leads(api: Person) -> None:
    assert (await report(api, event(anonymous_id="v1"), event(anonymous_id="v1"), event(anonymous_id="v2")))["accepted"] == 3
    lead = await arrive(api, anonymous_id="v1")
    assert [(signal["kind"], signal["count"]) for signal in lead["signals"]] == [("page_view", 2)]
    again = await send(api, email=lead["email"], anonymous_id="v2")
    assert [(signal["kind"], signal["count"]) for signal in again.json()["signals"]] == [("form_submitted", 1), ("page_view", 3)]


async def test_a_closed_lead_that_comes_back_begins_a_new_round(api: Person, people: People) -> None:
    rep = await people("rep")
    lead = await arrive(api, email="back@dup.example")
    await close(rep, lead)
    assert (await look(api, lead))["closed"] is True
    again = await send(api, email="back@dup.example", title="Manager")
    assert again.status_code == 200, again.text
    back = again.json()
    assert (back["id"], back["merged"], back["stage"], back["closed"], back["round"]) == (lead["id"], True, "new", False, 2)
    assert back["lifecycle"]["sql_at"]
    await until(api, lead, score=0)
    await work(rep, lead)
    assert (await act(rep, lead, "disposition", {"outcome": "qualified", "criteria": CRITERIA})).status_code == 200


async def test_only_who_may_brings_leads_in(people: People) -> None:
    for role, status in {"service": 201, "marketer": 201, "rep": 201, "reviewer": 403, "manager": 403}.items():
        assert (await send(await people(role))).status_code == status, role
