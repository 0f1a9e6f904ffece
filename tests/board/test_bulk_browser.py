"""An import in a real browser: a file is chosen, its columns looked at, and the page counts by itself."""

import pytest
from playwright.async_api import FilePayload, expect

from tests.board.conftest import Opened
from tests.board.leads import live
from tests.stack import People

pytestmark = pytest.mark.policy("calm")

WAIT = 20_000


async def test_an_import_counts_on_the_page_by_itself_and_hands_out_what_it_refused(opened: Opened, people: People) -> None:
    page = await live(await opened(await people("marketer"), "/imports/new"))
    rows = "".join(f"person{n}@import.example,Import Ltd\n" for n in range(120))
    file: FilePayload = {"name": "people.csv", "mimeType": "text/csv", "buffer": f"E-mail,Company\n{rows}nobody,=1+1\n".encode()}
    await page.locator("input[type=file]").set_input_files(file)
    await page.get_by_role("button", name="Look at it").click()
    await page.get_by_role("button", name="Import").click()
    await expect(page.locator("main")).to_contain_text("Done with 121 rows", timeout=WAIT)  # nobody reloads the page
    await expect(page.locator(".bulk-figures")).to_contain_text("120")
    async with page.expect_download() as download:
        await page.locator("#refused").click()
    refused = await (await download.value).path()
    assert "nobody,'=1+1" in refused.read_text("utf-8")  # a spreadsheet must not run what a stranger wrote
