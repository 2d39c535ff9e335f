"""Each lesson is opened in a real JupyterLab, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from modelserving.workshop.authoring.source import lesson_files, notebook_of
from tests.browser.lab import IN_LAB, Lab

pytestmark = IN_LAB


_LESSONS = [*map(notebook_of, lesson_files())]


@pytest.fixture(scope="module")
def page(lab: Lab, browser: Browser) -> Iterator[Page]:
    """One tab for all lessons in turn: to read JupyterLab takes a browser seconds."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.set_default_timeout(60_000)
    yield tab
    tab.close()
    for lesson in _LESSONS:
        lab.end_kernel(lesson)


@pytest.mark.parametrize("lesson", _LESSONS)
def test_a_lesson_opens_without_complaint(
    lab: Lab, page: Page, complaints: list[str], hosts: set[str], lesson: str
) -> None:
    """The page shows its title and its picture, no script fails, and nothing is asked of the network."""
    if page.url.startswith(lab.url):
        lab.turn_to(page, lesson)
    else:
        lab.open(page, lesson)
    notebook = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
    expect(notebook.locator(".jp-MarkdownOutput h1").first).to_contain_text(lesson[:2])
    picture = notebook.locator('.jp-MarkdownOutput img[alt^="The pipeline"]').first
    picture.scroll_into_view_if_needed()
    page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=picture.element_handle())
    assert not page.evaluate("() => window.jupyterapp.shell.currentWidget.context.model.dirty"), "marked as unsaved"
    assert complaints == []
    assert hosts <= {"127.0.0.1", ""}
