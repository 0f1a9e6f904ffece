"""The agreement is proposed, discussed, signed by both teams and published; whatever was said is kept."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.api.forms import Json, act, arrive, look, until
from tests.api.test_frame_errors import problem
from tests.eventually import eventually
from tests.stack import People, Person, Stack

pytestmark = pytest.mark.policy("calm", "review: {when: []}")


async def source(who: Person, old: str = "contact: 1d", new: str = "contact: 12h") -> str:
    """The agreement in force, with something changed."""
    found: str = (await who.get("/api/policy")).json()["source"]
    return found + "\n" if old not in found else found.replace(old, new)


async def proposed(who: Person, contact: str = "12h", **more: Any) -> Json:
    """A proposal to make first contact in another time."""
    document = (await who.get("/api/policy")).json()["document"]
    document["deadlines"]["contact"] = contact
    answer = await who.put("/api/policy", json={"document": document, "why": "They go cold.", **more})
    assert answer.status_code == 202, answer.text
    found: Json = answer.json()
    return found


async def do(who: Person, proposal: Json, what: str, **body: Any) -> Json:
    answer = await who.post(f"/api/policy/proposals/{proposal['id']}/{what}", json=body)
    assert answer.is_success, answer.text
    found: Json = answer.json()
    return found


async def refused(who: Person, proposal: Json, what: str, status: int, kind: str, says: str, **body: Any) -> None:
    answer = await who.post(f"/api/policy/proposals/{proposal['id']}/{what}", json=body)
    assert says in str(problem(answer, status, kind)["detail"])


async def test_two_people_sign_what_is_then_in_force(people: People, stack: Stack) -> None:
    mara, otto, rep = await people("manager"), await people("marketer"), await people("rep")
    made = await proposed(otto)
    assert [change["text"] for change in made["diff"]] == ["First contact: 24 h → 12 h"]
    assert (made["state"], made["missing"], made["takes_effect"]) == ("open", ["sales", "marketing"], "next_stage")
    await do(rep, made, "comments", body="Twelve is fine on weekdays.")
    await refused(mara, made, "publish", 409, "conflict", "The signature of sales and of marketing is missing.")
    await do(mara, made, "sign", digest=made["digest"])
    await do(mara, made, "sign")  # again changes nothing
    await refused(mara, made, "publish", 409, "conflict", "The signature of marketing is missing.")
    assert (await do(otto, made, "sign"))["problems"] == []
    done = await do(mara, made, "publish")
    assert (done["state"], done["version"], done["ended_by"]["id"]) == ("published", 2, mara.uid)
    assert [(one["team"], one["by"]["id"], one["valid"]) for one in done["signatures"]] == [
        ("sales", mara.uid, True),
        ("marketing", otto.uid, True),
    ]
    assert [one["body"] for one in done["comments"]] == ["Twelve is fine on weekdays."]
    now = (await rep.get("/api/policy")).json()
    assert (now["version"], now["document"]["deadlines"]["contact"], now["origin"], now["why"]) == (2, "12h", "room", "They go cold.")
    assert [one["by"]["id"] for one in now["signatures"]] == [mara.uid, otto.uid]
    assert (now["author"]["id"], now["proposal_id"]) == (mara.uid, made["id"])
    await refused(otto, made, "withdraw", 409, "conflict", "was published")
    lines = (await rep.get("/api/policy/versions", params={"limit": 1})).json()
    assert [line["version"] for line in lines["items"]] == [2]
    more = (await rep.get("/api/policy/versions", params={"cursor": lines["next_cursor"]})).json()
    assert [line["version"] for line in more["items"]] == [1]
    diff = (await rep.get("/api/policy/versions/2/diff", params={"to": 1})).json()
    assert [change["text"] for change in diff] == ["First contact: 12 h → 24 h"]
    for table in ("policy_proposals", "policy_revisions", "policy_signatures", "policy_comments", "policy_outcomes"):
        with pytest.raises(DBAPIError, match="kept for good"):
            async with stack.database.connection() as connection:
                await connection.execute(text(f"DELETE FROM {table}"))


async def test_a_policy_that_does_not_validate_names_keys_and_lines_and_replaces_nothing(people: People) -> None:
    otto = await people("marketer")
    answer = await otto.put("/api/policy", json={"source": "deadlines:\n  contakt: 3h\n  hold: soon\n"})
    found: Json = problem(answer, 422, "invalid")
    assert sorted(one["field"] for one in found["errors"]) == ["source.deadlines.contakt", "source.deadlines.hold"]
    assert "policy, line 2: deadlines.contakt: unknown key" in found["problems"]
    assert any(one.startswith("policy, line 3: deadlines.hold: 'soon' is not a duration") for one in found["problems"])
    found = problem(await otto.put("/api/policy", json={"document": {"max_assignments": 0}}), 422, "invalid")
    assert "max_assignments" in str(found["detail"])
    problem(await otto.put("/api/policy", json={}), 422, "invalid")
    problem(await otto.put("/api/policy", json={"source": "a: [", "why": "x"}), 422, "invalid")
    assert (await otto.get("/api/policy")).json()["version"] == 1
    assert (await otto.get("/api/policy/proposals")).json()["items"] == []


async def test_an_edit_voids_signatures_and_a_signature_is_for_what_was_read(people: People) -> None:
    mara, otto = await people("manager"), await people("marketer")
    made = await proposed(otto)
    await do(otto, made, "sign", digest=made["digest"])
    document = {**made["document"], "max_assignments": 3}
    edit = {"document": document, "why": "And three reps."}
    revised = (await mara.put(f"/api/policy/proposals/{made['id']}", json=edit)).json()
    assert (revised["revision"], revised["missing"]) == (2, ["sales", "marketing"])
    assert [(one["revision"], one["valid"]) for one in revised["signatures"]] == [(1, False)]
    assert [one["why"] for one in revised["revisions"]] == ["They go cold.", "And three reps."]
    assert (await mara.put(f"/api/policy/proposals/{made['id']}", json=edit)).json()["revision"] == 2
    await refused(mara, made, "sign", 409, "conflict", "It was edited meanwhile", digest=made["digest"])
    await do(mara, made, "sign", digest=revised["digest"])
    await refused(otto, made, "publish", 409, "conflict", "marketing is missing")


async def test_one_person_is_not_two_teams(people: People) -> None:
    both, mara, rep = await people("manager", "marketer"), await people("manager"), await people("rep")
    made = await proposed(both)
    await refused(both, made, "sign", 422, "invalid", "say for which team")
    await do(both, made, "sign", team="marketing")
    await refused(both, made, "sign", 409, "conflict", "take two people", team="sales")
    await refused(rep, made, "sign", 403, "forbidden", "role")
    await refused(mara, made, "sign", 403, "forbidden", "A manager signs for sales", team="marketing")
    other = await people("marketer")
    await refused(other, made, "sign", 409, "conflict", "has signed for marketing already")


async def test_an_admin_who_is_of_neither_team_cannot_sign(people: People, api: Person) -> None:
    made = await proposed(await people("marketer"))
    await refused(api, made, "sign", 403, "forbidden", "A manager signs for sales", team="sales")


async def test_what_changed_meanwhile_is_named_and_has_to_be_read_first(people: People) -> None:
    mara, otto = await people("manager"), await people("marketer")
    first, second = await proposed(otto, "12h"), await proposed(otto, "36h")
    for made in (first, second):
        for who in (mara, otto):
            await do(who, made, "sign")
    await do(mara, first, "publish")
    await refused(mara, second, "publish", 409, "conflict", "version 2 changed: First contact: 24 h → 12 h")
    stale = await otto.put("/api/policy", json={"source": "max_assignments: 3", "based_on": 1})
    assert "It changed: First contact: 24 h → 12 h" in str(problem(stale, 409, "conflict")["detail"])
    assert [change["text"] for change in (await mara.get(f"/api/policy/proposals/{second['id']}")).json()["moved"]]
    await do(otto, second, "withdraw", why="Twelve it is.")
    found = (await mara.get("/api/policy/proposals")).json()["items"]
    assert [(one["id"], one["state"]) for one in found] == [(second["id"], "withdrawn"), (first["id"], "published")]


async def test_proposing_the_same_again_finds_it_and_what_is_in_force_is_no_proposal(people: People) -> None:
    otto = await people("marketer")
    assert (await proposed(otto))["id"] == (await proposed(otto))["id"]
    document = (await otto.get("/api/policy")).json()["document"]
    problem(await otto.put("/api/policy", json={"document": document}), 409, "conflict")


async def test_what_is_not_there_is_not_found(people: People) -> None:
    mara = await people("manager")
    for what, body in (("comments", {"body": "x"}), ("sign", {}), ("withdraw", {}), ("publish", {}), ("dry-run", {})):
        problem(await mara.post(f"/api/policy/proposals/{uuid4()}/{what}", json=body), 404, "not-found")
    problem(await mara.get(f"/api/policy/proposals/{uuid4()}"), 404, "not-found")
    problem(await mara.get("/api/policy/versions/1/diff", params={"to": 99}), 404, "not-found")


@pytest.mark.policy("calm", "{agreement: {signatures: none}, review: {when: []}}")
async def test_without_signatures_a_proposal_is_in_force_at_once_and_leads_hear_of_it(people: People, api: Person) -> None:
    mara, rep = await people("manager"), await people("rep")
    lead = await arrive(api)
    await act(rep, lead, "claim")
    before = await look(api, lead)
    document = (await mara.get("/api/policy")).json()["document"]
    document["deadlines"]["contact"] = "12h"
    answer = await mara.put("/api/policy", json={"document": document, "takes_effect": "now"})
    assert (answer.status_code, answer.json()["state"], answer.json()["version"]) == (200, "published", 2)
    after = await until(api, lead, policy_version=2)
    assert (before["deadline"]["kind"], after["deadline"]["kind"]) == ("contact", "contact")
    assert after["deadline"]["at"] < before["deadline"]["at"]
    document["deadlines"]["contact"] = "6h"
    assert (await mara.put("/api/policy", json={"document": document})).status_code == 200
    kept = await until(api, lead, policy_version=3)
    assert kept["deadline"] == after["deadline"]
    assert (after["deadline_version"], kept["deadline_version"]) == (2, 2)
    page = (await rep.get(f"/leads/{lead['id']}")).text
    assert 'href="/agreement/versions/3">Version 3 of the agreement</a>; the running deadline still counts by <a' in page
    assert 'href="/agreement/versions/2">version 2</a>' in page

    async def rollout() -> Any:
        return (await mara.get("/api/policy")).json()["rollout"]

    assert await eventually(rollout, lambda found: found["waiting"] == 0) == {"told": 1, "waiting": 0}


async def test_a_dry_run_says_which_deadlines_move_and_writes_nothing(people: People, api: Person, stack: Stack) -> None:
    otto, rep = await people("marketer"), await people("rep")
    mine, other = await arrive(api, first_name="Nora"), await arrive(api)
    await act(rep, mine, "claim")
    before = await look(api, mine)
    document = (await otto.get("/api/policy")).json()["document"]
    document["deadlines"]["contact"] = "12h"
    answer = await otto.put("/api/policy", json={"document": document, "takes_effect": "now"})
    found = await do(otto, answer.json(), "dry-run")
    assert (found["leads"], found["moved"], found["past"], found["unreadable"]) == (2, 1, 0, 0)
    assert [(one["lead"]["first_name"], one["stage"], one["kind"], one["past"]) for one in found["first"]] == [
        ("Nora", "claimed", "contact", False)
    ]
    assert found["first"][0]["old_at"][:19] == before["deadline"]["at"][:19]
    document["deadlines"]["contact"] = "1s"
    found = await do(otto, (await otto.put("/api/policy", json={"document": document, "takes_effect": "now"})).json(), "dry-run")
    past = {one["stage"]: (one["leads"], one["moved"], one["past"]) for one in found["stages"]}
    assert past["claimed"] in ((1, 1, 1), (1, 1, 0))  # a second may not have passed yet
    document["deadlines"]["contact"] = "2h"
    found = await do(otto, (await otto.put("/api/policy", json={"document": document})).json(), "dry-run")
    assert (found["moved"], found["takes_effect"]) == (0, "next_stage")
    after = await look(api, mine)
    assert (after["policy_version"], after["deadline"]) == (1, before["deadline"])
    assert (await look(api, other))["policy_version"] == 1


async def test_sales_votes_and_the_medians_become_a_proposal(people: People) -> None:
    reps, otto = [await people("rep") for _ in range(3)], await people("marketer")
    point = "implicit/page_view"
    for rep, vote in zip(reps, ({"points": 2}, {"points": 4}, {"stance": 1}), strict=True):
        answer = await rep.put(
            "/api/policy/votes", json={"votes": [{"point": point, **vote}, {"point": "explicit/title/director", "stance": 0}]}
        )
        assert answer.status_code == 200, answer.text
    found = {item["point"]: item for item in (await reps[0].get("/api/policy/votes")).json()["items"]}
    view = found[point]
    assert (view["points"], view["n"], view["median"], view["agreement"], view["mine"]["points"]) == (10, 3, 4, "split", 2)
    assert (found["explicit/title/director"]["median"], found["explicit/title/director"]["agreement"]) == (60, "agreed")
    assert found["implicit/demo_view"]["n"] == 0
    made = await otto.post("/api/policy/votes/proposal", json={})
    assert made.status_code == 202, made.text
    assert [change["text"] for change in made.json()["diff"]] == ["Points for each page view: 10 → 4"]
    for rep in reps:
        await rep.put("/api/policy/votes", json={"votes": [{"point": point}]})
    problem(await otto.post("/api/policy/votes/proposal", json={"why": "again"}), 409, "conflict")
    wrong = {"votes": [{"point": "implicit/demo_view", "points": 1}, {"point": "implicit/nonsense", "points": 1}]}
    answer = await reps[0].put("/api/policy/votes", json=wrong)
    assert problem(answer, 422, "invalid")["detail"] == "votes.1.point is no data point of the points table"
    assert (await reps[0].get("/api/policy/votes")).json()["items"][-1]["n"] == 0
