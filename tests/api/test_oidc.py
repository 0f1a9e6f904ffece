"""Signing in by the company's provider: whom it vouches for gets in, and nothing that does not fit together does."""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import OctKey, RSAKey
from pydantic import SecretStr

from api.app import create_app
from api.auth import COOKIE
from api.services import provider
from api.services.provider import COOKIE as LUGGAGE
from models.settings import Settings
from tests.browsing import browser, log_in, set_password
from tests.company import CLIENT, SECRET, Company, company_on_a_free_port
from tests.stack import People, Person, Stack


@pytest.fixture
def company() -> Iterator[Company]:
    with company_on_a_free_port() as found:
        yield found


@pytest.fixture
def settings(settings: Settings, company: Company) -> Settings:
    """Settings of a program that knows the company."""
    named = {"oidc_issuer": company.issuer, "oidc_client_id": CLIENT, "oidc_client_secret": SecretStr(SECRET), "oidc_name": "Acme"}
    return settings.model_copy(update=named)


@pytest.fixture
async def kim(people: People, company: Company) -> Person:
    """Somebody the company knows by the address they have here."""
    found = await people("rep")
    company.email = f"{found.uname}@team.example"
    return found


async def at_the_company(visitor: httpx.AsyncClient, onward: str = "/") -> str:
    """Set out, sign in there, and be told where to come back to."""
    leaving = await visitor.get("/login/provider", params={"next": onward})
    assert leaving.status_code == 303, leaving.text
    async with httpx.AsyncClient() as window:
        there = await window.get(leaving.headers["location"])
    assert there.status_code == 302, there.text
    back: str = there.headers["location"]
    return back


async def there_and_back(visitor: httpx.AsyncClient, onward: str = "/") -> httpx.Response:
    return await visitor.get(await at_the_company(visitor, onward))


def refused(answer: httpx.Response, status: int, words: str) -> None:
    """Nobody was signed in, the page says why, and one can try again."""
    assert answer.status_code == status, answer.text
    assert words in answer.text
    assert COOKIE not in answer.cookies
    assert 'href="/login/provider?next=/"' in answer.text


async def test_whom_the_company_vouches_for_is_signed_in_and_goes_where_they_wanted(stack: Stack, kim: Person) -> None:
    async with browser(stack) as visitor:
        answer = await there_and_back(visitor, "/leads/7")
        assert (answer.status_code, answer.headers["location"]) == (303, "/leads/7")
        assert (await visitor.get("/api/users/me")).json()["id"] == kim.uid
        assert LUGGAGE not in visitor.cookies


async def test_the_login_page_offers_it_and_keeps_where_one_wanted_to_go(stack: Stack) -> None:
    async with browser(stack) as visitor:
        page = (await visitor.get("/login", params={"next": "/leads/7?a=1&b=2"})).text
    assert "Sign in with Acme" in page
    assert 'href="/login/provider?next=/leads/7%3Fa%3D1%26b%3D2"' in page


async def test_the_request_has_pkce_state_and_nonce_and_its_cookie_is_short_lived(stack: Stack) -> None:
    async with browser(stack) as visitor:
        leaving = await visitor.get("/login/provider")
    asked = parse_qs(urlsplit(leaving.headers["location"]).query)
    assert asked["redirect_uri"] == ["http://board.example/login/provider/back"]
    assert asked["code_challenge_method"] == ["S256"]
    assert min(len(asked[name][0]) for name in ("state", "nonce", "code_challenge")) >= 20
    kept = leaving.headers["set-cookie"].lower()
    assert all(part in kept for part in ("httponly", "samesite=lax", "path=/login/provider", "max-age=600"))


async def test_it_never_leads_to_another_site(stack: Stack, kim: Person) -> None:
    async with browser(stack) as visitor:
        assert (await there_and_back(visitor, "//evil.example")).headers["location"] == "/"


async def test_the_address_may_be_spelt_in_another_case_there(stack: Stack, kim: Person, company: Company) -> None:
    company.email = f"{kim.uname.upper()}@Team.Example"
    async with browser(stack) as visitor:
        assert (await there_and_back(visitor)).status_code == 303


async def test_who_is_nobody_here_is_told_whom_to_ask(stack: Stack, company: Company) -> None:
    company.email = "stranger@team.example"
    async with browser(stack) as visitor:
        refused(await there_and_back(visitor), 403, "Ask an admin to add you")


async def test_who_was_deactivated_here_stays_out(stack: Stack, api: Person, kim: Person) -> None:
    assert (await api.patch(f"/api/users/{kim.uid}", json={"active": False})).status_code == 200
    async with browser(stack) as visitor:
        refused(await there_and_back(visitor), 403, "Ask an admin to add you")


@pytest.mark.parametrize("verified", [False, None, "false", "", 0])
async def test_an_address_nobody_verified_signs_nobody_in(stack: Stack, kim: Person, company: Company, verified: object) -> None:
    company.verified = verified
    async with browser(stack) as visitor:
        refused(await there_and_back(visitor), 403, "has not verified")


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"exp": 1},
        {"exp": int(time.time()) - 61},
        {"aud": "another client"},
        {"aud": ["another client"], "azp": CLIENT},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"iss": "http://evil.example"},
        {"iat": int(time.time()) + 3600},
        {"at_hash": "not the hash"},
    ],
)
async def test_a_token_that_is_not_for_us_or_not_for_now_is_refused(
    stack: Stack, kim: Person, company: Company, claims: dict[str, Any]
) -> None:
    company.claims = claims
    async with browser(stack) as visitor:
        refused(await there_and_back(visitor), 403, "not for us, or too old")


