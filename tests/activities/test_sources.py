"""Every source against a server that answers as it documents, and that fails in every way."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from activities.enrichment.cleaning import cleaned
from activities.enrichment.provider import Answer, Company, News, SignalKind
from activities.enrichment.sources import SOURCES, checked
from activities.enrichment.sources.hunter import Hunter, HunterPerson
from activities.enrichment.sources.people_data_labs import PeopleDataLabs
from activities.enrichment.sources.site import facts_of_page
from activities.enrichment.sources.words import kind_of, names
from activities.enrichment.web import Kind, Trouble, Web, retry_after
from activities.outward import Document, Guard, Outward
from tests.activities.providers import FRONT, KEY, ROOTS, Providers, providers

ACME = Company("acme.com", "Acme Inc.", "GB")
ADA = {"email": "ada@acme.com", "first_name": "Ada"}


@pytest.fixture(scope="module")
async def world() -> AsyncIterator[Providers]:
    async with providers() as found:
        yield found


def made(world: Providers, name: str, **more: Any) -> Any:
    kind = next(source for source in SOURCES if source.name == name)
    return kind(world.settings(kind, **more), world.web())


WELL: dict[str, tuple[dict[str, Any], list[SignalKind]]] = {
    "site": (
        {
            "company": "Acme",
            "site_title": "Acme — rockets",
            "description": "Rockets for everybody.",
            "careers_page": "https://boards.greenhouse.io/acmejobs",
            "greenhouse_board": "acmejobs",
            "technologies": ["WordPress", "HubSpot", "Cloudflare", "PHP"],
        },
        [],
    ),
    "greenhouse": ({"open_roles": 2, "hiring": True}, [SignalKind.HIRING]),
    "lever": ({"open_roles": 1, "hiring": True}, [SignalKind.HIRING]),
    "gdelt": ({}, [SignalKind.FUNDING]),
    "edgar": ({"ticker": "ACME", "company": "Acme Inc", "industry": "Guided Missiles"}, [SignalKind.LEADERSHIP]),
    "wikidata": (
        {
            "company": "Acme",
            "website": "https://www.acme.com",
            "employees": 250,
            "founded": 1994,
            "company_country": "DE",
            "industry": "aerospace",
        },
        [],
    ),
    "companies_house": (
        {"company": "Acme Limited", "company_number": "00445790", "company_country": "GB", "company_status": "active", "founded": 1947},
        [SignalKind.LEADERSHIP],
    ),
    "people_data_labs": (
        {
            "company": "Acme",
            "website": "https://acme.com",
            "employees": 300,
            "founded": 1994,
            "industry": "aerospace",
            "funding_usd": 5e7,
            "funding_stage": "series_b",
            "company_country": "US",
        },
        [SignalKind.FUNDING],
    ),
    "people_data_labs_person": (
        {"title": "vp of sales", "department": "sales", "seniority": "vp", "company": "Acme", "linkedin": "https://linkedin.com/in/ada"},
        [],
    ),
    "apollo": (
        {
            "company": "Acme",
            "website": "http://www.acme.com",
            "employees": 280,
            "industry": "aviation",
            "company_country": "DE",
            "technologies": ["Okta"],
        },
        [SignalKind.FUNDING],
    ),
    "apollo_person": ({"title": "VP Sales", "seniority": "vp", "department": "sales", "company": "Acme"}, []),
    "hunter": (
        {
            "company": "Acme",
            "description": "Rockets",
            "founded": 1994,
            "industry": "Aerospace",
            "employees": 201,
            "company_country": "DE",
            "technologies": ["okta"],
        },
        [],
    ),
    "hunter_person": ({"title": "VP Sales", "seniority": "executive", "department": "sales", "company": "Acme"}, []),
}


@pytest.mark.parametrize("name", [source.name for source in SOURCES])
async def test_what_a_source_knows(world: Providers, name: str) -> None:
    source = made(world, name)
    found = await source.ask(ADA if source.about == "person" else ACME)
    facts, kinds = WELL[name]
    own = {fact: value for fact, value in found.facts.items() if not (name == "site" and fact == "website")}
    assert (own, [news.kind for news in found.news]) == (facts, kinds)
    assert 0.5 <= found.confidence <= 1
    assert all(news.at <= datetime.now(UTC) and news.title for news in found.news)
    assert "Twoway test (ops@ours.example)" in world.agents or name == "site"


async def test_keys_are_sent_the_way_each_wants_them(world: Providers) -> None:
    for name in ("companies_house", "hunter", "apollo", "people_data_labs"):
        await made(world, name).ask(ACME)
    assert world.secrets == {KEY, httpx.BasicAuth(KEY, "")._auth_header}


FAILURES = {"limited": Kind.LIMITED, "server": Kind.SERVER, "refused": Kind.REFUSED, "malformed": Kind.CHANGED, "changed": Kind.CHANGED}
ANSWERING_JSON = [source.name for source in SOURCES if source.name != "site"]


@pytest.mark.parametrize("mode", FAILURES)
@pytest.mark.parametrize("name", ANSWERING_JSON)
async def test_each_way_to_fail_is_told_apart(world: Providers, name: str, mode: str) -> None:
    source = made(world, name)
    with world.failing(source.settled_as(), mode), pytest.raises(Trouble) as found:
        await source.ask(ADA if source.about == "person" else ACME)
    assert (found.value.kind, found.value.after) == (FAILURES[mode], 120.0 if mode == "limited" else None)
    assert "ada" not in str(found.value).lower()
    assert "acme" not in str(found.value).lower()


@pytest.mark.parametrize("name", ANSWERING_JSON)
async def test_somebody_unknown_is_a_result(world: Providers, name: str) -> None:
    source = made(world, name)
    with world.failing(source.settled_as(), "nothing"):
        assert await source.ask(ADA if source.about == "person" else ACME) is None


@pytest.mark.parametrize("name", [source.name for source in SOURCES])
async def test_a_broken_tls_connection(world: Providers, name: str) -> None:
    source = made(world, name)
    source.address = source.address.replace("http:", "https:")
    if hasattr(source, "_lists"):
        source._lists = source._lists.replace("http:", "https:")
    with pytest.raises(Trouble) as found:
        await source.ask(ADA if source.about == "person" else ACME)
    assert found.value.kind is Kind.BROKEN


@pytest.mark.parametrize(("mode", "kind"), [("limited", Kind.LIMITED), ("server", Kind.SERVER)])
async def test_a_site_that_is_down(world: Providers, mode: str, kind: Kind) -> None:
    with world.failing("site", mode), pytest.raises(Trouble) as found:
        await made(world, "site").ask(ACME)
    assert found.value.kind is kind


async def test_a_site_that_is_no_page_tells_nothing(world: Providers) -> None:
    for mode in ("malformed", "nothing", "refused"):
        with world.failing("site", mode):
            assert await made(world, "site").ask(ACME) is None


async def test_a_connection_that_says_nothing_is_slow(world: Providers) -> None:
    web = world.new_web()
    web._client.timeout = httpx.Timeout(0.05)
    with world.failing("hunter", "slow"), pytest.raises(Trouble) as found:
        await Hunter(world.settings(Hunter), web).ask(ACME)
    assert found.value.kind is Kind.SLOW
    await web.close()


async def test_a_name_nobody_resolves_means_that_the_network_is_gone(world: Providers) -> None:
    with pytest.raises(Trouble) as found:
        await Hunter(world.settings(Hunter, url="http://nobody.invalid"), world.web()).ask(ACME)
    assert found.value.kind is Kind.AWAY


async def test_hunter_says_with_403_that_we_ask_too_fast() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(403, headers={"Retry-After": "7"}))
    state = Providers("http://hunter.example")
    web = Web(Outward(Guard(verify=ROOTS)), "Twoway", httpx.AsyncClient(transport=transport))
    with pytest.raises(Trouble) as found:
        await Hunter(state.settings(Hunter), web).ask(ACME)
    assert (found.value.kind, found.value.after) == (Kind.LIMITED, 7.0)
    await web.close()


async def test_somebody_who_does_not_want_to_be_told_of_is_nobody() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(451, json={"errors": [{"id": "claimed_email", "code": 451}]}))
    state = Providers("http://hunter.example")
    web = Web(Outward(Guard(verify=ROOTS)), "Twoway", httpx.AsyncClient(transport=transport))
    assert await HunterPerson(state.settings(HunterPerson), web).ask(ADA) is None
    await web.close()


@pytest.mark.parametrize(("said", "at"), [("2024-05-06", (2024, 5, 6)), ("2024-05", (2024, 5, 1)), ("2024", None), ("", None)])
async def test_people_data_labs_dates_are_as_exact_as_it_knows_them(said: str, at: tuple[int, int, int] | None) -> None:
    told = {"status": 200, "likelihood": 8, "display_name": "Acme", "last_funding_date": said, "latest_funding_stage": "series_b"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=told))
    state = Providers("http://pdl.example")
    web = Web(Outward(Guard(verify=ROOTS)), "Twoway", httpx.AsyncClient(transport=transport))
    found = await PeopleDataLabs(state.settings(PeopleDataLabs), web).ask(ACME)
    assert found is not None and found.facts == {"company": "Acme", "funding_stage": "series_b"}
    assert [(news.at.year, news.at.month, news.at.day) for news in found.news] == ([at] if at else [])
    await web.close()


def test_retry_after_is_seconds_or_a_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert 80 < (retry_after({"retry-after": soon}) or 0) <= 90
    assert retry_after({"retry-after": "Sat, 01 Jan 2000 00:00:00 GMT"}) == 0
    assert [retry_after({"retry-after": said}) for said in ("30", "", "soon", "-5", "99999999")] == [30, None, None, None, 86400]


async def test_only_a_board_of_the_companys_own_counts_as_sure(world: Providers) -> None:
    source = made(world, "greenhouse")
    guessed = await source.ask(ACME)
    linked = await source.ask(Company("acme.com", None, known={"greenhouse_board": "acmejobs"}))
    assert guessed.confidence < linked.confidence
    assert linked.news[0].url == "https://boards.greenhouse.io/acmejobs"
    assert await source.ask(Company(None, "A")) is None


async def test_wikidata_places_a_name_and_believes_no_other_companys_site(world: Providers) -> None:
    source = made(world, "wikidata")
    by_name = await source.ask(Company(None, "ACME, Inc."))
    assert (by_name.facts["website"], by_name.confidence) == ("https://www.acme.com", 0.85)
    assert await source.ask(Company("acme.io", "Acme")) is None
    assert await source.ask(Company(None, "Acme Bakery")) is None


async def test_the_register_of_one_country_is_not_asked_about_others(world: Providers) -> None:
    source = made(world, "companies_house")
    before = world.counted("companies_house")
    assert await source.ask(Company("acme.com", "Acme", "DE")) is None
    assert world.counted("companies_house") == before


async def test_the_list_of_the_listed_is_read_once(world: Providers) -> None:
    source = made(world, "edgar")
    world.calls["edgar"].clear()
    await asyncio.gather(*(source.ask(Company(None, f"Somebody Else {n}")) for n in range(5)))
    assert world.counted("edgar") == 1


@pytest.mark.parametrize(
    ("headline", "kind"),
    [
        ("Acme raises $40 million in Series B", SignalKind.FUNDING),
        ("Acme secures €3m seed funding", SignalKind.FUNDING),
        ("Acme to create 300 jobs in Leeds", SignalKind.HIRING),
        ("Acme opens new office in Berlin", SignalKind.EXPANSION),
        ("Acme acquires Initech", SignalKind.EXPANSION),
        ("Acme names Jane Roe as chief financial officer", SignalKind.LEADERSHIP),
        ("Acme CEO steps down", SignalKind.LEADERSHIP),
        ("Ten rockets we liked", None),
        ("Acme raises eyebrows", None),
    ],
)
def test_what_kind_of_news_a_headline_is(headline: str, kind: SignalKind | None) -> None:
    assert kind_of(headline) is kind


def test_an_answer_may_hold_anything_and_is_stored_all_the_same() -> None:
    old = datetime.min.replace(tzinfo=UTC)
    facts = {
        "a": "x\0y\ud800\n z",
        "b": float("nan"),
        "c": float("inf"),
        "d": 10**400,
        "e": "\0",
        "f": ["\0", "ok"],
        "g": "w" * 9999,
        "h": True,
    }
    news = (
        News(SignalKind.FUNDING, old, "a\0b", "javascript:alert(1)"),
        News(SignalKind.HIRING, datetime.now(UTC) + timedelta(days=9), "t\ud800", "https://x.example/\0", key="\ud800k"),
        News(SignalKind.HIRING, old, "\0"),
        News(SignalKind.HIRING, old, "linked", "https://x.example/a"),
    )
    clean = cleaned(Answer(facts, news, 7.0))  # type: ignore[arg-type]
    assert clean.facts == {"a": "x y z", "f": ["ok"], "g": "w" * 499 + "…", "h": True}
    assert [(item.title, item.url) for item in clean.news] == [("a b", None), ("t", None), ("linked", "https://x.example/a")]
    assert all(item.key.encode() and item.at <= datetime.now(UTC) for item in clean.news)
    assert (clean.confidence, clean.news[0].at.year) == (1.0, 1970)


def test_a_headline_names_a_company_by_whole_words() -> None:
    assert names("ACME raises money", "Acme Inc.")
    assert not names("Acmetric raises money", "Acme")


def test_a_broken_page_is_read_as_far_as_it_goes() -> None:
    page = Document(
        httpx.URL("https://acme.com/"), 200, httpx.Headers(), "<title>A<p><a href='http://[broken'>jobs</a><meta content=x><title>"
    )
    assert facts_of_page(page)["website"] == "https://acme.com"
    hostile = "<a " * 20_000 + "<" * 20_000
    facts_of_page(Document(httpx.URL("https://acme.com/"), 200, httpx.Headers(), hostile + FRONT))  # ends at all


def test_settings_of_a_source_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOWAY_HUNTER_KEY", "k")
    monkeypatch.setenv("TWOWAY_HUNTER_CENTS_A_DAY", "7")
    found = checked()["hunter"]
    assert (found.key.get_secret_value(), found.cents_a_day, checked()["apollo"].key.get_secret_value()) == ("k", 7, "")
    monkeypatch.setenv("TWOWAY_GDELT_PER_MINUTE", "-1")
    with pytest.raises(ValueError, match="TWOWAY_GDELT_PER_MINUTE"):
        checked()
