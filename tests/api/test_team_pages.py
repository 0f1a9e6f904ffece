"""The pages of the team, of named accounts and of who would get a lead, as forms that need no script."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest

from api.board import routing as asking
from api.board import team
from api.errors import Invalid
from api.forms import Sent
from models.lifecycle import Role
from models.policy import Policy
from tests.api.forms import arrive, look
from tests.browsing import HTML, filled_in, seen, wrong
from tests.stack import People, Person, Stack, sign_in

pytestmark = pytest.mark.policy("calm")
SARA: dict[str, Any] = {"email": "Sara@Team.example", "name": "Sara Seller", "roles": ["rep"], "weight": "1", "timezone": "Europe/Berlin"}


async def taken_on(api: Person, **more: Any) -> str:
    """Sara's page."""
    page = await filled_in(api, "/team/new", 201, **{**SARA, **more})
    found = re.search(r'action="(/team/[0-9a-f-]{36})"', page)
    assert found, page
    return found[1]


def sent(**fields: str) -> Sent:
    return Sent(list(fields.items()))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("9-12, 13.30 \N{EN DASH} 17:00", ["09:00-12:00", "13:30-17:00"]),
        ("22:00 to 24:00", ["22:00-24:00"]),
    ],
)
def test_hours_are_read_as_people_write_them(written: str, read: list[str]) -> None:
    hours, problems = team._hours(dict.fromkeys(("mon", "tue", "wed", "sat"), written))
    assert (hours, problems) == ({"mon-wed": read, "sat": read}, {})


@pytest.mark.parametrize(
    ("written", "said"), [("nine", "is not a stretch"), ("12-9", "ends before"), ("9-12, 11-13", "overlap"), ("9-12,", "is not")]
)
def test_hours_that_make_no_sense_are_told_at_their_day(written: str, said: str) -> None:
    hours, problems = team._hours({"mon": written, "tue": "9-17"})
    assert hours == {"tue": ["09:00-17:00"]}
    assert problems.keys() == {"hours-mon"}
    assert said in problems["hours-mon"]


def test_hours_read_as_a_week() -> None:
    hours = {"mon-thu": ["09:00-12:00", "13:00-17:30"], "sun,fri": ["10:00-24:00"]}
    assert team.hours_in_words(hours) == [
        "Mon to Thu 09:00\N{EN DASH}12:00, 13:00\N{EN DASH}17:30",
        "Fri 10:00\N{EN DASH}24:00",
        "Sun 10:00\N{EN DASH}24:00",
    ]
    assert team.hours_in_words(None) == []


def test_every_role_and_every_fallback_has_words() -> None:
    assert set(team.ROLES) == set(Role)
    assert set(asking.FALLBACKS) == set(get_args(type(Policy().routing).model_fields["fallback"].annotation))


def test_absences_are_in_the_users_own_time() -> None:
    year = datetime.now(UTC).year + 1
    gap = team.absence(sent(**{"from": f"{year}-07-01T09:00", "until": f"{year}-07-08T09:00"}), "Asia/Kolkata")
    assert gap.start == datetime(year, 7, 1, 3, 30, tzinfo=UTC)
    assert team.there(gap.start, "Asia/Kolkata") == f"1 Jul {year}, 09:00"
    assert team.absence(sent(), "UTC").until is None
    for fields in (
        {"until": "2020-01-01T09:00"},
        {"from": "soon"},
        {"from": "0001-01-01T00:00"},
        {"from": f"{year}-02-01T00:00", "until": f"{year}-01-01T00:00"},
    ):
        with pytest.raises(Invalid):
            team.absence(sent(**fields), "Asia/Kolkata")


def test_attributes_are_what_they_look_like() -> None:
    assert asking.attributes('employees = 250\n\nvip=true\nnote = a = b\nid=007\nodd=NaN\ntags=["a"]\nempty=') == {
        "employees": 250,
        "vip": True,
        "note": "a = b",
        "id": "007",
        "odd": "NaN",
        "tags": ["a"],
        "empty": "",
    }
    for lines in ("no sign", "= 3", "a=1\na=2"):
        with pytest.raises(Invalid) as told:
            asking.attributes(lines)
        assert str(told.value.detail).startswith("attributes line")


