"""Leads and a CRM's records, kept the same from both sides."""

import asyncio
import random
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.crm import store
from models.crm import CrmName, CrmOrder, Stream
from models.locks import LAND_LOCK
from tests.crm.office import Office, Record
from tests.crm.syncing import Sync
from tests.eventually import eventually
from tests.stack import People, Person, Stack

pytestmark = pytest.mark.policy("calm")
KINDS = ("arrive", "claim", "contact", "override", "new", "own", "edit", "stage", "robot", "deal", "sync", "pull", "push")
CRITERIA = {"budget_usd": 50000, "authority": True, "need": True, "timeline_days": 30}


@pytest.fixture(autouse=True)
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here a sync is taken step by step, so the program beside it lands nothing by itself."""
    monkeypatch.setattr("api.services.crm.run.configured", lambda _: ())


@pytest.fixture
async def sync(stack: Stack, office: Office, crm: CrmName) -> Sync:
    found = Sync(stack, office, crm)
    await found.pull()
    return found


async def arrived(api: Person, email: str, **more: object) -> str:
    answer = await api.post("/api/leads", json={"email": email, "source": "web", **more})
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["id"])


async def look(api: Person, lead: str) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get(f"/api/leads/{lead}")).json()
    return found


async def the_one(api: Person) -> dict[str, Any]:
    [found] = (await api.get("/api/leads")).json()["items"]
    return await look(api, found["id"])


async def qualified(api: Person, rep: Person, email: str) -> str:
    lead = await arrived(api, email)
    for path, body in (
        ("claim", {}),
        ("contact", {"channel": "call", "outcome": "reached"}),
        ("disposition", {"outcome": "qualified", "criteria": CRITERIA}),
    ):
        answer = await rep.post(f"/api/leads/{lead}/{path}", json=body)
        assert answer.status_code == 200, answer.text
    return lead


async def test_what_becomes_of_a_lead_is_written_and_nothing_more_when_nothing_changes(
    sync: Sync, api: Person, people: People, office: Office
) -> None:
    rep = await people("rep")
    number = office.hire(rep.email)
    lead = await qualified(api, rep, "ada@acme.example")
    by_hand = office.write(None, {"email": "Grace@acme.example", "first_name": "Grace"})
    other = await arrived(api, "grace@acme.example", first_name="Gracie")
    await sync.both()
    record = await sync.record_of(lead)
    assert (record.fields["stage"], record.fields["owner"], record.fields["lead_id"]) == ("qualified", number, lead)
    assert "" < record.fields["sal_at"] <= record.fields["sql_at"]
    assert (await sync.record_of(other)).id == by_hand.id
    assert (by_hand.fields["first_name"], len(office.records)) == ("Grace", 2)
    won = await rep.post(f"/api/leads/{lead}/disposition", json={"outcome": "won", "amount_usd": 1200.5})
    assert won.status_code == 200
    await sync.both()
    assert (record.fields["outcome"], float(record.fields["amount_usd"])) == ("won", 1200.5)
    await sync.both()
    assert [await sync.both(), await sync.both()] == [0, 0]
    assert await sync.refused() == []


async def test_a_contact_made_in_the_crm_arrives_once_and_an_old_one_that_is_edited_does_not(
    sync: Sync, api: Person, office: Office, people: People
) -> None:
    rep = await people("rep")
    number = office.hire(rep.email)
    old = office.write(None, {"email": "old@acme.example"})
    old.created = old.created.replace(year=2019)
    office.write(None, {"email": "Ada@acme.example", "first_name": "Ada", "company": "Acme", "owner": number}, by=rep.email)
    office.write(None, {"email": "not an address"})
    office.write(None, {"email": ""})
    await sync.both()
    await sync.pull()
    await sync.land()
    found = await the_one(api)
    assert (found["email"], found["first_name"], found["source"]) == ("Ada@acme.example", "Ada", sync.crm.value)
    assert (found["owner"]["id"], found["stage"]) == (rep.uid, "claimed")
    assert sorted(await sync.refused()) == ["bad_address", "no_address"]
    assert await sync.column("SELECT count(*) FROM engagements") == [0]


@pytest.mark.parametrize("crm", [CrmName.HUBSPOT], indirect=True)
async def test_a_landing_that_is_cut_off_lands_once(sync: Sync, api: Person, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.write(None, {"email": "ada@acme.example"})

    async def cut(*_: object, **__: object) -> None:
        raise OSError("power")

    with monkeypatch.context() as patched:
        patched.setattr("api.services.crm.landing._linked", cut)
        await sync.pull()
        with pytest.raises(OSError, match="power"):
            await sync.land()
    await sync.land()
    assert (await the_one(api))["email"] == "ada@acme.example"
    assert await sync.column("SELECT count(*) FROM engagements") == [0]
    assert await sync.column("SELECT count(*) FROM crm_links WHERE lead_id IS NOT NULL") == [1]


@pytest.mark.parametrize("crm", [CrmName.HUBSPOT], indirect=True)
async def test_one_record_that_cannot_be_landed_holds_up_no_other(sync: Sync, api: Person, office: Office) -> None:
    office.write(None, {"email": "ada@acme.example"})
    office.write(None, {"email": "grace@acme.example"})
    async with sync.stack.database.locked(LAND_LOCK):  # or the program lands what was pulled before it is spoilt
        await sync.pull()
        await sync.column("UPDATE crm_inbox SET document = '{}' WHERE email_key = 'ada@acme.example' RETURNING id")
    await sync.land()
    assert ((await the_one(api))["email"], await sync.refused()) == ("grace@acme.example", ["unusable"])


@pytest.mark.parametrize("crm", [CrmName.SALESFORCE], indirect=True)
async def test_the_crm_fills_blanks_and_overwrites_nothing(sync: Sync, api: Person, office: Office) -> None:
    lead = await arrived(api, "ada@acme.example", first_name="Ada")
    await sync.both()
    record = await sync.record_of(lead)
    office.write(record, {"first_name": "Adele", "title": "CTO", "email": "other@acme.example", "stage": "won", "score": "99"})
    await sync.both()
    found = await look(api, lead)
    assert (found["first_name"], found["title"], found["email"]) == ("Ada", "CTO", "ada@acme.example")
    assert (record.fields["first_name"], record.fields["stage"]) == ("Adele", found["stage"])
    assert await sync.column("SELECT count(*) FROM engagements") == [0]
    assert len((await api.get("/api/leads")).json()["items"]) == 1
    await sync.both()
    assert await sync.both() == 0


@pytest.mark.parametrize("crm", [CrmName.HUBSPOT], indirect=True)
async def test_a_form_filled_in_in_the_crm_stirs_the_lead_once(sync: Sync, api: Person, office: Office) -> None:
    lead = await arrived(api, "ada@acme.example")
    await sync.both()
    office.fill_in(await sync.record_of(lead))
    await sync.both()
    await sync.both()
    assert await sync.column("SELECT kind FROM engagements") == ["form_submitted"]


async def test_an_owner_changed_in_the_crm_by_a_person_is_an_override_and_does_not_come_back(
    sync: Sync, api: Person, office: Office, people: People
) -> None:
    rep, other, boss = await people("rep"), await people("rep"), await people("manager")
    for person in (rep, other, boss):
        office.hire(person.email)
    lead = await qualified(api, rep, "ada@acme.example")
    await sync.both()
    record = await sync.record_of(lead)
    await sync.both()
    office.write(record, {"owner": office.people[other.email]}, by=boss.email)
    await sync.both()
    found = await look(api, lead)
    assert (found["owner"]["id"], found["stage"]) == (other.uid, "qualified")
    writes = office.writes
    await sync.both()
    assert (record.fields["owner"], office.writes, await sync.refused()) == (office.people[other.email], writes, [])


@pytest.mark.parametrize("crm", [CrmName.HUBSPOT], indirect=True)
async def test_what_the_tree_refuses_or_nobody_may_is_recorded_and_not_asked_again(
    sync: Sync, api: Person, office: Office, people: People
) -> None:
    rep, other = await people("rep"), await people("rep")
    for person in (rep, other):
        office.hire(person.email)
    stranger = office.hire("stranger@elsewhere.example")
    lead = await qualified(api, rep, "ada@acme.example")
    fresh = await arrived(api, "grace@acme.example")
    await sync.both()
    await sync.both()
    record = await sync.record_of(lead)
    office.write(record, {"owner": office.people[other.email]}, by=other.email)  # a rep cannot take what a rep works
    await sync.both()
    office.write(record, {"owner": stranger})
    await sync.both()
    office.write(record, {"owner": office.people[other.email]}, by="robot")
    await sync.both()
    office.close_deal(await sync.record_of(fresh), won=True)
    for _ in range(3):
        await sync.both()
    assert (await look(api, lead))["owner"]["id"] == rep.uid
    assert await sync.refused() == ["owned", "no_rep", "by_program", "no_owner"]
    assert await sync.both() == 0


@pytest.mark.parametrize("crm", [CrmName.SALESFORCE], indirect=True)
async def test_of_two_changes_of_owner_the_later_one_counts(sync: Sync, api: Person, office: Office, people: People) -> None:
    rep, other, third = await people("rep"), await people("rep"), await people("rep", "manager")
    for person in (rep, other, third):
        office.hire(person.email)
    lead = await arrived(api, "ada@acme.example")
    await rep.post(f"/api/leads/{lead}/claim", json={})
    await sync.both()
    await sync.both()
    record = await sync.record_of(lead)
    office.write(record, {"owner": office.people[other.email]}, by=other.email)
    await third.post(f"/api/leads/{lead}/override", json={"owner": third.uid, "reason": "mine"})
    await sync.both()
    assert record.fields["owner"] == office.people[third.email]
    assert await sync.refused() == ["overtaken"]
    await sync.both()
    await rep.post(f"/api/leads/{lead}/override", json={"owner": rep.uid, "reason": "back"})
    office.write(record, {"owner": office.people[other.email]}, by=other.email)
    await sync.both()
    await sync.both()
    assert (await look(api, lead))["owner"]["id"] == other.uid
    assert record.fields["owner"] == office.people[other.email]


@pytest.mark.parametrize("theirs_is_later", [True, False])
async def test_of_two_changes_of_owner_between_reading_and_writing_the_later_one_counts(
    sync: Sync, api: Person, office: Office, people: People, theirs_is_later: bool
) -> None:
    rep, other, boss = await people("rep"), await people("rep"), await people("rep", "manager")
    for person in (rep, other, boss):
        office.hire(person.email)
    lead = await arrived(api, "ada@acme.example")
    await rep.post(f"/api/leads/{lead}/claim", json={})
    for _ in range(2):
        await sync.both()
    record = await sync.record_of(lead)

    async def ours() -> None:
        answer = await boss.post(f"/api/leads/{lead}/override", json={"owner": boss.uid, "reason": "mine"})
        assert answer.status_code == 200, answer.text

    await sync.pull()
    if not theirs_is_later:
        office.write(record, {"owner": office.people[other.email]}, by=other.email)
    await ours()
    if theirs_is_later:
        office.write(record, {"owner": office.people[other.email]}, by=boss.email)
    assert (await sync.push(), record.fields["owner"]) == (0, office.people[other.email])  # looked at again, and left alone
    for _ in range(3):
        await sync.both()
    winner = other if theirs_is_later else boss
    assert ((await look(api, lead))["owner"]["id"], record.fields["owner"]) == (winner.uid, office.people[winner.email])
    assert await sync.refused() == ([] if theirs_is_later else ["overtaken"])
    assert (await sync.both(), len(office.records)) == (0, 1)


async def test_an_owner_changed_there_is_not_lost_behind_what_is_written_of_other_fields(
    sync: Sync, api: Person, office: Office, people: People
) -> None:
    rep, other, boss = await people("rep"), await people("rep"), await people("manager")
    for person in (rep, other, boss):
        office.hire(person.email)
    lead = await arrived(api, "ada@acme.example")
    await rep.post(f"/api/leads/{lead}/claim", json={})
    for _ in range(2):
        await sync.both()
    record = await sync.record_of(lead)
    await rep.post(f"/api/leads/{lead}/contact", json={"channel": "call", "outcome": "reached"})
    await sync.pull()
    office.write(record, {"owner": office.people[other.email]}, by=boss.email)
    await sync.push()
    for _ in range(2):
        await sync.both()
    assert ((await look(api, lead))["owner"]["id"], record.fields["stage"]) == (other.uid, (await look(api, lead))["stage"])
    assert (await sync.both(), await sync.refused()) == (0, [])


@pytest.mark.parametrize("crm", [CrmName.SALESFORCE], indirect=True)
async def test_a_deal_won_or_lost_in_the_crm_concludes_the_lead(sync: Sync, api: Person, office: Office, people: People) -> None:
    rep, boss = await people("rep"), await people("manager")
    office.hire(rep.email)
    office.hire(boss.email)
    won, lost = await qualified(api, rep, "ada@acme.example"), await qualified(api, rep, "grace@acme.example")
    await sync.both()
    office.close_deal(await sync.record_of(won), won=True, amount=900, by=boss.email)
    office.close_deal(await sync.record_of(lost), won=False)
    await sync.both()
    found = await look(api, won)
    assert (found["stage"], found["amount_usd"]) == ("won", 900.0)
    assert (await look(api, lost))["stage"] == "lost"
    assert (await sync.record_of(won)).fields["outcome"] == "won"
    timeline = (await api.get(f"/api/leads/{won}/timeline")).json()["items"]
    assert [item["by"]["id"] for item in timeline if item["kind"] == "won"] == [boss.uid]
    await sync.both()
    assert (await sync.both(), await sync.refused()) == (0, [])


@pytest.mark.parametrize(("crm", "kind"), [(CrmName.SALESFORCE, "Lead"), (CrmName.SALESFORCE, "Contact")], indirect=["crm"])
async def test_a_deal_concludes_a_contact_and_a_lead_that_was_converted_which_is_written_no_more(
    sync: Sync, api: Person, office: Office, people: People, kind: str
) -> None:
    sync.stack.settings.salesforce_object = kind
    rep = await people("rep")
    office.hire(rep.email)
    lead = await qualified(api, rep, "ada@acme.example")
    await sync.both()
    record = await sync.record_of(lead)
    if kind == "Lead":
        office.convert(record)
    office.close_deal(record, won=True, amount=900)
    for _ in range(2):
        await sync.both()
    assert (await look(api, lead))["stage"] == "won"
    assert record.fields["stage"] == ("qualified" if kind == "Lead" else "won")
    assert (await sync.refused(), len(office.records)) == (["converted"] if kind == "Lead" else [], 1)
    assert await sync.both() == 0


@pytest.mark.parametrize("crm", [CrmName.SALESFORCE], indirect=True)
async def test_two_records_with_one_address_are_for_people_to_merge(sync: Sync, api: Person, office: Office) -> None:
    lead = await arrived(api, "ada@acme.example")
    await sync.both()
    office.write(None, {"email": "ADA@acme.example", "first_name": "Ada"})
    await sync.both()
    await sync.both()
    assert (await the_one(api))["id"] == lead
    assert set(await sync.refused()) <= {"duplicate_there"} and await sync.refused()
    assert await sync.both() == 0


@pytest.mark.parametrize("crm", [CrmName.HUBSPOT], indirect=True)
async def test_a_power_cut_after_the_crm_wrote_repeats_the_writing_and_makes_nothing_twice(
    sync: Sync, api: Person, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        await arrived(api, f"{number}@acme.example")

    async def cut(*_: object) -> None:
        raise OSError("power")

    with monkeypatch.context() as patched:
        patched.setattr("activities.crm.store.written", cut)
        with pytest.raises(ApplicationError):
            await sync.push()
    assert len(office.records) == 3
    await sync.both()
    assert len(office.records) == 3
    assert await sync.column("SELECT count(*) FROM crm_links") == [3]


@pytest.mark.parametrize("crm", [CrmName.SALESFORCE], indirect=True)
async def test_two_syncs_at_once_make_nothing_twice(sync: Sync, api: Person, office: Office) -> None:
    for number in range(3):
        await arrived(api, f"{number}@acme.example")
        office.write(None, {"email": f"new{number}@acme.example"})
    await asyncio.gather(*(sync.both() for _ in range(3)))
    await sync.both()
    assert (len(office.records), len((await api.get("/api/leads")).json()["items"])) == (6, 6)
    assert await sync.column("SELECT count(*) FROM engagements") == [0]


@pytest.mark.parametrize("crm", [CrmName.HUBSPOT], indirect=True)
async def test_somebody_erased_while_they_were_being_written_stays_unlinked(
    sync: Sync, api: Person, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead = await arrived(api, "ada@acme.example")
    noting = store.written

    async def late(*what: Any) -> None:
        assert (await api.delete(f"/api/leads/{lead}")).status_code == 204
        await noting(*what)

    monkeypatch.setattr("activities.crm.store.written", late)
    await sync.push()
    assert await sync.column("SELECT lead_id FROM crm_links WHERE gone_at IS NOT NULL AND pushed_hash IS NULL") == [None]
    office.write(office.of("ada@acme.example")[0], {"title": "CTO"})
    await sync.both()
    assert (await api.get("/api/leads")).json()["items"] == []


@pytest.mark.parametrize("crm", [CrmName.HUBSPOT], indirect=True)
async def test_a_record_deleted_in_the_crm_is_not_made_again(sync: Sync, api: Person, office: Office, people: People) -> None:
    rep = await people("rep")
    office.hire(rep.email)
    lead = await arrived(api, "ada@acme.example")
    await sync.both()
    office.records.clear()
    await rep.post(f"/api/leads/{lead}/claim", json={})
    await sync.both()
    await rep.post(f"/api/leads/{lead}/contact", json={"channel": "call", "outcome": "reached"})
    await sync.both()
    assert (office.records, await sync.refused()) == ({}, ["gone"])


@pytest.mark.parametrize(("crm", "erase"), [(CrmName.HUBSPOT, "delete"), (CrmName.SALESFORCE, "leave")], indirect=["crm"])
async def test_an_erased_person_is_unlinked_and_does_not_come_back(sync: Sync, api: Person, office: Office, erase: str) -> None:
    sync.stack.settings.crm_erase = erase
    lead = await arrived(api, "ada@acme.example", first_name="Zyxwaltraud")
    await sync.both()
    record = await sync.record_of(lead)
    office.write(record, {"title": "CTO"})
    await sync.pull()
    assert await sync.column("SELECT count(*) FROM crm_inbox") == [1] or await sync.column("SELECT title FROM leads") == ["CTO"]
    assert (await api.delete(f"/api/leads/{lead}")).status_code == 204
    assert await sync.column("SELECT count(*) FROM crm_inbox") == [0]
    assert await sync.column("SELECT lead_id FROM crm_links") == [None]
    left = "SELECT count(*) FROM crm_links t WHERE t::text ILIKE '%ada@%' OR t::text ILIKE :lead"
    assert await sync.column(left, lead=f"%{lead}%") == [0]
    await sync.both()
    assert office.records.keys() == ({record.id} if erase == "leave" else set())
    office.write(record, {"phone": "+49 30 1"})
    await sync.both()
    assert (await api.get("/api/leads")).json()["items"] == []
    assert await sync.both() == 0


@pytest.mark.parametrize("crm", [CrmName.SALESFORCE], indirect=True)
async def test_what_is_the_matter_is_shown_until_it_is_over(sync: Sync, api: Person, people: People, office: Office) -> None:
    await arrived(api, "ada@acme.example")
    office.failures = [(429, {"Retry-After": "9"}, "{}")] * 2
    with pytest.raises(ApplicationError) as caught:
        await sync.pull()
    assert (caught.value.type, caught.value.next_retry_delay and caught.value.next_retry_delay.total_seconds()) == ("CrmLimited", 9.0)
    office.failures = []
    [view] = (await api.get("/api/integrations/crm")).json()
    assert (view["crm"], view["configured"], view["problem"], view["synced_at"]) == (sync.crm, True, "limited", None)
    office.write(None, {"email": "nonsense"})
    await sync.both()
    [view] = (await api.get("/api/integrations/crm")).json()
    assert (view["problem"], view["pushed"], view["linked"], view["refused"]) == (None, 1, 1, {"bad_address": 1})
    assert view["synced_at"] is not None and view["latest"][0]["reason"] == "bad_address"
    metrics = (await api.get("/metrics")).text
    assert f'twoway_crm_records{{crm="{sync.crm}",stream="leads"}} 1.0' in metrics
    assert f'twoway_crm_refused{{crm="{sync.crm}"}} 1.0' in metrics


@pytest.mark.parametrize("crm", [CrmName.HUBSPOT], indirect=True)
async def test_a_crm_that_is_not_configured_is_refused_for_good(sync: Sync) -> None:
    other = next(crm for crm in CrmName if crm is not sync.crm)
    with pytest.raises(ApplicationError, match="not configured"):
        await sync.steps.pull(CrmOrder(crm=other, stream=Stream.PEOPLE))


class Fate:
    """Random steps on both sides.

    Args:
        seed: of them.
    """

    def __init__(self, seed: int, sync: Sync, api: Person, reps: list[Person]) -> None:
        self.dice, self.sync, self.api, self.reps = random.Random(seed), sync, api, reps
        self.leads: list[str] = []

    async def step(self) -> None:
        kind = self.dice.choice(KINDS)
        rep, lead = self.dice.choice(self.reps), self.dice.choice(self.leads) if self.leads else None
        record = self.dice.choice(list(self.sync.office.records.values())) if self.sync.office.records else None
        if kind == "arrive":
            self.leads.append(await arrived(self.api, f"p{self.dice.randrange(12)}@acme.example"))
        elif kind == "claim" and lead:
            await rep.post(f"/api/leads/{lead}/claim", json={})
        elif kind == "contact" and lead:
            await rep.post(f"/api/leads/{lead}/contact", json={"channel": "call", "outcome": "reached"})
        elif kind == "override" and lead:
            await self.api.post(f"/api/leads/{lead}/override", json={"owner": rep.uid, "reason": "so"})
        elif kind == "new":
            email = f"p{self.dice.randrange(12)}@acme.example"
            if not self.sync.office.of(email):
                self.sync.office.write(None, {"email": email, "owner": self.sync.office.people[rep.email]}, by=rep.email)
        elif kind in ("sync", "pull", "push"):
            await {"sync": self.sync.both, "pull": self.sync.pull, "push": self.sync.push}[kind]()
        elif record:
            self.in_the_crm(kind, record, rep)

    def in_the_crm(self, kind: str, record: Record, rep: Person) -> None:
        office, someone = self.sync.office, self.sync.office.people[rep.email]
        if kind == "own":
            office.write(record, {"owner": self.dice.choice([someone, ""])}, by=rep.email)
        elif kind == "robot":
            office.write(record, {"owner": someone, "tier": "low"}, by="robot")
        elif kind == "edit":
            office.write(record, {"title": self.dice.choice(["CTO", "CEO"]), "phone": "+49 30 1"}, by=rep.email)
        elif kind == "stage":
            office.write(record, {"stage": self.dice.choice(["won", "lost", "new"]), "score": "12"}, by=rep.email)
        elif kind == "deal":
            office.close_deal(record, won=self.dice.random() < 0.5, amount=10.0, by=rep.email)


@pytest.mark.parametrize(("crm", "seed"), [(CrmName.HUBSPOT, 1), (CrmName.SALESFORCE, 2)], indirect=["crm"])
async def test_random_steps_on_both_sides_come_to_rest_and_nobody_is_there_twice(
    sync: Sync, api: Person, people: People, office: Office, seed: int
) -> None:
    reps = [await people("rep") for _ in range(3)]
    for rep in reps:
        office.hire(rep.email)
    fate = Fate(seed, sync, api, reps)
    for _ in range(50):
        await fate.step()

    async def quiet() -> int:
        before = await sync.column("SELECT coalesce(max(change), 0) FROM leads")
        written = office.writes
        await sync.both()
        return office.writes - written if before == await sync.column("SELECT coalesce(max(change), 0) FROM leads") else -1

    await eventually(quiet, lambda count: count == 0)
    refusals, changes = await sync.refused(), await sync.column("SELECT max(change) FROM leads")
    records = {key: dict(record.fields) for key, record in office.records.items()}
    for _ in range(3):
        assert await sync.both() == 0
    assert (await sync.refused(), await sync.column("SELECT max(change) FROM leads")) == (refusals, changes)
    assert {key: record.fields for key, record in office.records.items()} == records
    emails = [str(record.fields["email"]).lower() for record in office.records.values()]
    assert len(emails) == len(set(emails))
    assert await sync.column("SELECT count(*) FROM leads") == await sync.column("SELECT count(*) FROM crm_links") == [len(emails)]
    for lead in (await api.get("/api/leads", params={"limit": 100})).json()["items"]:
        record = await sync.record_of(lead["id"])
        assert (record.fields["stage"], record.fields["lead_id"]) == (lead["stage"], lead["id"])
