"""What people in the demo do: prospects come by, reps take leads and work them, each after their own fashion."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import structlog

from local.demo.agreement import HOUR
from local.demo.cast import Temper
from local.demo.door import Door

Step = tuple[float, str, dict[str, Any]]
"""When (in the event loop's seconds), which action, with what."""
_LEFT_FOR_YOU = 3
"""Reps of the demo leave this many leads up for grabs, so that there is always one to try with."""
_NOTES = (
    "Asked for a call back next week.",
    "Talked to the assistant, the decision is with the head of operations.",
    "Has budget this quarter, wants to see the integration.",
    "Liked the case study, wants numbers.",
    None,
)
_NOT_A_FIT = ("Looks for a consumer product", "No budget this year or next", "Works for a competitor")
_HANDED_BACK = ("Not my territory", "I am at a fair until Friday", "Speaks only Portuguese, I do not")
_log = structlog.get_logger("demo")


async def again_and_again(what: Callable[[], Awaitable[object]], pause: Callable[[], float]) -> None:
    """Do something for good; what fails is tried again next time, for the API may be restarting."""
    while True:
        await asyncio.sleep(pause() * HOUR)
        try:
            await what()
        except httpx.HTTPError as err:
            _log.warning("the demo could not do something", what=getattr(what, "__qualname__", str(what)), error=str(err))


@dataclass
class Rep:
    """A rep who looks for leads and works those they have.

    Args:
        door: Twoway, signed in as them.
        temper: how they go about it.
        chance: what decides the rest.
    """

    door: Door
    temper: Temper
    chance: Random
    plans: dict[str, list[Step]] = field(default_factory=dict)

    async def turn(self) -> None:
        """Do what is due, then look whether there is something to take."""
        mine = (await self.door.look("/api/leads", owner="me", stage="claimed,assigned,working,qualified", limit=50))["items"]
        ids = {lead["id"] for lead in mine}
        self.plans = {lead: steps for lead, steps in self.plans.items() if lead in ids}
        for lead in mine:
            if lead["id"] not in self.plans:
                self.plans[lead["id"]] = list(self._plan(lead))
        for lead, steps in self.plans.items():
            if steps and steps[0][0] <= asyncio.get_running_loop().time():
                _, action, body = steps.pop(0)
                await self.door.do(f"/api/leads/{lead}/{action}", body)
        if self.chance.random() < self.temper.eager:
            await self._take_one()

    async def _take_one(self) -> None:
        free = (await self.door.look("/api/leads", claimable="true", sort="score", stage="new,nurture", limit=20))["items"]
        fresh = [lead for lead in free if lead["stage"] != "nurture" or (lead["score"] or 0) > 50]
        if len(fresh) > _LEFT_FOR_YOU:
            lead = self.chance.choice(fresh)
            await self.door.do(f"/api/leads/{lead['id']}/claim", {})

    def _plan(self, lead: dict[str, Any]) -> Iterator[Step]:
        """What they will do with a lead, from now on."""
        chance, at = self.chance, asyncio.get_running_loop().time()

        def after(least: float, most: float) -> float:
            nonlocal at
            at += chance.uniform(least, most) * HOUR
            return at

        if lead["stage"] == "qualified":
            outcome = chance.choice(("won", "won", "lost"))
            worth = {"amount_usd": float(chance.randrange(8, 120) * 1000)} if outcome == "won" else {}
            yield after(20, 90), "disposition", {"outcome": outcome, "reason": "The board decided", **worth}
            return
        mood = chance.random()
        if mood < self.temper.forgets:
            return
        if mood < self.temper.forgets + self.temper.returns:
            yield after(2, 8), "release", {"reason": chance.choice(_HANDED_BACK)}
            return
        if lead["stage"] != "working":
            if chance.random() < 0.3:
                yield after(*self.temper.prompt), "contact", {"channel": "call", "outcome": "no_answer", "note": "Mailbox full."}
            yield after(*self.temper.prompt), "contact", _contact(chance, "call")
        for _ in range(chance.randrange(self.temper.persists + 1)):
            yield after(6, 20), "contact", _contact(chance, chance.choice(("email", "call", "meeting")))
        yield after(8, 24), "disposition", _conclusion(chance, lead)


def _contact(chance: Random, channel: str) -> dict[str, Any]:
    return {"channel": channel, "outcome": "reached", "note": chance.choice(_NOTES)}


def _conclusion(chance: Random, lead: dict[str, Any]) -> dict[str, Any]:
    outcome = chance.choices(("qualified", "not_ready", "disqualified"), (3 if lead["tier"] == "high" else 2, 2, 1))[0]
    if outcome == "qualified":
        criteria = {"budget_usd": float(chance.randrange(10, 90) * 1000), "authority": True, "need": True, "timeline_days": 60}
        return {"outcome": outcome, "criteria": criteria}
    return {"outcome": outcome, "reason": chance.choice(_NOT_A_FIT) if outcome == "disqualified" else "Wants to talk again in autumn"}


@dataclass
class Crowd:
    """Prospects: they look around, fill in a form, and some come back.

    Args:
        door: Twoway, signed in as the website.
        desk: Twoway as marketing sees it, to know who is being nurtured.
        people: who comes next.
        chance: what decides the rest.
    """

    door: Door
    desk: Door
    people: Iterator[dict[str, Any]]
    chance: Random

    async def arrive(self) -> None:
        """Somebody looks around and leaves their address."""
        form = next(self.people)
        visitor = form["anonymous_id"]
        pages = self.chance.choices(("page_view", "pricing_view", "whitepaper_download"), (8, 1, 2), k=self.chance.randrange(1, 5))
        await self._did(pages, anonymous_id=visitor)
        lead = await self.door.do("/api/leads", form)
        if lead and self.chance.random() < 0.25:
            await self._did(["page_view", "webinar_attended"], lead_id=lead["id"])

    async def come_back(self) -> None:
        """Somebody in nurture answers a message or looks at prices: reason enough to score them again."""
        nurtured = (await self.desk.look("/api/leads", stage="nurture,long_term", limit=50))["items"]
        if nurtured:
            lead = self.chance.choice(nurtured)
            kinds = self.chance.choice((["reply"], ["pricing_view", "demo_view"], ["webinar_attended", "pricing_view"], ["page_view"]))
            await self._did(kinds, lead_id=lead["id"])

    async def _did(self, kinds: list[str], **who: str) -> None:
        at = datetime.now(UTC).isoformat()
        events = [{"id": f"demo-{uuid4()}", "kind": kind, "at": at, "properties": {"page": "/pricing"}, **who} for kind in kinds]
        await self.door.do("/api/engagements", {"events": events})


@dataclass
class Reviewer:
    """Vets by hand what the agreement wants vetted.

    Args:
        door: Twoway, signed in as them.
        chance: what they conclude.
    """

    door: Door
    chance: Random

    async def turn(self) -> None:
        """Conclude one review, now and then two."""
        waiting = (await self.door.look("/api/leads", stage="review", sort="deadline", limit=5))["items"]
        for lead in waiting[: self.chance.randrange(3)]:
            outcome = self.chance.choices(("pass", "nurture", "disqualify"), (3, 3, 1))[0]
            await self.door.do(f"/api/leads/{lead['id']}/review", {"outcome": outcome, "note": "Looked them up."})


@dataclass
class Marketer:
    """Now and then takes a lead out of automation to write to them in person, and gives it back.

    Args:
        door: Twoway, signed in as them.
        chance: which.
    """

    door: Door
    chance: Random

    async def turn(self) -> None:
        """Give back what was held, or hold one."""
        held = (await self.door.look("/api/leads", stage="held", limit=5))["items"]
        for lead in held:
            await self.door.do(f"/api/leads/{lead['id']}/resume", {})
        nurtured = (await self.door.look("/api/leads", stage="nurture", sort="score", limit=10))["items"]
        if nurtured and not held:
            await self.door.do(f"/api/leads/{self.chance.choice(nurtured)['id']}/hold", {"note": "Invited to the round table."})