async def test_somebody_is_taken_on_by_a_form_and_what_is_wrong_with_it_is_told_at_the_field(api: Person) -> None:
    page = await filled_in(
        api, "/team/new", 201, **SARA, capacity="7", territories="DE, at", **{"hours-mon": "9-12, 13-17", "hours-tue": "9-12, 13-17"}
    )
    link = re.search(r"<code>(\S+/login/link/\S+)</code>", page)
    assert link
    assert "Sara Seller" in await seen(api, link[1].partition("api.example")[2] or link[1])
    (sara,) = [user for user in (await api.get("/api/users")).json()["items"] if user["name"] == "Sara Seller"]
    assert (sara["email"], sara["roles"], sara["capacity"], sara["territories"]) == ("sara@team.example", ["rep"], 7, ["DE", "at"])
    assert sara["working_hours"] == {"mon-tue": ["09:00-12:00", "13:00-17:00"]}
    listed = await seen(api, "/team")
    assert "0 of 7 leads" in listed
    assert "Mon to Tue 09:00\N{EN DASH}12:00, 13:00\N{EN DASH}17:00, Europe/Berlin" in listed
    page = await seen(api, f"/team/{sara['id']}")
    assert re.search(r'id="hours-tue"[^>]* value="09:00-12:00, 13:00-17:00"', page)
    assert "/login/link/" not in page, "a link is shown once"
    page = await filled_in(
        api,
        "/team/new",
        422,
        **{**SARA, "email": "sara", "roles": [], "weight": "", "capacity": "-1", "timezone": "Mars"},
        **{"hours-fri": "late"},
    )
    assert {name: bool(wrong(page, name)) for name in ("email", "roles", "weight", "capacity", "timezone", "hours-fri", "name")} == {
        **dict.fromkeys(("email", "roles", "weight", "capacity", "timezone", "hours-fri"), True),
        "name": False,
    }
    assert 'value="Sara Seller"' in page
    assert 'value="late"' in page
    page = await filled_in(api, "/team/new", 409, **SARA)
    assert wrong(page, "email") == "sara@team.example belongs to another user."


async def test_a_user_is_changed_by_a_form_but_the_last_admin_cannot_be_shut_out(api: Person) -> None:
    where = await taken_on(api, capacity="7", **{"hours-mon": "9-17"})
    changed = {**SARA, "name": "Sara Senior", "roles": ["rep", "manager"], "weight": "2.5", "timezone": "UTC"}
    assert await filled_in(api, where, **changed) == "/team"
    sara = (await api.get(f"/api/users{where.removeprefix('/team')}")).json()
    assert (sara["name"], sara["roles"], sara["weight"]) == ("Sara Senior", ["rep", "manager"], 2.5)
    assert (sara["capacity"], sara["working_hours"]) == (None, None), "an emptied field is the agreement's"
    page = await filled_in(api, where, 422, **{**changed, "name": " "})
    assert wrong(page, "name")
    me = (await api.get("/api/users/me")).json()
    page = await filled_in(api, f"/team/{me['id']}/active", 409, active="false")
    assert "is the last admin" in page
    page = await filled_in(api, f"/team/{me['id']}", 409, email=me["email"], name=me["name"], roles=["rep"], weight="1", timezone="UTC")
    assert "is the last admin" in wrong(page, "roles")


