"""The picture at the head of each lesson."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from modelserving.config import checkout
from modelserving.errors import ConfigError
from modelserving.widgets.colours import DIM, LIT
from modelserving.workshop.display.diagrams import PARTS, pipeline


def _boxes(svg: str) -> dict[str, str]:
    """The fill of each part, by what is written in it."""
    shapes = [part for part in ET.fromstring(svg) if part.tag.endswith(("rect", "text"))]
    found = {}
    for before, after in pairwise(shapes):
        if before.tag.endswith("rect") and after.tag.endswith("text"):
            found[after.text or ""] = before.attrib["fill"]
    return found


def test_the_lit_part_is_filled_and_the_rest_is_not() -> None:
    """What a lesson is about stands out by its fill, its weight and its name in the sentence."""
    diagram = pipeline("client", "wine-records")
    assert {name for name, fill in _boxes(diagram.svg).items() if fill == LIT} == {"client", "wine-records"}
    assert diagram.alt.endswith("Lit, because this lesson is about it: client, wine-records.")
    assert diagram.svg.count('font-weight="700"') == 2


def test_nothing_named_lights_everything() -> None:
    """Without a part, the picture is the whole pipeline, in the light."""
    diagram = pipeline()
    assert set(_boxes(diagram.svg).values()) == {LIT}
    assert DIM not in diagram.svg
    assert diagram.alt.endswith("All parts are lit.")


def test_a_whole_picture_needs_no_colour_of_the_page() -> None:
    """As an image file it knows nothing of the page, so it uses no colour that the page would have to bring."""
    assert "currentColor" not in pipeline().svg + pipeline("stage").svg
    assert "var(--" not in pipeline().svg + pipeline("stage").svg


def test_names_may_come_in_one_text() -> None:
    """A lesson's directive is a line of words."""
    assert pipeline("client wine-models") == pipeline("client", "wine-models")


@pytest.mark.parametrize(
    ("name", "title", "words"),
    [
        ("stage", "stage", "the stage"),
        ("actors", "actors", "the actors"),
        ("streams", "Kafka Streams", "the Kafka Streams server"),
    ],
)
def test_a_server_lights_the_frame_and_names_it(name: str, title: str, words: str) -> None:
    """The frame says which server a lesson is about, in the picture and in its sentence."""
    diagram = pipeline(name)
    assert _boxes(diagram.svg)[title] == LIT
    assert f"In {words}, records are decoded" in diagram.alt


def test_a_part_alone_leaves_the_frame_without_a_kind() -> None:
    """What holds of every server is shown of none in particular, and its frame stays grey."""
    assert _boxes(pipeline("score").svg)["model server"] == "none"
    assert _boxes(pipeline().svg)["model server"] == LIT


def test_the_life_of_models_is_one_name() -> None:
    """What becomes of models and of commands is lit together, with the arrows between them; the records' way is not."""
    lit = {name for name, fill in _boxes(pipeline("models").svg).items() if fill == LIT}
    assert lit == {"you", "wine-models", "model-control", "build, check", "slot"}


@pytest.mark.parametrize("name", PARTS)
def test_every_part_can_be_lit(name: str) -> None:
    """Each name gives a picture that is one image with the sentence as its text, and light and grey in it."""
    diagram = pipeline(name)
    picture = ET.fromstring(diagram.svg)
    assert (picture.attrib["role"], picture.attrib["aria-label"]) == ("img", diagram.alt)
    assert all("Lit" not in diagram.alt or part in diagram.alt for part in PARTS[name])
    assert LIT in diagram.svg


def test_an_unknown_part_is_told_the_known_ones() -> None:
    """A typing error in a lesson is found when its notebook is derived."""
    with pytest.raises(
        ConfigError, match=r"no part sink\. It has: stage, actors, streams, topics, models, pipeline, client"
    ):
        pipeline("client", "sink")


def test_the_picture_stays_inside_its_frame() -> None:
    """No box, and no corner of an arrow, is cut off at the edge."""
    picture = ET.fromstring(pipeline().svg)
    width, height = (float(number) for number in picture.attrib["viewBox"].split()[2:])
    for part in picture:
        if part.tag.endswith("rect"):
            x, y, w, h = (float(part.attrib[name]) for name in ("x", "y", "width", "height"))
            assert 0 <= x <= x + w <= width
            assert 0 <= y <= y + h <= height
        for point in part.attrib.get("points", "").split():
            px, py = (float(number) for number in point.split(","))
            assert 0 <= px <= width
            assert 0 <= py <= height


def test_a_notebook_gets_picture_and_words() -> None:
    """Where pictures cannot be shown, the sentence is."""
    diagram = pipeline("stage")
    shown = diagram._repr_mimebundle_()
    assert shown["text/plain"] == diagram.alt
    assert "overflow-x:auto" in shown["text/html"]
    assert "min-width:714px" in shown["text/html"]


def test_the_picture_of_the_readme_is_up_to_date() -> None:
    """``python -m modelserving.workshop.display.diagrams docs/pipeline.svg`` writes it."""
    root = checkout()
    if root is None:
        pytest.skip("no checkout: the README is not there either")
    assert (root / "docs" / "pipeline.svg").read_text(encoding="utf-8") == pipeline().svg + "\n"