async def test_a_token_signed_by_somebody_else_is_refused(stack: Stack, kim: Person, company: Company) -> None:
    company.signed_with = RSAKey.generate_key(2048)
    async with browser(stack) as visitor:
        refused(await there_and_back(visitor), 403, "not for us")


async def test_a_token_signed_with_the_shared_secret_is_refused(stack: Stack, kim: Person, company: Company) -> None:
    company.signed_with = OctKey.import_key(SECRET)
    company.metadata = {"id_token_signing_alg_values_supported": ["HS256", "none", "RS256"]}
    async with browser(stack) as visitor:
        refused(await there_and_back(visitor), 403, "not for us")


async def test_new_keys_of_the_company_are_fetched(stack: Stack, kim: Person, company: Company) -> None:
    async with browser(stack) as visitor:
        assert (await there_and_back(visitor)).status_code == 303
        company.change_keys()
        assert (await there_and_back(visitor)).status_code == 303


async def test_an_answer_to_another_question_is_refused(stack: Stack, kim: Person, company: Company) -> None:
    async with browser(stack) as visitor:
        await at_the_company(visitor)
        refused(await visitor.get("/login/provider/back", params={"code": "c", "state": "another"}), 403, "not for us")
        refused(await visitor.get("/login/provider/back"), 403, "took too long, or began in another browser")
    assert company.seen == []


async def test_nobody_finishes_what_began_in_another_browser(stack: Stack, kim: Person) -> None:
    async with browser(stack) as attacker, browser(stack) as victim:
        back = await at_the_company(attacker)
        refused(await victim.get(back), 403, "began in another browser")
        await at_the_company(victim)
        refused(await victim.get(back), 403, "not for us")


async def test_a_cookie_that_was_altered_or_is_too_old_is_refused(stack: Stack, kim: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    async with browser(stack) as visitor:
        back = await at_the_company(visitor)
        altered = visitor.cookies[LUGGAGE][:-2] + "xx"
        async with browser(stack, cookies={LUGGAGE: altered}) as other:
            refused(await other.get(back), 403, "took too long")
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + provider.LASTS + 1)
        refused(await visitor.get(back), 403, "took too long")


async def test_an_answer_signs_in_once(stack: Stack, kim: Person) -> None:
    async with browser(stack) as visitor:
        back = await at_the_company(visitor)
        kept = visitor.cookies[LUGGAGE]
        assert (await visitor.get(back)).status_code == 303
        async with browser(stack, cookies={LUGGAGE: kept}) as second:
            refused(await second.get(back), 403, "not for us")


async def test_who_says_no_at_the_company_is_not_signed_in(stack: Stack, kim: Person, company: Company) -> None:
    company.denied = True
    async with browser(stack) as visitor:
        refused(await there_and_back(visitor), 403, "Acme did not sign you in")


async def test_an_address_that_is_told_apart_from_the_token_counts_if_it_is_the_same_persons(
    stack: Stack, kim: Person, company: Company
) -> None:
    told = {"sub": "42", "email": company.email, "email_verified": True}
    company.email = None
    async with browser(stack) as visitor:
        company.in_userinfo = {**told, "sub": "another"}
        refused(await there_and_back(visitor), 403, "did not tell your e-mail address")
        company.in_userinfo = told
        assert (await there_and_back(visitor)).status_code == 303


@pytest.mark.parametrize("broken", ["no JSON", "{}", '{"issuer": "http://evil.example"}'])
async def test_a_provider_that_answers_nonsense_counts_as_away_until_it_is_mended(
    stack: Stack, kim: Person, company: Company, broken: str
) -> None:
    company.broken = broken
    async with browser(stack) as visitor:
        refused(await visitor.get("/login/provider"), 503, "Acme does not answer just now")
        company.broken = None
        assert (await there_and_back(visitor)).status_code == 303


async def test_another_companys_word_is_not_taken(stack: Stack, kim: Person, company: Company) -> None:
    company.metadata = {"issuer": "http://evil.example"}
    async with browser(stack) as visitor:
        refused(await visitor.get("/login/provider"), 503, "does not answer")
        company.metadata = {}
        assert (await there_and_back(visitor)).status_code == 303


async def test_with_the_provider_down_the_page_says_so_and_passwords_still_work(stack: Stack, people: People) -> None:
    kim = await people("rep")
    await set_password(stack, kim.uid)
    stack.settings.oidc_issuer = "http://127.0.0.1:9"
    app = create_app(stack.settings)
    async with app.router.lifespan_context(app), browser(Stack(app, stack.client, stack.database, stack.settings)) as visitor:
        assert (await visitor.get("/login")).status_code == 200
        refused(
            await visitor.get("/login/provider"),
            503,
            "Acme does not answer just now. Try again in a moment, or sign in with your password.",
        )
        assert (await log_in(visitor, kim.uname)).status_code == 303


async def test_a_provider_that_goes_away_in_between_is_told_from_one_that_refuses(
    people: People, stack: Stack, company: Company, kim: Person
) -> None:
    company.metadata = {"token_endpoint": "http://127.0.0.1:9/token"}
    async with browser(stack) as visitor:
        refused(await there_and_back(visitor), 503, "does not answer")


async def test_the_cookies_travel_over_https_only_behind_https(stack: Stack, kim: Person) -> None:
    stack.app.state.wiring.settings.public_url = "https://board.example"
    async with browser(stack) as visitor:
        assert "; secure" in (await visitor.get("/login/provider")).headers["set-cookie"].lower()


def test_half_a_provider_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="TWOWAY_OIDC_CLIENT_SECRET and TWOWAY_SECRET_KEY must be set"):
        provider.configured(Settings(oidc_issuer="https://login.example", oidc_client_id="x"))
