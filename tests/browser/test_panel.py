"""The panel beside a lesson: how wide it is, what stands in it, and what stays when the tab is opened again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.lab import IN_LAB, Lab, Notebook
from tests.waiting import wait_until

pytestmark = IN_LAB

_VIEW = """\
from modelserving.widgets import BackPressureView
from modelserving.widgets.dock import show_below
from modelserving.workshop.display.boxes import Box
from modelserving.workshop.display.flow import Flow
BackPressureView(Flow(producer_ms=5, consumer_ms=20, buffer=10))"""
_SAID, _UNSAID = "show_below(Box('Not yet', 'because ' * 400)._repr_html_())", "show_below('')"
_LEAST_PX, _READABLE_PX = 320, 9.0
_LETTERS = """picture => Math.min(...[...picture.querySelectorAll('text')].map(text =>
parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a))"""
_BELOW = """said => {
  const picture = document.querySelector('#jp-right-stack .modelserving-live svg[role=img]').getBoundingClientRect();
  const box = said.getBoundingClientRect();
  return [picture.top + picture.height / 2, box.top, box.height];
}"""

_LINES = """() => [...document.querySelectorAll('.jp-OutputArea-output pre')].flatMap(pre => {
  const found = document.createTreeWalker(pre, NodeFilter.SHOW_TEXT), range = document.createRange(), lines = [];
  while (found.nextNode()) {
    for (const word of found.currentNode.textContent.matchAll(/wonderful/g)) {
      range.setStart(found.currentNode, word.index);
      range.setEnd(found.currentNode, word.index + word[0].length);
      lines.push(range.getClientRects().length);
    }
  }
  return lines;
})"""

_NOT_FOUND = """() => {
  for (const shown of document.querySelectorAll('.jp-OutputArea-output:has(.jupyter-button)')) {
    shown.textContent = 'Error displaying widget: model not found';
  }
}"""


@pytest.fixture(scope="module")
def opened(lab: Lab, browser: Browser) -> Iterator[tuple[Page, str]]:
    """A notebook whose view is in the panel of a small window, and the notebook's address in the same workspace."""
    name = lab.write("panel.ipynb", _VIEW, _SAID, _UNSAID)
    try:
        with browser.new_page(viewport={"width": 1024, "height": 768}) as page:
            page.set_default_timeout(60_000)
            lab.open(page, name)
            Notebook(page).run(0)
            expect(_picture(page)).to_be_visible()
            yield page, lab.address(name).replace("&reset", "")
    finally:
        lab.end_kernel(name)


def _picture(page: Page) -> Locator:
    return page.locator("#jp-right-stack .modelserving-live svg[role=img]")


def _expect_room(page: Page) -> None:
    """The panel is as wide as a picture needs it, the picture as wide as the panel, and its letters can be read."""
    page.wait_for_function(
        """([least, readable, letters]) => {
          const panel = document.getElementById('jp-right-stack');
          const picture = panel?.querySelector('.modelserving-live svg[role=img]');
          if (!picture || panel.clientWidth < least) return false;
          const { left, right } = picture.getBoundingClientRect(), whole = panel.getBoundingClientRect();
          const seen = left >= whole.left && right <= whole.right && right - left >= 0.9 * whole.width;
          return seen && eval(letters)(picture) >= readable;
        }""",
        arg=[_LEAST_PX, _READABLE_PX, _LETTERS],
    )


def test_a_view_is_readable_however_wide_the_window_becomes(opened: tuple[Page, str]) -> None:
    """Wider, and narrower again: lesson and picture both have what they need."""
    page, _ = opened
    for width in (1440, 1280, 1024):
        page.set_viewport_size({"width": width, "height": 768})
        _expect_room(page)
        page.wait_for_function("() => document.getElementById('jp-main-dock-panel').clientWidth >= 500")


def test_what_is_moved_stays_in_sight_when_a_tall_picture_is_scrolled(opened: tuple[Page, str]) -> None:
    """Sliders below the edge of the panel would be found by nobody, and above it they would not see what they do."""
    page, _ = opened
    page.set_viewport_size({"width": 1024, "height": 400})
    panel = page.locator("#jp-right-stack .jupyterlab-sidecar")
    scroll = "panel => { panel.scrollTop = panel.scrollHeight; return panel.scrollTop; }"
    wait_until(lambda: panel.evaluate(scroll) > 0, "the panel to have the window's new height")
    expect(page.locator("#jp-right-stack .modelserving-controls")).to_be_in_viewport(ratio=1)
    page.set_viewport_size({"width": 1024, "height": 768})


def test_what_a_check_says_is_in_sight_below_the_view(opened: tuple[Page, str]) -> None:
    """It leaves the picture its width, and does not cover it where it is long; what is unsaid leaves no gap."""
    page, _ = opened
    Notebook(page).run(1)
    said = page.locator("#jp-right-stack .jp-OutputArea-child", has=page.locator(".modelserving-below"))
    expect(said.get_by_text("Not yet")).to_be_in_viewport()
    _expect_room(page)
    middle, top, height = said.evaluate(_BELOW)
    assert middle < top
    assert height < 768 / 2
    Notebook(page).run(2)
    expect(said).to_be_hidden()


def test_a_tab_that_is_opened_again_has_a_panel_with_room(opened: tuple[Page, str]) -> None:
    """The panel comes again with the kernel's widgets, before or after the notebook, and is as wide as it was."""
    page, address = opened
    _expect_room(page)
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.goto("about:blank")
    page.goto(address)
    _expect_room(page)


def test_a_widget_that_was_not_found_is_drawn_once_more(lab: Lab, page: Page) -> None:
    """A busy browser looks for it before it is known, when a tab is opened again, and says for good that it is not."""
    style = "from modelserving.widgets.page_style import style_page\nstyle_page()"
    name = lab.write("widget.ipynb", style, "import ipywidgets\nipywidgets.Button(description='wonderful')")
    lab.open(page, name)
    for number in (0, 1):
        Notebook(page).run(number)
    button = page.get_by_role("button", name="wonderful")
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.goto("about:blank")
    lab.open(page, name)
    expect(button).to_be_visible()
    page.evaluate(_NOT_FOUND)
    expect(button).to_be_visible()
    lab.end_kernel(name)


def test_plain_output_is_broken_between_words(lab: Lab, page: Page) -> None:
    """JupyterLab breaks it in the middle of them, and an error's, too."""
    style = "from modelserving.widgets.page_style import style_page\nstyle_page()"
    name = lab.write("words.ipynb", style, "print('wonderful words, ' * 40)", "raise RuntimeError('wonderful, ' * 40)")
    lab.open(page, name)
    notebook = Notebook(page)
    for number in (0, 1, 2):
        notebook.run(number)
    lines = page.evaluate(_LINES)
    lab.end_kernel(name)
    assert len(lines) >= 80
    assert max(lines) == 1
