"""A lead's page and everything that can be done on it, with script and without."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.errors import EngineAway, OutcomeUnknown
from api.services.allowed import Action
from tests.api.forms import CRITERIA, Json, act, arrive, event, look, report, until, work
from tests.board.lead_fixtures import Read, open_page, read, submit
from tests.eventually import eventually
from tests.stack import People, Person, Stack, api, people, stack

pytestmark = pytest.mark.policy("calm")

__all__ = ["api", "people", "stack"]

EVIL = """"'><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 7 }}"""
CHECKED = {"outcome": "qualified", "criteria.budget_usd": "20,000", "criteria.authority": "true", "criteria.need": "true"}


@pytest.fixture
async def rep(people: People) -> Person:
    return await people("rep")


@pytest.fixture
async def marketer(people: People) -> Person:
    return await people("marketer")


@pytest.fixture
async def lead(api: Person) -> Json:
    return await arrive(api, title="Clerk", phone="+49 30 901820", country="Germany", message="Hello\nthere")


async def claim(rep: Person, lead: Json) -> None:
    assert (await act(rep, lead, "claim")).status_code == 200


def trouble(answer: httpx.Response, status: int, action: str) -> Read:
    """A page that says what went wrong, with the action's form open on it."""
    assert answer.status_code == status, answer.text
    page = read(answer)
    assert "open" in page.all("dialog", id=action)[0]
    assert page.all("p", **{"class": "alert"})
    return page


# --- looking --------------------------------------------------------------------------------------------------------


async def test_the_page_says_why_a_rep_got_it_and_why_none_of_the_others(api: Person, people: People, marketer: Person) -> None:
    full = await people("rep", capacity=0)
    waits = await arrive(api, consultation_requested=True)
    await eventually(lambda: look(api, waits), lambda found: found["routing"] is not None)
    page = read(await open_page(marketer, waits))
    assert "No rep is free." in page.text
    assert f"{full.uname} is full: 0 of 0 leads" in page.text
    chosen = await people("rep")
    await until(api, waits, stage="assigned")
    page = read(await open_page(marketer, waits))
    assert "is the only one who is free." in page.text
    assert f"{full.uname} is full: 0 of 0 leads" in page.text
    assert f"Straight to {chosen.uname} (is the only one who is free)" in page.text


async def test_the_page_says_who_they_are_and_how_to_reach_them(rep: Person, lead: Json) -> None:
    answer = await open_page(rep, lead)
    page = read(answer)
    assert page.all("html")
    assert "Ada Zzyzx" in page.text
    assert page.all("a", href=f"mailto:{lead['email']}")
    assert page.all("a", href="tel:+4930901820")
    assert "E-mail: allowed" in page.text
    assert "Text message: not allowed" in page.text
    assert "Nobody has it yet." in page.text
    assert page.form("claim")
    assert "'unsafe" not in answer.headers["content-security-policy"]
    assert not page.all("style")
    assert not [found for _, found in page.tags if "style" in found or any(name.startswith("on") for name in found)]


async def test_a_script_gets_the_drawer_alone_and_the_story_alone(rep: Person, lead: Json) -> None:
    drawer, story = read(await open_page(rep, lead, "drawer")), read(await open_page(rep, lead, "story"))
    assert (len(drawer.all("html")), len(drawer.all("article")), len(drawer.all("ol", **{"class": "story"}))) == (0, 1, 1)
    assert (len(story.all("html")), len(story.all("article")), len(story.all("ol", **{"class": "story"}))) == (0, 0, 1)
    assert lead["id"] in (await open_page(rep, lead, "row")).text


async def test_a_lead_nobody_knows_of_and_one_that_was_erased_are_not_there(api: Person, rep: Person, lead: Json) -> None:
    assert (await open_page(rep, {"id": str(uuid4())})).status_code == 404
    assert (await submit(rep, {"id": str(uuid4())}, "claim")).status_code == 404
    await until(api, lead, tier="low")
    assert (await api.delete(f"/api/leads/{lead['id']}")).status_code == 204
    for part in (None, "drawer", "story", "row"):
        assert (await open_page(rep, lead, part)).status_code == 404


async def test_the_score_is_explained_in_plain_words(api: Person, rep: Person) -> None:
    lead = await arrive(api, title="Vice president", attributes={"employees": 300})
    assert "No score yet." in read(await open_page(rep, lead)).text or (await look(api, lead))["score"] is not None
    await until(api, lead, tier="high")
    page = read(await open_page(rep, lead))
    assert "70 of 100" in page.text
    assert "+100 Vice president in the title: “Vice president”" in page.text
    assert "+40 300 employees" in page.text
    assert "The points table: 140 points, and 200 make a score of 100" in page.text
    assert "A webinar visit would add about 30" in page.text
    assert "no model is in service yet" in page.text


