"""Still figures: a picture, and the sentence that says the same."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from defusedxml import ElementTree

from modelserving.errors import RecordError
from modelserving.widgets.colours import FAINT, INK, SERIES
from modelserving.workshop.display import figures
from modelserving.workshop.display.figures import Figure, bars, curves, distributions, scatter, timeline

DRAWN: dict[str, Callable[[], Figure]] = {
    "bars": lambda: bars({"0": 40, "1": 12}, "Most are in 0.", x="partition", y="records"),
    "curves": lambda: curves({"a": [(1, 2), (2, 3)], "b": [(1, 1), (2, 5)]}, "b rises.", x="workers", y="records/s"),
    "distributions": lambda: distributions({"before": [1, 2, 9], "after": [1, 1, 2]}, "Faster.", x="µs", log=True),
    "scatter": lambda: scatter([(5, 5.1), (6, 5.8)], "Nearly alike.", x="current", y="shadow"),
    "timeline": lambda: timeline([(0, 5, "a"), (1, 6, "a"), (2, 7, "b")], "b answers more.", x="wine", y="grades"),
}


@pytest.mark.parametrize("kind", DRAWN)
def test_a_figure_is_a_picture_with_its_sentence(kind: str) -> None:
    """Well-formed SVG; the sentence stands below it, is read by screen readers, and is all there is elsewhere."""
    figure = DRAWN[kind]()
    assert ElementTree.fromstring(figure.svg).tag.endswith("svg")
    assert figure._repr_html_().count(figure.says) == 2
    assert repr(figure) == figure.says


@pytest.mark.parametrize("kind", DRAWN)
def test_a_figure_is_in_the_colours_of_the_live_views_on_no_ground_of_its_own(kind: str) -> None:
    """So that it reads on a white page and on a black one."""
    svg = DRAWN[kind]().svg
    assert SERIES[0] in svg
    assert "#ffffff" not in svg


@pytest.mark.parametrize("kind", DRAWN)
def test_the_letters_of_a_figure_are_in_the_ink_of_its_page(kind: str) -> None:
    """No grey has a contrast of 4.5 to 1 to white and to JupyterLab's black."""
    figure = DRAWN[kind]()
    assert FAINT in figure.svg
    assert FAINT not in figure._repr_html_()
    assert INK in figure._repr_html_()


def test_a_figure_gives_no_rules_to_the_pictures_beside_it() -> None:
    """Matplotlib's style sheet is for ``*``: round marks of the live views would have become invisible."""
    figure = DRAWN["curves"]()
    assert "<style" in figure.svg
    assert "<style" not in figure._repr_html_()
    assert "<style" not in figure.on_paper


def test_large_numbers_are_written_as_one_says_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """With commas and without powers, above the bars and on the axes."""
    plain = {"svg.fonttype": "none"}
    monkeypatch.setattr(figures, "_FONT", figures._FONT | plain)
    svg = bars({"build": 483_512.0, "score": 70.466}, "Building takes all.", x="step", y="µs").svg
    said = {text.strip() for text in ElementTree.fromstring(svg).itertext()}
    assert {"483,500", "70.47", "400,000", "build"} <= said


def test_curves_differ_in_more_than_colour() -> None:
    """Each has a line of its own, for those who do not tell the colours apart."""
    assert "stroke-dasharray" in DRAWN["curves"]().svg


def test_sizes_that_go_through_tens_are_equally_far_apart() -> None:
    """1, 10, 100 and 1,000 wines in a batch; on an axis of equal steps the first three would be one point."""
    svg = curves({"a": [(1, 900), (10, 100), (100, 20), (1000, 9)]}, "It falls.", x="wines", y="µs", log=True).svg
    (drawn,) = (part for part in svg.split("<path ") if f"stroke: {SERIES[0]}" in part and part.count("\nL ") == 3)
    at = [float(line.split()[1]) for line in drawn.splitlines() if line.lstrip('d="').startswith(("M ", "L "))]
    steps = [after - before for before, after in pairwise(at)]
    assert steps == pytest.approx([steps[0]] * 3, rel=0.01)


def test_the_same_values_give_the_same_picture() -> None:
    """No date, no maker: a notebook that runs again does not differ."""
    one, other = (DRAWN["bars"]().svg for _ in range(2))
    assert "<dc:date>" not in one
    assert len(one) == len(other)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: bars({}, "", x="", y=""),
        lambda: curves({"a": []}, "", x="", y=""),
        lambda: distributions({"a": [1.0], "b": []}, "", x=""),
        lambda: scatter([], "", x="", y=""),
        lambda: timeline([], "", x="", y=""),
    ],
)
def test_nothing_to_draw_is_said(draw: Callable[[], Figure]) -> None:
    """An empty figure would look like a finding."""
    with pytest.raises(RecordError, match="nothing to draw"):
        draw()


def test_a_sentence_with_signs_of_html_stays_a_sentence() -> None:
    """Names come from outside."""
    assert "<script>" not in bars({"a": 1}, "<script>", x="", y="")._repr_html_()


def test_a_timeline_has_a_band_for_each_stretch() -> None:
    """One that came back has its colour again: here both a and b answered twice."""
    told = [(at, 5.0, name) for at, name in enumerate("aabbaabb")]
    svg = timeline(told, "Taken in turns.", x="wine", y="grades").svg
    bands = [line for line in svg.splitlines() if "opacity: 0.13" in line]
    assert [SERIES[0] in band for band in bands] == [True, False, True, False]
