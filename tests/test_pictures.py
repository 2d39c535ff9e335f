"""The pictures of README and guide are those that the script takes, never made by hand."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from modelserving.config import checkout
from tests.browser.pictures import FOLDER, LARGEST, VIEWS, files_of

ROOT = checkout() or Path.cwd()
PAGES = (ROOT / "README.md", ROOT / "docs" / "guide.md")
TAKEN = {name for view in VIEWS for name in files_of(view)}


class Shown(HTMLParser):
    """The pictures that a page shows as HTML: each file, with the words for who does not see it."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.words: dict[Path, str] = {}
        self._page, self._dark = page, ""
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A picture for dark pages stands before the one for all, whose words it shares."""
        told = {name: value or "" for name, value in attrs}
        if tag == "source":
            self._dark = told["srcset"]
        if tag == "img":
            for name in filter(None, (told["src"], self._dark)):
                self.words[(self._page.parent / name).resolve()] = told.get("alt", "")
            self._dark = ""


SHOWN = {path: words for page in PAGES for path, words in Shown(page).words.items()}


def test_each_picture_that_is_shown_is_taken_by_the_script() -> None:
    """And each that is taken is shown, light and dark; no other file lies beside them."""
    assert {path.name for path in SHOWN} == TAKEN
    assert {path.parent for path in SHOWN} == {(ROOT / FOLDER).resolve()}
    assert {path.name for path in (ROOT / FOLDER).iterdir()} == TAKEN


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.name)
def test_a_picture_is_small_and_told_in_words(path: Path) -> None:
    """A clone brings all of them; and not everybody sees them."""
    assert path.stat().st_size <= LARGEST
    assert len(SHOWN[path].split()) > 5


def test_markdown_shows_no_picture_of_a_page() -> None:
    """It knows no dark one; drawings that have no background may stand so."""
    found = [name for page in PAGES for name in re.findall(r"!\[[^\]]*\]\(([^)]*)\)", page.read_text(encoding="utf-8"))]
    assert [name for name in found if not name.endswith(".svg")] == []
