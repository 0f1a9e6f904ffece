"""The pages of imports and batches, as forms that need no script."""

import re
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from activities import leads_csv
from api.board import bulk
from api.services.bulk import imports
from models.lifecycle import Stage
from models.schemas.leads import LeadFilter
from tests.api.forms import act, arrive, until
from tests.api.test_imports import figures, look, ordered, over, rows
from tests.eventually import eventually
from tests.stack import People, Person, Stack

HTML = {"Accept": "text/html"}


async def chosen(who: httpx.AsyncClient, content: str | bytes, name: str = "people.csv", key: str = "") -> httpx.Response:
    """Choose a file and send it."""
    return await who.post("/imports/new", files={"file": (name, content, "text/csv")}, data={"key": key}, headers=HTML)


async def drafted(who: httpx.AsyncClient, content: str, name: str = "people.csv") -> tuple[str, str]:
    """A file that is stored and not started: its page's address and what stands there."""
    answer = await chosen(who, content, name)
    assert answer.status_code == 303, answer.text
    page = await who.get(answer.headers["location"], headers=HTML)
    assert page.status_code == 200, page.text
    return answer.headers["location"], page.text


def test_every_field_has_words() -> None:
    assert set(bulk.FIELDS) == leads_csv.FIELDS


def test_a_set_of_leads_survives_being_carried_on_by_a_form() -> None:
    wanted = LeadFilter(stage=[Stage.HELD, Stage.NEW], owner=["none"], q="ada", claimable=False, sort="score", limit=7)
    form = bulk.lead_set_form(wanted)
    assert form.fields == [("stage", "held,new"), ("owner", "none"), ("q", "ada"), ("claimable", "False")]
    assert LeadFilter.model_validate(dict(form.fields)).model_dump(exclude={"sort", "limit"}) == wanted.model_dump(
        exclude={"sort", "limit"}
    )
    assert form.address == "/bulk?stage=held%2Cnew&owner=none&q=ada&claimable=False"


def test_a_problem_is_told_in_words() -> None:
    assert (
        bulk.in_words("email: is missing; consent.email: write yes or no") == "E-mail address: is missing; May be e-mailed: write yes or no"
    )
    assert bulk.in_words("it has 3 cells for 2 columns") == "it has 3 cells for 2 columns"


async def test_a_file_is_looked_at_mapped_and_imported(people: People, api: Person) -> None:
    marketer = await people("marketer")
    where, page = await drafted(marketer, "Contact,Firm,Secret\na@firm.example,Quux,s\nnobody,x,\n")
    assert "a@firm.example" in page
    assert "None of its columns is the e-mail address" in page
    refused = await marketer.post(f"{where}/start", data={"do": "start", "column-0": "company"}, headers=HTML)
    assert (refused.status_code, "is the e-mail address" in refused.text) == (422, True)
    columns = {"column-0": "email", "column-1": "company", "column-2": ""}
    again = await marketer.post(f"{where}/start", data={"do": "look", **columns}, headers=HTML)
    assert "1 of 2 rows cannot be used" in again.text
    assert "Line 3: E-mail address: " in again.text
    assert re.search(r'<select id="column-1".*?<option value="company" selected>', again.text)
    job = where.rpartition("/")[2]
    assert (await look(marketer, job))["state"] == "draft"
    started = await marketer.post(f"{where}/start", data={"do": "start", **columns}, headers=HTML)
    assert (started.status_code, started.headers["location"]) == (303, where)
    assert figures(await over(marketer, job)) == (2, 2, 1, 0, 1)
    done = await marketer.get(where, headers=HTML)
    assert "Done with 2 rows." in done.text
    assert f"/api/imports/{job}/refused.csv" in done.text
    part = (await marketer.get(where, headers={"X-Part": "progress"})).text
    assert part.startswith('<div class="bulk-part" data-percent="100" data-over>')
    assert (await marketer.post(f"{where}/start", data={"do": "start", **columns}, headers=HTML)).status_code == 303
    listed = (await marketer.get("/imports", headers=HTML)).text
    assert "1 refused" in listed
    (card,) = (await api.get("/api/leads")).json()["items"]
    assert (await api.get(f"/api/leads/{card['id']}")).json()["attributes"] == {}


