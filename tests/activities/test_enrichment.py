"""What the form alone tells, and how everything that is known becomes one profile."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from activities.database import Database
from activities.enrichment import EnrichmentActivities
from activities.enrichment.basics import country_code, country_of_phone, domain_of, email_kind, zone_of
from activities.enrichment.naming import called, company_domain, company_of, name_key, same_name
from activities.enrichment.profile import Claim, Said, profile, said_in
from activities.enrichment.provider import Company, Rank, Why
from activities.scoring.facts import facts_of
from models.ids import uuid7
from models.lifecycle import Enrich, Stage
from models.messages import Enriched
from tests.activities.rows import arrive, column, now, order, run, state_of


async def enriched(database: Database, lead: Any) -> tuple[Enriched, dict[str, Any]]:
    answer = await run(EnrichmentActivities(database).enrich, order(lead, Enrich(number=4)))
    return answer, (await column(database, "SELECT enrichment FROM leads WHERE id = :lead", lead=lead))[0]


@pytest.mark.parametrize(
    ("email", "domain"),
    [
        ("Ada@Acme.Example", "acme.example"),
        ("a@b@c.io", "c.io"),
        ("a@acme.io.", "acme.io"),
        ("nobody", None),
        ("a@", None),
        ("", None),
        (None, None),
    ],
)
def test_the_domain_of_an_address(email: str | None, domain: str | None) -> None:
    assert domain_of(email) == domain


@pytest.mark.parametrize(
    ("domain", "kind"),
    [
        ("gmail.com", "free"),
        ("GMX.de", "free"),
        ("mailinator.com", "disposable"),
        ("team.mailinator.com", "disposable"),
        ("acme.example", "company"),
        ("notgmail.com", "company"),
        ("com", "company"),
    ],
)
def test_whose_domain_it_is(domain: str, kind: str) -> None:
    assert email_kind(domain) == kind


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("DE", "DE"),
        ("de", "DE"),
        ("Germany", "DE"),
        (" united  kingdom ", "GB"),
        ("USA", "US"),
        ("South Korea", "KR"),
        ("Atlantis", None),
        ("", None),
        (None, None),
    ],
)
def test_a_country_by_code_or_english_name(written: str | None, code: str | None) -> None:
    assert country_code(written) == code


@pytest.mark.parametrize(
    ("phone", "country", "zone"),
    [
        ("+49 30 901820", None, "Europe/Berlin"),
        ("+1 650 253 0000", None, "America/Los_Angeles"),
        ("+1 650 253 0000", "Germany", "America/Los_Angeles"),
        ("030 901820", "DE", "Europe/Berlin"),
        ("+1 800 253 0000", None, "America/New_York"),
        (None, "Canada", "America/Toronto"),
        (None, "France", "Europe/Paris"),
        (None, "JP", "Asia/Tokyo"),
        ("call me", "Austria", "Europe/Vienna"),
        ("030 901820", None, None),
        ("12", None, None),
        (None, "Atlantis", None),
        (None, None, None),
    ],
)
def test_the_time_zone_of_a_phone_number_or_a_country(phone: str | None, country: str | None, zone: str | None) -> None:
    assert zone_of(phone, country) == zone


@pytest.mark.parametrize(("phone", "country"), [("+44 20 7946 0018", "GB"), ("+1 416 555 0123", "CA"), ("nonsense", None), (None, None)])
def test_the_country_of_a_phone_number(phone: str | None, country: str | None) -> None:
    assert country_of_phone(phone) == country


async def test_form_and_domain_say_who_the_company_is_and_where(database: Database) -> None:
    lead = await arrive(database, email="ada@acme.example", phone="+49 30 901820")
    answer, found = await enriched(database, lead)
    assert answer == Enriched(number=4, ok=True)
    assert {name: value for name, value in found.items() if name != "provenance"} == {
        "domain": "acme.example",
        "email_kind": "company",
        "website": "https://acme.example",
        "country": "DE",
        "timezone": "Europe/Berlin",
        "missing": [],
        "why": {},
    }
    sources = {fact: origin["source"] for fact, origin in found["provenance"].items()}
    assert sources == {
        "domain": "email_domain",
        "email_kind": "email_domain",
        "website": "email_domain",
        "country": "location",
        "timezone": "location",
    }
    assert all(datetime.fromisoformat(origin["at"]) <= now() for origin in found["provenance"].values())


async def test_a_free_mailbox_has_no_website(database: Database) -> None:
    _, found = await enriched(database, await arrive(database, email="ada@gmail.com"))
    assert (found["email_kind"], "website" in found) == ("free", False)


async def test_the_country_of_the_form_counts_before_that_of_the_phone(database: Database) -> None:
    _, found = await enriched(database, await arrive(database, phone="+49 30 901820", country="Austria"))
    assert found["country"] == "AT"


async def test_an_order_carried_out_again_finds_the_same(database: Database) -> None:
    lead = await arrive(database, email="ada@acme.example", phone="+49 30 901820")
    first, again = (await enriched(database, lead))[1], (await enriched(database, lead))[1]
    assert {**again, "provenance": None} == {**first, "provenance": None}


async def test_nothing_is_found_out_about_a_person_who_was_erased_or_never_there(database: Database) -> None:
    erased = await arrive(database, state_of(uuid7(), Stage.ERASED, closed=True, deadline=None), email=None, enrichment={})
    assert await enriched(database, erased) == (Enriched(number=4, ok=False), {})
    assert await run(EnrichmentActivities(database).enrich, order(uuid7(), Enrich(number=4))) == Enriched(number=4, ok=False)


RANKS = {"keyed": Rank.KEYED, "other_keyed": Rank.KEYED, "registry": Rank.REGISTRY, "site": Rank.SITE, "email_domain": Rank.GUESS}


def said(source: str, value: int, *, hours_ago: float = 0, confidence: float = 1.0) -> Said:
    return Said((Claim("employees", value, source, NOW - timedelta(hours=hours_ago), confidence),))


NOW = now()


@pytest.mark.parametrize(
    ("said_by", "believed"),
    [
        ([said("site", 1), said("email_domain", 2)], 1),
        ([said("registry", 1, hours_ago=99), said("site", 2)], 1),
        ([said("registry", 1), said("keyed", 2, hours_ago=99, confidence=0.4)], 2),
        ([said("keyed", 1, hours_ago=48), said("other_keyed", 2, confidence=0.4)], 2),
        ([said("keyed", 1, confidence=0.5), said("other_keyed", 2, confidence=0.6)], 2),
        ([said("unheard of", 1), said("site", 2, hours_ago=9)], 2),
    ],
)
def test_whom_to_believe(said_by: list[Said], believed: int) -> None:
    for parts in (said_by, said_by[::-1]):
        assert profile(parts, RANKS)["employees"] == believed


def test_what_the_form_and_the_attributes_say_goes_before_every_source() -> None:
    found = profile(
        [Said((Claim("employees", 9, "keyed", NOW), Claim("company", "Acme", "keyed", NOW), Claim("title", "VP", "keyed", NOW)))], RANKS
    )
    facts = facts_of({"email": "a@gmail.com", "company": "Ours", "attributes": {"employees": 500}}, found)
    assert (facts["employees"], facts["company"], facts["title"]) == (500, "Ours", "VP")
    assert {"provenance", "missing", "why"}.isdisjoint(facts)


def test_a_profile_says_who_is_missing_and_why() -> None:
    why = {"a": Why.SLOW, "b": Why.FAILED, "c": Why.OVER_BUDGET, "d": Why.NOT_CONFIGURED, "e": Why.NOTHING_FOUND}
    found = profile([Said(why=why)], RANKS)
    assert found["missing"] == ["a", "b", "c"]
    assert found["why"] == {"a": "slow", "b": "failed", "c": "over_budget", "d": "not_configured", "e": "nothing_found"}


def test_a_stored_profile_is_read_back_by_source_and_an_old_one_too() -> None:
    stored = profile([said("site", 7, confidence=0.9), Said(why={"registry": Why.SLOW})], RANKS)
    assert profile([said_in(stored, ["site", "registry"])], RANKS) == stored
    old = {"employees": 5, "provenance": {"employees": {"source": "site", "at": NOW.isoformat()}}, "missing": []}
    assert said_in(old, ["site"]).claims == (Claim("employees", 5, "site", NOW),)
    assert said_in(old, ["registry"]).claims == ()


@pytest.mark.parametrize(
    ("written", "domain"),
    [
        ("acme.com", "acme.com"),
        ("https://www.Acme.com/about?x#y", "acme.com"),
        ("mail.acme.co.uk", "acme.co.uk"),
        ("eu.sales.acme.com", "acme.com"),
        ("acme.github.io", "acme.github.io"),
        ("https://www.shop.acme.com.au/", "acme.com.au"),
        ("co.uk", None),
        ("github.io", None),
        ("mail.gmail.com", None),
        ("www.de", "www.de"),
        ("bücher.de", "xn--bcher-kva.de"),
        ("gmail.com", None),
        ("mailinator.com", None),
        ("acme.example", None),
        ("example.com", None),
        ("printer.local", None),
        ("localhost", None),
        ("10.0.0.1", None),
        ("http://[::1]/", None),
        ("http://[broken", None),
        ("", None),
        (f"{'a' * 70}.com", None),
    ],
)
def test_a_domain_that_may_be_a_companys(written: str, domain: str | None) -> None:
    assert company_domain(written) == domain


@pytest.mark.parametrize(
    ("person", "key"),
    [
        ({"email": "a@acme.com", "company": "Acme"}, "acme.com"),
        ({"email": "a@gmail.com", "domain": "acme.io", "company": "Acme"}, "acme.io"),
        ({"email": "a@gmail.com", "company": " Acme  Inc. "}, "Acme Inc."),
        ({"email": "a@mailinator.com", "company": "Acme"}, "Acme"),
        ({"email": "a@gmail.com"}, None),
        ({"email": "a@gmail.com", "company": "!!"}, None),
        ({"email": "a@acme.example", "company": "Acme"}, None),
    ],
)
def test_which_company_a_lead_is_of(person: dict[str, Any], key: str | None) -> None:
    found = company_of(person)
    assert (found and (found.domain or found.name)) == key


@pytest.mark.parametrize(
    ("company", "name"),
    [
        (Company("acme.com", "Acme Inc."), "Acme Inc."),
        (Company("acme-rockets.com", "Acme"), "Acme"),
        (Company("acme.com", "Apple"), None),
        (Company("acme.com", "A"), None),
        (Company("acme.com", "Apple", known={"company": "Acme"}), "Acme"),
        (Company(None, "Apple"), "Apple"),
        (Company("acme.com", None), None),
    ],
)
def test_a_name_somebody_typed_is_not_taken_for_the_companys(company: Company, name: str | None) -> None:
    assert called(company) == name


def test_a_companys_name_without_what_differs_by_who_writes_it() -> None:
    assert name_key("  ACME, Inc.") == name_key("Acme") == "acme"
    assert same_name("Société Générale SA", "societe generale")
    assert same_name("Data Dog", "Datadog, Inc.")
    assert not same_name("Acme", "Acme Bakery")
    assert not same_name("!", "?")
    assert name_key("Group Holding") == "group holding"
