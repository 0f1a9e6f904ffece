"""How many engagements a second the door takes in."""

import json
from datetime import UTC, datetime
from random import Random
from uuid import uuid4

from bench.measure import Call, Result, p50, paced
from bench.stack import Stack, stack

_BATCH = 500
_SENDERS = 2
_KINDS = {"page_view": 940, "email_opened": 30, "whitepaper_download": 20, "pricing_view": 8, "demo_view": 2}
"""What a thousand events are. The last two stir a lead's workflow by themselves, the others when they add up."""


async def run(*, quick: bool) -> list[Result]:
    """Batches of 500 events, mostly page views, of leads that are there and whose workflows run; two senders at a time."""
    leads, rounds, batches = (50, 2, 8) if quick else (400, 8, 20)
    known: list[str] = []
    async with stack() as running:

        async def arrive() -> None:
            known.append(await running.submit())

        await paced([arrive] * leads, 8)
        await running.settle()
        rates, chance = [], Random(5)  # noqa: S311 - so that every run sends the same mix
        for number in range(rounds + 1):
            calls = [_sending(running, _batch(known, chance)) for _ in range(batches)]
            pace = await paced(calls, _SENDERS)
            if number:  # the first round warms up
                rates.append(pace.rate * _BATCH)
    return [Result("engagements_rate", p50(rates), "events/s", "higher", bar=10_000)]


def _batch(leads: list[str], chance: Random) -> bytes:
    """A batch as it goes over the wire: what it costs the sender to make is not our business."""
    at = datetime.now(UTC).isoformat()
    kinds = chance.choices(list(_KINDS), list(_KINDS.values()), k=_BATCH)
    properties = {"url": "https://www.example.com/products/overview", "seconds": 31, "device": "desktop"}
    events = [{"id": str(uuid4()), "kind": kind, "at": at, "lead_id": chance.choice(leads), "properties": properties} for kind in kinds]
    return json.dumps({"events": events}).encode()


def _sending(running: Stack, body: bytes) -> Call:
    async def send() -> None:
        answer = await running.http.post("/api/engagements", content=body, headers={"Content-Type": "application/json"})
        answer.raise_for_status()
        if answer.json()["accepted"] != _BATCH:
            raise RuntimeError(f"not all of {_BATCH} engagements were taken: {answer.text[:500]}")

    return send
