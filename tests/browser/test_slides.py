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
    if shutil.which("npm") is None:
        pytest.skip("npm, which brings reveal.js, is not installed")
    return build(tmp_path_factory.mktemp("slides") / "deck", "full", lambda _: None)


@pytest.fixture(scope="module")
def deck(index: Path, browser: Browser) -> Iterator[Page]:
    """The first slide, on a screen as large as a slide."""
    with browser.new_page(viewport={"width": 1280, "height": 720}) as page:
        page.goto(index.as_uri())
        page.wait_for_function("window.Reveal && Reveal.isReady()")
        yield page


def test_no_slide_is_empty_or_larger_than_the_screen_and_nothing_is_asked_of_the_network(deck: Page) -> None:
    """Each one is looked at; only a server of this machine may be asked for its page."""
    asked: list[str] = []
    deck.on("request", lambda request: asked.append(request.url))
    wrong = []
    for number in range(deck.evaluate("Reveal.getTotalSlides()")):
        deck.evaluate(f"Reveal.slide({number})")
        wrong.append(deck.evaluate(_OVERFLOWING))
    assert list(filter(None, wrong)) == []
    assert len(wrong) > 120
    assert [url for url in asked if not re.match(r"file:|http://127\.0\.0\.1:", url)] == []


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
