"""The board lives: what happens to a lead is on every screen, in place, and nothing is missed."""

import asyncio
import re

import pytest
from playwright.async_api import Page, expect

from tests.api.forms import act, arrive
from tests.board.conftest import Opened
from tests.board.leads import EVERY, crowd, live, stand
from tests.stack import People, Person, Stack

pytestmark = pytest.mark.policy("calm")

WAIT = 15_000


async def test_two_boards_see_one_arrival_without_anybody_asking(opened: Opened, api: Person, people: People) -> None:
    boards = [await live(await opened(await people(role))) for role in ("rep", "marketer")]
    await boards[1].goto("/?view=all")
    await live(boards[1])
    lead = await arrive(api, first_name="Ada", last_name="Lovelace", company="Analytical Engines")
    for board in boards:
        row = board.locator(f"#lead-{lead['id']}")
        await expect(row).to_contain_text("Ada Lovelace", timeout=WAIT)
        await expect(row).to_contain_text("Analytical Engines")
        await expect(board.locator("#empty")).to_be_hidden()


async def test_of_two_reps_who_claim_at_once_one_gets_it_and_the_other_reads_who(opened: Opened, api: Person, people: People) -> None:
    reps = [await people("rep") for _ in range(2)]
    lead = await arrive(api)
    boards = [await live(await opened(rep)) for rep in reps]
    rows = [board.locator(f"#lead-{lead['id']}") for board in boards]
    buttons = [row.get_by_role("button", name="Claim") for row in rows]
    for button in buttons:
        await expect(button).to_be_visible()
    await asyncio.gather(*(button.click() for button in buttons))

    async def outcome(board: Page, row: int) -> str:
        settled = rows[row].locator(".said, .contact:visible")
        await settled.wait_for(timeout=WAIT)
        return await settled.inner_text()

    said = [await outcome(board, n) for n, board in enumerate(boards)]
    winner = next(n for n, words in enumerate(said) if words.startswith("Contact"))
    assert said[1 - winner].startswith(f"{reps[winner].uname} has this lead")
    await expect(rows[winner].locator(".clock")).to_contain_text("23 h")
    await expect(boards[1 - winner].locator("#toasts")).to_contain_text("Somebody was first")


async def test_a_lead_somebody_else_takes_says_where_it_went_before_it_folds(opened: Opened, api: Person, people: People) -> None:
    rep, other = await people("rep"), await people("rep")
    lead = await arrive(api)
    board = await live(await opened(rep))
    row = board.locator(f"#lead-{lead['id']}")
    await expect(row).to_be_visible()
    assert (await act(other, lead, "claim")).status_code == 200
    await expect(row.locator(".went")).to_contain_text(f"Claimed by {other.uname}", timeout=WAIT)
    await expect(row).to_have_count(0, timeout=WAIT)


async def test_a_lead_i_took_stays_where_i_took_it_whatever_becomes_of_it(opened: Opened, api: Person, people: People) -> None:
    rep = await people("rep")
    lead = await arrive(api)
    board = await live(await opened(rep, "/?view=up"))
    row = board.locator(f"#lead-{lead['id']}")
    await row.get_by_role("button", name="Claim").click()
    await expect(row.locator(".stage")).to_have_text("Claimed")
    assert (await act(rep, lead, "contact", {"channel": "call", "outcome": "reached"})).status_code == 200
    await expect(row.locator(".stage")).to_have_text("Working")
    await expect(row.locator(".went")).to_have_count(0)


async def test_a_claim_can_be_taken_back_where_it_was_made(opened: Opened, api: Person, people: People) -> None:
    lead = await arrive(api)
    board = await live(await opened(await people("rep")))
    row = board.locator(f"#lead-{lead['id']}")
    await row.get_by_role("button", name="Claim").click()
    await expect(row.locator(".contact")).to_be_visible()
    await board.get_by_role("button", name="Hand back").click()
    await expect(row.get_by_role("button", name="Claim")).to_be_visible()


