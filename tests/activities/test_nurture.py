import asyncio
from typing import Any
from uuid import UUID

import pytest
from temporalio.exceptions import ApplicationError

from activities.database import Database
from activities.ledger import LedgerActivities
from activities.links import Link, Links
from activities.nurture import NurtureActivities
from models.ids import uuid7
from models.lifecycle import CLOSED, HUMAN, OWNED, Channel, LeadState, Send, Stage
from models.messages import Commit, Consent, Sent
from models.settings import Settings
from models.tables import Outgoing
from tests.activities.post_office import PostOffice
from tests.activities.rows import arrive, column, eventually, hire, one, order, run, somebody_waits, state_of, store, touch

SENT = Sent(number=1)


def nurtured(touched: Send | None = None, stage: Stage = Stage.NURTURE, **what: Any) -> LeadState:
    """A lead whose ledger says that this touch is owed."""
    told = {"consent": tuple(Channel), "effect_number": 1, "effects": (touched or touch(),)}
    return state_of(uuid7(), stage, **(told | what))


async def sent(database: Database, settings: Settings, lead: UUID, touched: Send | None = None) -> Sent:
    nurture = NurtureActivities(database, settings)
    try:
        return await run(nurture.send, order(lead, touched or touch()))
    finally:
        await nurture.close()


async def message(database: Database) -> tuple[Any, ...]:
    """State and reason of the one message there is."""
    return tuple(await one(database, "SELECT state, why FROM messages"))


def withheld(why: str) -> Sent:
    return Sent(number=1, sent=False, why=why)


# --- what leaves ---------------------------------------------------------------------------------------------------


async def test_a_touch_leaves_as_an_email_and_is_recorded(database: Database, mailing: Settings, office: PostOffice) -> None:
    lead = await arrive(database, nurtured(), email="ada@acme.example")
    assert await sent(database, mailing, lead) == SENT
    (letter,) = office.letters
    assert (letter["To"], letter["From"], letter["Subject"]) == (
        "ada@acme.example",
        "Grace at Ours <grace@ours.example>",
        "Thank you for getting in touch",
    )
    plain, html = letter.get_body(("plain",)), letter.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().startswith("Hello Ada,\r\n")
    assert "<p>Hello Ada,</p>" in html.get_content()
    row = await one(database, "SELECT * FROM messages")
    assert (row.key, row.campaign, row.step, row.channel, row.template) == ("welcome:0:0", "welcome", 0, "email", "welcome")
    assert (row.state, row.recipient, row.subject, row.provider_id) == ("sent", letter["To"], letter["Subject"], letter["Message-ID"])
    assert row.body.startswith("Hello Ada,\n")
    assert row.decided_at <= row.sent_at


async def test_an_email_can_be_unsubscribed_with_one_click(database: Database, mailing: Settings, office: PostOffice) -> None:
    lead = await arrive(database, nurtured())
    await sent(database, mailing, lead)
    (letter,) = office.letters
    (identity,) = await column(database, "SELECT id FROM messages")
    address = letter["List-Unsubscribe"].strip("<>")
    assert (address.rpartition("/")[0], letter["List-Unsubscribe-Post"]) == ("https://leads.example/u", "List-Unsubscribe=One-Click")
    assert Links(mailing).read("u", address.rpartition("/")[2]) == Link(lead, Channel.EMAIL, identity)
    plain = letter.get_body(("plain",))
    assert plain is not None
    assert address in plain.get_content()
    assert b"List-Unsubscribe: <https://leads.example/u/" in letter.as_bytes(policy=letter.policy.clone(max_line_length=998))


async def test_the_same_order_again_sends_nothing_more(database: Database, mailing: Settings, office: PostOffice) -> None:
    lead = await arrive(database, nurtured())
    assert [await sent(database, mailing, lead) for _ in range(3)] == [SENT] * 3
    assert len(office.letters) == 1


