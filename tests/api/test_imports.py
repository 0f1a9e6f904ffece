"""Files of leads over HTTP: taken in once and counted once, whatever happens meanwhile."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from activities.births import begin
from activities.database import Database
from api.deps import Wiring
from api.services.arrival import take_in
from api.services.arrivals import TOGETHER, take_in_together
from api.services.bulk import import_runner, imports
from api.services.bulk.work import Bench
from tests.api.forms import Json, arrive
from tests.api.test_actions import problem
from tests.eventually import eventually
from tests.stack import People, Person, Stack


def rows(count: int, start: int = 0) -> str:
    """A file of so many people."""
    return "email,company\n" + "".join(f"p{number}@firm{number}.example,Firm {number}\n" for number in range(start, start + count))


async def send(who: httpx.AsyncClient, content: str | bytes, path: str = "/api/imports", name: str = "leads.csv", **more: Any) -> Any:
    """Send a file, with the form's other fields; those that begin with a capital are headers."""
    headers = {key.replace("_", "-"): value for key, value in more.items() if key[0].isupper()}
    fields = {key: value if isinstance(value, str) else json.dumps(value) for key, value in more.items() if not key[0].isupper()}
    return await who.post(path, files={"file": (name, content, "text/csv")}, data=fields, headers=headers)


async def ordered(who: httpx.AsyncClient, content: str | bytes, **more: Any) -> str:
    """Order an import; its id."""
    answer = await send(who, content, **more)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/api/imports/{answer.json()['id']}"
    found: str = answer.json()["id"]
    return found


async def look(who: httpx.AsyncClient, job: str) -> Json:
    """An import as it is now."""
    answer = await who.get(f"/api/imports/{job}")
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def over(who: httpx.AsyncClient, job: str) -> Json:
    """An import once it is over."""
    return await eventually(lambda: look(who, job), lambda found: found["state"] in ("done", "failed"), 60)


def figures(found: Json) -> tuple[int, ...]:
    return tuple(found[name] for name in ("rows", "done", "created", "merged", "refused"))


async def one(database: Database, statement: str) -> Any:
    """A single value of the database."""
    async with database.connection() as connection:
        return (await connection.execute(text(statement))).scalar_one()


