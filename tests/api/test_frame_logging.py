"""What is written down of requests: enough to operate, nothing of a lead or a secret."""

import logging
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from activities import logs as ours
from api.app import create_app
from models.settings import Settings
from tests.stack import Person, Stack


@pytest.mark.parametrize("form", ["console", "json"])
async def test_a_failure_is_logged_with_its_place_and_without_its_words(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    app = create_app(Settings())

    secret = uuid4().hex

    @app.get("/fails")
    async def fail() -> None:
        raise RuntimeError(secret) from ExceptionGroup(secret, [ValueError(secret)])

    ours.configure(Settings(log_format=form))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://api.example") as client:
        response = await client.get(f"/fails?q={secret}", headers={"X-Request-Id": "mine-1"})
    written = capsys.readouterr().err
    assert response.json()["reference"] == response.headers["x-request-id"] == "mine-1"
    for word in ("mine-1", "RuntimeError", "ExceptionGroup", "ValueError", "in fail", "/fails"):
        assert word in written
    assert secret not in written


async def test_the_access_log_holds_ids_and_no_queries(stack: Stack, api: Person, capsys: pytest.CaptureFixture[str]) -> None:
    ours.configure(stack.settings.model_copy(update={"log_level": "INFO"}))
    user = uuid4()
    await api.get(f"/api/users/{user}", params={"q": "jane@doe.example"})
    await api.get("/api/users/jane@doe.example")
    await api.get("/jane@doe.example")
    ours.configure(stack.settings)
    written = capsys.readouterr().err
    assert str(user) in written
    assert "route=/api/users/{user_id}" in written
    assert "doe" not in written


async def test_setting_logging_up_twice_writes_each_line_once(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        ours.configure(Settings())
    logging.getLogger("somebody").warning("once")
    assert capsys.readouterr().err.count("once") == 1


async def test_metrics_count_by_route_and_never_by_path(stack: Stack, api: Person) -> None:
    user = uuid4()
    await api.get(f"/api/users/{user}")
    await api.get("/api/nowhere/jane@doe.example")
    async with stack.database.connection() as connection:
        await connection.execute(
            text("INSERT INTO leads (id, search, created_at, seq, first_seq, stage, arrived_at, since, policy_version, closed) "
                 "VALUES (:id, '', now(), 1, 1, 'won', now(), now(), 1, true)"), {"id": user})  # fmt: skip
        await connection.execute(
            text("INSERT INTO outbox (lead_id, signal, payload, created_at) VALUES (:id, 'refused:rescore', '{}', now())"), {"id": user}
        )
    shown = (await api.get("/metrics")).text
    assert 'twoway_requests_total{method="GET",route="/api/users/{user_id}",status="404"}' in shown
    assert 'route="unmatched"' in shown
    assert "twoway_outbox_signals 1.0" in shown
    assert "twoway_leads_overdue 0.0" in shown
    assert str(user) not in shown
    assert "doe" not in shown
