"""Both adapters against a server that answers as documented, well and badly."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from activities.crm.configured import configured as crms
from activities.crm.protocol import Crm, CrmError, Trouble
from models.crm import OWN, CrmDeal, CrmName, CrmPage, CrmPerson, Stream, ToWrite
from models.settings import Settings
from tests.crm.conftest import configured
from tests.crm.office import KEY, REFRESH, USERNAME, Office

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
OLD = datetime(2020, 1, 1, tzinfo=UTC)
OURS = dict.fromkeys(OWN, "") | {"stage": "working", "score": "72.5", "mql_at": "2026-03-02T10:00:00Z"}


@pytest.fixture
def settings(office: Office, crm: CrmName) -> Settings:
    """No database is needed here."""
    return configured(Settings(), office, crm, crm_timeout=2)


@pytest.fixture
async def there(settings: Settings, crm: CrmName) -> AsyncIterator[Crm]:
    """The adapter, as a sync opens it."""
    async with crms(settings)[crm]() as found:
        yield found


def lead(number: int, external: str | None = None, **more: object) -> ToWrite:
    own = OURS | {"lead_id": f"lead-{number}"}
    return ToWrite(f"lead-{number}", external, f"o'p{number}@acme.example", own, {"first_name": "Ada"}, **more)  # type: ignore[arg-type]


async def everything(there: Crm, stream: Stream, since: datetime = OLD) -> list[CrmPerson | CrmDeal]:
    found: list[CrmPerson | CrmDeal] = []
    page = CrmPage([], since, "", more=True)
    while page.more:
        page = await there.changed_since(stream, page.since, page.after)
        found += page.records
    return found


async def test_a_person_is_read_with_who_changed_the_owner_and_when(there: Crm, office: Office) -> None:
    anna = office.hire("anna@crm.example")
    record = office.write(None, {"email": "Ada@acme.example", "first_name": "Ada", "title": "CTO", "owner": anna, "stage": "new"})
    [found] = await everything(there, Stream.PEOPLE)
    assert isinstance(found, CrmPerson)
    assert (found.external_id, found.email, found.said) == (record.id, "Ada@acme.example", {"first_name": "Ada", "title": "CTO"})
    assert (found.owner_email, found.owner_by, found.by_person) == ("anna@crm.example", "anna@crm.example", True)
    assert (found.owner_at, found.created_at, found.own["stage"]) == (record.modified, record.created, "new")
    office.write(record, {"owner": ""}, by="robot")
    [found] = await everything(there, Stream.PEOPLE)
    assert isinstance(found, CrmPerson)
    assert (found.owner_id, found.by_person) == ("", False)


async def test_changes_are_read_in_parts_and_none_is_missed_where_many_are_of_the_same_moment(there: Crm, office: Office) -> None:
    office.page = 2
    at = office.tick()
    for number in range(7):
        office.write(None, {"email": f"{number}@acme.example"}, at=at if number < 5 else None)
    found = await everything(there, Stream.PEOPLE)
    assert {one.external_id for one in found} == office.records.keys()
    assert await everything(there, Stream.PEOPLE, office.tick()) == []


async def test_a_deal_that_was_won_or_lost_is_read_with_whose_it_is(there: Crm, office: Office) -> None:
    office.hire("anna@crm.example")
    record = office.write(None, {"email": "ada@acme.example"})
    office.close_deal(record, won=True, amount=1200)
    office.close_deal(record, won=False)
    won, lost = await everything(there, Stream.DEALS)
    assert isinstance(won, CrmDeal) and isinstance(lost, CrmDeal)
    assert (won.person, won.won, won.amount, won.by) == (record.id, True, 1200.0, "anna@crm.example")
    assert (lost.won, lost.amount, won.conclusion != lost.conclusion) == (False, None, True)


async def test_what_is_written_comes_back_as_it_was_and_again_changes_nothing(there: Crm, office: Office) -> None:
    anna = office.hire("anna@crm.example")
    by_hand = office.write(None, {"email": "o'p1@acme.example", "first_name": "Adele"})
    assert await there.find(["o'p1@acme.example", "o'p2@acme.example"]) == {"o'p1@acme.example": by_hand.id}
    orders = [lead(1, by_hand.id, owner=anna), lead(2)]
    first = await there.write(orders)
    again = await there.write(orders)
    assert [one.external_id for one in first] == [one.external_id for one in again]
    assert len(office.records) == 2
    found = {one.external_id: one for one in await everything(there, Stream.PEOPLE) if isinstance(one, CrmPerson)}
    assert all(one.own == OURS | {"lead_id": one.own["lead_id"]} for one in found.values())
    assert (found[by_hand.id].said["first_name"], found[by_hand.id].owner_email) == ("Adele", "anna@crm.example")
    assert found[str(first[1].external_id)].said["first_name"] == "Ada"
    if there.name is CrmName.HUBSPOT:
        assert {one.external_id: one.version for one in again} == {key: one.version for key, one in found.items()}


async def test_nobody_is_written_as_the_owner_of_what_nobody_has(there: Crm, office: Office) -> None:
    record = office.write(None, {"email": "o'p1@acme.example", "owner": office.hire("anna@crm.example")})
    await there.write([lead(1, record.id, owner=there.unowned)])
    [found] = await everything(there, Stream.PEOPLE)
    assert isinstance(found, CrmPerson)
    assert found.owner_id == ""


async def test_one_record_that_is_not_liked_keeps_no_other_from_being_written(there: Crm, office: Office) -> None:
    office.poison = "lead-3"
    there_already = office.write(None, {"email": "o'p0@acme.example"})
    written = {
        one.lead: one for one in await there.write([lead(0, there_already.id), *(lead(number) for number in range(1, 6)), lead(9, "777")])
    }
    assert {key for key, one in written.items() if one.problem == "refused"} == {"lead-3"}
    assert {key for key, one in written.items() if one.gone} == {"lead-9"}
    assert all(one.external_id for key, one in written.items() if key not in {"lead-3", "lead-9"})


async def test_records_are_forgotten_and_one_that_is_gone_is_no_error(there: Crm, office: Office) -> None:
    record = office.write(None, {"email": "ada@acme.example"})
    await there.forget([record.id])
    assert office.records == {}
    await there.forget([record.id])


LIMIT = '[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]'


@pytest.mark.parametrize(
    ("status", "headers", "body", "trouble", "after"),
    [
        (429, {"Retry-After": "7"}, "{}", Trouble.LIMITED, 7),
        (429, {"X-HubSpot-RateLimit-Interval-Milliseconds": "4000"}, "{}", Trouble.LIMITED, 4),
        (429, {"X-HubSpot-RateLimit-Daily-Remaining": "0"}, "{}", Trouble.LIMITED, 3600),
        (429, {"Retry-After": "soon"}, "no json", Trouble.LIMITED, 10),
        (503, {}, "<html>", Trouble.AWAY, None),
        (500, {}, "", Trouble.AWAY, None),
        (200, {}, "<html>", Trouble.MALFORMED, None),
        (200, {}, "[]", Trouble.MALFORMED, None),
        (200, {}, '{"results": null, "records": null}', Trouble.MALFORMED, None),
        (200, {}, '{"results": [{"id": 1}], "records": [{"Id": 1}], "done": true}', Trouble.MALFORMED, None),
        (403, {}, "{}", Trouble.UNAUTHORIZED, None),
        (400, {}, '{"message":"no"}', Trouble.REFUSED, None),
        (301, {"Location": "http://127.0.0.1:9/"}, "", Trouble.MALFORMED, None),
    ],
)
async def test_what_goes_wrong_is_said_in_our_words(
    there: Crm, office: Office, status: int, headers: dict[str, str], body: str, trouble: Trouble, after: float | None
) -> None:
    await there.owners()  # signed in
    office.failures = [(status, headers, body)]
    with pytest.raises(CrmError) as caught:
        await there.changed_since(Stream.PEOPLE, OLD, "")
    assert caught.value.trouble is trouble
    assert caught.value.after == (None if after is None else timedelta(seconds=after))
    assert (await there.changed_since(Stream.PEOPLE, OLD, "")).records == []


async def test_a_crm_that_takes_too_long_or_is_not_there_is_away(office: Office, crm: CrmName) -> None:
    async with crms(configured(Settings(), office, crm, crm_timeout=0.2))[crm]() as slow:
        office.slow = 0.6
        with pytest.raises(CrmError, match="away"):
            await slow.owners()
    office.slow = 0
    nowhere = {"hubspot_url" if crm is CrmName.HUBSPOT else "salesforce_url": "http://127.0.0.1:9"}
    async with crms(configured(Settings(), office, crm, **nowhere))[crm]() as gone:
        with pytest.raises(CrmError, match="away"):
            await gone.owners()


async def test_a_field_of_ours_that_is_not_there_is_for_people_to_mend(there: Crm, office: Office) -> None:
    office.lacks = {"twoway_tier", "Twoway_Tier__c"}
    with pytest.raises(CrmError, match="schema"):
        await there.write([lead(1)])
    assert office.records == {} or there.name is CrmName.SALESFORCE


async def test_wrong_credentials_are_for_people_to_mend(office: Office, crm: CrmName) -> None:
    wrong = configured(Settings(), office, crm, **{"hubspot_token" if crm is CrmName.HUBSPOT else "salesforce_client_secret": "wrong"})
    async with crms(wrong)[crm]() as found:
        with pytest.raises(CrmError, match="unauthorized"):
            await found.owners()


@pytest.mark.parametrize("crm", [CrmName.SALESFORCE], indirect=True)
async def test_a_session_that_is_over_is_begun_anew_once(there: Crm, office: Office) -> None:
    await there.owners()
    office.session = "session-1"
    assert await there.owners() == {}
    office.failures = [(401, {}, '[{"errorCode":"INVALID_SESSION_ID"}]'), (200, {}, "{}")]
    with pytest.raises(CrmError, match="malformed"):  # what came instead of a token
        await there.owners()
    await there.owners()
    office.failures = [(403, {}, LIMIT)]
    with pytest.raises(CrmError, match="limited"):
        await there.owners()


def signing_in(way: str) -> dict[str, object]:
    """Settings for one of the ways into Salesforce."""
    own: dict[str, dict[str, object]] = {
        "client_credentials": {},
        "refresh_token": {"salesforce_refresh_token": REFRESH},
        JWT_BEARER: {"salesforce_private_key": KEY.as_pem(private=True).decode().replace("\n", "\\n"), "salesforce_user": USERNAME},
    }
    return own[way]


@pytest.mark.parametrize("crm", [CrmName.SALESFORCE], indirect=True)
@pytest.mark.parametrize("way", ["client_credentials", "refresh_token", JWT_BEARER])
async def test_every_way_into_salesforce_outlives_a_session_that_ends_in_the_middle(office: Office, crm: CrmName, way: str) -> None:
    office.page = 2
    for number in range(5):
        office.write(None, {"email": f"{number}@acme.example"})
    async with crms(configured(Settings(), office, crm, **signing_in(way)))[crm]() as there:
        page = await there.changed_since(Stream.PEOPLE, OLD, "")
        office.session = "session-1"
        rest = await everything(there, Stream.PEOPLE, page.since)
        assert {one.external_id for one in rest} >= office.records.keys() - {"5000", "5001"}
        assert office.sign_ins == [way, way]
        office.session = "session-2"
        asked = len(office.asked)
        [written] = await there.write([lead(1, "5000")])
        assert (written.problem, [one.split("/")[-1] for one in office.asked[asked:]]) == (None, ["sobjects", "token", "sobjects"])


@pytest.mark.parametrize("crm", [CrmName.SALESFORCE], indirect=True)
@pytest.mark.parametrize(
    "wrong",
    [
        {"salesforce_private_key": RSAKey.generate_key(2048).as_pem(private=True).decode()},
        {"salesforce_user": "somebody@else.example"},
        {"salesforce_audience": "https://test.salesforce.com"},
        {"salesforce_client_id": "another"},
    ],
)
async def test_an_assertion_that_salesforce_does_not_take_is_for_people_to_mend(
    office: Office, crm: CrmName, wrong: dict[str, object]
) -> None:
    async with crms(configured(Settings(), office, crm, **{**signing_in(JWT_BEARER), **wrong}))[crm]() as there:
        with pytest.raises(CrmError, match="unauthorized"):
            await there.owners()


@pytest.mark.parametrize("crm", [CrmName.SALESFORCE], indirect=True)
async def test_a_contact_is_read_and_written_as_a_lead_is_but_for_its_company(office: Office, crm: CrmName) -> None:
    anna = office.hire("anna@crm.example")
    by_hand = office.write(None, {"email": "o'p1@acme.example", "company": "Acme", "country": "DE", "owner": anna})
    async with crms(configured(Settings(), office, crm, salesforce_object="Contact"))[crm]() as there:
        [found] = await there.look([by_hand.id])
        assert (found.said, found.owner_email) == ({"company": "Acme", "country": "DE"}, "anna@crm.example")
        assert await there.find(["o'p1@acme.example"]) == {"o'p1@acme.example": by_hand.id}
        new = ToWrite("lead-2", None, "grace@acme.example", OURS | {"lead_id": "lead-2"}, {"company": "Globex", "country": "FR"})
        first, again = await there.write([lead(1, by_hand.id), new]), await there.write([lead(1, by_hand.id), new])
        assert [(one.external_id, one.problem) for one in first] == [(one.external_id, one.problem) for one in again]
        made = office.records[str(first[1].external_id)].fields
        assert (made["email"], made["country"], made.get("company"), len(office.records)) == ("grace@acme.example", "FR", None, 2)
        office.close_deal(by_hand, won=True, amount=10)
        [deal] = await everything(there, Stream.DEALS)
        assert isinstance(deal, CrmDeal) and (deal.person, deal.won, deal.amount) == (by_hand.id, True, 10.0)
        await there.forget([by_hand.id])
        assert by_hand.id not in office.records


@pytest.mark.parametrize("crm", [CrmName.SALESFORCE], indirect=True)
async def test_a_lead_that_was_converted_is_not_found_and_not_written_any_more(there: Crm, office: Office) -> None:
    record = office.write(None, {"email": "o'p1@acme.example"})
    office.convert(record)
    assert (await there.find(["o'p1@acme.example"]), await there.look([record.id])) == ({}, [])
    [written] = await there.write([lead(1, record.id)])
    assert (written.problem, written.gone, written.again) == ("converted", True, False)


@pytest.mark.parametrize("crm", [CrmName.SALESFORCE], indirect=True)
async def test_a_page_that_salesforce_has_forgotten_is_asked_for_anew(there: Crm, office: Office) -> None:
    office.page = 2
    for number in range(5):
        office.write(None, {"email": f"{number}@acme.example"})
    page = await there.changed_since(Stream.PEOPLE, OLD, "")
    office._pages.clear()
    rest = await there.changed_since(Stream.PEOPLE, page.since, page.after)
    assert len(rest.records) == 2 and rest.more
    assert "query/" in page.after


def test_half_a_crm_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="TWOWAY_SALESFORCE_CLIENT_ID"):
        crms(Settings(salesforce_url="https://ours.example"))
    with pytest.raises(ValueError, match="TWOWAY_SALESFORCE_REFRESH_TOKEN"):
        crms(Settings(salesforce_url="https://ours.example", salesforce_client_id="c"))
    ours = Settings(salesforce_url="https://ours.example", salesforce_client_id="c", salesforce_private_key=SecretStr("no key"))
    with pytest.raises(ValueError, match="TWOWAY_SALESFORCE_USER"):
        crms(ours)
    with pytest.raises(ValueError, match="TWOWAY_SALESFORCE_PRIVATE_KEY cannot be used"):
        crms(ours.model_copy(update={"salesforce_user": USERNAME}))
    public = SecretStr(KEY.as_pem(private=False).decode())
    with pytest.raises(ValueError, match="TWOWAY_SALESFORCE_PRIVATE_KEY cannot be used"):
        crms(ours.model_copy(update={"salesforce_user": USERNAME, "salesforce_private_key": public}))
    with pytest.raises(ValueError, match="TWOWAY_HUBSPOT_PROPERTIES names stag; it can name lead_id, stage"):
        crms(Settings(hubspot_properties={"stag": "our_stage"}))
    assert crms(Settings()) == {}


@pytest.mark.parametrize("crm", [CrmName.HUBSPOT], indirect=True)
async def test_fields_may_be_called_otherwise(office: Office, crm: CrmName) -> None:
    swapped = {"stage": "twoway_tier", "tier": "twoway_stage"}
    async with crms(configured(Settings(), office, crm, hubspot_properties=swapped))[crm]() as found:
        [written] = await found.write([lead(1)])
    fields = office.records[str(written.external_id)].fields
    assert (fields["tier"], fields["stage"]) == ("working", "")
