"""The pages of templates: what marketers do there without a script, and what they are refused at which field."""

import re
from typing import Any

import pytest
from sqlalchemy import text

from api.board import wordings
from api.services.templates import difference, share
from models.policy import Policy
from models.schemas.templates import VariantResult
from tests.api.test_frame_errors import problem
from tests.browsing import HTML, Visitors, filled_in, seen, wrong
from tests.stack import People, Person, Stack

pytestmark = pytest.mark.policy("calm")
WELCOME = "/templates/welcome/edit"
BODY = 'Hello {{ first_name | default("there", true) }},\n\nthank you.'


def variant(name: str, sent: int, opened: int, clicked: int = 0) -> VariantResult:
    return VariantResult(variant=name, sent=sent, opened=share(opened, sent), clicked=share(clicked, sent), bounced=share(0, sent))


def test_two_variants_are_told_apart_only_when_chance_is_not_enough() -> None:
    many = difference([variant("a", 400, 100), variant("b", 400, 160)], "opened")
    assert many
    assert (many.best, many.other, round(many.by, 3), round(many.low, 3), round(many.high, 3)) == ("b", "a", 0.15, 0.085, 0.213)
    assert wordings.verdict(many, "opened") == "b is opened more than a: by 8.5 to 21.3 points."
    few = difference([variant("a", 20, 5), variant("b", 20, 8), variant("c", 20, 0)], "opened")
    assert few
    assert (few.best, few.other, few.low < 0 < few.high) == ("b", "a", True)
    assert wordings.verdict(few, "opened").startswith(
        "b and a cannot be told apart yet: the difference may be anything from \N{MINUS SIGN}"
    )
    assert difference([variant("a", 20, 5), variant("b", 0, 0)], "opened") is None
    assert difference([], "opened") is None


def test_shares_read_as_people_say_them_and_fit_on_their_axis() -> None:
    assert wordings.interval(share(120, 412)) == "29 % (25 to 34)"
    assert wordings.interval(share(2, 400)) == "0.5 % (0.1 to 1.8)"
    assert wordings.interval(share(0, 0)) == "nothing to tell yet"
    results = [variant("a", 412, 120, 2), variant("b", 10, 10)]
    assert [wordings.scale(results[:count], "opened") for count in (1, 2)] == [pytest.approx(0.4), 1.0]
    assert wordings.scale([], "opened") == wordings.scale(results[:1], "clicked") == pytest.approx(0.1)


def test_it_is_said_which_campaigns_send_what() -> None:
    assert wordings.usage(Policy().nurture)["welcome"] == ["welcome"]
    assert wordings.next_variant(["a", "b"]) == "c"


async def test_a_template_is_published_as_a_version_and_goes_on_from_an_earlier_one(people: People, api: Person) -> None:
    mark = await people("marketer")
    await seen(mark, "/templates/nothing", 404)
    page = await seen(mark, "/templates")
    assert "In welcome" in page
    assert "Came with Twoway" in page
    page = await seen(mark, WELCOME)
    loaded = hidden(page, "loaded")
    assert loaded == "email/en/a/0"
    form = {"channel": "email", "language": "en", "variant": "a", "subject": "Hello", "active": "yes", "do": "publish"}
    assert await filled_in(mark, WELCOME, body=BODY, loaded=loaded, **form) == "/templates/welcome?published=1"
    page = await filled_in(mark, WELCOME, 409, body="Other", loaded=loaded, **form)
    assert "published a version of this meanwhile" in page
    assert ">Other</textarea>" in page, "nothing written is lost"
    assert await filled_in(mark, WELCOME, body="Second", loaded="email/en/a/1", **form) == "/templates/welcome?published=2"
    assert await filled_in(mark, WELCOME, body="B", loaded="email/en/a/2", **form | {"variant": "b"}) == "/templates/welcome?published=1"
    problem_page = await filled_in(mark, WELCOME, 409, body="B", loaded="email/en/a/2", **form | {"variant": "b"})
    assert "meanwhile" in problem_page, "what is there already is not undone unseen"
    page = await seen(mark, "/templates/welcome?published=2")
    assert "Version 2 is published, and in use from now on." in page
    assert f"Version 2, <bdi>{mark.uname}</bdi>" in page
    page = await seen(mark, f"{WELCOME}?channel=email&language=en&variant=a&version=1")
    assert hidden(page, "loaded") == "email/en/a/2", "an earlier text becomes the version after the latest"
    assert "thank you.</textarea>" in page
    await seen(mark, f"{WELCOME}?version=9", 404)
    where = await filled_in(mark, WELCOME, body="B", loaded="email/en/b/1", **{**form, "variant": "b", "active": []})
    assert "Version 2 is published, and its variant is out of use from now on." in await seen(mark, where)
    in_use = (await api.get("/api/templates/welcome")).json()["templates"]
    assert [(one["variant"], one["version"], one["body"]) for one in in_use] == [("a", 2, "Second")]
    every = (await api.get("/api/templates/welcome/versions")).json()["items"]
    assert [(one["variant"], one["version"], one["active"]) for one in every] == [
        *(("b", 2, False), ("b", 1, True), ("a", 2, True), ("a", 1, True)),
    ]
    problem(await api.get("/api/templates/nothing/versions"), 404, "not-found")


def hidden(page: str, name: str) -> str:
    found = re.search(rf'type="hidden" name="{name}" value="([^"]*)"', page)
    assert found, page
    return found[1]


