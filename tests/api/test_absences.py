"""Absences, as managers note them: on the page of the team and over the API."""

import re

import pytest

from tests.browsing import filled_in, seen, wrong
from tests.stack import People, Person


@pytest.mark.policy("calm", "routing: {catch_up: true}")
async def test_a_manager_sends_reps_away_and_calls_them_back_and_does_nothing_else_to_them(people: People) -> None:
    manager, rep = await people("manager"), await people("rep")
    where = f"/team/{rep.uid}"
    listed = await seen(manager, "/team")
    assert f'href="{where}"' in listed
    assert "/team/new" not in listed
    assert '<a href="/team"' in await seen(manager, "/")
    assert await filled_in(manager, f"{where}/away") == where
    page = await seen(manager, where)
    assert "back nobody knows when" in page
    assert "When they are back they get the leads they missed" in page
    assert set(re.findall(r'action="/team/[0-9a-f-]{36}(/?\w*)"', page)) == {"/away", "/back"}, "nothing else is offered"
    assert "is over already" in wrong(await filled_in(manager, f"{where}/away", 422, until="2020-01-01T09:00"), "until").lower()
    (start,) = re.findall(r'name="start" value="([^"]+)"', page)
    assert await filled_in(manager, f"{where}/back", start=start) == where
    assert "no absence is planned" in await seen(manager, where)
    for path, form in (("", {"name": "X"}), ("/active", {"active": "false"}), ("/link", {}), ("/tokens", {"token-name": "x"})):
        await filled_in(manager, f"{where}{path}", 403, **form)
    await an_absence_is_noted_over_the_api(manager, rep)


async def an_absence_is_noted_over_the_api(manager: Person, rep: Person) -> None:
    noted = await manager.post(f"/api/users/{rep.uid}/absences", json={"until": "2999-01-01T00:00:00Z"})
    assert (noted.status_code, noted.json()["absent"], len(noted.json()["absences"])) == (201, True, 1)
    later = await manager.post(f"/api/users/{rep.uid}/absences", json={"from": "2998-01-01T01:00:00+01:00", "until": None})
    assert [gap["from"][:10] for gap in later.json()["absences"]][1:] == ["2998-01-01"]
    assert (await manager.post(f"/api/users/{rep.uid}/absences", json={"until": "yesterday"})).status_code == 422
    for start in (later.json()["absences"][1]["from"], noted.json()["absences"][0]["from"]):
        gone = await manager.delete(f"/api/users/{rep.uid}/absences/{start}")
        assert gone.status_code == 200
    back = gone.json()
    assert (back["absent"], back["absences"]) == (False, [])
    assert (await rep.post(f"/api/users/{rep.uid}/absences", json={})).status_code == 403
    assert (await manager.patch(f"/api/users/{rep.uid}", json={"absent": True})).status_code == 403