async def test_at_most_five_reasons_are_shown_and_they_add_up(api: Person, rep: Person) -> None:
    lead = await arrive(api, title="Vice president", attributes={"employees": 300})
    did = ("page_view", "pricing_view", "demo_view", "webinar_attended", "whitepaper_download")
    events = [{"id": f"{uuid4()}", "kind": kind, "at": datetime.now(UTC).isoformat(), "lead_id": lead["id"]} for kind in did]
    assert (await api.post("/api/engagements", json={"events": events})).status_code == 202
    assert (await act(api, lead, "rescore")).status_code == 202
    found = await eventually(lambda: look(api, lead), lambda found: found["score"] == 100)
    judged = found["judgement"]
    assert len(found["reasons"]) == 7
    assert (judged["by"], judged["probability"], judged["full"]) == ("points", None, 200)
    assert sum(reason["points"] for reason in found["reasons"]) == pytest.approx(judged["points"], abs=0.5)
    page = read(await open_page(rep, lead))
    assert "+90 Everything else" in page.text
    assert len(page.all("span", **{"class": "worth"})) == 5


async def test_the_account_and_its_other_leads_are_a_click_away(api: Person, rep: Person) -> None:
    domain = f"{uuid4().hex[:8]}.example"
    account = await api.post("/api/accounts", json={"name": "Northwind", "domain": domain, "owner": rep.uid})
    assert account.status_code == 201, account.text
    first, second = await arrive(api, email=f"a@{domain}", first_name="Zoe"), await arrive(api, email=f"b@{domain}")
    stranger = await arrive(api)
    page = read(await open_page(rep, second))
    assert f"Northwind {domain} , named account of you" in page.text
    assert page.all("a", href=f"/leads/{first['id']}")
    assert not page.all("a", href=f"/leads/{stranger['id']}")


async def test_free_mailboxes_do_not_make_colleagues(api: Person, rep: Person) -> None:
    one, other = [await arrive(api, email=f"{uuid4().hex}@gmail.com") for _ in range(2)]
    assert not read(await open_page(rep, one)).all("a", href=f"/leads/{other['id']}")


async def test_the_next_holder_sees_who_had_it_and_what_they_tried(api: Person, rep: Person, people: People, lead: Json) -> None:
    await claim(rep, lead)
    await act(rep, lead, "contact", {"channel": "call", "outcome": "no_answer", "note": "rang twice"})
    await act(rep, lead, "release", {"reason": "on holiday"})
    other = await people("rep")
    page = read(await open_page(other, lead))
    assert f"It came back from {rep.uname}. Last attempt: called, no answer — “rang twice”." in page.text
    assert "on holiday" in page.text
    assert f"{rep.uname} · 0 s · 1 attempt, no answer" in page.text or f"{rep.uname} · 1 s · 1 attempt, no answer" in page.text
    assert f"{rep.uname} handed it back after 1 attempt" in page.text
    assert "You handed it back" in read(await open_page(rep, lead)).text
    await claim(other, lead)
    assert f"{rep.uname} had it before. Last attempt: called, no answer" in read(await open_page(other, lead)).text
    await act(other, lead, "contact", {"channel": "call", "outcome": "reached"})
    assert "had it before." not in read(await open_page(other, lead)).text


async def test_the_story_folds_what_is_small_and_goes_back_as_far_as_it_goes(api: Person, rep: Person, lead: Json) -> None:
    views = [event("page_view", timedelta(minutes=n, seconds=n), lead_id=lead["id"], properties={"page": "/pricing"}) for n in range(1, 6)]
    old = [event("whitepaper_download", timedelta(days=n), lead_id=lead["id"], properties={"title": f"paper {n}"}) for n in range(1, 60)]
    await report(api, *views, *old)
    first = read(await open_page(rep, lead))
    assert "5 page views on /pricing, in 4 min" in first.text
    assert "paper 2" in first.text
    assert "paper 59" not in first.text
    following = first.all("a", **{"data-older": ""})[0]["href"]
    second = read(await rep.get(following, headers={"X-Part": "story"}))
    assert "paper 59" in second.text
    assert not second.all("a", **{"data-older": ""})
    assert {int(number) for number in re.findall(r"paper (\d+)", first.text + second.text)} == set(range(1, 60))
    without_script = read(await rep.get(following))
    assert "Show the newest again" in without_script.text
    everything = read(await open_page(rep, lead, "drawer", events=400))
    assert "paper 59" in everything.text


