"""`python -m tests.board.screenshots` draws the pictures in docs/images: the whole program with a believable morning in it."""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from playwright.async_api import Browser, async_playwright
from sqlalchemy import text

from activities.database import Database
from activities.ledger import LedgerActivities
from bench.insights import fill
from bench.lives import BEGIN, Company
from bench.lives import live as lived
from local.folder import Folder
from local.postgres import Postgres
from models.messages import Commit
from models.migrations import migrate
from models.settings import Settings
from models.tables import Lead, User
from tests.activities.rows import store
from tests.api.forms import Json, act, event, look, report, send
from tests.board.conftest import signed_in
from tests.board.leads import live
from tests.chromium import found_chromium
from tests.conftest import ADMIN_TOKEN
from tests.engines import dev_server
from tests.eventually import eventually
from tests.stack import Person, Stack, hire, running, served, sign_in
from tests.unit.leads import DEFAULT

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
_MORNING: tuple[tuple[str, str, str, str, str, dict[str, int], int], ...] = (
    ("Ingrid", "Solheim", "VP Sales", "Nordlys Energi", "webinar", {"pricing_view": 2}, 1),
    ("Tobias", "Keller", "Head of Operations", "Keller & Sohn", "web", {"pricing_view": 1}, 4),
    ("Amara", "Okafor", "Director of Marketing", "Lagoon Foods", "referral", {"webinar_attended": 1, "page_view": 3}, 9),
    ("Priya", "Raman", "CTO", "Tessellate", "web", {"demo_view": 2}, 11),
    ("Luis", "Herrera", "Buyer", "Cobre Andino", "trade show", {"whitepaper_download": 1}, 26),
    ("Hanna", "Virtanen", "Chief Financial Officer", "Saimaa Paper", "webinar", {"webinar_attended": 1}, 41),
    ("محمد", "الفاسي", "مدير المشتريات", "أطلس للطاقة", "web", {"page_view": 4}, 58),
    ("Mei", "Tanaka", "Manager", "Aoba Logistics", "ads", {"page_view": 2}, 74),
    ("Oliver", "Grant", "Head of IT", "Thameside Council", "web", {"pricing_view": 1, "page_view": 2}, 95),
    ("Chiara", "Bellini", "Director", "Bellini Ceramiche", "partner", {"whitepaper_download": 2}, 13),
    ("Jonas", "Weber", "Analyst", "Weber Consulting", "ads", {"page_view": 1}, 180),
    ("Sofia", "Lindqvist", "VP Procurement", "Fjällräv", "trade show", {"demo_view": 1}, 220),
)
_TEAM = ("Mara Jung", "Tom Adeyemi", "Rosa Vidal", "Lena Okoye")
_FIRST, _LAST = ("Ingrid", "Tobias", "Amara", "Priya", "Luis", "Hanna", "Mei"), ("Solheim", "Okafor", "Raman")
_OLDER = text(
    """
    UPDATE leads SET arrived_at = arrived_at - age, since = since - age, change = nextval('changes'),
        deadline_at = CASE WHEN deadline_at - age > now() THEN deadline_at - age ELSE deadline_at END,
        state = jsonb_set(state, '{deadline,start}', to_jsonb((state #>> '{deadline,start}')::timestamptz - age))
    FROM (SELECT make_interval(mins => :mins)) AS younger (age) WHERE id = CAST(:lead AS uuid)"""
)


@asynccontextmanager
async def _program() -> AsyncIterator[tuple[Stack, str]]:
    """The whole program under the policy that comes with it, and where it is served."""
    with tempfile.TemporaryDirectory(prefix="twoway-pictures-") as place:
        folder = Folder(Path(place))
        folder.prepare()
        postgres = Postgres(folder, lambda _: None)
        try:
            settings = Settings.model_validate(
                {
                    "database_url": await asyncio.to_thread(postgres.start),
                    "admin_token": ADMIN_TOKEN,
                    "secret_key": "0" * 32,
                    "policy_file": ROOT / "policy.yaml",
                    "log_level": "ERROR",
                }
            )
            database = Database(settings)
            await asyncio.to_thread(migrate, database.url)
            async with dev_server() as temporal:
                os.environ["TEMPORAL_ADDRESS"] = temporal.service_client.config.target_host
                async with running(temporal, database, settings) as stack, served(stack.app) as address:
                    yield stack, address
            await database.close()
        finally:
            await asyncio.to_thread(postgres.stop)


