"""Users, their tokens, and what happens to their leads when they come and go."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from activities.database import Database
from api.auth import digest_of
from models.ids import uuid7
from tests.api.test_frame_errors import problem
from tests.stack import People, Person, Stack


def newcomer(**more: object) -> dict[str, Any]:
    return {"email": f"{uuid4().hex[:8]}@team.example", "name": "Kim", "roles": ["rep"], **more}


def without_token(api: Person) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=api._transport, base_url=api.base_url)


async def owned_lead(database: Database, owner: str, *, closed: bool = False) -> UUID:
    """A lead of this rep that no workflow knows, so that what is sent to it stays where it can be seen."""
    lead = uuid7()
    row = {"id": lead, "owner": UUID(owner), "closed": closed}
    async with database.connection() as connection:
        await connection.execute(
            text(
                """
                INSERT INTO leads (id, search, created_at, seq, first_seq, stage, owner_id, arrived_at, since, policy_version, closed,
                    swept_at)
                VALUES (:id, '', now(), 1, 1, 'working', :owner, now(), now(), 1, :closed, now())"""
            ),
            row,
        )
    return lead


class Signals:
    """Keeps what goes into the outbox, whatever the delivery does with it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def watch(self) -> None:
        async with self._database.connection() as connection:
            await connection.execute(text("CREATE TABLE seen (lead_id uuid, signal text, payload jsonb)"))
            await connection.execute(
                text(
                    """
                    CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
                    BEGIN INSERT INTO seen VALUES (NEW.lead_id, NEW.signal, NEW.payload); RETURN NEW; END $$"""
                )
            )
            await connection.execute(text("CREATE TRIGGER see AFTER INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION see()"))

    async def of(self, lead: UUID) -> list[dict[str, Any]]:
        async with self._database.connection() as connection:
            rows = await connection.execute(text("SELECT payload FROM seen WHERE lead_id = :lead AND signal = 'retime'"), {"lead": lead})
            return list(rows.scalars())


@pytest.fixture
async def signals(stack: Stack) -> Signals:
    found = Signals(stack.database)
    await found.watch()
    return found


async def test_a_user_is_shown_as_created(api: Person) -> None:
    hours = {"mon-fri": ["09:00-12:00", "13:00-17:30"]}
    asked = newcomer(capacity=5, territories=["DACH"], working_hours=hours, timezone="Europe/Berlin", roles=["manager", "rep", "rep"])
    created = await api.post("/api/users", json=asked)
    assert created.status_code == 201
    user = created.json()
    assert user["roles"] == ["rep", "manager"]
    assert {name: user[name] for name in asked if name != "roles"} == {name: asked[name] for name in asked if name != "roles"}
    assert (user["absent"], user["absences"], user["active"]) == (False, [], True)
    assert (await api.get(f"/api/users/{user['id']}")).json() == user
    assert user in (await api.get("/api/users", params={"limit": 200})).json()["items"]


