"""What decides whether and how a touch leaves, beside the ledger: suppressed addresses, conditions, templates; and power cuts."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from activities.database import Database
from activities.ledger import LedgerActivities
from activities.nurture import NurtureActivities
from activities.providers import AwayError, Parcel, RefusedError
from activities.suppressions import suppress
from activities.wording import Template, chosen, languages, problems
from models.ids import uuid7
from models.lifecycle import Channel, LeadState, Send, Stage
from models.messages import Commit, Sent
from models.policy import NurturePlan
from models.settings import Settings
from models.tables import MessageRecord, TemplateVersion
from tests.activities.rows import arrive, change, column, engage, now, one, order, published, run, state_of, store, touch

SENT = Sent(number=1)
HOME = {"country": "DE", "attributes": {"street": "Hauptstr. 1", "city": "Berlin", "postal_code": "10827"}}


class Killed(BaseException):
    """The process died here."""


@dataclass
class Stub:
    """A provider. One that honours keys answers what comes again under a known one as before, and does not send it again.

    Args:
        keyed: whether it does.
        dies: where the process dies at the next message: before the provider has it, or after.
        fails: what it raises at the next message.
    """

    keyed: bool = True
    configured: bool = True
    dies: str | None = None
    fails: Exception | None = None
    calls: int = 0
    sent: list[Parcel] = field(default_factory=list)

    async def deliver(self, parcel: Parcel) -> str:
        self.calls += 1
        dies, self.dies = self.dies, None
        fails, self.fails = self.fails, None
        if dies == "before":
            raise Killed
        if fails is not None:
            raise fails
        if not self.keyed or parcel.key not in {one.key for one in self.sent}:
            self.sent.append(parcel)
        if dies == "after":
            raise Killed
        return f"name-{parcel.key}"

    async def close(self) -> None:
        pass


def owing(touched: Send) -> LeadState:
    return state_of(uuid7(), Stage.NURTURE, consent=tuple(Channel), effect_number=1, effects=(touched,))


def ways(database: Database, settings: Settings, *, keyed: bool = True) -> tuple[NurtureActivities, Stub]:
    """The activity with one provider for all channels."""
    stub = Stub(keyed)
    return NurtureActivities(database, settings, dict.fromkeys(Channel, stub)), stub


async def message(database: Database) -> tuple[Any, ...]:
    return tuple(await one(database, "SELECT state, why FROM messages"))


# --- every channel -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "name", "recipient"),
    [
        (Channel.EMAIL, "welcome", "ada@acme.example"),
        (Channel.SMS, "check-in", "+4930901820"),
        (Channel.POST, "postcard", "Ada, Hauptstr. 1, 10827 Berlin, DE"),
    ],
)
async def test_each_channel_leaves_once_by_its_provider(
    database: Database, keeping: Settings, channel: Channel, name: str, recipient: str
) -> None:
    touched = touch(name, channel)
    lead = await arrive(database, owing(touched), email="ada@acme.example", phone="030 901820", **HOME)
    nurture, stub = ways(database, keeping)
    assert [await run(nurture.send, order(lead, touched)) for _ in range(2)] == [SENT, SENT]
    (parcel,) = stub.sent
    assert (stub.calls, parcel.recipient, parcel.address is None) == (1, recipient, channel is not Channel.POST)
    row = await one(database, "SELECT state, recipient, provider_id, language, variant, template_version FROM messages")
    assert tuple(row) == ("sent", recipient, f"name-{parcel.key}", "en", "a", 0)


async def test_a_letter_without_an_address_is_skipped_with_the_reason(database: Database, keeping: Settings) -> None:
    touched = touch("postcard", Channel.POST)
    lead = await arrive(database, owing(touched), country="DE")
    nurture, stub = ways(database, keeping)
    assert await run(nurture.send, order(lead, touched)) == Sent(number=1, sent=False, why="no_address")
    assert (stub.calls, await message(database)) == (0, ("withheld", "no_address"))


async def test_a_number_of_nobody_knows_which_country_is_not_dialled(database: Database, keeping: Settings) -> None:
    touched = touch("check-in", Channel.SMS)
    lead = await arrive(database, owing(touched), phone="030 901820")
    nurture, stub = ways(database, keeping)
    assert await run(nurture.send, order(lead, touched)) == Sent(number=1, sent=False, why="no_address")
    assert stub.calls == 0


# --- suppressed addresses ------------------------------------------------------------------------------------------


async def test_an_address_that_was_refused_as_gone_gets_nothing_more_under_any_lead(database: Database, keeping: Settings) -> None:
    touched = touch("check-in", Channel.SMS)
    first, second = [await arrive(database, owing(touched), phone=phone) for phone in ("+49 30 901820", "+4930901820")]
    nurture, stub = ways(database, keeping)
    stub.fails = RefusedError("twilio_21211", gone=True)
    assert await run(nurture.send, order(first, touched)) == Sent(number=1, sent=False, why="refused")
    assert await run(nurture.send, order(second, touched)) == Sent(number=1, sent=False, why="suppressed")
    assert stub.calls == 1


async def test_a_house_that_mail_does_not_reach_gets_no_more_post_but_its_people_get_mails(database: Database, keeping: Settings) -> None:
    touched = touch("postcard", Channel.POST)
    first, second = [await arrive(database, owing(touched), email=f"{n}@acme.example", first_name="Ada", **HOME) for n in range(2)]
    neighbour = await arrive(database, owing(touched), first_name="Bob", **HOME)
    nurture, stub = ways(database, keeping)
    stub.fails = RefusedError("lob_failed_deliverability_strictness", gone=True)
    assert await run(nurture.send, order(first, touched)) == Sent(number=1, sent=False, why="refused")
    stub.fails = None
    assert await run(nurture.send, order(second, touched)) == Sent(number=1, sent=False, why="suppressed")
    assert await run(nurture.send, order(neighbour, touched)) == SENT
    mailed = await arrive(database, owing(touch()), email="0@acme.example", first_name="Ada", **HOME)
    assert await run(nurture.send, order(mailed, touch())) == SENT


async def test_a_person_who_was_erased_is_never_written_to_again(database: Database, keeping: Settings) -> None:
    lead = await arrive(database, owing(touch()), email="Ada@Acme.example", email_key="ada@acme.example", phone="+49 30 901820")
    await LedgerActivities(database).commit(Commit(state=state_of(lead, Stage.ERASED, seq=2, closed=True), entries=()))
    assert "ada" not in str(await column(database, "SELECT address || why FROM suppressions")).lower()
    nurture, stub = ways(database, keeping)
    for touched in (touch(), touch("check-in", Channel.SMS), touch("postcard", Channel.POST)):
        again = await arrive(database, owing(touched), email="ada@ACME.example", phone="030 901820", **HOME)
        assert await run(nurture.send, order(again, touched)) == Sent(number=1, sent=False, why="suppressed")
    assert stub.calls == 0


async def test_however_their_number_was_written_an_erased_person_is_not_texted(database: Database, keeping: Settings) -> None:
    lead = await arrive(database, owing(touch()), email="ada@acme.example", phone="030 901820", **HOME)
    await LedgerActivities(database).commit(Commit(state=state_of(lead, Stage.ERASED, seq=2, closed=True), entries=()))
    touched = touch("check-in", Channel.SMS)
    again = await arrive(database, owing(touched), email="x@acme.example", phone="+49 30 901820", **HOME)
    nurture, stub = ways(database, keeping)
    assert await run(nurture.send, order(again, touched)) == Sent(number=1, sent=False, why="suppressed")
    assert stub.calls == 0


async def test_a_suppressed_address_on_one_channel_says_nothing_about_another(database: Database, keeping: Settings) -> None:
    lead = await arrive(database, owing(touch()), email="ada@acme.example")
    async with database.connection() as connection:
        await suppress(connection, Channel.POST, "ada@acme.example", "test")
    assert await run(ways(database, keeping)[0].send, order(lead, touch())) == SENT


# --- conditions ----------------------------------------------------------------------------------------------------

BRANCHES = """
    nurture:
      by_stage: {}
      campaigns:
        welcome:
          steps:
            - {after: 1h, email: welcome}
            - {after: 1d, if: {engaged: [pricing_view], within: 2d}, email: guide}
            - {after: 1d, if: {opened: true}, email: guide}
            - {after: 1d, if: {clicked: true}, email: guide}
            - {after: 1d, unless: {opened: true}, email: guide}
