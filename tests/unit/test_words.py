"""Nobody ever reads a code: every word and every sentence there is."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, get_args
from uuid import UUID, uuid4

import pytest

from activities.nurture import MessageState
from api.board import doings, story, words
from api.board.entries import LEDGER, Scene, attempted
from api.board.story import lines
from models.lifecycle import (
    ActorKind,
    Channel,
    ContactChannel,
    ContactOutcome,
    DeadlineKind,
    DispositionOutcome,
    EntryKind,
    FastLaneRule,
    ReviewOutcome,
    Role,
    Stage,
    Tier,
)
from models.policy import Policy
from models.rules import Condition, requirement
from models.schemas.common import Person
from models.schemas.leads import Attempt, DeadlineView, TimelineItem

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MARA, ADE = Person(id=uuid4(), name="Mara Jung"), Person(id=uuid4(), name="Ade Okafor")
MISSED = Attempt(at=NOW, by=MARA, channel=ContactChannel.CALL, outcome=ContactOutcome.NO_ANSWER, note="rang twice")
SCENE = Scene(me=ADE.id, names={str(MARA.id): MARA.name}, attempts=[MISSED])

DICTIONARIES: list[tuple[Mapping[Any, str], type[StrEnum]]] = [
    (words.STAGES, Stage),
    (words.TO_STAGE, Stage),
    (words.FROM_STAGE, Stage),
    (words.TIERS, Tier),
    (words.DUE, DeadlineKind),
    (words.THEN, DeadlineKind),
    (words.CHANNELS, Channel),
    (words.CONTACT_CHANNELS, ContactChannel),
    (words.TRIED, ContactChannel),
    (words.REACHED, ContactChannel),
    (words.OUTCOMES, ContactOutcome),
    (words.CONCLUSIONS, DispositionOutcome),
    (words.MEANS, DispositionOutcome),
    (words.REVIEWS, ReviewOutcome),
    (words.FAST_LANE, FastLaneRule),
    (words.ROLES, Role),
    (words.MESSAGES, MessageState),
]


def item(kind: str, of: Any = "ledger", **more: Any) -> TimelineItem:
    """Something that happened."""
    return TimelineItem.model_validate({"type": of, "at": NOW, "kind": kind, "actor": ActorKind.CLOCK, **more})


def said(*items: TimelineItem) -> list[str]:
    """The story as it is read."""
    return [f"{line.who} {line.text}" if line.who else line.text for line in lines(items, SCENE)]


def is_plain(sentence: str) -> bool:
    """Whether a person reads words and not a code."""
    return bool(sentence.strip()) and "_" not in sentence and "None" not in sentence and not any(_is_id(word) for word in sentence.split())


def _is_id(word: str) -> bool:
    try:
        UUID(word.strip(".,:;()"))
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(("dictionary", "kinds"), DICTIONARIES)
def test_every_member_of_every_enum_has_words_of_its_own(dictionary: Mapping[Any, str], kinds: type[StrEnum]) -> None:
    assert set(dictionary) == set(kinds)
    assert all(map(is_plain, dictionary.values()))
    assert len(set(dictionary.values())) == len(kinds), "two mean the same"


@pytest.mark.parametrize("why", [None, "reason"])
@pytest.mark.parametrize("kind", EntryKind)
def test_every_kind_of_entry_is_a_sentence_from_and_to_every_stage(kind: EntryKind, why: str | None) -> None:
    details = {"channel": "email", "outcome": "no_answer", "campaign": "long-term", "step": 1, "template": "guide", "why": "no_consent"}
    details |= {"channels": "email,sms", "rule": "points", "holder": str(MARA.id), "attempts": 2, "amount_usd": 9000.0, "policy_version": 2}
    if kind is EntryKind.REVIEWED:
        details["outcome"] = "pass"
    for stage in Stage:
        for owner in (None, MARA, ADE):
            for by in (None, MARA, ADE):
                deadline = DeadlineView(kind=DeadlineKind.CONTACT, at=NOW)
                more = {"from_stage": Stage.CLAIMED, "to_stage": stage, "owner": owner, "by": by, "score": 61.4, "tier": "high"}
                sentence = said(item(kind, data=details, reason=why, deadline=deadline, **more))[0]
                assert is_plain(sentence), sentence
                assert sentence[0].isupper(), sentence


def test_every_kind_of_entry_has_a_symbol_that_is_drawn() -> None:
    from api.board.pages import _ASSETS  # noqa: PLC0415 - the one test that looks into the folder

    drawn = (_ASSETS / "lead.svg").read_text("utf-8")
    icons = {icon for icon, _ in LEDGER.values()} | {known.icon for known in doings.KNOWN.values()}
    assert {icon for icon in icons if f'id="{icon}"' not in drawn} == set()


@pytest.mark.parametrize("kind", [*doings.KNOWN, "webinar_signup", "crm.note-added", "x", "___"])
def test_every_kind_of_doing_is_read_out_even_one_nobody_foresaw(kind: str) -> None:
    sentence = said(item(kind, "engagement", data={"page": "/pricing"}))[0]
    assert sentence.endswith(": /pricing")
    assert is_plain(sentence) or kind == "___"
    assert doings.told(kind, 1) != doings.told(kind, 3)
    assert "3" in doings.told(kind, 3)


@pytest.mark.parametrize("state", MessageState)
@pytest.mark.parametrize("why", [None, *words.HELD_BACK, "code_550"])
def test_every_message_says_what_became_of_it_and_why(state: MessageState, why: str | None) -> None:
    data = {"campaign": "welcome", "step": 1, "channel": "email", "template": "case-study", "subject": None, "why": why, "opened_at": "x"}
    sentence = said(item(state, "message", data=data))[0]
    assert is_plain(sentence), sentence
    assert sentence.startswith(words.MESSAGES[state])
    assert sentence.endswith("; opened")


def test_all_types_of_happenings_are_told() -> None:
    assert set(story._TELLERS) == set(get_args(TimelineItem.model_fields["type"].annotation))


@pytest.mark.parametrize("channel", ContactChannel)
@pytest.mark.parametrize("outcome", ContactOutcome)
def test_every_attempt_is_a_sentence(channel: ContactChannel, outcome: ContactOutcome) -> None:
    assert is_plain(attempted(channel, outcome))
    assert attempted(channel, outcome, "a note").endswith("“a note”")


def test_whoever_reads_is_you_and_a_lapse_names_the_rep_and_what_they_tried() -> None:
    lapsed = item("lapsed", from_stage="claimed", to_stage="nurture", data={"holder": str(MARA.id), "attempts": 1})
    mine = item("lapsed", from_stage="claimed", to_stage="nurture", data={"holder": str(ADE.id), "attempts": 0})
    claimed = item("claimed", by=ADE, owner=ADE, from_stage="new", to_stage="claimed")
    assert said(claimed) == ["You claimed it"]
    assert said(mine) == ["You did not make contact in time, without an attempt: to nurture"]
    line = lines([lapsed], SCENE)[0]
    assert (line.text, line.tone) == ("Mara Jung did not make contact in time, after 1 attempt: to nurture", "returned")
    assert line.quotes == ("Last attempt: called, no answer — “rang twice”",)


def views(*minutes: float, kind: str = "page_view", page: str = "/pricing") -> list[TimelineItem]:
    """Page views so many minutes ago."""
    return [item(kind, "engagement", at=NOW - timedelta(minutes=ago), data={"page": page}) for ago in minutes]


def test_small_doings_in_a_row_are_told_as_one_visit() -> None:
    told = lines([*views(0, 1, 2, 4), *views(60)], SCENE)
    assert [line.text for line in told] == ["4 page views on /pricing, in 4 min", "Viewed a page: /pricing"]
    assert [len(line.parts) for line in told] == [4, 0]


@pytest.mark.parametrize(("gap", "lines_told"), [(29.99, 1), (30, 1), (30.01, 2)])
def test_half_an_hour_without_a_click_ends_a_visit(gap: float, lines_told: int) -> None:
    assert len(lines(views(0, gap), SCENE)) == lines_told


def test_several_kinds_are_counted_apart_and_large_ones_are_never_folded() -> None:
    told = lines([*views(0, 1), *views(2, kind="pricing_view", page="/p")], SCENE)
    assert [line.text for line in told] == ["2 page views and 1 pricing view, in 2 min"]
    asked = lines([*views(0, 1), *views(2, kind="demo_requested"), *views(3)], SCENE)
    assert [line.text for line in asked] == ["2 page views on /pricing, in 1 min", "Asked for a demo: /pricing", "Viewed a page: /pricing"]


def test_what_the_ledger_and_a_table_both_hold_is_told_once() -> None:
    entry = item("scored", actor="scorer", score=61.0, tier="high", data={"points": 122})
    score = item(
        "scored",
        "score",
        actor="scorer",
        score=61.0,
        data={"reasons": [{"text": "Runs the company, by the title: “CTO”", "points": 100.0}]},
    )
    (line,) = lines([entry, score], SCENE)
    assert (line.text, line.facts) == ("Scored 61 of 100, high", (("Runs the company, by the title: “CTO”", "+100 points"),))
    claimed = item("claimed", by=MARA)
    between = lines([entry, claimed, score], SCENE)
    assert [line.text for line in between] == ["Scored 61 of 100, high", "claimed it"]
    step = item("nurture_step", data={"campaign": "welcome", "step": 0, "channel": "email", "template": "welcome"})
    sent = {"campaign": "welcome", "step": 1, "channel": "email", "template": "welcome", "subject": "Hello"}
    assert said(item("sent", "message", data=sent), step) == ["Sent: e-mail “Hello”"]
    assert said(step) == ["Next touch of Welcome: e-mail"]
    assert len(said(item("scored", actor="clock", score=5.0, data={"in_time": False}), score)) == 2


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        (requirement("budget_usd", ">=10000"), "at least 10,000"),
        (requirement("budget_usd", ">10"), "more than 10"),
        (requirement("timeline_days", "<=90"), "at most 90"),
        (requirement("timeline_days", "<90.5"), "less than 90.5"),
        (requirement("authority", wanted=True), "yes"),
        (requirement("authority", wanted=False), "no"),
        (requirement("seats", 5), "5"),
        (Condition("seats", "!=", "5"), "not 5"),
        (requirement("industry", "retail"), "retail"),
    ],
)
def test_what_the_agreement_asks_is_said_in_words(condition: Condition, sentence: str) -> None:
    assert words.wanted(condition) == sentence


def test_the_meager_rule_is_told_with_the_figures_of_the_agreement() -> None:
    assert words.then(DeadlineKind.MEAGER, Policy()).startswith("3 touches on 2 channels are due")


@pytest.mark.parametrize(
    ("length", "said_as"),
    [
        (timedelta(seconds=-5), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(seconds=60), "1 min"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=47), "1 d"),
    ],
)
def test_spans_are_told_in_their_largest_unit(length: timedelta, said_as: str) -> None:
    assert words.span(length) == said_as
