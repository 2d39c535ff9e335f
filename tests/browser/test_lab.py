"""Live views in a real JupyterLab, in a real browser."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.lab import IN_LAB, Lab
from tests.waiting import WAIT

pytestmark = IN_LAB

_VIEW = ".jp-OutputArea-output svg[role=img]"
_STOP = re.compile(r"Stop$")  # an icon stands before it


@pytest.fixture
def opened(lab: Lab, page: Page) -> Iterator[Callable[[str], Page]]:
    """Opens notebooks in the test's own tab; their kernels end with the test."""
    notebooks: list[str] = []

    def show(notebook: str) -> Page:
        notebooks.append(notebook)
        lab.open(page, notebook)
        return page

    yield show
    for notebook in notebooks:
        lab.end_kernel(notebook)


def _run_all(page: Page) -> None:
    """Run all cells, and wait for the last one."""
    assert page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')") is True


def _outputs(page: Page) -> int:
    """How many outputs all cells have together."""
    cells = "window.jupyterapp.shell.currentWidget.content.widgets"
    return int(page.evaluate(f"() => {cells}.reduce((sum, cell) => sum + (cell.model.outputs?.length ?? 0), 0)"))


def _until(page: Page, condition: Callable[[], bool], seconds: float = WAIT) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    assert condition()


def _sentence(page: Page) -> str:
    return page.locator(_VIEW).get_attribute("aria-label") or ""


@pytest.fixture(scope="module")
def stage_page(lab: Lab, browser: Browser) -> Iterator[Page]:
    """Lesson 04 up to its live view: a real server scores the wines of a real client."""
    notebook = lab.copy("04_custom_stage.ipynb", until="StageView(")
    with browser.new_page(viewport={"width": 1280, "height": 900}) as page:
        page.set_default_timeout(60_000)
        lab.open(page, notebook)
        _run_all(page)
        yield page
    lab.end_kernel(notebook)


@pytest.fixture
def live(stage_page: Page) -> Page:
    """That page, with the cell of the view run again, so that a view is there which moves."""
    assert stage_page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-cell')") is True
    _until(stage_page, lambda: stage_page.get_by_role("button", name=_STOP).count() == 1)
    _until(stage_page, lambda: "Model in use:" in _sentence(stage_page))
    return stage_page


def test_the_live_view_moves_in_place(live: Page) -> None:
    """The picture changes again and again, and no output is added anywhere."""
    complaints: list[str] = []
    live.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    outputs = _outputs(live)
    seen: set[str] = set()
    _until(live, lambda: seen.add(_sentence(live)) or len(seen) >= 5)  # type: ignore[func-returns-value]
    assert _outputs(live) == outputs
    assert live.locator(_VIEW).count() == 1
    assert complaints == []


def test_stop_ends_the_view_and_not_the_server(live: Page) -> None:
    """After a click the picture stands still and says so, while the server goes on scoring."""
    live.get_by_role("button", name=_STOP).click()
    expect(live.get_by_role("button", name="Stopped")).to_be_disabled()
    stopped = _sentence(live)
    assert "the view is stopped" in stopped
    scored = _scored(live)
    _until(live, lambda: _scored(live) > scored)
    assert _sentence(live) == stopped


def test_a_kernel_interrupt_does_not_end_the_view(live: Page) -> None:
    """Ctrl-C in the notebook is for the cell that runs; view, client and server behind it go on."""
    scored = _scored(live)
    live.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")
    before = _sentence(live)
    _until(live, lambda: _scored(live) > scored + 20)
    _until(live, lambda: _sentence(live) != before)
    expect(live.get_by_role("button", name=_STOP)).to_be_enabled()


def test_running_the_cell_again_leaves_one_view(live: Page) -> None:
    """The cell was run before: the new view moves, and the old one has ended, so that only one reads the results."""
    before = _sentence(live)
    _until(live, lambda: _sentence(live) != before)
    assert live.locator(_VIEW).count() == 1
    threads = "import threading; print(sum(t.name.startswith('view-') for t in threading.enumerate()))"
    assert _ask_kernel(live, threads) == "1"


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_the_view_can_be_read_in_both_themes(live: Page, theme: str) -> None:
    """Text in the picture has a contrast of at least 4.5 to 1 to the page behind it."""

    def shown() -> str:
        return str(live.evaluate("() => document.body.dataset.jpThemeName"))

    def readable() -> bool:
        # In one step: the picture is drawn anew many times a second, and a text that has left the page has no colour.
        text = live.evaluate("text => getComputedStyle(document.querySelector(text)).fill", f"{_VIEW} text")
        behind = _rgba(_page_colour(live))
        return _contrast(_over(_rgba(text), behind), _over(behind, behind)) >= 4.5

    # A theme that is asked for while another one is being loaded never comes.
    _until(live, lambda: _page_colour(live) != "rgba(0, 0, 0, 0)")
    if shown() != theme:
        live.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
    _until(live, lambda: shown() == theme)

    _until(live, readable)  # the theme's name is there before its style sheet is


def test_a_slider_of_lesson_03_turns_the_consumer(
    lab: Lab, opened: Callable[[str], Page], complaints: list[str]
) -> None:
    """The buffer is full; the consumer is made faster by its slider, with the keyboard; the buffer empties."""
    page = opened(lab.copy("03_streams.ipynb", until="BackPressureView("))
    _run_all(page)
    expect(page.get_by_role("status").filter(has_text="the producer waits")).to_be_visible()
    handle = page.get_by_role("slider").nth(1)
    handle.focus()
    handle.press("Home")
    expect(page.get_by_role("status").filter(has_text="The buffer has room")).to_be_visible()
    assert complaints == []


def _scored(page: Page) -> int:
    """What the server of the lesson says that it has scored."""
    state = page.locator("a[href$='/state']").first.get_attribute("href") or ""
    return int(httpx.get(state).json()["scored"])


def _ask_kernel(page: Page, code: str) -> str:
    """Run code in the notebook's kernel, beside its cells, and return what it prints."""
    return str(
        page.evaluate(
            """async code => {
              const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
              const request = kernel.requestExecute({code, silent: false, store_history: false});
              let text = '';
              request.onIOPub = message => { text += message.content.text ?? ''; };
              await request.done;
              return text.trim();
            }""",
            code,
        )
    )


def _page_colour(page: Page) -> str:
    """The colour of the page behind outputs, as the browser computes it; all zeros while no theme is loaded."""
    return str(
        page.evaluate(
            """() => {
              const probe = document.body.appendChild(document.createElement('div'));
              probe.style.backgroundColor = 'var(--jp-layout-color0)';
              const colour = getComputedStyle(probe).backgroundColor;
              probe.remove();
              return colour;
            }"""
        )
    )


def _rgba(colour: str) -> tuple[float, ...]:
    """Red, green and blue, 0 to 255, and opacity, 0 to 1, of a colour as browsers compute it: rgb(...) or rgba(...)."""
    red, green, blue, *opacity = (float(number) for number in re.findall(r"[\d.]+", colour))
    return red, green, blue, *(opacity or [1.0])


def _over(front: tuple[float, ...], back: tuple[float, ...]) -> list[float]:
    """What is seen of a colour that is painted over another one."""
    return [front[3] * one + (1 - front[3]) * other for one, other in zip(front[:3], back[:3], strict=True)]


def _contrast(one: list[float], other: list[float]) -> float:
    def light(colour: list[float]) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05

    brighter, darker = max(light(one), light(other)), min(light(one), light(other))
    return brighter / darker