async def test_a_cursor_that_is_none_is_refused(rep: Person, lead: Json) -> None:
    assert (await open_page(rep, lead, "story", before="nonsense")).status_code == 422


async def test_temporals_own_page_of_the_lead_is_linked(rep: Person, lead: Json, stack: Stack) -> None:
    address = f"{stack.settings.temporal_ui_url}/namespaces/default/workflows/lead-{lead['id']}"
    assert read(await open_page(rep, lead)).all("a", href=address)


# --- doing ----------------------------------------------------------------------------------------------------------

Way = tuple[str, dict[str, Any], str]
"""An action, its form, and the stage it leads to."""
OWNERS: list[Way] = [
    ("contact", {"channel": "call", "outcome": "reached", "note": "nice"}, "working"),
    ("contact", {"channel": "email", "outcome": "no_answer", "note": ""}, "claimed"),
    ("disposition", CHECKED, "qualified"),
    ("disposition", {"outcome": "not_ready", "criteria.budget_usd": "no idea", "amount_usd": "nor here"}, "nurture"),
    ("disposition", {"outcome": "disqualified", "reason": "a student"}, "disqualified"),
    ("release", {"reason": "no time"}, "long_term"),
]


@pytest.mark.parametrize("part", [None, "drawer", "row"])
@pytest.mark.parametrize(("action", "form", "stage"), OWNERS)
async def test_an_owner_works_the_lead(api: Person, rep: Person, lead: Json, action: str, form: Json, stage: str, part: str | None) -> None:
    answer = await submit(rep, lead, "claim", part)
    assert (await look(api, lead))["owner"]["id"] == rep.uid
    answered(answer, lead, part)
    answered(await submit(rep, lead, action, part, **form), lead, part)
    assert (await look(api, lead))["stage"] == stage


def answered(answer: httpx.Response, lead: Json, part: str | None) -> None:
    """Whether a success is answered as who asked wants it."""
    if part is None:
        assert (answer.status_code, answer.headers.get("location")) == (303, f"/leads/{lead['id']}"), answer.text
        return
    assert answer.status_code == 200, answer.text
    page = read(answer)
    assert bool(page.all("article", **{"data-lead": lead["id"]})) == (part == "drawer")
    assert bool(page.all("p", role="status")) == (part == "drawer")
    assert not page.all("dialog", open="")


async def test_a_deal_is_won_with_its_amount(api: Person, rep: Person, lead: Json) -> None:
    await work(rep, lead)
    await act(rep, lead, "disposition", {"outcome": "qualified", "criteria": CRITERIA})
    answered(await submit(rep, lead, "disposition", "drawer", outcome="won", amount_usd="$12,500.50"), lead, "drawer")
    found = await look(api, lead)
    assert (found["stage"], found["amount_usd"]) == ("won", 12500.5)
    assert "Worth $12,500.50" in read(await open_page(rep, lead)).text


@pytest.mark.parametrize("part", [None, "drawer", "row"])
async def test_marketing_holds_resumes_scores_again_and_overrides(
    api: Person, rep: Person, marketer: Person, lead: Json, part: str | None
) -> None:
    ways: list[Way] = [
        ("hold", {"note": "met at a fair"}, "held"),
        ("resume", {}, "new"),
        ("rescore", {}, "new"),
        ("override", {"owner": "", "stage": "nurture", "reason": "odd"}, "nurture"),
        ("override", {"owner": rep.uid, "stage": "", "reason": "knows them"}, "assigned"),
    ]
    for action, form, stage in ways:
        answered(await submit(marketer, lead, action, part, **form), lead, part)
        assert (await look(api, lead))["stage"] == stage


async def test_a_reviewer_reviews_and_a_rep_takes_over(api: Person, rep: Person, marketer: Person, people: People, lead: Json) -> None:
    reviewer, other = await people("reviewer"), await people("rep")
    answered(await submit(marketer, lead, "override", None, stage="review", reason="odd"), lead, None)
    assert "Pass to sales" in read(await open_page(reviewer, lead)).text
    answered(await submit(reviewer, lead, "review", "drawer", outcome="nurture", note="not yet"), lead, "drawer")
    await claim(rep, lead)
    assert "Take over" in read(await open_page(other, lead)).text
    answered(await submit(other, lead, "override", "drawer", reason="on the phone with them"), lead, "drawer")
    assert (await look(api, lead))["owner"]["id"] == other.uid