"""


@pytest.mark.parametrize(
    ("step", "did", "met"),
    [
        (1, "nothing", False),
        (1, "looked", True),
        (1, "looked long ago", False),
        (1, "a machine looked", False),
        (2, "nothing", False),
        (2, "opened", True),
        (3, "opened", False),
        (4, "nothing", True),
        (4, "opened", False),
    ],
)
async def test_a_step_is_for_those_who_did_what_it_asks_for(database: Database, keeping: Settings, step: int, did: str, met: bool) -> None:
    await published(database, BRANCHES)
    touched = Send(number=1, campaign="welcome", step=step, template="guide")
    lead = await arrive(database, owing(touched))
    opened = now() if did == "opened" else None
    first = MessageRecord(
        lead_id=lead, key="welcome:0:0", campaign="welcome", step=0, channel="email", template="welcome", state="sent", sent_at=now()
    )
    first.opened_at = opened
    await store(database, first)
    if "looked" in did:
        await engage(database, lead, [("pricing_view", now())])
    if "long ago" in did:
        await change(database, "UPDATE engagements SET at = now() - interval '3 days'")
    if "machine" in did:
        await change(database, "UPDATE engagements SET verdict = 'bot'")
    answer = await run(ways(database, keeping)[0].send, order(lead, touched))
    assert answer == (SENT if met else Sent(number=1, sent=False, why="condition_unmet"))


# --- templates -----------------------------------------------------------------------------------------------------


def template(language: str = "en", variant: str = "a") -> Template:
    return Template("guide", Channel.EMAIL, language, variant, 1, "s", "b")


def test_the_first_language_there_is_is_taken() -> None:
    plan = NurturePlan(languages={"AT": "de"}, fallback_language="fr")
    assert languages({"attributes": {"language": "de_AT"}, "country": "Austria"}, plan) == ["de-at", "de", "fr", "en"]
    assert languages({"attributes": {}, "country": "AT"}, plan) == ["de", "fr", "en"]
    found = [template("en"), template("de")]
    assert [chosen(found, UUID(int=1), wanted) for wanted in (["de-at", "de"], ["it", "en"])] == [found[1], found[0]]
    assert chosen(found, UUID(int=1), ["it"]) in found
    assert chosen([], UUID(int=1), ["en"]) is None


def test_variants_are_shared_out_evenly_and_stay_with_their_leads() -> None:
    pair, more = [template(variant=name) for name in "ab"], [template(variant=name) for name in "abc"]
    leads = [uuid7() for _ in range(3000)]
    before = [chosen(pair, lead, ["en"]) for lead in leads]
    after = [chosen(more, lead, ["en"]) for lead in leads]
    assert 1380 < before.count(pair[0]) < 1620  # 4.4 standard deviations
    assert before == [chosen(pair, lead, ["en"]) for lead in leads]
    assert all(new is more[2] or new == old for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("Hello {{ first_nam }}", "there is no first_nam"),
        ("{{ first_name", "line 1"),
        ("{% for x in range(10**9) %}x{% endfor %}", "for is not available"),
        ("{% for x in first_name %}{{ title }}{% endfor %}", "is not available"),
        ("{{ first_name.__class__ }}", "getattr is not available"),
        ("{{ 'x' * 1000000000 }}", "mul is not available"),
        ("{{ first_name | center(1000000000) }}", "filter center"),
        ("{{ sender.format() }}", "is not available"),
        ("{% include 'letter.html' %}", "is not available"),
    ],
)
def test_a_template_that_could_not_be_sent_is_not_published(body: str, said: str) -> None:
    assert said in problems("Subject", body)["body"]
    assert problems(None, "Hello {{ first_name | default('there', true) }}{% if company %} of {{ company }}{% endif %}") == {}


async def test_a_published_template_takes_the_place_of_a_shipped_one_in_the_leads_language(database: Database, keeping: Settings) -> None:
    said: dict[str, Any] = {"name": "welcome", "channel": "email", "language": "de", "variant": "a"}
    await store(database, TemplateVersion(version=1, subject="Alt", body="Alt", **said))
    await store(database, TemplateVersion(version=2, subject="Danke", body="Hallo {{ first_name }}", **said))
    german = await arrive(database, owing(touch()), attributes={"language": "de-AT"})
    english = await arrive(database, owing(touch()))
    nurture, _ = ways(database, keeping)
    for lead in (german, english):
        assert await run(nurture.send, order(lead, touch())) == SENT
    rows = await column(database, "SELECT subject || '/' || language || template_version FROM messages ORDER BY decided_at")
    assert rows == ["Danke/de2", "Thank you for getting in touch/en0"]


# --- power cuts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keyed", [True, False])
async def test_two_hundred_kills_send_nothing_twice_to_who_honours_keys_and_once_for_each_late_death_to_others(
    database: Database, keeping: Settings, keyed: bool
) -> None:
    """Without keys a touch goes out again for each death between the provider's yes and our note of it, and for no other."""
    touched = touch("postcard", Channel.POST)
    nurture, stub = ways(database, keeping, keyed=keyed)
    chance = random.Random(7)
    leads = [await arrive(database, owing(touched), **HOME) for _ in range(25)]
    late = kills = 0
    for lead in leads:
        for _ in range(8):
            stub.dies = chance.choice(["before", "after"])
            kills += 1
            late += stub.dies == "after"
            with pytest.raises(Killed):
                await run(nurture.send, order(lead, touched))
        for _ in range(2):  # once it is over, nothing leaves any more
            assert await run(nurture.send, order(lead, touched)) == SENT
    assert kills == 200 and 0 < late < kills
    assert (len({parcel.key for parcel in stub.sent}), stub.calls) == (len(leads), kills + len(leads))
    assert len(stub.sent) == (len(leads) if keyed else len(leads) + late)
    assert await column(database, "SELECT DISTINCT state FROM messages") == ["sent"]


async def test_a_provider_that_is_away_leaves_the_message_to_be_tried_again_when_it_says(database: Database, keeping: Settings) -> None:
    lead = await arrive(database, owing(touch()))
    nurture, stub = ways(database, keeping)
    stub.fails = AwayError("twilio_429")
    with pytest.raises(Exception, match="twilio_429"):
        await run(nurture.send, order(lead, touch()))
    assert await message(database) == ("sending", "twilio_429")
    assert await asyncio.gather(*(run(nurture.send, order(lead, touch())) for _ in range(4))) == [SENT] * 4
    assert len(stub.sent) == 1
