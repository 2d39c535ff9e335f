"""Nobody is stuck: an endless answer, the stop button, the home page, in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.lab import IN_LAB, STOPPED, Lab, Notebook
from tests.browser.walk import SLOW, WAYS, walk

pytestmark = IN_LAB

_WALKED = "02_client_and_records.ipynb"
_UNTIL = {"restart": "def tag(", "reopen": "def tag("}  # these take a while in each section
_EXERCISE = 'lesson.check("protobuf-alcohol"'
_START = """from modelserving.workshop import start
from modelserving.workshop.lesson import exercise
exercise.judge.__kwdefaults__["answer_s"] = 2.0
lesson = start("00")"""
_CELLS = (
    _START,
    "def say_hello(producer, topic):\n    while True:\n        pass",
    'lesson.check("hello-broker", say_hello)',
    "import anyio\nsend, receive = anyio.create_memory_object_stream(0)\nawait send.send(1)",
)


def _output(page: Page, number: int, text: str | re.Pattern[str]) -> None:
    expect(page.locator(".jp-Cell").nth(number).locator(".jp-OutputArea").first).to_contain_text(text)


def test_an_endless_answer_and_the_stop_button(page: Page, lab: Lab) -> None:
    """An endless answer ends with a sentence and buttons; stop gives one line, also in an `await`."""
    lab.open(page, lab.write("00_stuck.ipynb", *_CELLS))
    notebook = Notebook(page)
    for number in (0, 1, 2):
        notebook.run(number)
    _output(page, 0, "Apache Kafka at")
    _output(page, 2, "Your code did not end within 2 s; it was at line")
    page.locator(".jp-Cell").nth(2).get_by_role("button", name="Hint").click()
    _output(page, 2, re.compile("Hint [12] of 2"))
    notebook.start(3)
    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'busy'"
    )
    notebook.stop()
    _output(page, 3, STOPPED)


@pytest.mark.parametrize("way", WAYS)
def test_a_lesson_is_walked_through_without_a_stumble(page: Page, lab: Lab, way: str) -> None:
    """Each cell twice, stopped, after restarts, with the tab closed and opened, and with naive answers.

    It is the beginning of one lesson here; `python -m tests.browser.walk` walks through any.
    """
    stumbles = walk(lab, page, lab.copy(_WALKED, until=_UNTIL.get(way, _EXERCISE)), way)
    assert [stumble for stumble in stumbles if SLOW not in stumble] == []


def test_the_home_page_opens_as_a_page_with_links_to_the_lessons(page: Page, lab: Lab) -> None:
    """It is shown, and not its source; a click on a lesson opens it."""
    page.goto(lab.address("home.md"))
    shown = page.locator(".jp-MarkdownViewer")
    expect(shown.locator("h1")).to_contain_text("The workbook")
    expect(shown).to_contain_text("Begin here")
    shown.get_by_role("link", name="First scores").first.click()
    expect(page.locator(".jp-Notebook")).to_be_visible()
