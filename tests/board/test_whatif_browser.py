"""What-if in a real browser: asked in a form, watched, and read, down to a lead by its name."""

import pytest
from playwright.async_api import expect
from sqlalchemy import text

from tests.activities.rows import column
from tests.api.forms import arrive, until, work
from tests.board.conftest import Opened
from tests.board.test_board_looks import serious
from tests.eventually import eventually
from tests.stack import People, Person, Stack

pytestmark = pytest.mark.policy("calm")


async def test_a_manager_asks_and_reads_the_answer(opened: Opened, people: People, api: Person) -> None:
    manager, rep = await people("manager"), await people("rep")
    leads = [await arrive(api, first_name=name, last_name="Vidal") for name in ("Ada", "Bea")]
    for lead in leads:
        await until(api, lead, tier="low")
    await work(rep, leads[0])
    page = await opened(manager, "/what-if", reduced_motion="reduce")
    assert await serious(page) == []
    await page.get_by_label("Score from which a lead is high").fill("0.5")
    await page.get_by_label("Score from which a lead is medium").fill("0.1")
    await page.get_by_label(rep.uname).check()
    await page.get_by_role("button", name="Replay").click()
    await page.wait_for_url("**/what-if/*-*")
    await expect(page.get_by_role("heading", name="What would be different?")).to_be_visible(timeout=90_000)
    await expect(page.get_by_text("2 of 2 come out exactly as recorded").first).to_be_visible()
    await expect(page.get_by_text("score.tiers.high")).to_be_visible()
    assert await page.locator(".whatif-bar rect").count() > 10
    had = page.get_by_role("row", name=rep.uname)
    await expect(had.get_by_role("cell").nth(3)).to_have_text("0")  # whoever is left out gets none
    assert await serious(page) == []
    await page.get_by_role("link", name="Ada Vidal").click()
    await page.wait_for_url(f"**/leads/{leads[0]['id']}")
    await page.goto("/what-if")
    await expect(page.get_by_role("link", name=f"without {rep.uname}")).to_be_visible()


async def test_what_failed_is_said_and_can_be_tried_again(opened: Opened, people: People, stack: Stack) -> None:
    manager = await people("manager")
    page = await opened(manager, "/what-if", java_script_enabled=False)
    await page.get_by_role("button", name="Replay").click()
    await page.wait_for_url("**/what-if/*-*")
    simulation = page.url.rsplit("/", 1)[1]

    async def over() -> list[object]:
        return await column(stack.database, "SELECT 1 FROM simulations WHERE state = 'done' AND id::text = :id", id=simulation)

    await eventually(over, bool, 90)
    async with stack.database.connection() as connection:
        await connection.execute(text("UPDATE simulations SET state = 'failed', error = 'It was ended.', result = '{}'"))
    await page.reload()
    await expect(page.get_by_role("alert")).to_have_text("It was ended.")
    await page.get_by_role("button", name="Try again").click()
    await eventually(over, bool, 90)
    await page.reload()
    await expect(page.get_by_text("No lead of this time can be replayed.")).to_be_visible()
