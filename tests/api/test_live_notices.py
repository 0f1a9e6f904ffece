"""Notices: mine first unread, and read once."""

from uuid import UUID, uuid4

from sqlalchemy import text

from tests.api.test_frame_errors import problem
from tests.api.test_live import lead, notice
from tests.stack import People, Stack


async def test_my_notices_come_unread_first_then_latest_first(stack: Stack, people: People) -> None:
    one, two = await people("rep"), await people("rep", "manager")
    about = await lead(stack.database, "Acme")
    mine = [await notice(stack.database, about, user=one.uid) for _ in range(3)]
    theirs = await notice(stack.database, about, user=two.uid)
    managers = await notice(stack.database, about, role="manager")
    await one.post(f"/api/notices/{mine[2]}/read")
    shown = (await one.get("/api/notices")).json()
    assert [item["id"] for item in shown["items"]] == [str(mine[1]), str(mine[0]), str(mine[2])]
    assert shown["items"][0]["lead"] == {"id": str(about), "first_name": None, "last_name": None, "company": "Acme"}
    assert [item["id"] for item in (await one.get("/api/notices", params={"unread": True})).json()["items"]] == [str(mine[1]), str(mine[0])]
    assert [item["id"] for item in (await two.get("/api/notices")).json()["items"]] == [str(managers), str(theirs)]


async def test_the_list_goes_on_where_a_cursor_says_across_read_and_unread(stack: Stack, people: People) -> None:
    rep = await people("rep")
    about = await lead(stack.database, "Acme")
    made = [await notice(stack.database, about, user=rep.uid) for _ in range(5)]
    for found in made[3:]:
        await rep.post(f"/api/notices/{found}/read")
    seen: list[str] = []
    cursor = None
    while True:
        page = (await rep.get("/api/notices", params={"limit": 2, **({"cursor": cursor} if cursor else {})})).json()
        seen += [item["id"] for item in page["items"]]
        if not (cursor := page["next_cursor"]):
            break
    assert seen == [str(made[n]) for n in (2, 1, 0, 4, 3)]
    for wrong in ("zzz", "WzFd", "bnVsbA", "WyJhIiwiYiIsImMiXQ"):
        problem(await rep.get("/api/notices", params={"cursor": wrong}), 422, "invalid")


async def test_reading_twice_changes_nothing_and_anothers_notice_is_not_there(stack: Stack, people: People) -> None:
    one, two = await people("rep"), await people("rep")
    found = await notice(stack.database, await lead(stack.database, "Acme"), user=one.uid)
    first = await one.post(f"/api/notices/{found}/read")
    assert first.json()["read_at"]
    assert (await one.post(f"/api/notices/{found}/read")).json() == first.json()
    problem(await two.post(f"/api/notices/{found}/read"), 404, "not-found")
    problem(await two.post(f"/api/notices/{uuid4()}/read"), 404, "not-found")


async def test_reading_up_to_a_change_leaves_what_came_later_and_what_is_anothers(stack: Stack, people: People) -> None:
    one, two = await people("rep"), await people("rep")
    about = await lead(stack.database, "Acme")
    for _ in range(3):
        await notice(stack.database, about, user=one.uid)
    await notice(stack.database, about, user=two.uid)
    changes = sorted(item["change"] for item in (await one.get("/api/notices")).json()["items"])
    assert (await one.post("/api/notices/read", json={"upto": changes[1]})).json() == {"unread": 1}
    left = (await one.get("/api/notices", params={"unread": True})).json()["items"]
    assert [item["change"] for item in left] == [changes[2]]
    assert len((await two.get("/api/notices", params={"unread": True})).json()["items"]) == 1
    problem(await one.post("/api/notices/read", json={"upto": -1}), 422, "invalid")
    problem(await one.post("/api/notices/read", json={}), 422, "invalid")


async def test_what_a_role_is_told_each_of_its_members_reads_for_themself(stack: Stack, people: People) -> None:
    one, two = await people("manager"), await people("manager", "rep")
    about = await lead(stack.database, "Acme")
    first, second = [await notice(stack.database, about, role="manager") for _ in range(2)]
    old = await notice(stack.database, about, role="manager")
    async with stack.database.connection() as connection:
        await connection.execute(text("UPDATE notices SET at = now() - interval '31 days' WHERE id = :id"), {"id": old})
    read = (await one.post(f"/api/notices/{first}/read")).json()
    assert read["read_at"]
    assert (await one.post(f"/api/notices/{first}/read")).json() == read
    unread = {"unread": True}
    assert [item["id"] for item in (await one.get("/api/notices", params=unread)).json()["items"]] == [str(second)]
    assert [item["id"] for item in (await two.get("/api/notices", params=unread)).json()["items"]] == [str(second), str(first)]
    newest = max(item["change"] for item in (await two.get("/api/notices")).json()["items"])
    assert (await two.post("/api/notices/read", json={"upto": newest})).json() == {"unread": 0}
    assert len((await one.get("/api/notices", params=unread)).json()["items"]) == 1


MESSAGE = text(
    """
    INSERT INTO messages (id, lead_id, key, campaign, step, channel, template, state, recipient, decided_at)
    VALUES (:id, :lead, :key, 'welcome', :step, 'email', 'welcome', 'sent', 'ada@acme.example', now() - make_interval(secs => :age))"""
)


async def test_messages_are_listed_latest_first_for_all_leads_or_one(stack: Stack, people: People) -> None:
    rep = await people("rep")
    leads = [await lead(stack.database, f"Company {n}") for n in range(2)]
    async with stack.database.connection() as connection:
        for n in range(4):
            row = {"id": UUID(int=n), "lead": leads[n % 2], "key": f"welcome:{n}:0", "step": n, "age": n}
            await connection.execute(MESSAGE, row)
    shown = (await rep.get("/api/messages", params={"limit": 3})).json()
    rest = (await rep.get("/api/messages", params={"limit": 3, "cursor": shown["next_cursor"]})).json()
    assert [item["step"] for item in shown["items"] + rest["items"]] == [1, 2, 3, 4]
    assert rest["next_cursor"] is None
    ones = (await rep.get("/api/messages", params={"lead": str(leads[1])})).json()["items"]
    assert [(item["lead"]["company"], item["recipient"], item["state"]) for item in ones] == [("Company 1", "ada@acme.example", "sent")] * 2
    problem(await rep.get("/api/messages", params={"lead": "none"}), 422, "invalid")
    problem(await rep.get("/api/messages", params={"limit": 0}), 422, "invalid")
