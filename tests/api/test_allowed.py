"""What the page says is allowed is what happens when it is tried: the same rules, asked twice."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest

from api.services.allowed import ROLES, Action
from models.lifecycle import Role, Stage
from tests.api.forms import CRITERIA, Json, act, arrive, look, work
from tests.board.lead_fixtures import Read, open_page, read
from tests.stack import People, Person

pytestmark = pytest.mark.policy("calm")


TRIES: dict[Action, Json] = {
    Action.CLAIM: {},
    Action.CONTACT: {"channel": "call", "outcome": "no_answer"},
    Action.DISPOSITION: {"outcome": "not_ready"},
    Action.RELEASE: {"reason": "x"},
    Action.OVERRIDE: {},
    Action.REVIEW: {"outcome": "nurture"},
    Action.HOLD: {},
    Action.RESUME: {},
    Action.RESCORE: {},
}
"""Something to send for each action; an override also names a new owner. Erasing is always allowed to whoever may."""
Road = Callable[[Person, Person, Json], Awaitable[None]]


async def do(who: Person, lead: Json, what: str, body: Json | None = None) -> None:
    """Something that must go well."""
    answer = await act(who, lead, what, body)
    assert answer.status_code < 300, answer.text


def by_hand(stage: Stage) -> Road:
    """To a stage nobody owns."""

    async def go(all_round: Person, rep: Person, lead: Json) -> None:
        await do(all_round, lead, "override", {"stage": stage, "reason": "x"})

    return go


async def stay(all_round: Person, rep: Person, lead: Json) -> None:
    """Where it arrived."""


async def held(all_round: Person, rep: Person, lead: Json) -> None:
    await do(all_round, lead, "hold")


async def claimed(all_round: Person, rep: Person, lead: Json) -> None:
    await do(rep, lead, "claim")


async def working(all_round: Person, rep: Person, lead: Json) -> None:
    await work(rep, lead)


async def qualified(all_round: Person, rep: Person, lead: Json) -> None:
    await work(rep, lead)
    await do(rep, lead, "disposition", {"outcome": "qualified", "criteria": CRITERIA})


async def won(all_round: Person, rep: Person, lead: Json) -> None:
    await qualified(all_round, rep, lead)
    await do(rep, lead, "disposition", {"outcome": "won"})


ROADS: dict[Stage, Road] = {
    Stage.NEW: stay,
    Stage.REVIEW: by_hand(Stage.REVIEW),
    Stage.CLAIMED: claimed,
    Stage.WORKING: working,
    Stage.HELD: held,
    Stage.NURTURE: by_hand(Stage.NURTURE),
    Stage.QUALIFIED: qualified,
    Stage.DISQUALIFIED: by_hand(Stage.DISQUALIFIED),
    Stage.WON: won,
}
"""A sample: for the tree, assigned is as claimed, long-term as nurture, and lost as won."""


def told_no(page: Read, action: Action) -> str | None:
    """Why the page says an action is not allowed; None when it offers it."""
    buttons = page.all("button", **{"aria-describedby": f"why-{action.value}"})
    assert not buttons or "disabled" in buttons[0]
    return buttons[0]["title"] if buttons else None


@pytest.mark.parametrize("stage", ROADS)
async def test_what_is_greyed_is_refused_with_the_same_sentence_and_what_is_offered_is_done(
    api: Person, people: People, stage: Stage
) -> None:
    steers, rep = await people("rep", "reviewer", "marketer", "manager"), await people("rep")

    async def brought() -> Json:
        lead = await arrive(api)
        await ROADS[stage](steers, rep, lead)
        return lead

    async def sent(who: Person, lead: Json, action: Action) -> httpx.Response:
        return await act(who, lead, action.value, {"owner": who.uid, "reason": "x"} if action is Action.OVERRIDE else TRIES[action])

    async def offered(who: Person, action: Action) -> None:
        answer = await sent(who, await brought(), action)
        assert answer.is_success, f"{action} in {stage} is offered, but: {answer.text}"

    shown = await brought()
    meaningless = {Action.RESUME if stage is not Stage.HELD else Action.HOLD}
    for who in (steers, rep):
        page = read(await open_page(who, shown))
        no = {action: told_no(page, action) for action in TRIES}
        for action, why in no.items():
            if why is not None:
                answer = await sent(who, shown, action)
                assert answer.status_code in (403, 409), f"{action} in {stage} is greyed ({why}), but: {answer.text}"
                assert why == answer.json()["detail"] or answer.status_code == 403 or action is Action.RESCORE
        unsaid = {action for action, why in no.items() if why is None and not page.form(action.value)}
        assert unsaid - meaningless <= ({Action.CLAIM} if (await look(api, shown))["owner"] else set())
        await asyncio.gather(*(offered(who, action) for action in no if page.form(action.value) and no[action] is None))


@pytest.mark.parametrize("role", Role)
async def test_every_role_is_told_who_may_do_what_it_may_not(people: People, api: Person, role: Role) -> None:
    lead = await arrive(api)
    who = await people(role)
    answer = await open_page(who, lead)
    if role is Role.SERVICE:
        assert answer.status_code == 403
        return
    page = read(answer)
    for action in Action:
        no = told_no(page, action) or ""
        if role is not Role.ADMIN and role not in ROLES[action] and page.all("button", **{"aria-describedby": f"why-{action.value}"}):
            assert no.startswith("Only a"), (action, no)
            assert no in page.text, "the reason can be read, not only hovered over"
        else:
            assert not no.startswith("Only a"), (action, no)