async def test_the_same_order_many_times_at_once_sends_one_letter(database: Database, mailing: Settings, office: PostOffice) -> None:
    lead = await arrive(database, nurtured())
    assert await asyncio.gather(*(sent(database, mailing, lead) for _ in range(8))) == [SENT] * 8
    assert len(office.letters) == 1


async def test_a_touch_decided_on_again_under_the_same_key_has_left_already(
    database: Database, mailing: Settings, office: PostOffice
) -> None:
    lead, again = await arrive(database, nurtured()), touch(number=5)
    await sent(database, mailing, lead)
    resumed = state_of(lead, Stage.NURTURE, seq=2, consent=tuple(Channel), effect_number=5, effects=(again,))
    await LedgerActivities(database).commit(Commit(state=resumed, entries=()))
    assert (await sent(database, mailing, lead, again), len(office.letters)) == (Sent(number=5), 1)


async def test_other_touches_leave_too(database: Database, mailing: Settings, office: PostOffice) -> None:
    touches = [Send(number=1, campaign="welcome", step=step, occurrence=n, template="guide") for step, n in [(0, 0), (1, 0), (1, 1)]]
    lead = await arrive(database, nurtured(touches[0]))
    assert [await sent(database, mailing, lead, touched) for touched in touches] == [SENT] * 3
    assert len({letter["Message-ID"] for letter in office.letters}) == 3


# --- what is kept --------------------------------------------------------------------------------------------------


async def test_without_a_mail_server_the_message_is_kept_to_be_shown(database: Database, keeping: Settings) -> None:
    lead = await arrive(database, nurtured(), email="ada@acme.example")
    assert [await sent(database, keeping, lead) for _ in range(2)] == [withheld("kept")] * 2
    row = await one(database, "SELECT state, recipient, subject, sent_at FROM messages")
    assert tuple(row) == ("kept", "ada@acme.example", "Thank you for getting in touch", None)


@pytest.mark.parametrize(("channel", "name", "recipient"), [(Channel.SMS, "check-in", "+4930901820"), (Channel.POST, "postcard", None)])
async def test_channels_without_a_provider_are_kept_even_with_a_mail_server(
    database: Database, mailing: Settings, office: PostOffice, channel: Channel, name: str, recipient: str | None
) -> None:
    touched = touch(name, channel)
    lead = await arrive(database, nurtured(touched), phone="+49 30 901820")
    assert await sent(database, mailing, lead, touched) == withheld("kept")
    row = await one(database, "SELECT state, channel, recipient, body LIKE '%Ada%' AS named FROM messages")
    assert (tuple(row), office.letters) == (("kept", channel, recipient, True), [])


# --- what is withheld ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", sorted(HUMAN))
async def test_nothing_leaves_while_a_person_has_the_lead(database: Database, mailing: Settings, office: PostOffice, stage: Stage) -> None:
    owner = str(await hire(database)) if stage in OWNED else None
    lead = await arrive(database, nurtured(stage=stage, owner=owner))
    assert await sent(database, mailing, lead) == withheld("taken")
    assert (office.letters, await message(database)) == ([], ("withheld", "taken"))


@pytest.mark.parametrize("stage", sorted((CLOSED - {Stage.ERASED}) | {Stage.DISQUALIFIED}))
async def test_nothing_leaves_when_the_lead_is_closed(database: Database, mailing: Settings, office: PostOffice, stage: Stage) -> None:
    lead = await arrive(database, nurtured(stage=stage))
    assert (await sent(database, mailing, lead), office.letters) == (withheld("closed"), [])