@pytest.fixture
async def bench(stack: Stack) -> AsyncIterator[Bench]:
    """Where the test itself carries imports out, because nobody else does."""
    wiring: Wiring = stack.app.state.wiring
    yield Bench(wiring.database, wiring.engine, wiring.settings)


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """The application carries nothing out by itself. To be asked for before `stack`."""

    async def nothing(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("api.services.bulk.run.run", nothing)


async def test_a_file_is_taken_in_and_every_row_accounted_for(api: Person, people: People, stack: Stack) -> None:
    marketer = await people("marketer")
    known = await arrive(api, email="known@firm.example")
    file = (
        '\ufeffEmail;First Name;Budget\r\nnew@firm.example;Ada;5\r\nKNOWN@firm.example;"Grace; née H.";\r\n'
        "nobody;x;=1+1\r\n\r\nnew@firm.example;;7\r\n"
    )
    job = await ordered(marketer, file)
    found = await over(marketer, job)
    assert found["state"] == "done", found
    assert figures(found) == (4, 4, 1, 2, 1)
    assert (found["file"], found["by"], found["error"]) == ("leads.csv", {"id": marketer.uid, "name": marketer.uname}, None)
    assert found["columns"] == {"Email": "email", "First Name": "first_name", "Budget": "attributes.Budget"}
    assert [error["row"] for error in found["errors"]] == [4]
    assert found["errors"][0]["problem"].startswith("email: ")
    assert found["finished_at"]
    leads = {lead["email"]: lead for lead in (await api.get("/api/leads")).json()["items"]}
    assert set(leads) == {"new@firm.example", "known@firm.example"}
    assert leads["known@firm.example"]["id"] == known["id"]
    listed = (await marketer.get("/api/imports")).json()["items"]
    assert [(item["id"], item["done"]) for item in listed] == [(job, 4)]
    assert await one(stack.database, "SELECT count(*) FROM import_chunks") == 0
    assert await one(stack.database, "SELECT count(*) FROM import_rows") == 0


async def test_refused_rows_come_back_with_the_reason_and_without_formulas(people: People) -> None:
    marketer = await people("marketer")
    job = await ordered(marketer, 'email,note\nx,=1+1\n+y,"@a, b"\nok@firm.example,-1\n', name='Ünïcode "a".csv')
    await over(marketer, job)
    answer = await marketer.get(f"/api/imports/{job}/refused.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "no-store"
    read = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert [row[:2] for row in read] == [["email", "note"], ["x", "'=1+1"], ["'+y", "'@a, b"]]
    assert read[0][2] == "refused_because"
    assert all(row[2].startswith("email: ") for row in read[1:])


async def test_a_map_says_where_fields_come_from_and_what_is_left_out(api: Person, people: People) -> None:
    marketer = await people("marketer")
    file = "Contact,Firm,Secret,Size\na@firm.example,Quux,s,7\n"
    job = await ordered(
        marketer, file, columns={"email": "Contact", "company": "Firm", "attributes.employees": "Size"}, leave_out=["Secret"]
    )
    assert figures(await over(marketer, job)) == (1, 1, 1, 0, 0)
    (card,) = (await api.get("/api/leads")).json()["items"]
    lead = (await api.get(f"/api/leads/{card['id']}")).json()
    assert (lead["company"], lead["attributes"]) == ("Quux", {"employees": "7"})


@pytest.mark.parametrize(
    ("content", "fields", "field", "said"),
    [
        (b"", {}, "file", "empty"),
        (b"email\n", {}, "file", "no rows"),
        (b"company\nX\n", {}, "columns", "e-mail address"),
        (b"PK\x03\x04\x00\x00", {}, "file", "spreadsheet"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", {}, "file", "not a text file"),
        ("email\nJos\u00e9@x.example\n".encode("latin-1"), {}, "file", "UTF-8"),
        (b'email\n"a@x.example\n', {}, "file", "Line 2"),
        (b"email\na@x.example\n", {"columns": "[]"}, "columns", "JSON object"),
        (b"email\na@x.example\n", {"columns": {"email": "Mail"}}, "columns", "no column 'Mail'"),
        (b"email\na@x.example\n", {"columns": {"e-mail": "email"}}, "columns", "no field 'e-mail'"),
        (b"email,x\na@x.example,1\n", {"columns": {"company": "x", "title": "x"}}, "columns", "once"),
        (b"email\na@x.example\n", {"leave_out": "x"}, "leave_out", "JSON list"),
    ],
)
async def test_a_file_that_cannot_be_used_is_refused_by_name(
    api: Person, stack: Stack, content: bytes, fields: Json, field: str, said: str
) -> None:
    found = problem(await send(api, content, **fields), 422, "invalid")
    (error,) = found["errors"]
    assert error["field"] == field
    assert said in error["message"]
    assert await one(stack.database, "SELECT count(*) FROM imports") == 0


async def test_what_is_no_form_with_a_file_is_refused(api: Person) -> None:
    for answer in (
        await api.post("/api/imports", json={"file": "x"}),
        await api.post("/api/imports", data={"file": "email\na@x.example\n"}),
        await api.post("/api/imports", files={"other": ("x.csv", b"email\n")}),
    ):
        assert answer.status_code in (400, 422), answer.text
    problem(await api.get(f"/api/imports/{uuid4()}"), 404, "not-found")
    problem(await api.get(f"/api/imports/{uuid4()}/refused.csv"), 404, "not-found")


async def test_a_preview_shows_what_would_happen_and_stores_nothing(api: Person, stack: Stack) -> None:
    file = "Contact,Firm\na@firm.example,X\nnobody,\n"
    answer = await send(api, file, "/api/imports/preview", Idempotency_Key="k1")
    found = answer.json()
    assert answer.status_code == 200, answer.text
    assert found["columns"] == {"Contact": "attributes.Contact", "Firm": "attributes.Firm"}
    assert "None of its columns is the e-mail address" in found["problem"]
    assert found["first"] == [["a@firm.example", "X"], ["nobody", ""]]
    mapped = (await send(api, file, "/api/imports/preview", columns={"email": "Contact"})).json()
    assert (mapped["problem"], mapped["rows"], mapped["looked_at"], mapped["refused"]) == (None, 2, 2, 1)
    assert mapped["problems"][0]["row"] == 3
    for table in ("imports", "import_chunks", "leads"):
        assert await one(stack.database, f"SELECT count(*) FROM {table}") == 0
    assert await one(stack.database, "SELECT count(*) FROM idempotency WHERE body LIKE '%firm.example%'") == 0


async def test_the_same_order_again_is_the_same_import(api: Person, stack: Stack) -> None:
    first = await ordered(api, rows(2), Idempotency_Key="k1")
    async with stack.database.connection() as connection:
        await connection.execute(text("DELETE FROM idempotency"))  # as though power had failed before the answer was kept
    assert await ordered(api, rows(2), Idempotency_Key="k1") == first
    assert figures(await over(api, first)) == (2, 2, 2, 0, 0)
    assert await one(stack.database, "SELECT count(*) FROM imports") == 1


async def test_imports_are_listed_page_by_page_the_latest_first(api: Person) -> None:
    made = [await ordered(api, rows(1, number)) for number in range(3)]
    first = (await api.get("/api/imports", params={"limit": 2})).json()
    rest = (await api.get("/api/imports", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == made[::-1]
    assert rest["next_cursor"] is None
    problem(await api.get("/api/imports", params={"cursor": "x"}), 422, "invalid")


@pytest.mark.usefixtures("idle")
async def test_a_file_larger_than_a_chunk_is_kept_whole(api: Person, stack: Stack) -> None:
    content = "email,message\n" + "".join(f"p{number}@x.example,{'é' * 2000}\n" for number in range(600))
    job = await ordered(api, content)
    assert await one(stack.database, "SELECT max(octet_length(content)) FROM import_chunks") == 1 << 20
    assert await one(stack.database, "SELECT count(*) FROM import_chunks") == 3
    async with imports.stored(stack.database, (await look(api, job))["id"]) as file:
        file.seek(0)
        assert file.read() == content.encode()


@pytest.mark.usefixtures("idle")
async def test_power_cuts_at_any_moment_lose_nothing_and_count_nothing_twice(
    api: Person, stack: Stack, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = rows(TOGETHER * 2 + 10) + "nobody,\np3@firm3.example,again\n"
    job = await ordered(api, content)
    cut = asyncio.Event()

    async def cut_off_after(where: str, real: Callable[..., Any]) -> None:
        """Power fails once this is done."""

        async def done(*args: Any) -> Any:
            await real(*args)
            cut.set()
            await asyncio.Event().wait()

        cut.clear()
        with monkeypatch.context() as patched:
            patched.setattr(where, done)
            running = asyncio.create_task(import_runner.work(bench))
            await cut.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
        found = await look(api, job)
        assert found["done"] % TOGETHER == 0
        assert found["done"] == found["created"] + found["merged"] + found["refused"]

    await cut_off_after("api.services.arrivals.begin", begin)  # written, not committed
    assert await one(stack.database, "SELECT count(*) FROM leads") == 0
    await cut_off_after("api.services.bulk.import_runner.take_in_together", take_in_together)  # committed, not counted
    assert await one(stack.database, "SELECT count(*) FROM leads") == TOGETHER
    assert (await look(api, job))["done"] == 0
    await cut_off_after("api.services.arrivals.begin", begin)  # the first chunk is counted, the second not committed
    assert (await look(api, job))["done"] == TOGETHER
    assert await import_runner.work(bench, chunks=1)
    found = await look(api, job)
    assert (found["state"], found["done"]) == ("running", TOGETHER * 2)
    await cut_off_after("api.services.bulk.import_runner.take_in", take_in)  # somebody known is merged, and not counted
    assert (await look(api, job))["merged"] == 0
    while await import_runner.work(bench):
        pass
    found = await look(api, job)
    assert found["state"] == "done"
    assert figures(found) == (TOGETHER * 2 + 12, TOGETHER * 2 + 12, TOGETHER * 2 + 10, 1, 1)
    assert await one(stack.database, "SELECT count(*) FROM leads") == TOGETHER * 2 + 10
    assert await one(stack.database, "SELECT count(*) FROM engagements WHERE kind = 'form_submitted'") == 1


@pytest.mark.usefixtures("idle")
async def test_two_processes_at_one_import_count_each_row_once(api: Person, stack: Stack, bench: Bench) -> None:
    job = await ordered(api, rows(TOGETHER + 5))

    async def process() -> None:
        while (await look(api, job))["state"] != "done":
            await import_runner.work(bench, chunks=1)

    await asyncio.gather(process(), process())
    assert figures(await look(api, job)) == (TOGETHER + 5, TOGETHER + 5, TOGETHER + 5, 0, 0)
    assert await one(stack.database, "SELECT count(*) FROM engagements") == 0


@pytest.mark.usefixtures("idle")
async def test_a_fault_fails_its_import_and_no_other(api: Person, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = await ordered(api, rows(1)), await ordered(api, rows(1, 5))

    async def taken(*args: Any) -> Any:
        if args[1][0].email == "p0@firm0.example":
            raise ValueError("a fault of ours")
        return await take_in_together(*args)

    monkeypatch.setattr("api.services.bulk.import_runner.take_in_together", taken)
    while await import_runner.work(bench):
        pass
    found = await look(api, bad)
    assert (found["state"], bad in found["error"]) == ("failed", True)
    assert (await look(api, good))["state"] == "done"


async def test_erasing_a_person_removes_their_refused_rows(api: Person, stack: Stack) -> None:
    lead = await arrive(api, email="gone@firm.example")
    job = await ordered(api, "email,title\nGone <GONE@firm.example>,x\ngone@firm.example,y,z\nother,\n")
    assert figures(await over(api, job)) == (3, 3, 0, 0, 3)
    assert (await api.delete(f"/api/leads/{lead['id']}")).status_code == 204
    found = await look(api, job)
    assert [error["row"] for error in found["errors"]] == [4]
    assert found["refused"] == 3
    assert await one(stack.database, "SELECT count(*) FROM import_refusals WHERE cells::text ILIKE '%gone@%'") == 0


async def test_refused_rows_and_forgotten_drafts_go_in_time(api: Person, stack: Stack) -> None:
    job = await ordered(api, "email\nnobody\n")
    await over(api, job)
    async with stack.database.connection() as connection:
        await connection.execute(text("UPDATE imports SET finished_at = now() - interval '29 days'"))
    await imports.prune(stack.database)
    assert (await api.get(f"/api/imports/{job}/refused.csv")).status_code == 200
    async with stack.database.connection() as connection:
        await connection.execute(text("UPDATE imports SET finished_at = now() - interval '31 days'"))
    await imports.prune(stack.database)
    assert (await api.get(f"/api/imports/{job}/refused.csv")).status_code == 410
    assert (await look(api, job))["refused"] == 1


async def test_a_file_over_the_limit_is_refused_before_it_is_read(api: Person) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(101 << 20)}
    problem(await api.post("/api/imports", content=b"", headers=headers), 413, "too-large")
