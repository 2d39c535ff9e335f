"""The text of the slides, and what becomes of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from modelserving.errors import ConfigError
from modelserving.workshop.lab.home import read_entries
from modelserving.workshop.lab.timetable import read_timetable
from modelserving.workshop.slides.build import source_folder
from modelserving.workshop.slides.deck import page
from modelserving.workshop.slides.filling.code import code_of
from modelserving.workshop.slides.filling.figures import BenchmarkResults, bars
from modelserving.workshop.slides.filling.recap import recap_of
from modelserving.workshop.slides.organise import with_timetables
from modelserving.workshop.slides.parts import SlideParts
from modelserving.workshop.slides.source import read_block, read_blocks

PRESENTATION = source_folder()
BLOCKS = read_blocks(PRESENTATION / "slides")
LESSONS = read_entries(PRESENTATION.parent / "notebooks")
PARTS = SlideParts(
    {one.number: one for one in LESSONS}, BenchmarkResults(PRESENTATION / "results.json"), read_timetable("full")
)

BLOCK = """# Log

A promise.

Notes:
Hello.

## One
<!-- 1.5 minutes, full day -->

Left

|||

Right

Notes:
Say it.
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "01-log.md"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_block_has_an_opening_and_slides_with_time_columns_and_notes(tmp_path: Path) -> None:
    """As the text says."""
    opening, slide = read_block(written(tmp_path, BLOCK)).slides
    assert (opening.title, opening.body, opening.notes, opening.opening) == ("Log", ("A promise.",), "Hello.", True)
    assert (slide.title, slide.minutes, slide.full_day) == ("One", 1.5, True)
    assert (slide.body, slide.notes) == (("Left", "Right"), "Say it.")


def test_the_half_day_leaves_out_what_only_the_full_day_has(tmp_path: Path) -> None:
    """Its minutes, too."""
    block = read_block(written(tmp_path, BLOCK))
    assert [slide.title for slide in block.of("half")] == ["Log"]
    assert block.minutes("full") - block.minutes("half") == 1.5


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Log\n", "must begin with a line `# title`"),
        (BLOCK.replace("<!-- 1.5 minutes, full day -->", ""), "below `## One` must stand its time"),
        (BLOCK.replace("Notes:\nSay it.", ""), "`One` has no `Notes:`"),
    ],
)
def test_what_a_slide_lacks_is_named(tmp_path: Path, text: str, told: str) -> None:
    """With its file and its title."""
    with pytest.raises(ConfigError, match=told):
        read_block(written(tmp_path, text))


@pytest.mark.parametrize("day", ["half", "full"])
def test_the_slides_take_the_minutes_that_the_timetable_gives_them(day: str) -> None:
    """And all of it takes the day; each lesson is there."""
    timetable = read_timetable(day)
    slides = {block.name: block.minutes(day) for block in BLOCKS}
    assert timetable.check(slides, {lesson.number: lesson.title for lesson in LESSONS}) == []


def test_what_stays_of_a_lesson_is_its_own_recap() -> None:
    """After each lesson, those for home too; what one can do now first, then its points, each on a line."""
    slides = [slide for block in BLOCKS for slide in block.slides if slide.title.startswith("What stays")]
    shown = {slide.title[-2:]: slide.body[0] for slide in slides}
    assert sorted(shown) == [lesson.number for lesson in LESSONS]
    able, *points = shown["01"].split("\n\n")
    assert able.startswith("**You can now send, read, replay")
    assert all(line.startswith("* ") and "](" not in line for line in points[0].splitlines())
    assert "lesson 04 makes it exactly once" in points[0]


