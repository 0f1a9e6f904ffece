"""Named accounts, and the leads that belong to them."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from activities.database import Database
from models.ids import uuid7
from models.schemas.people import domain_of
from tests.api.test_frame_errors import problem
from tests.stack import People, Person, Stack


async def lead_of(database: Database, domain: str) -> UUID:
    lead = uuid7()
    async with database.connection() as connection:
        await connection.execute(
            text(
                """
                INSERT INTO leads (id, search, domain, created_at, seq, first_seq, stage, arrived_at, since, policy_version, closed)
                VALUES (:id, '', :domain, now(), 1, 1, 'won', now(), now(), 1, true)"""
            ),
            {"id": lead, "domain": domain},
        )
    return lead


async def account_of(database: Database, lead: UUID) -> UUID | None:
    async with database.connection() as connection:
        found: UUID | None = (await connection.execute(text("SELECT account_id FROM leads WHERE id = :id"), {"id": lead})).scalar_one()
    return found


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("acme.com", "acme.com"),
        (" https://www.Acme.com/about?x=1#top ", "acme.com"),
        ("http://acme.co.uk:8080/", "acme.co.uk"),
        ("acme.com.", "acme.com"),
        ("Bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_a_domain_is_understood_however_it_is_written(said: str, meant: str) -> None:
    assert domain_of(said) == meant


@pytest.mark.parametrize(
    "said", ["", "acme", "10.0.0.1", "a..b", "-a.com", "a_b.com", "x" * 64 + ".com", ("a" * 50 + ".") * 6 + "com", "a\0b.com"]
)
def test_what_is_no_domain_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="not a domain"):
        domain_of(said)


async def test_leads_of_the_domain_belong_to_an_account_as_long_as_there_is_one(stack: Stack, people: People) -> None:
    rep, marketer = await people("rep"), await people("marketer")
    mine, other = await lead_of(stack.database, "acme.example"), await lead_of(stack.database, "other.example")
    created = await marketer.post("/api/accounts", json={"name": "Acme", "domain": "https://www.ACME.example", "owner": rep.uid})
    assert created.status_code == 201
    account = created.json()
    assert (account["domain"], account["owner"], account["leads"]) == ("acme.example", {"id": rep.uid, "name": rep.uname}, 1)
    assert str(await account_of(stack.database, mine)) == account["id"]
    assert await account_of(stack.database, other) is None
    assert (await marketer.get("/api/accounts")).json() == {"items": [account], "next_cursor": None}
    assert (await marketer.delete(f"/api/accounts/{account['id']}")).status_code == 204
    assert await account_of(stack.database, mine) is None
    problem(await marketer.delete(f"/api/accounts/{account['id']}"), 404, "not-found")


async def test_an_account_gets_another_name_owner_and_domain_and_with_it_other_leads(stack: Stack, api: Person, people: People) -> None:
    rep, other, marketer = await people("rep"), await people("rep"), await people("marketer")
    mine, theirs = await lead_of(stack.database, "acme.example"), await lead_of(stack.database, "bcme.example")
    made = (await marketer.post("/api/accounts", json={"name": "Acme", "domain": "acme.example", "owner": rep.uid})).json()
    where = f"/api/accounts/{made['id']}"
    await api.patch(f"/api/users/{rep.uid}", json={"active": False})
    renamed = (await marketer.patch(where, json={"name": "Acme Ltd", "owner": rep.uid})).json()
    assert renamed == made | {"name": "Acme Ltd"}, "the owner it has may stay, whoever they are"
    assert str(await account_of(stack.database, mine)) == made["id"]
    changed = (await marketer.patch(where, json={"domain": "https://www.bcme.example/", "owner": other.uid})).json()
    assert changed == renamed | {"domain": "bcme.example", "owner": {"id": other.uid, "name": other.uname}}
    assert (await account_of(stack.database, mine), str(await account_of(stack.database, theirs))) == (None, made["id"])
    assert problem(await marketer.patch(where, json={"owner": rep.uid}), 422, "invalid")["errors"][0]["field"] == "owner"  # type: ignore[index]
    problem(await marketer.patch(where, json={"leads": 3}), 422, "invalid")
    problem(await marketer.patch(f"/api/accounts/{uuid4()}", json={"name": "B"}), 404, "not-found")
    assert (await marketer.get("/api/accounts")).json()["items"] == [changed]


async def test_a_domain_belongs_to_one_account(people: People) -> None:
    rep, manager = await people("rep"), await people("manager")
    form = {"name": "Acme", "domain": "acme.example", "owner": rep.uid}
    assert (await manager.post("/api/accounts", json=form)).status_code == 201
    problem(await manager.post("/api/accounts", json={**form, "domain": "WWW.acme.example"}), 409, "conflict")
    second = (await manager.post("/api/accounts", json={**form, "domain": "bcme.example"})).json()
    told = problem(await manager.patch(f"/api/accounts/{second['id']}", json={"name": "B", "domain": "acme.example"}), 409, "conflict")
    assert told["detail"] == "The domain acme.example belongs to another account."
    assert (await manager.get("/api/accounts")).json()["items"][1] == second, "nothing of it was changed"


async def test_the_owner_must_be_an_active_rep(api: Person, people: People) -> None:
    marketer, gone = await people("marketer"), await people("rep")
    await api.patch(f"/api/users/{gone.uid}", json={"active": False})
    for owner in (marketer.uid, gone.uid, str(uuid4())):
        response = await marketer.post("/api/accounts", json={"name": "Acme", "domain": "acme.example", "owner": owner})
        assert problem(response, 422, "invalid")["errors"][0]["field"] == "owner"  # type: ignore[index]


async def test_the_list_goes_on_where_a_cursor_says(people: People) -> None:
    rep, manager = await people("rep"), await people("manager")
    for n in range(3):
        await manager.post("/api/accounts", json={"name": f"A{n}", "domain": f"a{n}.example", "owner": rep.uid})
    first = (await manager.get("/api/accounts", params={"limit": 2})).json()
    second = (await manager.get("/api/accounts", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [account["domain"] for account in first["items"] + second["items"]] == ["a0.example", "a1.example", "a2.example"]
    assert second["next_cursor"] is None


async def test_a_lead_is_of_the_whole_company_and_an_account_may_be_a_part_of_it(api: Person, people: People) -> None:
    rep = await people("rep")
    for email in ("a@acme.example", "b@mail.de.acme.example", "c@de.acme.example", "d@notde.acme.example"):
        lead = (await api.post("/api/leads", json={"email": email})).json()["id"]
        assert (await api.get(f"/api/leads/{lead}")).json()["domain"] == "acme.example"
    part = (await api.post("/api/accounts", json={"name": "Acme DE", "domain": "de.acme.example", "owner": rep.uid})).json()
    assert part["leads"] == 2
    whole = (await api.post("/api/accounts", json={"name": "Acme", "domain": "acme.example", "owner": rep.uid})).json()
    assert whole["leads"] == 2