async def test_somebody_goes_away_comes_back_is_deactivated_and_has_tokens(api: Person, stack: Stack) -> None:
    where = await taken_on(api)
    until = (datetime.now(ZoneInfo("Europe/Berlin")) + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    later = (datetime.now(ZoneInfo("Europe/Berlin")) + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M")
    assert await filled_in(api, f"{where}/away", until=until) == where
    await filled_in(api, f"{where}/away", **{"from": later})
    sara = (await api.get(f"/api/users{where.removeprefix('/team')}")).json()
    assert (sara["absent"], len(sara["absences"])) == (True, 2)
    assert "Away until" in await seen(api, "/team")
    page = await filled_in(api, f"{where}/away", 422, until="2020-01-01T09:00")
    assert wrong(page, "until") == "Is over already."
    assert 'value="2020-01-01T09:00"' in page
    starts = re.findall(r'name="start" value="([^"]+)"><button class="button">(\w+)', page)
    assert [words for _, words in starts] == ["Back", "Remove"]
    await filled_in(api, f"{where}/back", start=starts[0][0])
    await filled_in(api, f"{where}/back", start=starts[0][0])
    sara = (await api.get(f"/api/users{where.removeprefix('/team')}")).json()
    assert (sara["absent"], [gap["from"][:16] for gap in sara["absences"]]) == (False, [starts[1][0][:16]])
    await filled_in(api, f"{where}/active", active="false")
    assert "Deactivated" in await seen(api, "/team")
    assert "is deactivated" in await filled_in(api, f"{where}/link", 409)
    await filled_in(api, f"{where}/active", active="true")
    assert (await api.get(f"/api/users{where.removeprefix('/team')}")).json()["active"] is True
    await filled_in(api, f"{where}/active", 422, active="perhaps")
    await filled_in(api, f"{where}/back", 422, start="then")
    await a_token_is_shown_once_and_can_be_revoked(api, stack, where)


async def a_token_is_shown_once_and_can_be_revoked(api: Person, stack: Stack, where: str) -> None:
    assert wrong(await filled_in(api, f"{where}/tokens", 422), "token-name")
    page = await filled_in(api, f"{where}/tokens", 200, **{"token-name": "dialler"})
    token = re.search(r"<code>(tw_\S+)</code>", page)
    assert token
    page = await seen(api, where)
    assert token[1] not in page
    async with sign_in(stack.app, token[1]) as program:
        assert (await program.get("/api/users/me")).status_code == 200
        revoke = re.search(r'action="(/team/\S+/revoke)"', page)
        assert revoke
        await filled_in(api, revoke[1])
        assert (await program.get("/api/users/me")).status_code == 401


async def test_the_page_says_who_would_get_it_as_the_router_does(api: Person, people: People) -> None:
    manager = await people("manager")
    assert "There is nobody it could go to." in await filled_in(manager, "/routing", 200, company="Acme")
    anna, ben, cara = await people("rep", territories=["DE"]), await people("rep"), await people("rep", absent=True)
    page = await filled_in(manager, "/routing", 200, company="Acme", country="Germany", score="70", attributes="employees = 250\nvip=true")
    assert f"<bdi>{anna.uname}</bdi> would get it" in page
    assert "Its country is somebody's territory." in page
    assert f'<bdi>{cara.uname}</bdi></span> <span class="quiet">is away, nobody knows until when' in page
    assert f'<bdi>{ben.uname}</bdi></span> <span class="quiet">comes after those who serve this territory by name' in page
    assert "waits in sight" in page
    assert 'value="Germany"' in page
    assert "employees = 250\nvip=true</textarea>" in page
    assert all(str(rep.uid) not in page for rep in (anna, ben, cara)), "no id where there is a name"
    await a_question_that_makes_no_sense_is_told_at_its_field(manager)


async def a_question_that_makes_no_sense_is_told_at_its_field(api: Person) -> None:
    assert "Say something about the lead" in await filled_in(api, "/routing", 422)
    page = await filled_in(api, "/routing", 422, score="101", email="who")
    assert (wrong(page, "score"), bool(wrong(page, "email"))) == ("Must be 100 or less.", True)
    assert "line 1" in wrong(await filled_in(api, "/routing", 422, attributes="vip"), "attributes").lower()
    assert wrong(await filled_in(api, "/routing", 422, lead="http://api.example/leads"), "lead")
    assert wrong(await filled_in(api, "/routing", 404, lead="0190a0de-0000-7000-8000-000000000000"), "lead") == "There is no such lead."
    assert wrong(await seen(api, "/routing?lead=nonsense", 422), "lead")


async def test_a_leads_page_leads_those_who_may_to_who_would_get_it(api: Person, people: People) -> None:
    marketer, rep = await people("marketer"), await people("rep")
    lead = await arrive(api)
    link = f"/routing?lead={lead['id']}"
    assert f'href="{link}"' in await seen(marketer, f"/leads/{lead['id']}")
    assert f'href="{link}"' not in await seen(rep, f"/leads/{lead['id']}")
    for who, led in ((rep, set()), (marketer, {"/routing", "/accounts"}), (api, {"/team", "/routing", "/accounts"})):
        page = await seen(who, "/")
        assert {href for href in ("/team", "/routing", "/accounts") if f'<a href="{href}"' in page} == led
    page = await seen(marketer, link)
    assert f"<bdi>{rep.uname}</bdi> would get this lead" in page
    assert f"{rep.uname} is the only one who is free." in page
    both = await filled_in(marketer, "/routing", 422, lead=f"http://api.example/leads/{lead['id']}", company="Acme")
    assert "leave the fields below empty" in wrong(both, "lead")
    assert (await look(api, lead))["owner"] is None


async def test_an_account_is_named_given_to_a_rep_and_removed_by_forms(api: Person, people: People) -> None:
    marketer = await people("marketer")
    assert "There is no rep who could own one." in await seen(marketer, "/accounts")
    rep = await people("rep")
    assert "No account is named yet." in await seen(marketer, "/accounts")
    acme = {"name": "Acme <b>Ltd</b>", "domain": "https://www.acme.example/about", "owner": rep.uid}
    assert await filled_in(marketer, "/accounts", **acme) == "/accounts"
    answer = (await marketer.get("/accounts", headers=HTML)).text
    assert "acme.example" in answer
    assert "<b>Ltd" not in answer
    page = await filled_in(marketer, "/accounts", 409, **acme)
    assert "belongs to another account" in wrong(page, "domain")
    page = await filled_in(marketer, "/accounts", 422, name="", domain="acme", owner=marketer.uid)
    assert wrong(page, "name")
    assert wrong(page, "domain") == "Is not a domain: write it as acme.com."
    assert wrong(await filled_in(marketer, "/accounts", 422, name="B", domain="b.example", owner=marketer.uid), "owner")
    await an_account_is_changed_by_a_form(marketer, acme, await people("rep"))
    await api.patch(f"/api/users/{rep.uid}", json={"active": False})
    page = await seen(marketer, "/accounts")
    assert "not an active rep" in page
    remove = re.search(r'action="(/accounts/\S+/remove)"', page)
    assert remove
    assert await filled_in(marketer, remove[1]) == "/accounts"
    assert await filled_in(marketer, remove[1]) == "/accounts", "gone already is as good"
    assert (await marketer.get("/api/accounts")).json()["items"] == []


async def an_account_is_changed_by_a_form(marketer: Person, acme: dict[str, str], other: Person) -> None:
    beta = {"name": "Beta", "domain": "beta.example", "owner": other.uid}
    await filled_in(marketer, "/accounts", **beta)
    found = re.search(r'href="(/accounts/[0-9a-f-]{36})" dir="auto">Beta', await seen(marketer, "/accounts"))
    assert found
    page = await filled_in(marketer, found[1], 409, **{**beta, "domain": "acme.example"})
    assert wrong(page, "domain") == "The domain acme.example belongs to another account."
    assert 'value="acme.example"' in page, "what was written stays there to be mended"
    page = await filled_in(marketer, found[1], 422, name=" ", domain="beta", owner="")
    assert {name: bool(wrong(page, name)) for name in ("name", "domain", "owner")} == dict.fromkeys(("name", "domain", "owner"), True)
    assert await filled_in(marketer, found[1], name="Beta Ltd", domain="beta.example", owner=acme["owner"]) == "/accounts"
    page = await seen(marketer, found[1])
    assert re.search(rf'<option value="{acme["owner"]}" selected>', page)
    assert "Beta Ltd" in page
    assert await filled_in(marketer, f"{found[1]}/remove") == "/accounts"
    await seen(marketer, found[1], 404)