async def _arrived(stack: Stack, api: Person) -> list[Json]:
    """The morning's leads, the oldest first."""
    leads: list[Json] = []
    for first, last, title, company, source, did, _ in _MORNING:
        visitor = uuid4().hex
        await report(api, *(event(kind, anonymous_id=visitor) for kind, times in did.items() for _ in range(times)))
        named = {"first_name": first, "last_name": last, "title": title, "company": company, "source": source, "campaign": "autumn"}
        more: dict[str, Any] = {"consultation_requested": True} if last == "Raman" else {}
        answer = await send(api, **named, **more, anonymous_id=visitor, email=f"{uuid4().hex[:6]}@{uuid4().hex[:6]}.example")
        leads.append(answer.json())
    return leads


async def _morning(stack: Stack, api: Person) -> tuple[Person, Json]:
    """What happened until now. Whose board it is, and a lead worth opening."""
    names = ("Mara Jung", "Tom Adeyemi", "Rosa Vidal")
    mara, tom, rosa = [await hire(stack, api, name, "rep") for name in names]
    leads = await _arrived(stack, api)
    for lead in leads:
        await eventually(lambda lead=lead: look(api, lead), lambda found: found["score"] is not None, seconds=30)  # type: ignore[misc]
    await act(mara, leads[4], "claim")
    await act(
        mara, leads[4], "contact", {"channel": "call", "outcome": "no_answer", "note": "Rang twice, a colleague said to try on Thursday"}
    )
    await act(mara, leads[4], "release", {"reason": "Belongs to the team in Santiago"})
    await act(tom, leads[5], "claim")
    await act(rosa, leads[8], "claim")
    await act(rosa, leads[8], "contact", {"channel": "call", "outcome": "reached", "note": "Wants numbers for 40 seats"})
    await act(rosa, leads[11], "claim")
    async with stack.database.connection() as connection:
        for lead, (*_, age) in zip(leads, _MORNING, strict=True):
            await connection.execute(_OLDER, {"mins": age, "lead": lead["id"]})
    return rosa, leads[4]


async def _draw(browser: Browser, stack: Stack, address: str, who: Person, lead: Json) -> None:
    desk, phone = {"width": 1280, "height": 760}, {"width": 390, "height": 760}
    for name, path, scheme, viewport in (
        ("board", "/?view=all", "light", desk),
        ("board-dark", "/?view=up", "dark", desk),
        ("board-phone", "/?view=all", "light", phone),
        ("lead", f"/leads/{lead['id']}", "light", desk),
    ):
        window = await signed_in(browser, stack, address, who, viewport=viewport, color_scheme=scheme, device_scale_factor=2)
        page = await window.new_page()
        await page.goto(path)
        await live(page)
        await page.screenshot(path=IMAGES / f"{name}.png")
        await window.close()
    window = await signed_in(browser, stack, address, who, viewport=desk, color_scheme="light", device_scale_factor=2)
    page = await window.new_page()
    await page.goto("/?view=all")
    await live(page)
    await page.locator(f"#lead-{lead['id']} .open").click()
    await page.locator("#drawer .lead").wait_for()
    await page.mouse.move(5, 5)
    await page.screenshot(path=IMAGES / "drawer.png")
    await window.close()


async def _draw_policy(browser: Browser, stack: Stack, address: str, api: Person) -> None:
    """A proposal that one team has signed and the other is about to, with what it would move."""
    mara, tom = await hire(stack, api, "Ida Brandt", "manager"), await hire(stack, api, "Otto Lind", "marketer")
    rep = await hire(stack, api, "Rosa Vidal Roca", "rep")
    for lead in (await _arrived(stack, api))[:5]:
        await act(rep, lead, "claim")
    document = (await mara.get("/api/policy")).json()["document"]
    document["deadlines"] |= {"contact": "12h", "next_touch": "5d"}
    document["score"]["tiers"]["high"] = 62
    body = {"document": document, "takes_effect": "now", "why": "Leads that wait overnight go cold: half of those we reached won."}
    proposal = (await tom.put("/api/policy", json=body)).json()["id"]
    said = (rep, "Twelve hours is fine on weekdays. What about Friday evenings?"), (tom, "Working hours come with the next change.")
    for who, words in said:
        await who.post(f"/api/policy/proposals/{proposal}/comments", json={"body": words})
    await tom.post(f"/api/policy/proposals/{proposal}/sign", json={})
    size = {"width": 1280, "height": 1240}
    window = await signed_in(browser, stack, address, mara, viewport=size, color_scheme="light", device_scale_factor=2)
    page = await window.new_page()
    for name, path in (("policy", f"/agreement/proposals/{proposal}"), ("agreement", "/agreement")):
        await page.goto(path)
        await live(page)
        if name == "policy":
            await page.get_by_role("button", name="What would move?").click()
            await page.locator(".tried").wait_for()
            await live(page)
        await page.screenshot(path=IMAGES / f"{name}.png")
    await window.close()


