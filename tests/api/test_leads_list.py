"""Lists of leads and the timeline: what is in them, in which order, and page by page."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from tests.api.forms import Json, act, arrive, event, report, until
from tests.stack import People, Person, Stack


async def ids(api: Person, **params: Any) -> list[str]:
    """All the leads of a list, page by page."""
    found: list[str] = []
    while True:
        answer = await api.get("/api/leads", params=params)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += [card["id"] for card in page["items"]]
        if page["next_cursor"] is None:
            return found
        params["cursor"] = page["next_cursor"]


@pytest.fixture
async def many(api: Person, stack: Stack) -> list[str]:
    """Seven leads, the newest first; the scores of two are the same and two have none; one of these has no deadline."""
    made = [(await arrive(api))["id"] for _ in range(7)]
    for lead in made:
        await until(api, {"id": lead}, tier="low")
        await stack.client.get_workflow_handle(f"lead-{lead}").terminate("so that nothing moves")
    scores: list[float | None] = [10, None, 30, 30, None, 50, 0]
    async with stack.database.connection() as connection:
        for number, (lead, score) in enumerate(zip(made, scores, strict=True)):
            due = datetime.now(UTC) + timedelta(days=1, minutes=number % 3) if number else None
            statement = text("UPDATE leads SET score = :score, deadline_at = :due WHERE id = CAST(:id AS uuid)")
            await connection.execute(statement, {"score": score, "due": due, "id": lead})
    return made[::-1]


async def test_every_order_is_complete_and_the_same_in_pages_of_any_size(api: Person, many: list[str]) -> None:
    by_score = sorted(many, key=lambda lead: (-1 if (score := _score(many, lead)) is None else score, lead), reverse=True)
    by_deadline = sorted(many, key=lambda lead: (lead == many[-1], (6 - many.index(lead)) % 3, lead))
    for sort, expected in {"newest": many, "score": by_score, "deadline": by_deadline}.items():
        for limit in (1, 2, 3, 50):
            assert await ids(api, sort=sort, limit=limit) == expected, (sort, limit)


def _score(many: list[str], lead: str) -> float | None:
    return [10, None, 30, 30, None, 50, 0][6 - many.index(lead)]


async def test_filters(api: Person, people: People, stack: Stack) -> None:
    rep, other = await people("rep"), await people("rep")
    mine = await arrive(api, source="web", campaign="spring", company="Ümläut 100%_GmbH")
    free = await arrive(api, source="fair", campaign="autumn", company="1000 Things", title="Manager")
    begun = (await act(rep, mine, "claim")).json()["arrived_at"]
    await until(api, free, tier="medium")
    a, b = mine["id"], free["id"]
    expected: list[tuple[Json, list[str]]] = [
        ({"owner": "me"}, [a]),
        ({"owner": rep.uid}, [a]),
        ({"owner": "none"}, [b]),
        ({"owner": f"none,{rep.uid}"}, [b, a]),
        ({"owner": other.uid}, []),
        ({"stage": "claimed"}, [a]),
        ({"stage": "claimed,new,nurture"}, [b, a]),
        ({"tier": "medium"}, [b]),
        ({"source": "web"}, [a]),
        ({"source": "web,fair"}, [b, a]),
        ({"campaign": "autumn"}, [b]),
        ({"claimable": "true"}, [b]),
        ({"claimable": "false"}, [a]),
        ({"arrived_after": begun}, [b]),
        ({"q": "ümläut gmbh"}, [a]),
        ({"q": "100%_g"}, [a]),
        ({"q": "100%g"}, []),
        ({"q": "ada"}, [b, a]),
        ({"q": free["email"].upper()}, [b]),
        ({"q": "ada", "source": "web"}, [a]),
        ({"account": rep.uid}, []),
    ]
    for params, found in expected:
        assert await ids(rep, **params) == found, params


async def test_a_card_says_what_the_board_shows(api: Person, people: People) -> None:
    rep = await people("rep")
    lead = await arrive(api, title="Manager")
    await until(api, lead, tier="medium")
    await act(rep, lead, "claim")
    card = (await api.get("/api/leads")).json()["items"][0]
    assert card["owner"] == {"id": rep.uid, "name": rep.uname}
    assert (card["stage"], card["tier"], card["score"], card["claimable"]) == ("claimed", "medium", 30, False)
    assert card["deadline"]["kind"] == "contact"
    assert card["reason"]["points"] == 60


@pytest.mark.parametrize(
    "params",
    [
        {"stage": "nowhere"},
        {"tier": "gold"},
        {"owner": "bob"},
        {"sort": "colour"},
        {"limit": 0},
        {"limit": 201},
        {"arrived_after": "yesterday"},
        {"colour": "green"},
        {"q": "a\x00"},
        {"cursor": "nonsense"},
        {"cursor": "W10"},
        {"cursor": "WyJuZXdlc3QiLDEsMl0"},
        {"cursor": "WyJzY29yZSIsMSwiMDFhMjAyMTItYjQ4OC03Mzk2LWI1NGYtYzg5ZWVhMDlkMTBiIl0"},
    ],
)
async def test_a_filter_that_makes_no_sense_is_refused(api: Person, params: Json) -> None:
    answer = await api.get("/api/leads", params=params)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"].startswith(next(iter(params)))


async def test_the_timeline_is_one_list_in_order_whatever_the_page(api: Person, people: People) -> None:
    rep = await people("rep")
    lead = await arrive(api)
    await until(api, lead, tier="low")
    await report(api, event(lead_id=lead["id"]), event(lead_id=lead["id"]))
    await act(rep, lead, "claim")
    await act(rep, lead, "contact", {"channel": "call", "outcome": "no_answer", "note": "rang twice"})
    await act(rep, lead, "release", {"reason": "wrong language"})
    where = f"/api/leads/{lead['id']}/timeline"
    whole = (await api.get(where)).json()
    assert whole["next_cursor"] is None
    items = whole["items"]
    assert [item["at"] for item in items] == sorted(item["at"] for item in items)
    assert {item["type"] for item in items} >= {"ledger", "engagement", "score", "enrichment"}
    ledger = [item for item in items if item["type"] == "ledger"]
    assert [item["data"]["seq"] for item in ledger] == list(range(1, len(ledger) + 1))
    worked = next(item for item in items if item["kind"] == "worked")
    assert (worked["note"], worked["by"], worked["data"]["channel"]) == ("rang twice", {"id": rep.uid, "name": rep.uname}, "call")
    assert next(item for item in items if item["kind"] == "released")["reason"] == "wrong language"
    paged, cursor = [], None
    for _ in range(len(items)):
        page = (await api.get(where, params={"limit": 1} | ({"cursor": cursor} if cursor else {}))).json()
        paged += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert paged[: len(items)] == items
    assert (await api.get(where, params={"cursor": "x"})).status_code == 422
