"""The weekly digest: right about its week, once to each, and silent to who wants none."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Worker

from activities.database import Database
from activities.insights.digest import DigestActivities, digest, letter
from activities.insights.journeys import catch_up
from models.messages import DigestOrder, DigestPlan
from models.policy import Policy
from models.settings import Settings
from tests.activities.insights import slow
from tests.activities.insights.lives import live
from tests.activities.post_office import PostOffice
from tests.activities.rows import change, column, hire, published
from tests.eventually import eventually
from workflows.digest import DigestWorkflow
from workflows.sandbox import Sandbox
from workflows.schedules import ensure, schedules

POLICY = Policy.model_validate({"review": {"when": []}}).numbered(1)
BERLIN = "clock: {timezone: Europe/Berlin}"
MONDAY = date(2026, 3, 2)


async def test_the_digest_counts_what_happened_in_its_week(database: Database) -> None:
    lives = await live(database, 21, 40, POLICY)
    assert await catch_up(database)
    arrived = max(life.entries[0].at for life in lives)
    week = date.fromisoformat(slow.monday(arrived, "Europe/Berlin"))
    since = datetime(week.year, week.month, week.day, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
    async with database.connection() as connection:
        found = await digest(connection, week, "Europe/Berlin", "https://leads.example/")

    def within(at: datetime | None, weeks: int) -> bool:
        return at is not None and since - weeks * timedelta(days=7) <= at < since + (1 - weeks) * timedelta(days=7)

    tell = {"Leads": lambda life: life.entries[0].at, "MQL": slow.mql, "SAL": slow.sal, "SQL": slow.sql, "Won": slow.won}
    counts = {name: (now, before) for name, now, before in found.counts}
    for name, at in tell.items():
        assert counts[name] == (sum(within(at(life), 0) for life in lives), sum(within(at(life), 1) for life in lives)), name
    mail = letter(found, "https://leads.example/")
    assert counts["Leads"][0] > 0
    for part in (mail.plain, mail.html):
        assert "https://leads.example/insights" in part and "https://leads.example/account" in part
        assert any(sentence.split("“")[0] in part for sentence in found.said)


async def test_it_goes_to_both_teams_about_the_week_that_ended_in_the_policys_zone(database: Database, keeping: Settings) -> None:
    await published(database, BERLIN)
    rep, marketer = await hire(database), await hire(database, roles=["marketer"])
    await hire(database, roles=["service"])
    await hire(database, active=False)
    await hire(database, digest=False)
    work = DigestActivities(database, keeping)
    late_sunday = datetime(2026, 3, 8, 23, 30, tzinfo=UTC)  # Monday in Berlin
    found = await ActivityEnvironment().run(work.plan, late_sunday)
    assert found == DigestPlan(week=MONDAY, users=tuple(sorted(map(str, (rep, marketer)), key=UUID)))
    assert (await ActivityEnvironment().run(work.plan, late_sunday - timedelta(hours=1))).week == date(2026, 2, 23)


async def test_it_leaves_once_whoever_asks_again(database: Database, mailing: Settings, office: PostOffice) -> None:
    await published(database)
    rep = await hire(database)
    work, order = DigestActivities(database, mailing), DigestOrder(week=MONDAY, user=str(rep))
    assert [await ActivityEnvironment().run(work.send, order) for _ in range(2)] == [True, False]
    [mail] = office.letters
    assert mail["Subject"] == "Leads in the week of 2 Mar 2026"
    assert mail["List-Unsubscribe"] is None
    assert mail["Message-ID"].endswith("@ours.example>")
    assert "It is empty: no lead is open." in str(mail.get_body(("plain",)))


async def test_a_mail_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not(
    database: Database, mailing: Settings, office: PostOffice
) -> None:
    await published(database)
    work = DigestActivities(database, mailing)
    first = DigestOrder(week=MONDAY, user=str(await hire(database)))
    office.at_data = "451 later"
    with pytest.raises(ApplicationError, match="mail server"):
        await ActivityEnvironment().run(work.send, first)
    office.at_data = "250 OK"
    assert await ActivityEnvironment().run(work.send, first)
    second = DigestOrder(week=MONDAY, user=str(await hire(database)))
    office.at_recipient = "550 nobody"
    assert not await ActivityEnvironment().run(work.send, second)
    office.at_recipient = "250 OK"
    assert not await ActivityEnvironment().run(work.send, second)
    assert await column(database, "SELECT why FROM digests WHERE user_id = :user", user=UUID(second.user)) == ["smtp_550"]
    assert len(office.letters) == 1


async def test_who_stopped_it_or_left_meanwhile_gets_none(database: Database, mailing: Settings, office: PostOffice) -> None:
    await published(database)
    rep = await hire(database)
    await change(database, "UPDATE users SET digest = false")
    assert not await ActivityEnvironment().run(DigestActivities(database, mailing).send, DigestOrder(week=MONDAY, user=str(rep)))
    assert office.letters == []


async def test_the_schedule_starts_the_workflow_which_mails_everybody(
    temporal: Client, database: Database, mailing: Settings, office: PostOffice, settings: Settings
) -> None:
    await published(database)
    users = [await hire(database), await hire(database, roles=["manager"])]
    queue, work = settings.task_queue, DigestActivities(database, mailing)
    name = f"digest-{queue}"

    async def plan(cron: str) -> None:
        await ensure(temporal, {name: schedules(queue, zone="Europe/Berlin", digest=cron)[name]})

    await plan("0 7 * * MON")
    await plan("0 8 * * MON")
    handle = temporal.get_schedule_handle(name)
    spec = (await handle.describe()).schedule.spec
    assert spec.time_zone_name == "Europe/Berlin"
    assert spec.calendars[0].hour[0].start == 8
    async with Worker(temporal, task_queue=queue, workflows=[DigestWorkflow], workflow_runner=Sandbox(), activities=[work.plan, work.send]):
        await handle.trigger()

        async def letters() -> int:
            return len(office.letters)

        await eventually(letters, lambda count: count == len(users), seconds=60)
    await plan("")
    await plan("")