@pytest.mark.policy("compressed")
async def test_a_deadline_passes_and_the_hand_back_appears_with_who_and_what_they_tried(
    opened: Opened, api: Person, people: People
) -> None:
    rep, manager = await people("rep"), await people("manager")
    board = await live(await opened(manager))
    await expect(board.get_by_role("heading", name="Handed back")).to_be_visible()
    lead = await arrive(api)
    assert (await act(rep, lead, "claim")).status_code == 200
    tried = {"channel": "call", "outcome": "no_answer", "note": "rang twice"}
    assert (await act(rep, lead, "contact", tried)).status_code == 200
    row = board.locator(f"#lead-{lead['id']}")
    await expect(row.locator(".back")).to_contain_text(f"{rep.uname}: time ran out · called, no answer", timeout=WAIT)
    await expect(board.locator("[data-count=returned]")).to_have_text("1")


async def test_a_board_that_was_offline_says_so_and_misses_nothing(opened: Opened, stack: Stack, people: People) -> None:
    board = await live(await opened(await people("rep")))
    await stand(stack.database, "Before")
    await expect(board.locator(EVERY)).to_have_count(1)
    await board.context.set_offline(True)
    await expect(board.locator("#strip")).to_contain_text("Not connected since")
    await expect(board.locator("body")).to_have_class(re.compile("offline"))
    await expect(board.get_by_role("button", name="Claim")).to_have_attribute("aria-disabled", "true")
    await stand(stack.database, "Meanwhile")
    await expect(board.locator(EVERY)).to_have_count(1)
    await board.context.set_offline(False)
    await expect(board.locator(EVERY)).to_have_count(2, timeout=WAIT)
    await expect(board.locator(EVERY).first).to_contain_text("Meanwhile")
    await expect(board.locator("#strip")).to_be_hidden()