async def test_nothing_leaves_or_is_recorded_about_a_person_who_was_erased_or_never_there(
    database: Database, mailing: Settings, office: PostOffice
) -> None:
    erased = await arrive(database, nurtured(stage=Stage.ERASED, closed=True), email=None, first_name=None)
    assert [await sent(database, mailing, lead) for lead in (erased, uuid7())] == [withheld("erased")] * 2
    assert (office.letters, await column(database, "SELECT id FROM messages")) == ([], [])


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ({"consent": ()}, "no_consent"),
        ({"consent": (Channel.SMS,)}, "no_consent"),
        ({"unsubscribed": (Channel.EMAIL,)}, "unsubscribed"),
        ({"effects": ()}, "moot"),
        ({"effects": (touch(number=2),), "effect_number": 2}, "moot"),
    ],
    ids=["no consent", "consent to another channel", "unsubscribed", "no longer owed", "another is owed"],
)
async def test_nothing_leaves_that_is_not_wanted(
    database: Database, mailing: Settings, office: PostOffice, what: dict[str, Any], why: str
) -> None:
    lead = await arrive(database, nurtured(**what))
    assert await sent(database, mailing, lead) == withheld(why)
    assert (office.letters, await message(database)) == ([], ("withheld", why))


async def test_an_unsubscribe_counts_before_the_workflow_has_heard_of_it(database: Database, mailing: Settings, office: PostOffice) -> None:
    lead = await arrive(database, nurtured())
    heard = Consent(stopped=(Channel.EMAIL,))
    await store(database, Outgoing(lead_id=lead, signal="consent", payload=heard.model_dump(mode="json")))
    assert (await sent(database, mailing, lead), office.letters) == (withheld("unsubscribed"), [])


async def test_a_template_nobody_wrote_is_recorded(database: Database, mailing: Settings, office: PostOffice) -> None:
    touched = touch("no-such")
    lead = await arrive(database, nurtured(touched))
    assert await sent(database, mailing, lead, touched) == withheld("no_template")
    assert (office.letters, await message(database)) == ([], ("withheld", "no_template"))


async def test_a_text_message_needs_a_number(database: Database, keeping: Settings) -> None:
    touched = touch("check-in", Channel.SMS)
    lead = await arrive(database, nurtured(touched), phone=None)
    assert await sent(database, keeping, lead, touched) == withheld("no_address")


async def test_a_withheld_touch_leaves_once_the_lead_is_handed_back(database: Database, mailing: Settings, office: PostOffice) -> None:
    lead = await arrive(database, nurtured(stage=Stage.CLAIMED, owner=str(await hire(database))))
    assert await sent(database, mailing, lead) == withheld("taken")
    again = touch(number=2)
    back = state_of(lead, Stage.NURTURE, seq=2, consent=tuple(Channel), effect_number=2, effects=(again,))
    await LedgerActivities(database).commit(Commit(state=back, entries=()))
    assert await sent(database, mailing, lead, again) == Sent(number=2)
    assert (len(office.letters), await message(database)) == (1, ("sent", None))


# --- a ledger that is behind ---------------------------------------------------------------------------------------


async def test_a_ledger_that_is_behind_lets_the_message_go_where_nobody_has_the_lead(
    database: Database, mailing: Settings, office: PostOffice
) -> None:
    lead = await arrive(database, nurtured(effect_number=0, effects=(), consent=()))
    assert (await sent(database, mailing, lead), len(office.letters)) == (SENT, 1)


async def test_a_ledger_that_is_behind_and_says_a_person_has_the_lead_is_asked_again(
    database: Database, mailing: Settings, office: PostOffice
) -> None:
    lead = await arrive(database, nurtured(stage=Stage.HELD, effect_number=0, effects=()))
    with pytest.raises(ApplicationError) as caught:
        await sent(database, mailing, lead)
    assert (caught.value.type, caught.value.non_retryable, office.letters) == ("LedgerBehind", False, [])


# --- a claim at the same moment ------------------------------------------------------------------------------------


def claimed(lead: UUID, rep: UUID) -> Commit:
    return Commit(state=state_of(lead, Stage.CLAIMED, seq=2, owner=str(rep), effect_number=1), entries=())


