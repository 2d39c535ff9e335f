"""The presentation in a real browser, from disk."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from modelserving.workshop.slides.build import build, find_browser, print_pdfs

pytestmark = [pytest.mark.browser, pytest.mark.slow]

_OVERFLOWING = """() => {
  const slide = Reveal.getCurrentSlide(), frame = slide.getBoundingClientRect(), foot = slide.querySelector(".foot");
  const limit = foot ? foot.getBoundingClientRect().top : frame.bottom - 20;
  const parts = [...slide.querySelectorAll(".body *")].map((part) => part.getBoundingClientRect());
  if (!parts.some((box) => box.height)) return slide.id + " is empty";
  return parts.some((box) => box.bottom > limit + 1 || box.right > frame.right - 20) ? slide.id + " overflows" : "";
}"""

_LOW_CONTRAST = """() => {
  const channel = (v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).map((v) => channel(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (part) => {
    for (; part; part = part.parentElement) {
      const colour = getComputedStyle(part).backgroundColor;
      if (colour !== "rgba(0, 0, 0, 0)") return colour;
    }
  };
  const low = new Set();
  for (const part of document.querySelectorAll(".slides section *")) {
    if (part.closest("svg, aside") || ![...part.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
    const colour = getComputedStyle(part).color;
    const [a, b] = [light(colour), light(ground(part))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) low.add(`${part.tagName}.${part.className} ${colour}`);
  }
  return [...low];
}"""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The slides of the full day."""
    return built(tmp_path_factory, "full")


def built(folders: pytest.TempPathFactory, day: str) -> Path:
    """The slides of a day."""
    if shutil.which("npm") is None:
        pytest.skip("npm, which brings reveal.js, is not installed")
    return build(folders.mktemp(day) / "deck", day, lambda _: None)


@pytest.fixture(scope="module")
def deck(index: Path, browser: Browser) -> Iterator[Page]:
    """The first slide, on a screen as large as a slide."""
    with browser.new_page(viewport={"width": 1280, "height": 720}) as page:
        opened(page, index.as_uri())
        yield page


def opened(page: Page, url: str) -> None:
    """The slides are there, and the first one is shown."""
    page.goto(url)
    page.wait_for_function("window.Reveal && Reveal.isReady()")


def faults(page: Page) -> list[str]:
    """One text for each slide, empty if nothing is wrong with it."""
    show = f"(number) => {{ Reveal.slide(number); return ({_OVERFLOWING})(); }}"
    return [page.evaluate(show, number) for number in range(page.evaluate("Reveal.getTotalSlides()"))]


def test_no_slide_is_empty_or_larger_than_the_screen_and_nothing_is_asked_of_the_network(deck: Page) -> None:
    """Each one is looked at; only a server of this machine may be asked for its page."""
    asked: list[str] = []
    deck.on("request", lambda request: asked.append(request.url))
    wrong = faults(deck)
    assert list(filter(None, wrong)) == []
    assert len(wrong) > 120
    assert [url for url in asked if not re.match(r"file:|http://127\.0\.0\.1:", url)] == []


def test_the_half_day_has_no_slide_that_is_empty_or_too_large(
    tmp_path_factory: pytest.TempPathFactory, page: Page
) -> None:
    """Each one is looked at; its timetable is another one."""
    page.set_viewport_size({"width": 1280, "height": 720})
    opened(page, built(tmp_path_factory, "half").as_uri())
    wrong = faults(page)
    assert list(filter(None, wrong)) == []
    assert len(wrong) > 60


def test_whoever_presents_gets_the_notes_with_the_first_key(index: Path, page: Page) -> None:
    """`modelserving present` opens this address; a browser opens a second window only for a key or a click."""
    opened(page, f"{index.as_uri()}?presenter")
    with page.expect_popup() as notes:
        page.keyboard.press("ArrowRight")
    notes.value.wait_for_function("document.body.innerText.includes('no course on training models')")
    assert page.evaluate("Reveal.getCurrentSlide().id") == "01-why-streams-1"


def test_text_has_contrast(deck: Page) -> None:
    """At least 4.5 to 1 between letters and their ground, on every kind of slide."""
    low = deck.evaluate(_LOW_CONTRAST)
    assert low == []


def test_the_notes_open_in_a_window_of_their_own(deck: Page) -> None:
    """With what the presenter says of this slide."""
    deck.evaluate("Reveal.slide(1)")
    with deck.expect_popup() as opened:
        deck.keyboard.press("s")
    notes = opened.value
    notes.wait_for_function("document.body.innerText.includes('no course on training models')")
    notes.close()


def test_the_hand_outs_have_a_page_for_each_slide(index: Path, deck: Page) -> None:
    """And with the notes, a page more for each that has some."""
    chromium = find_browser()
    if chromium is None:
        pytest.skip("no Chromium of the system's that prints")
    slides, notes = print_pdfs(index, chromium, lambda _: None)
    total = deck.evaluate("Reveal.getTotalSlides()")
    assert pages(slides) == total
    assert pages(notes) >= 2 * total


def pages(pdf: Path) -> int:
    """Counted in the file."""
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf.read_bytes()))
