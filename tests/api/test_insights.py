"""Insights over HTTP: figures that are true at once, who sees whom, days and moments, CSV, and nothing left of the erased."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from tests.api.forms import CRITERIA, act, arrive, until, work
from tests.api.test_frame_errors import problem
from tests.browsing import Visitors
from tests.eventually import eventually
from tests.stack import People, Person, Stack

pytestmark = pytest.mark.policy("calm")
SIX = ("funnel", "sla", "reps", "sources", "scoring", "overrides")


async def insight(who: Person, name: str, **asked: str) -> dict[str, Any]:
    answer = await who.get(f"/api/insights/{name}", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def won(rep: Person, api: Person, **more: Any) -> dict[str, Any]:
    """A lead that a rep claimed, reached, qualified and won."""
    lead = await arrive(api, **more)
    await until(api, lead, tier="low")
    await work(rep, lead)
    for body in ({"outcome": "qualified", "criteria": CRITERIA}, {"outcome": "won", "amount_usd": 900}):
        assert (await act(rep, lead, "disposition", body)).status_code == 200
    return lead


async def test_what_just_happened_is_counted(people: People, api: Person) -> None:
    rep = await people("rep")
    lead = await won(rep, api, source="fair")
    await arrive(api, source="fair")
    refused = await arrive(api, source="ads")
    await work(rep, refused)
    assert (await act(rep, refused, "disposition", {"outcome": "disqualified", "reason": "A student"})).status_code == 200
    funnel = await insight(rep, "funnel")
    assert [(row["stage"], row["leads"]) for row in funnel["stages"]] == [("Leads", 3), ("MQL", 0), ("SAL", 2), ("SQL", 1), ("Won", 1)]
    assert {row["group"]: (row["leads"], row["won"], row["old"]) for row in funnel["groups"]} == {"fair": (2, 1, 0), "ads": (1, 0, 0)}
    assert funnel["groups"][0]["won_rate"] == {"count": 0, "of": 0, "rate": None, "low": None, "high": None}
    assert funnel["complete"] is True
    assert (await insight(rep, "sla", since=(datetime.now(UTC) - timedelta(days=1)).isoformat()))["contact"][0]["contacted"] == 2
    assert (await insight(rep, "sources"))["reasons"] == [
        {
            "group": "ads",
            "reason": "a student",
            "share": {"count": 1, "of": 1, "rate": 1.0, "low": pytest.approx(0.2065, abs=1e-3), "high": 1.0},
        }
    ]
    wins = (await insight(rep, "overrides"))["scored_low_won"]
    assert [(row["lead"]["id"], row["rep"], row["amount_usd"]) for row in wins] == [(lead["id"], rep.uname, 900)]
    assert (await insight(rep, "review"))["review"][0]["lead"] == {"id": lead["id"], "name": "Ada Zzyzx"}


async def test_reps_see_themselves_and_managers_everybody(people: People, api: Person) -> None:
    one, two, manager, marketer = await people("rep"), await people("rep"), await people("manager"), await people("marketer")
    for rep in (one, two):
        assert (await act(rep, await arrive(api), "claim")).status_code == 200
    assert [row["rep_id"] for row in (await insight(one, "reps"))["reps"]] == [one.uid]
    assert two.uname not in (await one.get("/insights/reps")).text
    assert two.uname not in (await one.get("/api/insights/reps", params={"format": "csv"})).text
    assert {row["rep_id"] for row in (await insight(manager, "reps"))["reps"]} == {one.uid, two.uid}
    assert (await insight(marketer, "reps"))["reps"] == []


async def test_every_insight_is_json_csv_and_a_page(api: Person) -> None:
    lead = await arrive(api, source="=cmd()")
    await until(api, lead, tier="low")
    for name in (*SIX, "holes", "review"):
        assert (await insight(api, name))["insight"] == name
        for answer in (
            await api.get(f"/api/insights/{name}", params={"format": "csv"}),
            await api.get(f"/api/insights/{name}", headers={"Accept": "text/csv"}),
        ):
            assert answer.headers["content-type"].startswith("text/csv")
            head, *rows = list(csv.reader(io.StringIO(answer.text)))
            assert all(len(row) == len(head) for row in rows)
            assert not any(cell.startswith("=") for row in rows for cell in row)
        shown = await api.get(f"/insights/{name}", headers={"Accept": "text/html"})
        assert shown.status_code == 200
        assert "unsafe-inline" not in shown.headers["content-security-policy"]
        assert "<table>" in shown.text or "insight-empty" in shown.text


async def test_time_is_days_in_the_policys_zone_or_moments(api: Person) -> None:
    lead = await arrive(api)
    at = datetime.fromisoformat(lead["arrived_at"])
    day = at.astimezone(UTC).date().isoformat()

    async def leads(**asked: str) -> int:
        return int((await insight(api, "funnel", **asked))["stages"][0]["leads"])

    assert await leads(since=day, until=day) == 1
    assert await leads(since=at.isoformat()) == 1
    assert await leads(since=(at + timedelta(microseconds=1)).isoformat()) == 0
    assert await leads(since="2020-01-01", until=at.isoformat()) == 0
    assert await leads(since="2020-01-01", until=(at - timedelta(days=1)).date().isoformat()) == 0


async def test_what_cannot_be_asked_is_said(api: Person) -> None:
    for asked in (
        {"since": "yesterday"}, {"since": "2026-02-30"}, {"since": "2026-03-01T00:00:00"},
        {"until": "9999-12-31"}, {"since": "0001-01-01T00:00:00+14:00"},
        {"since": "2026-03-02", "until": "2026-03-01"}, {"by": "shoe size"}, {"horizon": "0"}, {"sinse": "2026-01-01"}, {"format": "xml"},
        {"format": "csv", "table": "none"},
    ):  # fmt: skip
        problem(await api.get("/api/insights/funnel", params=asked), 422, "invalid")


async def test_there_is_no_other_insight(api: Person) -> None:
    problem(await api.get("/api/insights/astrology"), 404, "not-found")
    assert (await api.get("/insights", follow_redirects=False)).headers["location"] == "/insights/funnel"


async def test_nothing_of_an_erased_person_is_left_in_what_is_counted(stack: Stack, people: People, api: Person) -> None:
    rep = await people("rep")
    lead = await arrive(
        api, source="only-her", campaign="only-her", interest="only-her", country="Tuvalu", attributes={"industry": "only-her"}
    )
    await until(api, lead, tier="low")
    await work(rep, lead)
    assert (await act(rep, lead, "disposition", {"outcome": "disqualified", "reason": "only-her reason"})).status_code == 200
    assert "only-her" in (await api.get("/api/insights/sources")).text
    assert (await api.delete(f"/api/leads/{lead['id']}")).status_code == 204
    async with stack.database.connection() as connection:
        for table in ("journeys", "tenures", "overruns"):
            rows = (
                await connection.execute(text(f"SELECT to_jsonb(t)::text FROM {table} t WHERE lead_id = :id"), {"id": lead["id"]})
            ).scalars()
            assert not any(said in row for row in rows for said in ("only-her", "Tuvalu", "TV"))
    for name in SIX:
        assert "only-her" not in (await api.get(f"/api/insights/{name}", params={"by": "campaign"} if name == "funnel" else {})).text
    assert (await insight(api, "funnel"))["stages"][0]["leads"] == 1  # she still counts


async def test_the_ledger_is_counted_without_anybody_asking(stack: Stack, api: Person) -> None:
    lead = await arrive(api)

    async def folded() -> list[Any]:
        async with stack.database.connection() as connection:
            return list((await connection.execute(text("SELECT lead_id::text FROM journeys"))).scalars())

    assert await eventually(folded, lambda found: found == [lead["id"]], seconds=20)


async def test_the_weekly_mail_can_be_stopped_and_wanted_again(visitors: Visitors) -> None:
    visitor, _ = await visitors("rep")
    for wanted, words in (("false", "You get no weekly mail."), ("true", "you get a mail about the week before")):
        assert (await visitor.post("/account/digest", data={"wanted": wanted})).status_code == 303
        assert words in (await visitor.get("/account")).text