async def test_the_list_of_users_goes_on_where_a_cursor_says(api: Person, people: People) -> None:
    for _ in range(3):
        await people("rep")
    seen, cursor = [], None
    while True:
        page = (await api.get("/api/users", params={"limit": 2, **({"cursor": cursor} if cursor else {})})).json()
        seen += [user["id"] for user in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 4
    problem(await api.get("/api/users", params={"cursor": "zzz"}), 422, "invalid")


async def test_two_users_never_share_an_address(api: Person) -> None:
    first, second = newcomer(), newcomer()
    assert (await api.post("/api/users", json=first)).status_code == 201
    problem(await api.post("/api/users", json={**second, "email": first["email"].upper()}), 409, "conflict")
    other = (await api.post("/api/users", json=second)).json()
    problem(await api.patch(f"/api/users/{other['id']}", json={"email": first["email"]}), 409, "conflict")


@pytest.mark.parametrize(
    "wrong",
    [
        {"roles": []},
        {"capacity": -1},
        {"timezone": "Europe/Atlantis"},
        {"working_hours": {"someday": ["09:00-17:00"]}},
        {"working_hours": {"mon": ["17:00-09:00"]}},
        {"working_hours": {}},
        {"absent": {"from": "2030-01-02T00:00:00Z", "until": "2030-01-01T00:00:00Z"}},
        {"absent": {"until": "2030-01-01T00:00:00"}},
        {"absent": "maybe"},
        {"name": " "},
    ],
)
async def test_what_makes_no_sense_is_refused_and_not_stored(api: Person, wrong: dict[str, object]) -> None:
    asked = newcomer(**wrong)
    problem(await api.post("/api/users", json=asked), 422, "invalid")
    assert asked["email"] not in (await api.get("/api/users", params={"limit": 200})).text


async def test_a_change_touches_only_what_it_names(api: Person) -> None:
    user = (await api.post("/api/users", json=newcomer(capacity=5, working_hours={"mon": ["09:00-17:00"]}))).json()
    changed = (await api.patch(f"/api/users/{user['id']}", json={"name": "Lee"})).json()
    assert changed == {**user, "name": "Lee"}
    cleared = (await api.patch(f"/api/users/{user['id']}", json={"capacity": None, "working_hours": None})).json()
    assert (cleared["capacity"], cleared["working_hours"]) == (None, None)
    problem(await api.patch(f"/api/users/{user['id']}", json={"name": None}), 422, "invalid")
    problem(await api.patch(f"/api/users/{uuid4()}", json={"name": "Lee"}), 404, "not-found")


async def test_a_token_is_shown_once_and_kept_as_a_digest(api: Person, stack: Stack) -> None:
    user = (await api.post("/api/users", json=newcomer())).json()
    issued = await api.post(f"/api/users/{user['id']}/tokens", json={"name": "laptop"})
    assert issued.status_code == 201
    assert issued.headers["cache-control"] == "no-store"
    token = issued.json()["token"]
    assert token.startswith("tw_")
    assert len(token) == 46
    listed = await api.get(f"/api/users/{user['id']}/tokens")
    assert [item["name"] for item in listed.json()["items"]] == ["laptop"]
    assert token not in listed.text
    async with stack.database.connection() as connection:
        stored = (await connection.execute(text("SELECT t::text FROM tokens t WHERE name = 'laptop'"))).scalar_one()
    assert digest_of(token) in stored
    assert token not in stored


async def test_a_revoked_token_opens_nothing_any_more(api: Person, people: People) -> None:
    rep = await people("rep")
    assert (await rep.get("/api/users/me")).json()["name"] == rep.uname
    token = (await api.get(f"/api/users/{rep.uid}/tokens")).json()["items"][0]
    assert (await api.delete(f"/api/users/{rep.uid}/tokens/{token['id']}")).status_code == 204
    problem(await rep.get("/api/users/me"), 401, "unauthorized")
    assert (await api.delete(f"/api/users/{rep.uid}/tokens/{token['id']}")).status_code == 204
    problem(await api.delete(f"/api/users/{uuid4()}/tokens/{token['id']}"), 404, "not-found")


async def test_a_change_of_roles_holds_at_once(api: Person, people: People) -> None:
    rep = await people("rep")
    assert (await rep.get("/api/users")).status_code == 403
    assert (await api.patch(f"/api/users/{rep.uid}", json={"roles": ["admin"]})).status_code == 200
    assert (await rep.get("/api/users")).status_code == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer nonsense", "Basic YTpi", "Bearer tw_\u00e9"])
async def test_without_a_valid_token_nobody_comes_in(api: Person, header: str) -> None:
    response = await without_token(api).get("/api/users/me", headers={b"Authorization": header.encode()})
    problem(response, 401, "unauthorized")


async def test_a_deactivated_user_is_shut_out_until_reactivated(api: Person, people: People) -> None:
    rep = await people("rep")
    assert (await api.patch(f"/api/users/{rep.uid}", json={"active": False})).json()["active"] is False
    problem(await rep.get("/api/users/me"), 401, "unauthorized")
    problem(await api.post(f"/api/users/{rep.uid}/tokens", json={"name": "x"}), 409, "conflict")
    await api.patch(f"/api/users/{rep.uid}", json={"active": True})
    assert (await rep.get("/api/users/me")).status_code == 200


async def test_the_last_admin_stays(api: Person, people: People) -> None:
    me = (await api.get("/api/users/me")).json()
    for change in ({"active": False}, {"roles": ["rep"]}):
        problem(await api.patch(f"/api/users/{me['id']}", json=change), 409, "conflict")
    other = await people("admin")
    assert (await other.patch(f"/api/users/{me['id']}", json={"roles": ["rep"]})).status_code == 200
    problem(await other.patch(f"/api/users/{other.uid}", json={"roles": ["rep"]}), 409, "conflict")


async def test_absence_is_said_in_any_way_people_say_it(api: Person) -> None:
    now = datetime.now(UTC)
    week = {"from": (now - timedelta(days=1)).isoformat(), "until": (now + timedelta(days=6)).isoformat()}
    later = {"from": (now + timedelta(days=30)).isoformat(), "until": (now + timedelta(days=31)).isoformat()}
    over = {"from": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z"}
    user = (await api.post("/api/users", json=newcomer(absent=True))).json()
    assert (user["absent"], len(user["absences"]), user["absences"][0]["until"]) == (True, 1, None)
    cases = [(False, False, 0), (week, True, 1), ([later, over, week], True, 2), (None, False, 0), (later, False, 1), ([], False, 0)]
    for said, absent, stretches in cases:
        shown = (await api.patch(f"/api/users/{user['id']}", json={"absent": said})).json()
        assert (shown["absent"], len(shown["absences"])) == (absent, stretches)
        assert [stretch["from"] for stretch in shown["absences"]] == sorted(stretch["from"] for stretch in shown["absences"])


async def test_going_away_and_coming_back_moves_the_clocks_of_open_leads(
    stack: Stack, api: Person, people: People, signals: Signals
) -> None:
    rep, other = await people("rep"), await people("rep")
    mine, closed = await owned_lead(stack.database, rep.uid), await owned_lead(stack.database, rep.uid, closed=True)
    theirs = await owned_lead(stack.database, other.uid)
    until = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)
    await api.patch(f"/api/users/{rep.uid}", json={"absent": {"until": until.isoformat()}})
    await api.patch(f"/api/users/{rep.uid}", json={"absent": False})
    await api.patch(f"/api/users/{rep.uid}", json={"name": "Still here"})
    away, back = await signals.of(mine)
    assert away["rep"] == back["rep"] == rep.uid
    assert [datetime.fromisoformat(gap["until"]) for gap in away["away"]] == [until]
    assert back.get("away", []) == []
    assert await signals.of(closed) == await signals.of(theirs) == []


async def test_a_deactivated_users_leads_are_without_them_for_good(stack: Stack, api: Person, people: People, signals: Signals) -> None:
    rep = await people("rep")
    lead = await owned_lead(stack.database, rep.uid)
    await api.patch(f"/api/users/{rep.uid}", json={"active": False})
    await api.patch(f"/api/users/{rep.uid}", json={"name": "Gone"})
    await api.patch(f"/api/users/{rep.uid}", json={"active": True})
    gone, back = await signals.of(lead)
    assert [gap.get("until") for gap in gone["away"]] == [None]
    assert back.get("away", []) == []


async def test_a_change_that_is_refused_moves_no_clock(stack: Stack, api: Person, people: People, signals: Signals) -> None:
    rep, other = await people("rep"), await people("rep")
    lead = await owned_lead(stack.database, rep.uid)
    response = await api.patch(f"/api/users/{rep.uid}", json={"absent": True, "email": f"{other.uname}@team.example"})
    problem(response, 409, "conflict")
    assert await signals.of(lead) == []