async def _draw_insights(browser: Browser, stack: Stack, address: str, api: Person) -> None:
    """Two years of a company of a handful of reps."""
    manager = await hire(stack, api, "Mara Lindholm", "manager")
    for name in ("Nils Berg", "Aisha Rahman", "Pedro Costa", "Julia Novak", "Sam Osei"):
        await hire(stack, api, name, "rep")
    await fill(stack.database, 6_000)
    size = {"width": 1280, "height": 1000}
    window = await signed_in(browser, stack, address, manager, viewport=size, color_scheme="light", device_scale_factor=2)
    page = await window.new_page()
    await page.goto("/insights/funnel?since=2000-01-01")
    await page.locator(".insight-chart .bars path").first.wait_for()
    await live(page)
    await page.screenshot(path=IMAGES / "insights.png")


async def _lives(stack: Stack) -> Company:
    """Three hundred leads of a month, and what became of them until now."""
    people = {f"00000000-0000-7000-8000-{number:012d}": name for number, name in enumerate(_TEAM, 1)}
    company = Company(DEFAULT, tuple(people), after=(datetime.now(UTC) - BEGIN).days - 30)
    for rep, name in people.items():
        address = f"{name.split()[0].lower()}.{uuid4().hex[:4]}@team.example"
        await store(stack.database, User(id=UUID(rep), email=address, name=name, roles=["rep"], created_at=BEGIN - timedelta(days=90)))
    ledger = LedgerActivities(stack.database)
    for number in range(300):
        life = lived(company, number)
        first, last, key = _FIRST[number % len(_FIRST)], _LAST[number % len(_LAST)], f"{uuid4().hex}@lead.example"
        lead, born = UUID(life.state.lead_id), life.told[0].event.at
        await store(stack.database, Lead(id=lead, email=key, email_key=key, first_name=first, last_name=last, created_at=born))
        # All at once, or the program would take the lead for one that was forgotten months ago, and go on with it.
        await ledger.commit(Commit(state=life.state, entries=tuple(life.entries), told=tuple(life.told)))
    return company


async def _draw_whatif(browser: Browser, stack: Stack, address: str, api: Person) -> None:
    """Twelve hours to the first contact, and a rep fewer."""
    company = await _lives(stack)
    who = await hire(stack, api, "Ida Brandt Solberg", "manager")
    document = json.loads(DEFAULT.document)
    document["deadlines"]["contact"] = "12h"
    order = {"policy": document, "since": BEGIN.isoformat(), "until": (BEGIN + timedelta(days=31)).isoformat(), "without": company.reps[:1]}
    made = (await who.post("/api/policy/simulate", json=order)).json()["id"]

    async def state() -> str:
        found: str = (await who.get(f"/api/policy/simulations/{made}")).json()["state"]
        return found

    await eventually(state, lambda found: found in ("done", "failed"), seconds=120)
    size = {"width": 1280, "height": 1500}
    window = await signed_in(browser, stack, address, who, viewport=size, color_scheme="light", device_scale_factor=2)
    page = await window.new_page()
    await page.goto(f"/what-if/{made}")
    await page.get_by_role("heading", name="Who has how many leads?").wait_for()
    await page.screenshot(path=IMAGES / "whatif.png")
    await window.close()


async def main() -> None:
    """Draw them all, or only those named as arguments: `board`, `policy`, `insights`, `whatif`.

    Raises:
        SystemExit: when there is no Chromium.
    """
    chromium = found_chromium()
    if chromium is None:
        raise SystemExit("No Chromium is installed; TWOWAY_TEST_CHROMIUM may name one.")
    IMAGES.mkdir(exist_ok=True)
    async with _program() as (stack, address), sign_in(stack.app, ADMIN_TOKEN) as api, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        wanted = set(sys.argv[1:]) or {"board", "policy", "insights", "whatif"}
        if "board" in wanted:
            who, lead = await _morning(stack, api)
            await _draw(browser, stack, address, who, lead)
        if "policy" in wanted:
            await _draw_policy(browser, stack, address, api)
        if "whatif" in wanted:
            await _draw_whatif(browser, stack, address, api)
        if "insights" in wanted:
            await _draw_insights(browser, stack, address, api)
        if "whatif" in wanted:
            await _draw_whatif(browser, stack, address, api)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
    time.sleep(0.05)  # Temporal's threads may abort the interpreter's exit unless they get it once more (sdk-python issue 300)