async def test_a_board_whose_reader_is_shut_out_says_how_to_come_back(
    opened: Opened, api: Person, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.live.HEARTBEAT", 0.1)
    monkeypatch.setattr("api.live.RECHECK", 0.2)
    rep = await people("rep")
    board = await live(await opened(rep))
    await api.patch(f"/api/users/{rep.uid}", json={"active": False})
    again = board.get_by_role("link", name="Sign in again")
    await expect(again).to_be_visible(timeout=WAIT)
    assert await again.get_attribute("href") == "/login?next=%2F"


async def test_arrivals_wait_while_the_list_is_scrolled(opened: Opened, stack: Stack, people: People) -> None:
    await crowd(stack.database, 60)
    board = await live(await opened(await people("rep")))
    await board.mouse.move(5, 5)
    await board.evaluate("window.scrollTo(0, 600)")
    await stand(stack.database, "Fresh Ltd")
    news = board.locator("#news button")
    await expect(news).to_have_text("1 new")
    await expect(board.get_by_text("Fresh Ltd")).to_have_count(0)
    await news.click()
    await expect(board.locator(EVERY).first).to_contain_text("Fresh Ltd")
    assert await board.evaluate("window.scrollY") == 0


async def test_a_filtered_board_shows_only_what_fits(opened: Opened, stack: Stack, people: People) -> None:
    board = await live(await opened(await people("rep"), "/?view=all&source=fair"))
    await stand(stack.database, "Web Ltd", source="web")
    await stand(stack.database, "Fair Ltd", source="fair")
    await expect(board.locator(EVERY)).to_have_count(1, timeout=WAIT)
    await expect(board.locator(EVERY)).to_contain_text("Fair Ltd")


async def test_a_live_row_goes_where_the_order_puts_it(opened: Opened, stack: Stack, people: People) -> None:
    for company, score in (("Best", 90), ("Worst", 5), ("Unknown", None)):
        await stand(stack.database, company, score=score)
    board = await live(await opened(await people("rep"), "/?view=all&sort=score"))
    await stand(stack.database, "Middle", score=50)
    await expect(board.locator(EVERY)).to_have_count(4)
    shown = await board.locator(f"{EVERY} .who").all_inner_texts()
    assert [next(name for name in ("Best", "Middle", "Worst", "Unknown") if name in words) for words in shown] == [
        "Best",
        "Middle",
        "Worst",
        "Unknown",
    ]


async def test_a_lead_given_to_me_is_announced_and_stays_in_the_list_of_notices(opened: Opened, api: Person, people: People) -> None:
    rep, manager = await people("rep"), await people("manager")
    lead = await arrive(api, first_name="Ada", last_name="Lovelace")
    board = await live(await opened(rep, "/?view=mine"))
    answer = await act(manager, lead, "override", {"owner": rep.uid, "reason": "knows them"})
    assert answer.status_code == 200, answer.text
    await expect(board.locator("#toasts")).to_contain_text("A lead was assigned to you", timeout=WAIT)
    await expect(board.locator(f"#lead-{lead['id']}")).to_be_visible()
    await expect(board.locator("#unread")).to_have_text("1")
    await board.locator("#bell").click()
    await expect(board.locator("#notices .notice.unread")).to_contain_text("Ada Lovelace")
    await board.get_by_role("button", name="Mark all read").click()
    await expect(board.locator("#unread")).to_be_hidden()
    await expect(board.locator("#notices .notice.unread")).to_have_count(0)


PROBLEM = (
    '{"type": "/problems/engine-away", "title": "The engine does not answer.", "detail": "Nothing was changed. Please try again shortly."}'
)


async def test_a_claim_that_cannot_be_made_now_says_so_and_can_be_made_again(opened: Opened, api: Person, people: People) -> None:
    lead = await arrive(api)
    board = await live(await opened(await people("rep")))
    row = board.locator(f"#lead-{lead['id']}")
    button = row.get_by_role("button", name="Claim")
    await board.route("**/claim", lambda route: route.fulfill(status=503, content_type="application/problem+json", body=PROBLEM))
    await button.click()
    await expect(board.locator("#toasts").get_by_role("alert")).to_contain_text("Nothing was changed. Please try again shortly.")
    await expect(button).to_be_enabled()
    await board.unroute("**/claim")
    await button.click()
    await expect(row.locator(".contact")).to_be_visible()


async def test_a_list_that_cannot_go_on_offers_to_try_again(opened: Opened, stack: Stack, people: People) -> None:
    await crowd(stack.database, 60)
    board = await opened(await people("rep"), "/?view=closed")
    await board.route("**/rows?*", lambda route: route.abort())
    await board.goto("/?view=all")
    await board.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    again = board.get_by_role("link", name="Try again")
    await expect(again).to_be_visible()
    await expect(board.locator("#more")).to_contain_text("The server cannot be reached.")
    await board.unroute("**/rows?*")
    await again.click()
    await expect(board.locator(EVERY)).to_have_count(60)


NASTY = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'>{{7*7}}"


async def test_what_a_prospect_writes_stays_text_also_in_live_rows(opened: Opened, api: Person, people: People) -> None:
    board = await live(await opened(await people("rep", "marketer"), "/?view=all"))
    dialogs: list[str] = []
    board.on("dialog", lambda dialog: dialogs.append(dialog.message))
    names = ("first_name", "last_name", "company", "title", "country", "source", "campaign", "interest", "message")
    lead = await arrive(api, **dict.fromkeys(names, NASTY))
    row = board.locator(f"#lead-{lead['id']}")
    await expect(row.locator(".open")).to_have_text(f"{NASTY} {NASTY}", timeout=WAIT)
    for again in range(2):
        assert await board.locator("#rows img, #rows script").count() == 0, again
        await board.reload()
        await expect(row.locator(".open")).to_have_text(f"{NASTY} {NASTY}")
    assert await board.locator("select[name=source] option").nth(1).inner_text() == NASTY
    assert dialogs == []


async def test_who_asked_for_it_is_told_on_the_computer_while_elsewhere(opened: Opened, api: Person, people: People) -> None:
    rep, manager = await people("rep"), await people("manager")
    board = await opened(rep, permissions=["notifications"])
    # what the computer shows lies outside the page, and so does whether somebody looks: both are watched at the page's edge
    await board.add_init_script(
        """
        window.shown = [];
        window.Notification = class { constructor(title, options) { window.shown.push(`${title}: ${options.body}`); } };
        Notification.permission = "granted";
        Notification.requestPermission = async () => "granted";
        Object.defineProperty(document, "hidden", { get: () => window.elsewhere === true });
        """
    )
    await board.reload()
    await live(board)
    await board.locator("#me summary").click()
    await board.get_by_role("button", name="Tell me on this computer").click()
    await expect(board.locator("#allow-notices")).to_have_text("Stop telling me on this computer")
    await board.evaluate("window.elsewhere = true")
    lead = await arrive(api, first_name="Ada", last_name="Lovelace", company="Analytical Engines")
    given = await act(manager, lead, "override", {"owner": rep.uid, "reason": "knows them"})
    assert given.status_code == 200, given.text
    await board.wait_for_function("window.shown.length > 0", timeout=WAIT)
    assert await board.evaluate("window.shown") == ["A lead was assigned to you: Ada Lovelace, Analytical Engines"]
