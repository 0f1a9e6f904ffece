"""How fast nurture mails leave: the sending activity alone, on its own PostgreSQL, to a real SMTP server on this machine."""

import asyncio
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from psycopg.types.json import Jsonb
from pydantic import SecretStr
from temporalio.testing import ActivityEnvironment

from activities import policies
from activities.database import Database, driver
from activities.ledger import state_document
from activities.nurture import NurtureActivities
from bench.measure import Call, Result, p50, p99, paced
from local.folder import Folder
from local.postgres import Postgres
from models.ids import uuid7
from models.lifecycle import Channel, Send, Stage, changed
from models.messages import Order
from models.migrations import migrate
from models.settings import Settings
from models.tables import now
from workflows.decision import newborn

_AT_ONCE = 8
_ARRIVE = """
    INSERT INTO leads (id, email, first_name, search, created_at, seq, first_seq, stage, arrived_at, since, policy_version, closed, state)
    VALUES (%(id)s, %(id)s || '@firm.example', 'Ada', '', now(), 1, 1, 'nurture', now(), now(), 1, false, %(state)s)"""
_POST_OFFICE = """
import asyncio
from aiosmtpd.smtp import SMTP

class Taking:
    async def handle_DATA(self, server, session, envelope):
        return "250 Message accepted"

async def main():
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(Taking(), hostname="post.example"), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""
"""A process of its own, so that the server's work is not counted as ours."""


async def run(*, quick: bool) -> list[Result]:
    """Mails to as many leads, each written down before and after it leaves, over connections that are kept."""
    office = await asyncio.create_subprocess_exec(sys.executable, "-c", _POST_OFFICE, stdout=asyncio.subprocess.PIPE)
    try:
        assert office.stdout is not None  # noqa: S101 - narrows the type
        port = int(await office.stdout.readline())
        with TemporaryDirectory(prefix="twoway-bench-") as name:
            folder = Folder(Path(name))
            folder.prepare()
            server = Postgres(folder, lambda _: None)
            try:
                return await _burst(server.start(), port, 100 if quick else 500)
            finally:
                server.stop()
    finally:
        office.terminate()
        await office.wait()


async def _burst(address: str, port: int, count: int) -> list[Result]:
    settings = Settings(
        database_url=address,
        database_pool=4 * _AT_ONCE,  # a quarter of it may hold a message that is leaving
        secret_key=SecretStr(uuid7().hex),
        smtp_host="127.0.0.1",
        smtp_port=port,
        smtp_tls="none",
        smtp_connections=_AT_ONCE,
    )
    migrate(settings.sqlalchemy_url)
    database = Database(settings)
    nurture = NurtureActivities(database, settings)
    try:
        orders = await _fill(database, count)

        def send(order: Order) -> Call:
            async def call() -> None:
                answer = await ActivityEnvironment().run(nurture.send, order)
                if not answer.sent:
                    raise RuntimeError(f"a mail did not leave: {answer.why}")

            return call

        began = time.process_time()
        pace = await paced(map(send, orders), _AT_ONCE)
        cpu = (time.process_time() - began) / count
    finally:
        await nurture.close()
        await database.close()
    return [
        Result("mails_rate", pace.rate, "/s", "higher", bar=100),
        Result("mails_cpu", cpu * 1000, "ms of one core"),
        Result("mails_p50", p50(pace.latencies), "ms"),
        Result("mails_p99", p99(pace.latencies), "ms"),
    ]


async def _fill(database: Database, count: int) -> list[Order]:
    """Leads in nurture, each with a touch that is owed."""
    touch = Send(number=1, campaign="welcome", step=0, occurrence=0, channel=Channel.EMAIL, template="welcome")
    leads = [uuid7() for _ in range(count)]
    async with database.connection() as connection:
        policy, _ = await policies.publish(connection, "", today=now().date(), author=None)
        rows: list[dict[str, Any]] = []
        for lead in leads:
            owing = {"stage": Stage.NURTURE, "consent": tuple(Channel), "effect_number": 1, "effects": (touch,)}
            state = changed(newborn(str(lead), now(), policy), **owing)
            rows.append({"id": lead, "state": Jsonb(state_document(state))})
        async with (await driver(connection)).cursor() as cursor:
            await cursor.executemany(_ARRIVE, rows)
    return [Order(lead=str(lead), policy_version=policy.version, effect=touch) for lead in leads]