async def test_erasing_takes_the_address_as_a_confirmation(api: Person, people: People, lead: Json) -> None:
    admin = await people("admin")
    await until(api, lead, tier="low")
    page = trouble(await submit(admin, lead, "erase", confirm="somebody@else.example"), 422, "erase")
    assert page.all("input", name="confirm")[0]["value"] == "somebody@else.example"
    assert (await look(api, lead))["email"]
    gone = await submit(admin, lead, "erase", "drawer", confirm=lead["email"].upper())
    assert (gone.status_code, gone.headers["location"]) == (303, "/")
    assert (await api.get(f"/api/leads/{lead['id']}")).status_code == 404


async def test_the_same_form_sent_twice_is_done_once(api: Person, rep: Person, lead: Json) -> None:
    await claim(rep, lead)
    page = read(await open_page(rep, lead))
    keys = [found["value"] for found in page.all("input", name="key")]
    assert len(set(keys)) == len(keys), "every form has a key of its own"
    form = {"channel": "call", "outcome": "no_answer", "note": "rang", "key": keys[0]}
    for _ in range(2):
        answered(await submit(rep, lead, "contact", **form), lead, None)
    assert len((await look(api, lead))["attempts"]) == 1
    answered(await submit(rep, lead, "contact", **{**form, "key": "another"}), lead, None)
    assert len((await look(api, lead))["attempts"]) == 2


# --- being told no --------------------------------------------------------------------------------------------------


async def test_who_is_too_late_reads_who_has_it_where_the_button_was(api: Person, rep: Person, people: People, lead: Json) -> None:
    other = await people("rep")
    await claim(rep, lead)
    for part in (None, "drawer", "row"):
        answer = await submit(other, lead, "claim", part)
        assert answer.status_code == 409
        assert f"{rep.uname} has this lead since " in read(answer).text
    assert (await look(api, lead))["owner"]["id"] == rep.uid


async def test_what_was_typed_is_kept_when_the_lead_has_moved_on(rep: Person, people: People, lead: Json) -> None:
    await claim(rep, lead)
    other = await people("rep")
    form = {"channel": "meeting", "outcome": "reached", "note": "a long and careful note"}
    for part in (None, "drawer"):
        page = trouble(await submit(other, lead, "contact", part, **form), 409, "contact")
        assert "a long and careful note" in page.text
        assert "checked" in page.all("input", name="channel", value="meeting")[0]
        assert f"{rep.uname} has this lead" in page.text


async def test_the_checklist_marks_what_is_missing_and_keeps_what_is_there(api: Person, rep: Person, lead: Json) -> None:
    await work(rep, lead)
    form = {"outcome": "qualified", "criteria.budget_usd": "5000", "criteria.authority": "true", "criteria.need": "false"}
    page = trouble(await submit(rep, lead, "disposition", "drawer", **form), 409, "disposition")
    assert "Not qualified yet: what the agreement asks for is marked below." in page.text
    assert "budget_usd" not in page.text
    assert "Needed: at least 10,000" in page.text
    assert "Needed: they have the problem that we solve" in page.text
    assert page.all("input", name="criteria.budget_usd")[0]["value"] == "5000"
    marked = {found["name"] for tag, found in page.tags if found.get("aria-invalid")}
    assert marked == {"criteria.budget_usd", "criteria.need"}
    ticked = [found["name"] for found in page.all("input", type="checkbox") if "checked" in found]
    assert ticked == ["criteria.authority"]
    assert (await look(api, lead))["stage"] == "working"


async def test_what_is_known_of_the_criteria_stands_there_already(api: Person, rep: Person, lead: Json) -> None:
    await work(rep, lead)
    answered(await submit(rep, lead, "disposition", **CHECKED), lead, None)
    page = read(await open_page(rep, lead))
    assert page.all("input", name="criteria.budget_usd")[0]["value"] == "20,000"


