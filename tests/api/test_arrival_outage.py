"""Leads that come in, and things that happen to them, while Temporal is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from temporalio.client import Client

from tests.api.forms import act, arrive, event, look, report, send, until
from tests.engines import free_port
from tests.eventually import eventually
from tests.stack import People, Person, Stack


class Line:
    """The line to Temporal, which can be cut."""

    def __init__(self, target: str) -> None:
        self.host, _, self.port = target.partition(":")
        self.listens = free_port()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.listens)

    async def cut(self) -> None:
        assert self._server
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        self._server = None
        await asyncio.sleep(0)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self.host, int(self.port))
        self._open |= {writer, back}
        await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
        self._open -= {writer, back}

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        sink.close()


@pytest.fixture
async def line(temporal: Client, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
    """The API's line to Temporal; the worker has its own."""
    found = Line(temporal.service_client.config.target_host)
    await found.mend()
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{found.listens}")
    yield found
    if found._server:
        await found.cut()


async def test_a_lead_is_accepted_shown_and_started_once_temporal_is_back(line: Line, api: Person) -> None:
    await line.cut()
    leads = [await arrive(api, title="Manager") for _ in range(30)]
    assert (await look(api, leads[0]))["stage"] == "new"
    await line.mend()
    await until(api, leads[0], 10, tier="medium")
    for lead in leads:
        await until(api, lead, 30, tier="medium")


async def test_an_action_meanwhile_is_answered_with_503_and_works_afterwards(line: Line, api: Person, people: People) -> None:
    rep = await people("rep")
    lead = await arrive(api)
    await line.cut()
    answer = await act(rep, lead, "claim")
    assert answer.status_code == 503, answer.text
    assert answer.headers["retry-after"]
    assert answer.json()["type"].endswith("engine-away")
    await line.mend()
    await eventually(lambda: act(rep, lead, "claim"), lambda answer: answer.status_code == 200)


async def test_what_happens_to_a_lead_meanwhile_reaches_it_afterwards(line: Line, api: Person, people: People) -> None:
    rep = await people("rep")
    lead = await arrive(api, email="meanwhile@dup.example")
    await until(api, lead, tier="low")
    await line.cut()
    assert (await report(api, event("demo_requested", lead_id=lead["id"])))["accepted"] == 1
    assert (await send(api, email="meanwhile@dup.example", consent={"post": True})).status_code == 200
    await line.mend()
    await until(api, lead, fast_lane="consultation_requested", owner={"id": rep.uid, "name": rep.uname})
    await until(api, lead, consent={"email": True, "sms": False, "post": True})


async def test_a_lead_whose_workflow_temporal_lost_is_started_from_the_database(api: Person, people: People, stack: Stack) -> None:
    rep = await people("rep")
    lead = await arrive(api)
    await until(api, lead, tier="low")
    await stack.client.get_workflow_handle(f"lead-{lead['id']}").terminate("lost")
    answer = await act(rep, lead, "claim")
    assert answer.status_code == 200, answer.text
    await stack.client.get_workflow_handle(f"lead-{lead['id']}").terminate("lost")
    assert (await report(api, event("unsubscribe", lead_id=lead["id"])))["accepted"] == 1
    await until(api, lead, unsubscribed=["email"])


async def test_a_lead_whose_deadline_went_by_unnoticed_is_started_from_the_database(api: Person, people: People, stack: Stack) -> None:
    await people("rep")
    lead = await arrive(api)
    await until(api, lead, tier="low")
    await stack.client.get_workflow_handle(f"lead-{lead['id']}").terminate("lost")
    async with stack.database.connection() as connection:
        await connection.exec_driver_sql("UPDATE leads SET deadline_at = now() - interval '61 seconds', swept_at = NULL")
    await until(api, lead, stage="long_term")
