"""A real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from modelserving.broker import EmbeddedKafka
from modelserving.config import checkout
from modelserving.workshop.slides.build import find_browser
from tests.browser.lab import Lab, running_lab

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


_PATIENCE_MS = 60_000
expect.set_options(timeout=_PATIENCE_MS)  # five seconds by default, which a machine with other work does not keep


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium: the system's, or the one that Playwright brought.

    Not for the whole run: as long as Playwright is there, a loop runs in this thread, and other tests want their own.
    """
    with sync_playwright() as playwright:
        found = find_browser() or playwright.chromium.executable_path
        if not Path(found).exists():
            pytest.skip("no Chromium here: install it with the system's packages, or `playwright install chromium`")
        launched = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def lab(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab with the workbook's settings, on copies of the lessons; nothing of it runs afterwards."""
    if checkout() is None:
        pytest.skip("the lessons are in the source checkout")
    with running_lab(kafka.start().bootstrap_servers, tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty tab, as large as a laptop's."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.set_default_timeout(_PATIENCE_MS)
    yield tab
    tab.close()


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """What that tab complains about: errors of scripts, and requests that are answered with an error."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("response", lambda answer: said.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
    return said


@pytest.fixture
def hosts(page: Page) -> set[str]:
    """The hosts that the tab asks for something."""
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(httpx.URL(request.url).host))
    return asked
