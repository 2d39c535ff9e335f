"""What lessons display."""

from __future__ import annotations

import re

import pytest

from modelserving.workshop.display.boxes import Box, Folded, Table, happened, highlight, table
from modelserving.workshop.lesson.exercise import Outcome, Verdict
from modelserving.workshop.lesson.panel import verdict_box


def test_a_box_is_readable_without_a_browser() -> None:
    """In a terminal, and for papermill, it is its text."""
    assert repr(happened("At offset 3.")) == "What just happened\nAt offset 3."


def test_a_box_shows_code_and_strong_words() -> None:
    """Backticks and double stars mean what they mean in Markdown."""
    shown = happened("`topic` at **3**\n\nNext")._repr_html_()
    assert "<code>topic</code> at <strong>3</strong>" in shown
    assert "<div>Next</div>" in shown


@pytest.mark.parametrize(
    "shown",
    [
        happened("<script>alert()</script>"),
        Folded("<script>", "print('<script>')"),
        table("<script>", [["<script>"]], "<script>"),
    ],
)
def test_what_a_stranger_sent_is_shown_and_not_obeyed(shown: Box | Folded | Table) -> None:
    """A record's value ends in these boxes; markup in it stays text."""
    assert "<script" not in shown._repr_html_()
    assert "&lt;script" in shown._repr_html_()


def test_a_table_has_a_caption_and_headers_for_screen_readers() -> None:
    """The sentence comes first, is the table's name, and each column says that it is one."""
    shown = table("Two wines", [[1, None]], "row", "quality")._repr_html_()
    assert shown.index("Two wines</figcaption>") < shown.index('<table aria-label="Two wines"')
    assert shown.count('<th scope="col"') == 2


def test_a_name_without_a_space_does_not_push_columns_out_of_sight() -> None:
    """It is broken where it must be; words that are short, and numbers, stay whole."""
    shown = table("Errors", [["org.apache.kafka.streams.errors.StreamsException", "a few words", 12]], "a", "b", "c")
    cells = shown._repr_html_().split("<td ")[1:]
    assert ["overflow-wrap:anywhere" in cell for cell in cells] == [True, False, False]


def test_a_table_is_aligned_as_text() -> None:
    """Columns line up where there is no browser."""
    assert repr(table("Wines", [["merlot", 1], ["x", 22]], "name", "n")) == "Wines\nname    n\nmerlot  1\nx       22"


def test_verdicts_differ_in_words_and_not_in_colour_alone() -> None:
    """Whoever sees no colours reads how it went."""
    titles = [verdict_box(Verdict("an-id", outcome, "said")).title for outcome in Outcome]
    assert titles == ["Passed: an-id", "Not yet: an-id", "Not attempted: an-id", "Cannot check: an-id"]


def test_code_is_numbered_from_its_place_in_the_file() -> None:
    """A line number in a lesson is the one in the editor."""
    assert '<span class="linenos">41</span>' in highlight("x = 1", first_line=41)
    assert 'linenos">' not in highlight("x = 1")


def test_numbers_stand_at_the_right_and_words_at_the_left() -> None:
    """A column is right-aligned when all of it is numbers."""
    shown = table("Sizes", [("JSON", "1,261"), ("protobuf", "-3.5")], "written as", "bytes")._repr_html_()
    assert '<th scope="col" style="text-align:left">written as' in shown
    assert '<th scope="col" style="text-align:right">bytes' in shown


def test_code_has_colours_for_the_light_theme_and_for_the_dark() -> None:
    """The page's own background, and a style for each theme."""
    shown = highlight("x = 1")
    assert "data-jp-theme-light" in shown
    assert "--jp-cell-editor-background" in shown


def test_code_can_be_read_on_the_ground_of_the_light_theme() -> None:
    """Each colour has a contrast of at least 4.5 to 1."""
    light = [line for line in highlight("1").splitlines() if line.startswith(".modelserving-code ")]
    colours = {colour for line in light for colour in re.findall(r"[{;] *color: #([0-9A-Fa-f]{6})", line)}
    assert len(colours) > 3
    ground = _luminance("f5f5f5") + 0.05
    assert [one for one in colours if ground / (_luminance(one) + 0.05) < 4.5] == []


def _luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_style_of_code_is_for_code_alone() -> None:
    """A rule for all line numbers of a page had those of the dark theme black in the light one."""
    rules = highlight("x = 1").partition("<style>")[2].partition("</style>")[0].splitlines()
    assert [rule for rule in rules if "modelserving-code" not in rule] == []


def test_what_an_error_said_is_in_italics_and_a_star_alone_is_a_star() -> None:
    """The reason of a dead letter stands between stars; a product has one of its own."""
    shown = Box("Reason", "*wind is missing, and it may not be.* **Then** 2 * 3 * 4.")._repr_html_()
    assert "<em>wind is missing, and it may not be.</em> <strong>Then</strong> 2 * 3 * 4." in shown


def test_stars_in_code_are_code() -> None:
    """A verdict quotes an attendee's line as it stands."""
    shown = Box("Your line", "`{**a, **b}`, and `x-*` beside `y-*`")._repr_html_()
    assert "<strong>" not in shown.partition("Your line")[2]
    assert "<em>" not in shown
    assert "x-&#42;" in shown