async def test_what_could_not_be_sent_is_refused_at_its_field_and_nothing_is_published(people: People, api: Person) -> None:
    mark = await people("marketer")
    form: dict[str, Any] = {"channel": "email", "language": "en", "variant": "a", "active": "yes", "do": "publish", "loaded": ""}
    page = await filled_in(mark, "/templates/_new", 422, name="mine", subject="Hi {{ nam }}", body="Hello {{ first_nam }}", **form)
    assert wrong(page, "body") == "There is no first_nam; there are first_name, last_name, company, title, sender."
    assert wrong(page, "subject").startswith("There is no nam;")
    for name, fields in (
        ("name", {"name": "No Name", "subject": "S", "body": "x"}),
        ("subject", {"name": "mine", "body": "x"}),
        ("body", {"name": "mine", "subject": "S"}),
        ("language", {"name": "mine", "subject": "S", "body": "x", "language": "german!"}),
        ("body", {"name": "mine", "channel": "post", "body": "Front only\n---\n"}),
    ):
        assert wrong(await filled_in(mark, "/templates/_new", 422, **form | fields), name), name
    await seen(mark, "/templates/mine", 404)
    sms = {**form, "channel": "sms", "name": "mine", "body": "<b>Hi</b>\r\nthere", "subject": "left over"}
    assert await filled_in(mark, "/templates/_new", **sms) == "/templates/mine?published=1"
    (made,) = (await api.get("/api/templates/mine")).json()["templates"]
    assert (made["subject"], made["body"]) == (None, "<b>Hi</b>\nthere")
    answer = await mark.get("/templates/mine", headers=HTML)
    assert "<b>Hi" not in answer.text


async def test_it_reads_to_a_real_lead_that_is_looked_for_or_picked(people: People, api: Person) -> None:
    mark = await people("marketer")
    form = {"channel": "email", "language": "en", "variant": "a", "subject": "Hi {{ first_name }}", "body": BODY, "do": "preview"}
    assert "There is no lead yet to see it with." in await filled_in(mark, WELCOME, 200, **form)
    ada, bob = [
        (await api.post("/api/leads", json={"email": f"{name}@firm.example", "first_name": name, "company": "Firm"})).json()["id"]
        for name in ("Ada", "Bob")
    ]
    assert "Hello Bob," in await seen(mark, WELCOME), "whoever came last, when nobody is named"
    for lead in ("ada", f"http://board.example/leads/{ada}"):
        assert "Hi Ada" in await filled_in(mark, WELCOME, 200, lead=lead, **form)
    page = await filled_in(mark, WELCOME, 200, lead="firm", **form)
    assert "Hello Bob," in page
    assert f'name="pick" value="{ada}"' in page
    page = await filled_in(mark, WELCOME, 200, lead="firm", pick=ada, **{**form, "do": []})
    assert "Hello Ada," in page
    kept = {"lead": "Ada, Firm", "picked": hidden(page, "picked"), "picked_as": hidden(page, "picked_as")}
    assert "Hello Ada," in await filled_in(mark, WELCOME, 200, **kept, **form)
    assert "No lead is found by this." in await filled_in(mark, WELCOME, 200, **{**kept, "lead": "nobody at all"}, **form)
    page = await filled_in(mark, WELCOME, 422, lead="ada", **{**form, "body": "{{ first_nam }}"})
    assert wrong(page, "body")
    assert (await api.get("/api/templates/welcome/versions")).json()["items"] == [], "looking publishes nothing"
    page = await seen(mark, f"/templates/welcome/preview?lead={bob}")
    assert "as it came with Twoway" in page
    assert "Hello Bob," in page


async def test_what_variants_brought_is_told_with_its_intervals(stack: Stack, api: Person, people: People) -> None:
    manager = await people("manager")
    lead = (await api.post("/api/leads", json={"email": "eva@firm.example"})).json()["id"]
    fill = """
        INSERT INTO messages (id, lead_id, key, campaign, step, channel, template, state, variant, decided_at, sent_at, opened_at)
        SELECT gen_random_uuid(), :lead, :variant || n, 'c', 0, 'email', 'welcome', 'sent', :variant, now(), now(),
            CASE WHEN n <= :opened THEN now() END FROM generate_series(1, :sent) n"""
    assert "Nothing was sent of it yet." in await seen(manager, "/templates/welcome")
    async with stack.database.connection() as connection:
        for name, sent, opened in (("a", 400, 100), ("b", 400, 160)):
            await connection.execute(text(fill), {"lead": lead, "variant": name, "sent": sent, "opened": opened})
    page = await seen(manager, "/templates/welcome")
    assert "25 % (21 to 29)" in page
    assert "<strong>b is opened more than a: by 8.5 to 21.3 points.</strong>" in page
    assert "/edit" not in page, "a manager reads"
    differences = (await api.get("/api/templates/welcome")).json()["differences"]["email"]
    assert differences["opened"]["best"] == "b"


async def test_other_sites_publish_nothing_and_reps_do_not_find_templates(visitors: Visitors, api: Person) -> None:
    mark, _ = await visitors("marketer")
    manager, _ = await visitors("manager")
    rep, _ = await visitors("rep")
    form = {"channel": "email", "language": "en", "variant": "a", "subject": "S", "body": "x", "active": "yes", "do": "publish"}
    assert (await mark.post(WELCOME, data=form, headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403
    for who in (manager, rep):
        await filled_in(who, WELCOME, 403, **form)
    assert (await api.get("/api/templates/welcome/versions")).json()["items"] == []
    for who, leads_there in ((mark, True), (manager, True), (rep, False)):
        assert ('<a href="/templates"' in await seen(who, "/agreement")) == leads_there
