"""A real browser: Debian's Chromium, without a window.

Without one, tests that need it are skipped and say so; where `CI` is set or `TWOWAY_TEST_BROWSER=required` they fail instead.
"""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, async_playwright

from tests.stack import served

__all__ = ["chromium", "found_chromium", "served"]
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def found_chromium() -> str | None:
    """Where a Chromium is on this machine."""
    return os.environ.get("TWOWAY_TEST_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)


@asynccontextmanager
async def chromium(*more: str) -> AsyncIterator[Browser]:
    """Chromium, while it runs.

    Args:
        more: what to tell it at the start.
    """
    path = found_chromium()
    if path is None:
        reason = f"no Chromium is installed (looked for {', '.join(_NAMES)}; TWOWAY_TEST_CHROMIUM may name one)"
        if os.environ.get("CI") or os.environ.get("TWOWAY_TEST_BROWSER") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", *more])
        try:
            yield browser
        finally:
            await browser.close()
