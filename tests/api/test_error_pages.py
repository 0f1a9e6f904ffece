"""Failures as people see them: a page that says what happened and what to do; programs and scripts keep their problems."""

import httpx
import pytest
from fastapi import FastAPI
from starlette.datastructures import Headers

from api import errors
from api.app import create_app
from api.board.pages import CONTENT_SECURITY_POLICY
from api.board.problem_page import Asked
from models.settings import Settings
from tests.api.test_frame_errors import BROKEN, broken, problem, raised
from tests.browsing import PAGE, Visitors, browser
from tests.stack import Stack

__all__ = ["broken"]
Broken = tuple[FastAPI, httpx.AsyncClient]


def page(answer: httpx.Response, status: int, *words: str) -> str:
    """A whole page with this status, under the board's headers."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert [word for word in words if word not in answer.text] == []
    return answer.text


@pytest.mark.parametrize(
    ("failure", "status", "words"),
    [
        (errors.NotFound("lead"), 404, ["There is nothing here.", "There is no such lead.", "Back to the board"]),
        (errors.Forbidden("It takes the role admin."), 403, ["It takes the role admin.", "ask an admin for the role"]),
        (errors.Conflict("There is one already."), 409, ["There is one already."]),
        (errors.Invalid({"email": "is required"}), 422, ["email is required", "correct it and send it again"]),
        (errors.EngineAway(), 503, ["Nothing is lost", "Try again"]),
        (BROKEN, 503, ["Nothing is lost", "Try again"]),
        (errors.OutcomeUnknown(), 504, ["it may have worked", "Try again"]),
    ],
)
async def test_each_failure_says_what_to_do(broken: Broken, failure: Exception, status: int, words: list[str]) -> None:
    _, client = broken
    client.headers.update(PAGE)
    answer = await raised(broken, failure)
    found = page(answer, status, *words)
    assert ("Try again" in found) == (status >= 500)
    assert ("retry-after" in answer.headers) == (status == 503)
    assert "10.0.0.1" not in found


async def test_what_nobody_expected_is_told_by_its_reference_only(broken: Broken) -> None:
    _, client = broken
    client.headers.update(PAGE)
    answer = await raised(broken, ZeroDivisionError("secret"))
    assert "secret" not in page(answer, 500, "Something went wrong here.", answer.headers["x-request-id"])


async def test_what_was_asked_for_is_shown_as_text(broken: Broken) -> None:
    _, client = broken
    client.headers.update(PAGE)
    found = page(await raised(broken, errors.NotFound('"><script>alert(1)</script>')), 404)
    assert "<script" not in found


async def test_an_address_that_looks_like_another_sites_is_not_linked_to(broken: Broken) -> None:
    app, client = broken

    @app.get("//evil.example/fails")
    async def fail() -> None:
        raise errors.EngineAway

    request = client.build_request("GET", "http://api.example//evil.example/fails", headers=PAGE)
    found = page(await client.send(request), 503)
    assert 'href="//evil' not in found


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", True),
        ("text/html", True),
        ("text/html, */*", True),
        ("application/json, text/html;q=0.9", False),
        ("text/html;q=0.5, application/json", False),
        ("text/html;q=0", False),
        ("text/html;q=x", False),
        ("application/json", False),
        ("*/*", False),
        ("image/avif,image/webp,*/*;q=0.8", False),
        ("", False),
    ],
)
def test_a_page_is_for_who_prefers_one(accept: str, wanted: bool) -> None:
    assert Asked("GET", "/leads", "", Headers({"accept": accept})).by_a_person == wanted


@pytest.mark.parametrize("path", ["/api/nothing", "/problems/nothing", "/assets/nothing"])
async def test_the_api_answers_with_problems_whatever_is_preferred(path: str) -> None:
    transport = httpx.ASGITransport(app=create_app(Settings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://api.example", headers=PAGE) as client:
        problem(await client.get(path), 404, "not-found")


async def test_a_part_of_a_page_fails_with_a_problem(stack: Stack) -> None:
    async with browser(stack, headers={"X-Part": "drawer"}) as script:
        problem(await script.get("/account"), 401, "unauthorized")
        problem(await script.get("/nowhere"), 404, "not-found")


async def test_a_link_in_a_message_that_works_no_more_leads_to_no_board(stack: Stack) -> None:
    async with browser(stack) as stranger:
        found = page(await stranger.get("/u/nonsense"), 404)
    assert "Back to the board" not in found


@pytest.mark.parametrize(
    ("path", "target"),
    [("/account", "/login?next=%2Faccount"), ("/account?a=b&c=//d", "/login?next=%2Faccount%3Fa%3Db%26c%3D%2F%2Fd")],
)
async def test_who_is_not_signed_in_is_sent_to_do_so_and_comes_back(stack: Stack, path: str, target: str) -> None:
    async with browser(stack) as visitor:
        answer = await visitor.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, target)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("referer", "onward"),
    [("http://board.example/account?x=1", "/login?next=%2Faccount"), ("http://evil.example/account", "/login"), ("", "/login")],
)
async def test_a_form_sent_after_the_session_ended_says_so_and_leads_back_to_its_page(stack: Stack, referer: str, onward: str) -> None:
    async with browser(stack) as visitor:
        answer = await visitor.post("/account/password", data={"new": "x"}, headers={"Referer": referer})
    page(answer, 401, "Your session has ended. Nothing was changed", f'href="{onward}"')


async def test_a_request_from_another_site_is_told_as_a_page(visitors: Visitors) -> None:
    visitor, _ = await visitors()
    answer = await visitor.post("/account/sign-out-everywhere", headers={"Sec-Fetch-Site": "cross-site"})
    page(answer, 403, "This did not come from a page of ours.")


async def test_the_docs_load_nothing_from_elsewhere(stack: Stack) -> None:
    async with browser(stack) as visitor:
        found = page(await visitor.get("/docs"), 200)
        assert "https://" not in found
        for path in ("/docs/assets/swagger-ui-bundle.js", "/docs/assets/swagger-ui.css"):
            assert path in found
            assert (await visitor.get(path)).status_code == 200