@pytest.mark.parametrize(
    ("action", "form", "field"),
    [
        ("contact", {"channel": "pigeon", "outcome": "reached", "note": "kept"}, "channel"),
        ("contact", {"channel": "call", "note": "kept"}, "outcome"),
        ("disposition", {"note": "kept"}, "outcome"),
        ("disposition", {"outcome": "disqualified", "reason": "  ", "note": "kept"}, "reason"),
        ("disposition", {"outcome": "qualified", "criteria.budget_usd": "lots", "note": "kept"}, "criteria-budget_usd"),
        ("disposition", {"outcome": "qualified", "criteria.budget_usd": "1e999", "note": "kept"}, "criteria-budget_usd"),
        ("release", {"reason": ""}, "reason"),
        ("override", {"stage": "nowhere", "reason": "kept"}, "stage"),
        ("override", {"owner": "nobody", "reason": "kept"}, "owner"),
    ],
)
async def test_bad_input_is_marked_at_its_field_and_nothing_is_lost(
    api: Person, people: People, lead: Json, action: str, form: Json, field: str
) -> None:
    who = await people("rep", "manager")
    await claim(who, lead)
    before = await look(api, lead)
    for part in (None, "drawer"):
        page = trouble(await submit(who, lead, action, part, **form), 422, action)
        assert page.all("p", **{"class": "wrong"}), page.text
        assert [found for found in page.all("p", **{"class": "wrong"}) if field in found["id"]]
        assert "kept" in page.text or "kept" not in form.values()
    assert (await submit(who, lead, action, "row", **form)).status_code == 422
    after = await look(api, lead)
    told = ("stage", "owner", "attempts", "handbacks", "criteria", "since")
    assert [after[name] for name in told] == [before[name] for name in told]


async def test_a_won_deal_with_an_amount_that_is_none_is_marked(rep: Person, lead: Json) -> None:
    await work(rep, lead)
    answered(await submit(rep, lead, "disposition", **CHECKED), lead, None)
    for amount in ("a fortune", "-5"):
        page = trouble(await submit(rep, lead, "disposition", outcome="won", amount_usd=amount), 422, "disposition")
        assert page.all("input", name="amount_usd")[0]["value"] == amount
        assert page.all("input", name="amount_usd")[0]["aria-invalid"] == "true"


@pytest.mark.parametrize(("failure", "status", "same_key"), [(EngineAway(), 503, True), (OutcomeUnknown(), 504, True)])
async def test_when_the_engine_is_away_the_form_stays_and_can_be_sent_again(
    rep: Person, lead: Json, stack: Stack, monkeypatch: pytest.MonkeyPatch, failure: Exception, status: int, same_key: bool
) -> None:
    await claim(rep, lead)

    async def away(*_: object) -> None:
        raise failure

    monkeypatch.setattr(stack.app.state.wiring.engine, "update", away)
    answer = await submit(rep, lead, "contact", "drawer", channel="call", outcome="reached", note="my note", key="mine")
    page = trouble(answer, status, "contact")
    assert "my note" in page.text
    assert bool(page.all("input", name="key", value="mine")) == same_key
    assert answer.headers.get("retry-after") == ("2" if status == 503 else None)


@pytest.mark.parametrize("action", Action)
async def test_forms_look_at_the_role_before_anything_else(people: People, lead: Json, action: Action) -> None:
    nobody = await people("service")
    assert (await submit(nobody, lead, action, "drawer")).status_code == 403
    assert (await submit(nobody, {"id": "nonsense"}, action)).status_code in (403, 422)


# --- what strangers write -------------------------------------------------------------------------------------------


async def test_whatever_anybody_wrote_is_text(api: Person, people: People) -> None:
    fields = ("first_name", "last_name", "company", "title", "phone", "country", "source", "campaign", "interest", "message")
    written = {name: f"{name} {EVIL}" for name in fields}
    lead = await arrive(api, **written, attributes={f"key {EVIL}": f"value {EVIL}", "list": [EVIL]})
    kinds = event("page_view", lead_id=lead["id"], properties={"title": f"t {EVIL}", f"p {EVIL}": {"deep": f"d {EVIL}"}})
    await report(api, kinds)
    rep = await people("rep", "manager")
    for action, body in (
        ("claim", {}),
        ("contact", {"channel": "call", "outcome": "no_answer", "note": f"note {EVIL}"}),
        ("release", {"reason": f"reason {EVIL}"}),
    ):
        assert (await act(rep, lead, action, body)).status_code == 200
    await act(rep, lead, "claim")
    pages = [await open_page(rep, lead), await open_page(rep, lead, "drawer"), await open_page(rep, lead, "story")]
    pages.append(await submit(rep, lead, "disposition", outcome=EVIL, note=EVIL, reason=EVIL, **{"criteria.budget_usd": EVIL}))
    for answer in pages:
        page = read(answer)
        assert not page.all("img")
        assert {found.get("src", "")[:8] for found in page.all("script")} <= {"/assets/"}
        assert not [found for _, found in page.tags if any(name.startswith("on") for name in found)]
    seen = read(pages[0]).text
    for name in (*fields, "Key", "value", "t", "d", "note", "reason"):
        assert f"{name} {EVIL}" in seen, name
