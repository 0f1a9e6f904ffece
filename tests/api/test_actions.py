"""What people do with leads."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from tests.api.forms import CRITERIA, Json, act, arrive, close, look, send, until, work
from tests.stack import People, Person, Stack

REACHED = {"channel": "call", "outcome": "reached", "note": "had a chat"}
MISSED = {"channel": "call", "outcome": "no_answer", "note": "rang twice"}


def problem(answer: Any, status: int, kind: str) -> Json:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: Json = answer.json()
    assert found["type"].endswith(kind)
    return found


async def test_a_granted_claim_is_what_everybody_sees_next(api: Person, people: People) -> None:
    rep = await people("rep")
    lead = await arrive(api)
    answer = await act(rep, lead, "claim")
    assert answer.status_code == 200, answer.text
    assert answer.json()["owner"] == {"id": rep.uid, "name": rep.uname}
    shown = await look(api, lead)
    assert (shown["stage"], shown["claimable"], shown["nurture"]["paused"]) == ("claimed", False, True)
    assert shown["lifecycle"]["sal_at"]
    assert shown["holders"][0]["rep"] == {"id": rep.uid, "name": rep.uname}
    assert (await act(rep, lead, "claim")).status_code == 200, "claiming again what one has is no error"


@pytest.mark.policy("calm")  # on a busy machine the winner's few seconds would be over, and somebody else rightly win
async def test_of_many_claims_at_once_one_wins_and_the_others_hear_who(api: Person, people: People) -> None:
    reps = [await people("rep") for _ in range(3)]
    lead = await arrive(api)
    answers = await asyncio.gather(*(act(reps[n % 3], lead, "claim") for n in range(48)))
    won = {n % 3 for n, answer in enumerate(answers) if answer.status_code == 200}
    assert len(won) == 1
    winner = reps[won.pop()]
    lost = [problem(answer, 409, "refused") for answer in answers if answer.status_code != 200]
    assert len(lost) == 32
    assert all(answer["owner"] == {"id": winner.uid, "name": winner.uname} for answer in lost)
    assert all(answer["detail"].startswith(f"{winner.uname} has this lead since ") for answer in lost)
    assert all(answer["reason"] == "owned" for answer in lost)


async def test_an_attempt_is_kept_with_its_note_and_shown_to_the_next_holder(api: Person, people: People) -> None:
    rep = await people("rep")
    lead = await arrive(api)
    await act(rep, lead, "claim")
    answer = await act(rep, lead, "contact", MISSED)
    assert answer.status_code == 200, answer.text
    assert answer.json()["stage"] == "claimed"
    back = await until(api, lead, owner=None)
    attempt = back["attempts"][0]
    assert (attempt["by"]["id"], attempt["channel"], attempt["outcome"], attempt["note"]) == (rep.uid, "call", "no_answer", "rang twice")
    holder = back["holders"][attempt["tenure"] - 1]
    assert (holder["rep"]["id"], holder["attempts"], holder["lapsed"]) == (rep.uid, 1, True)
    assert 3.5 < holder["seconds"] < 10
    assert [(h["kind"], h["rep"]["id"], h["by"]) for h in back["handbacks"]] == [("lapsed", rep.uid, None)]
    assert back["came_back_from"] == "claimed"


async def test_only_the_owner_logs_attempts_and_releases(api: Person, people: People) -> None:
    rep, other = await people("rep"), await people("rep")
    lead = await arrive(api)
    for what, body in (("contact", REACHED), ("release", {"reason": "not mine"})):
        assert problem(await act(other, lead, what, body), 409, "refused")["reason"] == "not_owned"
    await act(rep, lead, "claim")
    for who in (other, api):
        found = problem(await act(who, lead, "contact", REACHED), 409, "refused")
        assert (found["reason"], found["owner"]["id"]) == ("not_owner", rep.uid)
    assert (await look(api, lead))["attempts"] == []


async def test_words_of_a_refused_event_are_not_kept(api: Person, people: People, stack: Stack) -> None:
    rep, other = await people("rep"), await people("rep")
    lead = await arrive(api)
    await act(rep, lead, "claim")
    await act(other, lead, "contact", REACHED)
    await act(rep, lead, "contact", REACHED)
    async with stack.database.connection() as connection:
        notes = (await connection.execute(text("SELECT author_id::text, body FROM notes"))).all()
    assert [tuple(note) for note in notes] == [(rep.uid, "had a chat")]


async def test_qualified_needs_the_agreed_criteria_and_then_a_deal_is_won(api: Person, people: People) -> None:
    rep = await people("rep")
    lead = await arrive(api)
    await work(rep, lead)
    found = problem(await act(rep, lead, "disposition", {"outcome": "qualified", "criteria": {"budget_usd": 500}}), 409, "refused")
    assert (found["reason"], found["missing"]) == ("criteria_missing", ["budget_usd", "authority", "need"])
    good = await act(rep, lead, "disposition", {"outcome": "qualified", "criteria": CRITERIA})
    assert good.status_code == 200, good.text
    assert good.json()["lifecycle"]["sql_at"]
    won = await act(rep, lead, "disposition", {"outcome": "won", "amount_usd": 9000})
    assert (won.json()["stage"], won.json()["amount_usd"], won.json()["closed"]) == ("won", 9000, True)
    assert problem(await act(rep, lead, "claim"), 409, "refused")["reason"] == "closed"


async def test_a_manager_concludes_for_others_and_the_reason_is_shown(api: Person, people: People) -> None:
    rep, manager = await people("rep"), await people("manager")
    lead = await arrive(api)
    await work(rep, lead)
    answer = await act(manager, lead, "disposition", {"outcome": "disqualified", "reason": "a student", "note": "said so"})
    assert answer.status_code == 200, answer.text
    handback = answer.json()["handbacks"][-1]
    assert (handback["kind"], handback["by"]["id"], handback["rep"]["id"]) == ("disqualified", manager.uid, rep.uid)
    assert (handback["reason"], handback["note"]) == ("a student", "said so")


async def test_an_override_takes_a_reason_and_an_active_rep(api: Person, people: People) -> None:
    rep, marketer = await people("rep"), await people("marketer")
    lead = await arrive(api)
    assert problem(await act(marketer, lead, "override", {"owner": rep.uid}), 422, "invalid")["errors"][0]["field"] == "reason"
    for nobody in (marketer.uid, str(uuid4())):
        found = problem(await act(marketer, lead, "override", {"owner": nobody, "reason": "knows them"}), 422, "invalid")
        assert found["errors"][0]["field"] == "owner"
    answer = await act(marketer, lead, "override", {"owner": rep.uid, "reason": "knows them"})
    assert (answer.json()["stage"], answer.json()["owner"]["id"]) == ("assigned", rep.uid)
    taken = await act(await people("rep"), lead, "override", {"reason": "on the phone with them"})
    assert taken.json()["stage"] == "claimed"


async def test_a_marketer_holds_and_resumes_and_a_reviewer_reviews(api: Person, people: People) -> None:
    marketer, reviewer = await people("marketer"), await people("reviewer")
    lead = await arrive(api)
    held = await act(marketer, lead, "hold", {"note": "met at a fair"})
    assert (held.json()["stage"], held.json()["deadline"]["kind"]) == ("held", "hold")
    assert problem(await act(reviewer, lead, "review", {"outcome": "nurture"}), 409, "refused")["reason"] == "wrong_stage"
    moved = await act(marketer, lead, "override", {"stage": "review", "reason": "odd"})
    assert moved.json()["stage"] == "review", moved.text
    reviewed = await act(reviewer, lead, "review", {"outcome": "nurture", "note": "fine"})
    assert reviewed.json()["stage"] == "nurture", reviewed.text
    timeline = (await api.get(f"/api/leads/{lead['id']}/timeline")).json()["items"]
    said = {item["kind"]: (item["note"] or item["reason"], item["by"]["id"]) for item in timeline if item["note"] or item["reason"]}
    assert said == {
        "held": ("met at a fair", marketer.uid),
        "overridden": ("odd", marketer.uid),
        "reviewed": ("fine", reviewer.uid),
    }


async def test_a_marketer_has_a_lead_scored_again(api: Person, people: People, stack: Stack) -> None:
    marketer = await people("marketer")
    lead = await arrive(api)
    await until(api, lead, tier="low")
    async with stack.database.connection() as connection:
        await connection.execute(text("UPDATE leads SET title = 'Manager'"))
    assert (await act(marketer, lead, "rescore")).status_code == 202
    await until(api, lead, tier="medium")


async def test_the_same_key_again_does_not_do_it_twice(api: Person, people: People, stack: Stack) -> None:
    rep = await people("rep")
    lead = await arrive(api)
    await act(rep, lead, "claim")
    first = await act(rep, lead, "contact", MISSED, **{"Idempotency-Key": "k1"})
    async with stack.database.connection() as connection:
        await connection.execute(text("DELETE FROM idempotency"))
    again = await act(rep, lead, "contact", MISSED, **{"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code) == (200, 200)
    other = await act(rep, lead, "contact", {**MISSED, "note": "third time"}, **{"Idempotency-Key": "k2"})
    assert [attempt["note"] for attempt in other.json()["attempts"]] == ["rang twice", "third time"]


async def test_an_erased_person_is_gone_for_good(api: Person, people: People, stack: Stack) -> None:
    rep = await people("rep")
    lead = await arrive(api, email="gone@dup.example", message="my secret")
    await act(rep, lead, "claim")
    await act(rep, lead, "contact", {**REACHED, "note": "their secret"})
    where = f"/api/leads/{lead['id']}"
    assert (await rep.delete(where)).status_code == 403
    assert (await api.delete(where)).status_code == 204
    for answer in (
        await api.get(where),
        await api.get(f"{where}/timeline"),
        await api.delete(where),
        await act(rep, lead, "claim"),
        await act(rep, lead, "contact", REACHED),
    ):
        problem(answer, 404, "not-found")
    assert (await api.get("/api/leads")).json()["items"] == []
    async with stack.database.connection() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM notes WHERE body <> ''"))).scalar_one() == 0
        assert (await connection.execute(text("SELECT count(*) FROM lead_facts"))).scalar_one() == 0
        assert (await connection.execute(text("SELECT judgement FROM leads"))).scalars().all() == [{}]
    fresh = await send(api, email="gone@dup.example")
    assert (fresh.status_code, fresh.json()["id"] != lead["id"]) == (201, True)


async def test_a_closed_lead_can_be_erased(api: Person, people: People) -> None:
    rep = await people("rep")
    lead = await arrive(api)
    await close(rep, lead)
    assert (await api.delete(f"/api/leads/{lead['id']}")).status_code == 204
    problem(await api.get(f"/api/leads/{lead['id']}"), 404, "not-found")


@pytest.mark.parametrize(
    ("what", "body", "roles"),
    [
        ("claim", {}, {"rep"}),
        ("contact", REACHED, {"rep"}),
        ("disposition", {"outcome": "not_ready"}, {"rep", "manager"}),
        ("release", {"reason": "x"}, {"rep"}),
        ("override", {"stage": "nurture", "reason": "x"}, {"rep", "marketer", "manager"}),
        ("review", {"outcome": "pass"}, {"reviewer"}),
        ("hold", {}, {"marketer"}),
        ("resume", {}, {"marketer"}),
        ("rescore", {}, {"marketer"}),
    ],
)
async def test_every_door_lets_in_only_who_may(api: Person, people: People, what: str, body: Json, roles: set[str]) -> None:
    everybody = {"rep", "reviewer", "marketer", "manager", "service"}
    lead = await arrive(api)
    for role in everybody:
        answer = await act(await people(role), lead, what, body)
        assert (answer.status_code == 403) == (role not in roles), f"{role}: {answer.text}"


async def test_bad_input_is_refused_by_name(api: Person) -> None:
    lead = await arrive(api)
    wrong: list[tuple[str, Json, str]] = [
        ("contact", {"channel": "pigeon", "outcome": "reached"}, "channel"),
        ("contact", {"channel": "call"}, "outcome"),
        ("disposition", {"outcome": "maybe"}, "outcome"),
        ("disposition", {"outcome": "qualified", "criteria": {"budget_usd": "much"}}, "criteria.budget_usd"),
        ("disposition", {"outcome": "won", "amount_usd": -1}, "amount_usd"),
        ("release", {"reason": "  "}, "reason"),
        ("override", {"stage": "nowhere", "reason": "x"}, "stage"),
        ("claim", {"now": True}, "now"),
    ]
    for what, body, field in wrong:
        found = problem(await act(api, lead, what, body), 422, "invalid")
        assert found["errors"][0]["field"].startswith(field), found
    assert (await act(api, lead, "disposition", {"outcome": "disqualified"})).status_code == 422
    assert (await api.post("/api/leads/not-an-id/claim", json={})).status_code == 422
    problem(await api.post(f"/api/leads/{uuid4()}/claim", json={}), 404, "not-found")
    problem(await api.post(f"/api/leads/{uuid4()}/contact", json=REACHED), 404, "not-found")