async def test_a_claim_waits_for_the_message_that_is_just_leaving(database: Database, mailing: Settings, office: PostOffice) -> None:
    rep, lead = await hire(database), await arrive(database, nurtured())
    arrived, answer = asyncio.Event(), asyncio.Event()

    async def take_time() -> None:
        arrived.set()
        await answer.wait()

    office.before_answer = take_time
    sending = asyncio.create_task(sent(database, mailing, lead))
    await arrived.wait()
    granting = asyncio.create_task(LedgerActivities(database).commit(claimed(lead, rep)))
    await eventually(lambda: somebody_waits(database))
    assert await column(database, "SELECT stage FROM leads") == ["nurture"]
    answer.set()
    assert (await sending, await granting) == (SENT, 2)
    assert await column(database, "SELECT stage FROM leads") == ["claimed"]


async def test_a_message_to_one_lead_keeps_no_other_lead_waiting(database: Database, mailing: Settings, office: PostOffice) -> None:
    rep, lead, other = await hire(database), await arrive(database, nurtured()), await arrive(database, nurtured())
    arrived, answer = asyncio.Event(), asyncio.Event()

    async def take_time() -> None:
        arrived.set()
        await answer.wait()

    office.before_answer = take_time
    sending = asyncio.create_task(sent(database, mailing, lead))
    await arrived.wait()
    assert await LedgerActivities(database).commit(claimed(other, rep)) == 2
    answer.set()
    assert await sending == SENT


async def test_claims_and_messages_at_once_leave_no_message_after_a_grant(
    database: Database, mailing: Settings, office: PostOffice
) -> None:
    rep = await hire(database)
    leads = [await arrive(database, nurtured()) for _ in range(12)]
    ledger = LedgerActivities(database)
    granted: dict[str, int] = {}

    async def grant(lead: UUID) -> None:
        await ledger.commit(claimed(lead, rep))
        granted[f"{lead.hex[-8:]}@example.com"] = len(office.letters)

    work = [job for lead in leads for job in (sent(database, mailing, lead), grant(lead))]
    answers = [answer for answer in await asyncio.gather(*work) if answer is not None]
    late = [letter["To"] for place, letter in enumerate(office.letters) if place >= granted[letter["To"]]]
    assert (late, sum(answer.sent for answer in answers)) == ([], len(office.letters))


# --- a provider that will not --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "answer"), [("at_recipient", "550 5.1.1 <ada@acme.example> no such user"), ("at_data", "554 5.7.1 no spam")]
)
async def test_a_refusal_for_good_is_final_and_kept_without_the_address(
    database: Database, mailing: Settings, office: PostOffice, at: str, answer: str
) -> None:
    setattr(office, at, answer)
    lead = await arrive(database, nurtured())
    assert await sent(database, mailing, lead) == withheld("refused")
    assert await message(database) == ("refused", f"smtp_{answer[:3]}")
    setattr(office, at, "250 OK")
    assert (await sent(database, mailing, lead), office.letters) == (withheld("refused"), [])


@pytest.mark.parametrize(
    ("at", "answer"), [("at_recipient", "450 4.2.1 <ada@acme.example> try later"), ("at_data", "451 4.3.0 not now, ada@acme.example")]
)
async def test_a_refusal_for_now_is_tried_again_and_says_nothing_about_the_person(
    database: Database, mailing: Settings, office: PostOffice, at: str, answer: str
) -> None:
    setattr(office, at, answer)
    lead = await arrive(database, nurtured(), email="ada@acme.example")
    with pytest.raises(ApplicationError) as caught:
        await sent(database, mailing, lead)
    assert (caught.value.type, caught.value.non_retryable) == ("ProviderAway", False)
    assert caught.value.message == f"the mail server could not take the message (smtp_{answer[:3]})"
    assert await message(database) == ("sending", f"smtp_{answer[:3]}")
    setattr(office, at, "250 OK")
    assert (await sent(database, mailing, lead), len(office.letters)) == (SENT, 1)
    assert await message(database) == ("sent", None)


async def test_a_mail_server_that_takes_too_long_is_tried_again(database: Database, mailing: Settings, office: PostOffice) -> None:
    lead, forever = await arrive(database, nurtured()), asyncio.Event()
    office.before_answer = forever.wait
    with pytest.raises(ApplicationError, match="TimeoutError"):
        await sent(database, mailing.model_copy(update={"smtp_timeout": 0.2}), lead)
    forever.set()
    office.before_answer = None
    assert await sent(database, mailing, lead) == SENT


