"""A real Chromium for tests of pages. It is the system's, since no wheel holds one, so it may be missing:
then the tests that want it are skipped, and the end of the run says so in words nobody overlooks."""

from __future__ import annotations

import asyncio
import os
import shutil
from asyncio import AbstractEventLoop
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PATH_VARIABLE = "SLAMON_TEST_CHROMIUM"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MACOS_APPLICATIONS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MISSING = f"no Chromium: install chromium, or set {PATH_VARIABLE} to a Chromium or Chrome"


def find_chromium() -> Path | None:
    """The Chromium or Chrome to test with. A path named in SLAMON_TEST_CHROMIUM is taken as it is."""
    named = os.environ.get(PATH_VARIABLE)
    if named:
        return Path(named)
    home = Path.home()
    applications = [Path(path) for path in MACOS_APPLICATIONS]
    candidates = [
        *(Path(found) for found in map(shutil.which, PROGRAMS) if found),
        *applications,
        *(home / path.relative_to("/") for path in applications),
    ]
    return next((path for path in candidates if os.access(path, os.X_OK)), None)


@pytest.fixture(scope="session")
def launched_chromium() -> Iterator[tuple[Browser, AbstractEventLoop]]:
    """The worker's Chromium and Playwright's event loop, which is out of sight until `browser` shows it."""
    # Imported late: most workers' tests never need it, and it takes half a second.
    from playwright.sync_api import sync_playwright

    chromium = find_chromium()
    if chromium is None:
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        loop = asyncio.get_running_loop()
        launched = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        asyncio._set_running_loop(None)
        yield launched, loop
        asyncio._set_running_loop(loop)
        launched.close()


@pytest.fixture
def browser(launched_chromium: tuple[Browser, AbstractEventLoop]) -> Iterator[Browser]:
    """A running Chromium, one per worker; a test opens its own context in it, and so shares no cookies."""
    launched, loop = launched_chromium
    # Playwright leaves its loop marked as running in this thread, and then every later test that calls
    # asyncio.run() fails. So the mark is there only while a test has the browser.
    asyncio._set_running_loop(loop)
    yield launched
    asyncio._set_running_loop(None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests a missing Chromium kept from running."""
    skipped = [each for each in terminalreporter.stats.get("skipped", []) if MISSING in str(each.longrepr)]
    if skipped:
        terminalreporter.section("BROWSER TESTS DID NOT RUN", yellow=True, bold=True)
        terminalreporter.line(f"{len(skipped)} skipped: {MISSING}", yellow=True)
