"""The policy room's pages, as forms that need no script."""

import re

import httpx
import pytest

from tests.browsing import Visitors

pytestmark = pytest.mark.policy("calm", "review: {when: []}")


async def sent(who: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    return await who.post(f"/agreement{path}", data=fields)


async def test_what_was_typed_is_kept_when_it_cannot_be_taken_and_a_stale_base_is_told_once(visitors: Visitors) -> None:
    browser, mara = await visitors("manager", "marketer")
    form = (await browser.get("/agreement/proposals/new")).text
    found = re.search(r'name="based_on" value="(\d+)"', form)
    assert found is not None
    assert found[1] == "1"
    answer = await sent(browser, "/proposals/new", source="deadlines: {contct: 3h}", why="Try <i>this</i>", based_on="1")
    assert answer.status_code == 422
    assert "deadlines.contct: unknown key" in answer.text
    assert "{contct: 3h}" in answer.text
    assert "Try &lt;i&gt;this&lt;/i&gt;" in answer.text
    none = {"document": {"agreement": {"signatures": "none"}, "review": {"when": []}}}
    made = (await mara.put("/api/policy", json=none)).json()
    other, otto = await visitors("marketer")
    await otto.post(f"/api/policy/proposals/{made['id']}/sign", json={})
    await mara.post(f"/api/policy/proposals/{made['id']}/sign", json={"team": "sales"})
    assert (await mara.post(f"/api/policy/proposals/{made['id']}/publish")).json()["state"] == "published"
    text = "agreement: {signatures: none}\nreview: {when: []}\ndeadlines: {contact: 3h}"
    answer = await sent(browser, "/proposals/new", source=text, why="x", based_on="1")
    assert answer.status_code == 409
    assert "Signatures it takes: both → none" in answer.text
    assert 'name="based_on" value="2"' in answer.text
    answer = await sent(browser, "/proposals/new", source=text, why="x", based_on="2")
    assert answer.status_code == 303
    page = (await other.get(answer.headers["location"])).text
    assert "Published: 1 change to version 2" in page
    assert "makes first contact within 3 h" in (await other.get("/agreement")).text
    assert "makes first contact within 24 h" in (await other.get("/agreement/versions/1")).text
    assert "Version 3</a>" in (await other.get("/agreement/versions")).text
    assert (await other.get("/agreement/versions/9")).status_code == 404


async def test_reps_vote_by_typing_and_what_is_no_number_is_said(visitors: Visitors) -> None:
    rep, _ = await visitors("rep")
    answer = await sent(rep, "/votes", **{"vote:implicit/page_view": "4", "vote:implicit/demo_view": "-", "vote:implicit/pricing_view": ""})
    assert answer.status_code == 303
    page = (await rep.get("/agreement/votes")).text
    assert re.search(r'name="vote:implicit/page_view" value="4"', page)
    assert re.search(r'name="vote:implicit/demo_view" value="-"', page)
    answer = await sent(rep, "/votes", **{"vote:implicit/page_view": "lots"})
    assert (answer.status_code, 'value="lots"' in answer.text, "Nothing was saved" in answer.text) == (422, True, True)
    assert (await sent(rep, "/votes/proposal")).status_code == 403
    marketer, _ = await visitors("marketer")
    answer = await sent(marketer, "/votes/proposal")
    assert "Points for each page view" in (await marketer.get(answer.headers["location"])).text


async def test_a_refusal_is_said_on_the_page_and_an_empty_comment_loses_nothing(visitors: Visitors) -> None:
    browser, _ = await visitors("marketer")
    answer = await sent(browser, "/proposals/new", source="max_assignments: 3", why="More tries.", based_on="1")
    path = answer.headers["location"].removeprefix("/agreement")
    refused = await sent(browser, f"{path}/publish")
    assert refused.status_code == 409
    assert "The signature of sales and of marketing is missing." in refused.text
    assert (await sent(browser, f"{path}/comments", body=" ")).status_code == 422
    assert (await sent(browser, f"{path}/withdraw", why="Not now.")).status_code == 303
    page = (await browser.get(f"/agreement{path}")).text
    assert "Not now." in page
    assert "Sign for" not in page