def test_a_recap_is_text_without_its_links(tmp_path: Path) -> None:
    """Also where a link says what it is of, with brackets in it."""
    text = (
        '## Recap\n\n* A [digest](../glossary.md#digest "of bytes (the same, the same)").\n\nYou can now [see](a.py).'
    )
    cells = [{"cell_type": "markdown", "source": [text]}]
    (tmp_path / "77_it.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    assert recap_of(tmp_path, "77") == ("**You can now see.**\n\n* A digest.", "")


def test_of_a_long_recap_the_last_sentences_are_said_and_not_shown(tmp_path: Path) -> None:
    """Those of the longest points first, and of each point the first sentence stays."""
    long, short = "A" * 200 + ". B " + "b" * 200 + ". C" + "c" * 200 + ".", "Short. It stays."
    cells = [{"cell_type": "markdown", "source": [f"## Recap\n\n* {long}\n* {short}\n\nYou can now see."]}]
    (tmp_path / "77_it.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    shown, said = recap_of(tmp_path, "77")
    assert said == f"C{'c' * 200}."
    assert f"{shown.splitlines()[2]} {said}" == f"* {long}"
    assert shown.endswith(f"* {short}")


@pytest.mark.parametrize(
    ("cell", "told"), [(None, "recap of lesson 77"), ("## Recap\n\n* A point.", "77_it.ipynb has no recap")]
)
def test_a_recap_that_is_not_there_is_named(tmp_path: Path, cell: str | None, told: str) -> None:
    """A lesson that is gone, and one that does not say what one can do now."""
    if cell is not None:
        cells = [{"cell_type": "markdown", "source": [cell]}]
        (tmp_path / "77_it.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        recap_of(tmp_path, "77")


def test_a_timetable_that_does_not_add_up_is_told() -> None:
    """By the entry that is wrong."""
    told = read_timetable("half").check({"02-kafka": 99.0}, {})
    assert "half day: 02-kafka has 8 minutes, its slides take 99" in told
    assert "half day: there are no slides 05-models" in told
    assert "half day: there is no lesson 04" in told


def test_every_block_is_shown_in_the_full_day() -> None:
    """Nothing is written for nobody."""
    assert sorted(read_timetable("full").of("slides")) == [block.name for block in BLOCKS]


def test_the_organisers_page_has_the_timetables() -> None:
    """`make slides` writes them."""
    text = (PRESENTATION / "README.md").read_text(encoding="utf-8")
    assert with_timetables(text, BLOCKS, LESSONS) == text


@pytest.mark.parametrize("day", ["half", "full"])
def test_all_that_the_slides_name_is_there(day: str) -> None:
    """Code, figures and lessons, by name; and each picture says itself in words."""
    text = page(BLOCKS, read_timetable(day), PARTS)
    assert text.count("<svg") == text.count('role="img"') > 20
    assert 'aria-label=""' not in text
    shown = text.partition('<div class="slides">')[2]
    assert not re.search(r"\{(code|alert|bars|picture|points|live|timetable|result|lesson)\b", shown)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{code modelserving.stage.gone:run}", "modelserving.stage.gone, which is not there"),
        ("{code modelserving.stage.custom_stage:ModelServingStage.gone}", "ModelServingStage.gone of"),
        ("{alert Gone}", "the alert Gone, which alerts.yml"),
        ("{code notebooks.src.06_actors:Gone}", "Gone of notebooks.src.06_actors"),
        ("{result stage.ratios.gone}", "figure stage.ratios.gone"),
        ("{bars per second | stage.figures.gone = it}", "figure stage.figures.gone"),
        ("{points watching.gone | x | y | it}", "the points watching.gone"),
        ("See {lesson 99}", "names lesson 99"),
        ("```diagram\n[a] -> [b]\n```", "needs a sentence"),
    ],
)
def test_what_is_not_there_any_more_is_named(text: str, told: str) -> None:
    """So a slide cannot show what the package has not."""
    with pytest.raises(ConfigError, match=told):
        PARTS.html(text)


def test_html_in_a_text_is_text() -> None:
    """Nothing of it becomes a tag."""
    assert "<script>" not in PARTS.html("a <script>alert(1)</script> b")


def test_code_comes_without_docstrings() -> None:
    """As it stands in the module otherwise."""
    shown = code_of("modelserving.workshop.slides.source:Block.of")
    assert shown.startswith("def of(self, day: str)")
    assert '"""' not in shown
    assert "return tuple(" in shown


def test_bars_are_as_long_as_their_numbers() -> None:
    """The longest one takes the room that there is."""
    drawn = bars([("one", 100.0), ("two", 200.0)], "one: 100; two: 200")
    one, two = (float(width) for width in re.findall(r'<rect [^>]*?width="([\d.]+)"', drawn))
    assert one * 2 == pytest.approx(two, rel=0.01)