async def test_a_mail_server_that_is_not_there_is_tried_again(database: Database, mailing: Settings) -> None:
    lead = await arrive(database, nurtured())
    with pytest.raises(ApplicationError) as caught:
        await sent(database, mailing.model_copy(update={"smtp_port": 1}), lead)
    assert (caught.value.type, await message(database)) == ("ProviderAway", ("sending", "SMTPConnectError"))


async def test_a_password_the_server_refuses_is_nobodys_fault_but_ours(database: Database, mailing: Settings) -> None:
    lead = await arrive(database, nurtured())
    wrong = mailing.model_copy(update={"smtp_user": "us", "smtp_password": mailing.secret_key})
    with pytest.raises(ApplicationError) as caught:
        await sent(database, wrong, lead)
    assert (caught.value.type, (await message(database))[0]) == ("ProviderAway", "sending")


@pytest.mark.parametrize("email", ["not an address", "a@b@c", "ada@acme.example\r\nBcc: all@example.com"])
async def test_what_is_no_address_is_refused_before_anybody_is_asked(
    database: Database, mailing: Settings, office: PostOffice, email: str
) -> None:
    lead = await arrive(database, nurtured(), email=email)
    assert (await sent(database, mailing, lead), office.letters) == (withheld("refused"), [])
    assert await message(database) == ("refused", "no_address")


# --- power cuts ----------------------------------------------------------------------------------------------------


async def cut(database: Database) -> None:
    """The connection of whoever holds a lead's send lock breaks."""
    await column(
        database,
        """SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())""",
    )


async def test_a_cut_between_the_providers_yes_and_our_writing_it_down_repeats_the_same_message_id(
    database: Database, mailing: Settings, office: PostOffice
) -> None:
    lead = await arrive(database, nurtured())
    office.before_answer = lambda: cut(database)
    with pytest.raises(ApplicationError) as caught:
        await sent(database, mailing, lead)
    assert (caught.value.type, await message(database)) == ("DatabaseAway", ("sending", None))
    office.before_answer = None
    assert await sent(database, mailing, lead) == SENT
    assert [letter["Message-ID"] for letter in office.letters] == [office.letters[0]["Message-ID"]] * 2


async def test_a_message_that_may_have_left_is_never_called_withheld(database: Database, mailing: Settings, office: PostOffice) -> None:
    rep, lead = await hire(database), await arrive(database, nurtured(), email="ada@acme.example")
    office.before_answer = lambda: cut(database)
    with pytest.raises(ApplicationError):
        await sent(database, mailing, lead)
    await LedgerActivities(database).commit(claimed(lead, rep))
    assert await sent(database, mailing, lead) == withheld("taken")
    row = await one(database, "SELECT state, why, recipient FROM messages")
    assert (tuple(row), len(office.letters)) == (("sending", "taken", "ada@acme.example"), 1)


async def test_a_cancelled_sending_gives_the_lock_back(database: Database, mailing: Settings, office: PostOffice) -> None:
    lead, arrived, forever = await arrive(database, nurtured()), asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        arrived.set()
        await forever.wait()

    office.before_answer = hang
    sending = asyncio.create_task(NurtureActivities(database, mailing).send(order(lead, touch())))
    await arrived.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    forever.set()
    office.before_answer = None
    assert await LedgerActivities(database).commit(claimed(lead, await hire(database))) == 2


async def test_a_database_out_of_reach_is_said_without_a_word_about_the_person(mailing: Settings) -> None:
    away = Database(Settings(database_url="postgresql://nobody@127.0.0.1:1/none"))
    with pytest.raises(ApplicationError) as caught:
        await sent(away, mailing, uuid7())
    assert (caught.value.type, caught.value.message) == ("DatabaseAway", "the message could not be sent (OperationalError)")
    await away.close()
