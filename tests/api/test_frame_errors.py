"""Every failure has one shape, says what to do, and gives nothing away."""

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from api import errors
from api.app import MIB, create_app
from models.settings import Settings
from tests.stack import People, Person

BROKEN = OperationalError("SELECT secret", {}, psycopg.OperationalError("connection to 10.0.0.1 failed"))


def problem(response: httpx.Response, status: int, slug: str) -> dict[str, object]:
    """The body of a problem, checked for the members every one has."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, object] = response.json()
    assert {"type", "title", "status", "instance"} <= body.keys()
    assert (body["type"], body["status"], body["instance"]) == (f"/problems/{slug}", status, response.request.url.path)
    assert response.headers["x-request-id"]
    return body


@pytest.fixture
async def broken() -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    """An application without lifecycle, for routes that fail on purpose."""
    app = create_app(Settings())
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api.example") as client:
        yield app, client


async def raised(broken: tuple[FastAPI, httpx.AsyncClient], failure: Exception) -> httpx.Response:
    """What a route that raises answers."""
    app, client = broken
    path = f"/fails/{uuid4().hex}"

    @app.get(path)
    async def fail() -> None:
        raise failure

    return await client.get(path)


@pytest.mark.parametrize(
    ("failure", "status", "slug", "retry"),
    [
        (errors.NotFound("lead"), 404, "not-found", False),
        (errors.Forbidden(), 403, "forbidden", False),
        (errors.Conflict("There is one already."), 409, "conflict", False),
        (errors.TooLarge(MIB), 413, "too-large", False),
        (errors.EngineAway(), 503, "engine-away", True),
        (errors.DatabaseAway(), 503, "database-away", True),
        (errors.OutcomeUnknown(), 504, "outcome-unknown", False),
        (BROKEN, 503, "database-away", True),
        (psycopg.OperationalError("server closed the connection"), 503, "database-away", True),
        (PoolTimeout("QueuePool limit of size 16"), 503, "database-away", True),
        (psycopg.errors.ReadOnlySqlTransaction("cannot execute INSERT"), 503, "database-away", True),
        (psycopg.errors.UndefinedTable('relation "leads" does not exist'), 503, "database-away", True),
        (DataError("INSERT", {}, psycopg.DataError("NUL")), 422, "invalid", False),
    ],
)
async def test_each_failure_has_its_status_and_type(
    broken: tuple[FastAPI, httpx.AsyncClient], failure: Exception, status: int, slug: str, retry: bool
) -> None:
    response = await raised(broken, failure)
    problem(response, status, slug)
    assert ("retry-after" in response.headers) == retry
    assert not any(word in response.text for word in ("10.0.0.1", "secret", "SELECT", "relation", "QueuePool"))


async def test_a_missing_token_is_told_how_to_sign_in(broken: tuple[FastAPI, httpx.AsyncClient]) -> None:
    response = await raised(broken, errors.Unauthorized())
    problem(response, 401, "unauthorized")
    assert response.headers["www-authenticate"].startswith("Bearer")


async def test_a_refusal_always_names_reason_and_owner_and_is_counted(broken: tuple[FastAPI, httpx.AsyncClient]) -> None:
    before = REGISTRY.get_sample_value("twoway_refusals_total", {"reason": "wrong_stage"}) or 0
    body = problem(await raised(broken, errors.Refused("wrong_stage", "It is won.")), 409, "refused")
    assert (body["reason"], body["detail"], body["owner"]) == ("wrong_stage", "It is won.", None)
    owner = {"id": str(uuid4()), "name": "Kim"}
    body = problem(await raised(broken, errors.Refused("owned", "Kim has it.", owner=owner, missing=["need"])), 409, "refused")
    assert (body["owner"], body["missing"]) == (owner, ["need"])
    assert REGISTRY.get_sample_value("twoway_refusals_total", {"reason": "wrong_stage"}) == before + 1


async def test_what_nobody_expected_tells_a_reference_and_nothing_else(broken: tuple[FastAPI, httpx.AsyncClient]) -> None:
    response = await raised(broken, RuntimeError("password is hunter2"))
    body = problem(response, 500, "internal")
    assert body["reference"] == response.headers["x-request-id"]
    assert "hunter2" not in response.text
    assert "RuntimeError" not in response.text


async def test_unknown_paths_and_methods_are_problems_too(api: Person) -> None:
    problem(await api.get("/api/nothing"), 404, "not-found")
    response = await api.delete("/api/policy")
    assert response.status_code == 405
    assert response.json()["type"] == "about:blank"
    assert response.headers["allow"] == "GET"


async def test_bad_input_is_told_field_by_field_without_repeating_it(api: Person) -> None:
    body = {"email": "nobody", "roles": ["king"], "capacity": -1, "pasword": "hunter2", "timezone": "Mars/Base"}
    response = await api.post("/api/users", json=body)
    found = {error["field"]: error["message"] for error in problem(response, 422, "invalid")["errors"]}  # type: ignore[attr-defined]
    assert found.keys() == {"email", "name", "roles.0", "capacity", "pasword", "timezone"}
    assert found["name"] == "is required"
    assert found["capacity"] == "must be 0 or more"
    assert found["pasword"] == "is not a field that is known here"
    assert "hunter2" not in response.text


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"null", b'"x"', b"", b'{"email": "\xff"}', b'{"name": "a\\u0000b", "email": "a@b.example", "roles": ["rep"]}']
)
async def test_malformed_bodies_are_told_so(api: Person, body: bytes) -> None:
    response = await api.post("/api/users", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in (400, 422)
    problem(response, response.status_code, "invalid")


async def test_an_id_that_is_none_is_told_so(api: Person) -> None:
    body = problem(await api.get("/api/users/jane@doe.example"), 422, "invalid")
    assert body["errors"] == [{"field": "user_id", "message": "must be an id, written as a UUID"}]


async def test_a_body_over_the_limit_is_refused_by_its_announced_length(api: Person) -> None:
    problem(await api.post("/api/users", content=b"x" * (MIB + 1)), 413, "too-large")


async def test_a_body_over_the_limit_is_refused_while_it_comes_in(api: Person) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 100_000
            yield b"x" * 100_000

    for headers in ({}, {"Idempotency-Key": "large"}):
        sent = 0
        problem(await api.post("/api/users", content=endless(), headers=headers), 413, "too-large")
        assert sent <= MIB + 200_000


async def test_imports_may_be_larger(api: Person) -> None:
    assert (await api.post("/api/imports", content=b"x" * (MIB + 1))).status_code != 413


async def test_each_type_of_problem_explains_itself(api: Person) -> None:
    for slug in errors.KINDS:
        response = await httpx.AsyncClient(transport=api._transport, base_url=api.base_url).get(f"/problems/{slug}")
        assert response.status_code == 200
        assert response.text.endswith(".")
    problem(await api.get("/problems/nonsense"), 404, "not-found")


async def test_roles_that_are_missing_are_named(people: People) -> None:
    rep = await people("rep")
    for door, role in (("/api/users", "admin"), ("/api/accounts", "marketer")):
        assert role in str(problem(await rep.get(door), 403, "forbidden")["detail"])


async def test_the_description_declares_the_token_and_the_problems(api: Person) -> None:
    description = (await api.get("/openapi.json")).json()
    assert description["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for path in ("/api/users", "/api/accounts"):
        assert "application/problem+json" in description["paths"][path]["post"]["responses"]["4XX"]["content"]
        assert "422" not in description["paths"][path]["post"]["responses"]
