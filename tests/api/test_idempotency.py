"""A POST that is sent again is answered again, not done again."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from sqlalchemy import text

from api.deps import RequestKey
from api.idempotency import prune
from tests.api.test_frame_errors import problem
from tests.stack import People, Person, Stack


class Counter:
    """Routes that count how often they are really run."""

    def __init__(self, app: FastAPI) -> None:
        self.path = f"/api/count/{uuid4().hex}"
        self.runs = 0
        self.status = 200
        self.keys: list[str | None] = []
        self.bodies: list[bytes] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.running = asyncio.Event()
        app.add_api_route(self.path, self.run, methods=["POST", "PUT"])
        app.add_api_route(f"{self.path}/stream", self.stream, methods=["POST"])

    async def run(self, request: Request, key: RequestKey) -> dict[str, int]:
        self.runs += 1
        self.keys.append(key)
        self.bodies.append(await request.body())
        self.running.set()
        await self.gate.wait()
        if self.status == 500:
            raise RuntimeError("by request")
        return {"run": self.runs}

    async def stream(self) -> StreamingResponse:
        self.runs += 1

        async def parts() -> AsyncIterator[bytes]:
            yield b"one "
            yield b"two"

        return StreamingResponse(parts(), media_type="text/plain")


@pytest.fixture
def counter(stack: Stack) -> Counter:
    return Counter(stack.app)


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


async def test_the_same_request_again_gets_the_same_answer(api: Person, counter: Counter) -> None:
    first = await api.post(counter.path, json={"a": 1}, headers=keyed("k"))
    again = await api.post(counter.path, json={"a": 1}, headers=keyed("k"))
    assert first.json() == again.json() == {"run": 1}
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["content-type"] == first.headers["content-type"]
    assert "idempotency-replayed" not in first.headers
    assert counter.runs == 1


async def test_without_a_key_every_request_is_done(api: Person, counter: Counter) -> None:
    for _ in range(2):
        await api.post(counter.path, json={})
    assert counter.runs == 2
    assert counter.keys == [None, None]


async def test_only_posts_are_kept(api: Person, counter: Counter) -> None:
    for _ in range(2):
        await api.put(counter.path, json={}, headers=keyed("k"))
    assert counter.runs == 2


async def test_a_key_used_for_something_else_is_told_so(api: Person, counter: Counter) -> None:
    await api.post(counter.path, json={"a": 1}, headers=keyed("k"))
    problem(await api.post(counter.path, json={"a": 2}, headers=keyed("k")), 422, "key-reused")
    problem(await api.post(f"{counter.path}/stream", json={"a": 1}, headers=keyed("k")), 422, "key-reused")
    problem(await api.post(f"{counter.path}?a=1", json={"a": 1}, headers=keyed("k")), 422, "key-reused")
    assert counter.runs == 1


async def test_two_users_keys_never_meet(people: People, counter: Counter) -> None:
    one, two = await people("rep"), await people("rep")
    for person in (one, two):
        assert "idempotency-replayed" not in (await person.post(counter.path, json={}, headers=keyed("k"))).headers
    assert counter.runs == 2
    assert len(set(counter.keys)) == 2


async def test_the_handler_gets_a_key_that_repeats_and_says_nothing(api: Person, counter: Counter, stack: Stack) -> None:
    await api.post(counter.path, json={}, headers=keyed("jane@doe.example"))
    async with stack.database.connection() as connection:
        await connection.execute(text("DELETE FROM idempotency"))
    await api.post(counter.path, json={}, headers=keyed("jane@doe.example"))
    first, second = counter.keys
    assert first == second
    assert first is not None
    assert "jane" not in first


async def test_a_request_still_under_way_is_not_started_twice(api: Person, counter: Counter) -> None:
    counter.gate.clear()
    first = asyncio.create_task(api.post(counter.path, json={}, headers=keyed("k")))
    await asyncio.wait_for(counter.running.wait(), 10)
    busy = await api.post(counter.path, json={}, headers=keyed("k"))
    problem(busy, 409, "in-progress")
    assert busy.headers["retry-after"]
    counter.gate.set()
    assert (await first).json() == {"run": 1}
    assert (await api.post(counter.path, json={}, headers=keyed("k"))).json() == {"run": 1}


async def test_of_many_at_once_one_is_done(api: Person, counter: Counter) -> None:
    answers = await asyncio.gather(*(api.post(counter.path, json={}, headers=keyed("k")) for _ in range(12)))
    assert counter.runs == 1
    assert {answer.status_code for answer in answers} <= {200, 409}


async def test_a_failure_may_be_tried_again_at_once(api: Person, counter: Counter) -> None:
    counter.status = 500
    problem(await api.post(counter.path, json={}, headers=keyed("k")), 500, "internal")
    counter.status = 200
    assert (await api.post(counter.path, json={}, headers=keyed("k"))).json() == {"run": 2}
    assert counter.keys[0] == counter.keys[1]


async def test_a_refusal_is_an_answer_and_kept(api: Person) -> None:
    form = {"email": f"{uuid4().hex}@team.example", "name": "Kim", "roles": ["rep"]}
    await api.post("/api/users", json=form)
    for replayed in (None, "true"):
        response = await api.post("/api/users", json=form, headers=keyed("k"))
        problem(response, 409, "conflict")
        assert response.headers.get("idempotency-replayed") == replayed


async def test_what_a_process_that_died_left_is_taken_over_after_a_minute(api: Person, counter: Counter, stack: Stack) -> None:
    await api.post(counter.path, json={}, headers=keyed("k"))
    leave = text("UPDATE idempotency SET status = NULL, created_at = now() - make_interval(secs => :age) WHERE key = 'k'")
    for age, status in ((50, 409), (61, 200)):
        async with stack.database.connection() as connection:
            await connection.execute(leave, {"age": age})
        assert (await api.post(counter.path, json={}, headers=keyed("k"))).status_code == status
    assert counter.runs == 2
    async with stack.database.connection() as connection:
        await connection.execute(leave, {"age": 61})
    problem(await api.post(counter.path, json={"other": 1}, headers=keyed("k")), 422, "key-reused")


async def test_a_day_later_the_key_is_free_and_the_answer_forgotten(api: Person, counter: Counter, stack: Stack) -> None:
    for key in ("old", "new"):
        await api.post(counter.path, json={}, headers=keyed(key))
    async with stack.database.connection() as connection:
        await connection.execute(text("UPDATE idempotency SET created_at = now() - interval '24 hours 1 second' WHERE key = 'old'"))
    assert (await api.post(counter.path, json={"other": 1}, headers=keyed("old"))).json() == {"run": 3}
    async with stack.database.connection() as connection:
        await connection.execute(text("UPDATE idempotency SET created_at = now() - interval '24 hours 1 second' WHERE key = 'old'"))
    await prune(stack.database)
    async with stack.database.connection() as connection:
        assert (await connection.execute(text("SELECT key FROM idempotency"))).scalars().all() == ["new"]


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "tab\there", "caf\u00e9"])
async def test_a_key_that_is_none_is_told_so(api: Person, counter: Counter, key: str) -> None:
    problem(await api.post(counter.path, json={}, headers={b"Idempotency-Key": key.encode()}), 422, "invalid")
    assert counter.runs == 0


async def test_keys_of_any_printable_kind_are_taken(api: Person, counter: Counter) -> None:
    for key in ("x", "x" * 255, "a b", '"quoted"'):
        assert (await api.post(counter.path, json={}, headers=keyed(key))).status_code == 200


async def test_without_a_token_a_key_opens_nothing(api: Person, counter: Counter) -> None:
    form = {"email": f"{uuid4().hex}@team.example", "name": "Kim", "roles": ["rep"]}
    assert (await api.post("/api/users", json=form, headers=keyed("k"))).status_code == 201
    for token in ("Bearer wrong", "Basic eDp5"):
        response = await api.post("/api/users", json=form, headers={**keyed("k"), "Authorization": token})
        problem(response, 401, "unauthorized")


async def test_an_answer_in_parts_is_passed_on_and_not_kept(api: Person, counter: Counter) -> None:
    for _ in range(2):
        assert (await api.post(f"{counter.path}/stream", headers=keyed("k"))).text == "one two"
    assert counter.runs == 2


async def test_long_bodies_arrive_whole(api: Person, counter: Counter) -> None:
    body = bytes(range(256)) * 3000
    first = await api.post(counter.path, content=body, headers=keyed("k"))
    assert counter.bodies == [body]
    assert (await api.post(counter.path, content=body, headers=keyed("k"))).json() == first.json()


async def test_an_upload_is_the_same_whatever_its_boundary(api: Person, counter: Counter) -> None:
    for _ in range(2):
        response = await api.post(counter.path, files={"file": ("leads.csv", b"email\na@b.example\n")}, headers=keyed("k"))
        assert response.json() == {"run": 1}
    other = await api.post(counter.path, files={"file": ("leads.csv", b"email\nother@b.example\n")}, headers=keyed("k"))
    problem(other, 422, "key-reused")


async def test_a_secret_is_not_kept_to_be_repeated(api: Person, stack: Stack) -> None:
    user = (await api.get("/api/users/me")).json()["id"]
    issued = await api.post(f"/api/users/{user}/tokens", json={"name": "x"}, headers=keyed("k"))
    token = issued.json()["token"]
    problem(await api.post(f"/api/users/{user}/tokens", json={"name": "x"}, headers=keyed("k")), 409, "conflict")
    async with stack.database.connection() as connection:
        stored = (await connection.execute(text("SELECT i::text FROM idempotency i WHERE key = 'k'"))).scalar_one()
    assert token not in stored


async def test_an_answer_about_a_lead_goes_with_the_lead(api: Person, people: People, stack: Stack) -> None:
    lead, rep = uuid4(), await people("rep")
    await rep.post(f"/api/leads/{lead}/contact", json={"channel": "call", "outcome": "reached"}, headers=keyed("contact"))
    form = {"email": f"{uuid4().hex[:8]}@acme.example", "first_name": "Ada"}
    arrived = await api.post("/api/leads", json=form, headers=keyed("arrival"))
    assert arrived.status_code == 201, arrived.text
    async with stack.database.connection() as connection:
        rows = (await connection.execute(text("SELECT key, lead_id FROM idempotency"))).all()
    assert dict(map(tuple, rows)) == {"contact": lead, "arrival": UUID(arrived.json()["id"])}


async def test_the_database_away_is_told_as_such(api: Person, counter: Counter, stack: Stack) -> None:
    async with stack.database.connection() as connection:
        await connection.execute(text("ALTER TABLE idempotency RENAME TO elsewhere"))
    response: httpx.Response = await api.post(counter.path, json={}, headers=keyed("k"))
    problem(response, 503, "database-away")
    assert counter.runs == 0