async def test_a_file_that_cannot_be_used_is_told_beside_the_field(api: Person, stack: Stack) -> None:
    answer = await chosen(api, "email\nJos\u00e9\n".encode("latin-1"))
    assert answer.status_code == 422
    assert "This file cannot be used. It is not text in UTF-8." in answer.text
    async with stack.database.connection() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM imports"))).scalar_one() == 0


async def test_a_file_can_be_discarded_and_a_forgotten_one_goes_after_a_day(api: Person, stack: Stack) -> None:
    first, _ = await drafted(api, rows(1))
    second, _ = await drafted(api, rows(2))
    assert (await api.post(f"{first}/discard", headers=HTML)).headers["location"] == "/imports"
    assert (await api.get(first)).status_code == 404
    assert (await api.post(f"{first}/discard")).status_code == 409
    async with stack.database.connection() as connection:
        await connection.execute(text("UPDATE imports SET created_at = now() - interval '25 hours'"))
    await imports.prune(stack.database)
    assert (await api.get(second)).status_code == 404
    async with stack.database.connection() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM import_chunks"))).scalar_one() == 0


async def test_a_form_sent_twice_is_one_import(api: Person) -> None:
    key = uuid4().hex
    first, again, other = [(await chosen(api, rows(count), key=key)).headers["location"] for count in (1, 1, 2)]
    assert first == again
    assert other != first, "going back and choosing another file is another import"


@pytest.mark.parametrize("evil", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}"])
async def test_what_a_file_holds_is_never_a_tag(api: Person, evil: str) -> None:
    quoted = '"' + evil.replace('"', '""') + '"'
    where, page = await drafted(api, f"email,{quoted}\n{quoted},{quoted}\n", name=f"{evil.replace('/', '')}.csv")
    assert "<script>alert" not in page
    assert "<img" not in page
    job = await ordered(api, f"email,note\n{quoted},x\n")
    await over(api, job)
    done = (await api.get(f"/imports/{job}", headers=HTML)).text
    for shown in (done, (await api.get("/imports", headers=HTML)).text, (await api.get(where)).text):
        assert "<script>alert" not in shown
        assert "<img" not in shown


async def test_a_filtered_set_is_worked_on_by_a_form(people: People) -> None:
    marketer = await people("marketer", "rep")
    held, taken = await arrive(marketer, source="fair"), await arrive(marketer, source="fair")
    await act(marketer, taken, "claim")
    page = (await marketer.get("/bulk?source=fair", headers=HTML)).text
    assert "2 leads at once" in page
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.partition('class="bulk-form"')[2]))
    assert fields.keys() == {"key", "source"}
    answer = await marketer.post("/bulk/hold", data={**fields, "note": "met there"}, headers=HTML)
    assert answer.status_code == 303, answer.text
    assert (await marketer.post("/bulk/hold", data={**fields, "note": "met there"})).headers["location"] == answer.headers["location"]
    await until(marketer, held, stage="held")
    where = answer.headers["location"]
    await over_batch(marketer, where)
    done = (await marketer.get(where, headers=HTML)).text
    assert "Put 1 lead on hold" in done
    assert "in a rep&#39;s hands" in done
    assert "data-over" in (await marketer.get(where, headers={"X-Part": "progress"})).text


async def over_batch(who: httpx.AsyncClient, where: str) -> None:
    async def state() -> str:
        found: str = (await who.get(f"/api{where}")).json()["state"]
        return found

    await eventually(state, lambda found: found == "done", 30)


async def test_a_set_that_is_none_is_told(api: Person) -> None:
    page = (await api.get("/bulk?source=nobody", headers=HTML)).text
    assert "No lead fits these filters" in page
    assert (await api.post("/bulk/hold", data={"colour": "red"})).status_code == 422
    assert (await api.post("/bulk/eat", data={})).status_code == 422


async def test_a_list_leads_marketers_to_what_can_be_done_with_all_of_it(people: People) -> None:
    marketer, rep = await people("marketer"), await people("rep")
    await arrive(marketer, source="fair")
    board = (await marketer.get("/?view=up&source=fair", headers=HTML)).text
    assert '<a href="/imports"' in board
    assert 'href="/bulk?source=fair&amp;claimable=True"' in board
    assert "One lead" in (await marketer.get("/bulk?source=fair&claimable=True", headers=HTML)).text
    assert "/bulk?" not in (await rep.get("/?view=up&source=fair", headers=HTML)).text
