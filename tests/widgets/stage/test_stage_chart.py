"""The picture of the stage."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.widgets.colours import DIM, WARNING_GROUND, colour
from modelserving.widgets.stage.chart import _look, render_stage, stage_frame
from modelserving.widgets.stage.snapshot import Condition, ModelSeen, ScorePoint, ServerReport, StageSnapshot, Swap

_NOW = 1_800_000_000_000_000_000
_S = 1_000_000_000


def _snapshot(*names: str, versions: tuple[str, ...] = ()) -> StageSnapshot:
    """Models one after the other, two seconds each, ten scores a second."""
    count = len(names)
    begins = [_NOW - 2 * _S * (count - n) for n in range(count)]
    versions = versions or ("1",) * count
    return StageSnapshot(
        now_ns=_NOW,
        condition=Condition.RUNNING,
        scored=20 * count,
        dead_letters=3,
        points=tuple(
            ScorePoint(begin + i * _S // 10, 5.0, 12.0, n) for n, begin in enumerate(begins) for i in range(20)
        ),
        models=tuple(ModelSeen(*pair, f"d{n}", begins[n]) for n, pair in enumerate(zip(names, versions, strict=True))),
        current=count - 1,
        swaps=tuple(Swap(begin, 0, 20 * n, n) for n, begin in enumerate(begins) if n),
        swap_count=count - 1,
        latency_p50_ms=12.0,
        latency_p99_ms=40.0,
        server=ServerReport(names[-1], "1", 7, 8_000, 40_000),
    )


def _texts(svg: str) -> list[str]:
    return [part.text or "" for part in ET.fromstring(svg).iter() if part.tag.endswith("text")]


@pytest.mark.parametrize("condition", [one for one in Condition if one is not Condition.RUNNING])
def test_a_banner_is_as_wide_as_its_words(condition: Condition) -> None:
    """They are white: beside their ground they could not be read on a white page."""
    svg = ET.fromstring(render_stage(replace(_snapshot("a"), condition=condition)))
    (banner,) = (part for part in svg.iter() if part.tag.endswith("rect") and part.get("rx") == "6")
    assert float(banner.attrib["width"]) > 7.6 * len(condition.value)
    assert banner.attrib["fill"] in (DIM, WARNING_GROUND)
    assert "fill-opacity" not in banner.attrib


@given(st.text(max_size=300), st.text(max_size=50))
def test_a_model_may_be_called_anything(name: str, version: str) -> None:
    """Names come from strangers; the picture stays well-formed, and a long one does not blow it up."""
    svg = render_stage(_snapshot("first", name, versions=("1", version)))
    assert {part.tag.rpartition("}")[2] for part in ET.fromstring(svg).iter()} <= {
        "svg",
        "title",
        "text",
        "line",
        "path",
        "rect",
    }
    assert len(svg) < 20_000


def test_each_swap_is_marked_with_the_new_model() -> None:
    """Every model in the picture is named once, with a dashed line where it took over."""
    svg = render_stage(_snapshot("tree", "forest", "network"))
    names = [text for text in _texts(svg) if text in {"tree", "forest", "network"}]
    assert sorted(names) == ["forest", "network", "tree"]
    assert svg.count('stroke-dasharray="4 3"') == 2


def test_the_model_in_use_is_a_band_behind_its_scores() -> None:
    """In its colour, from where it took over to where the next one did."""
    snapshot = _snapshot("tree", "forest")
    bands = [part.attrib for part in ET.fromstring(render_stage(snapshot)) if part.get("fill-opacity") == "0.12"]
    assert [band["fill"] for band in bands] == [colour(_look(snapshot, 0)), colour(_look(snapshot, 1))]
    ends = [float(band["x"]) + float(band["width"]) for band in bands]
    assert ends == pytest.approx([float(bands[1]["x"]), 748], abs=0.2)


def test_models_that_score_in_turn_have_no_bands() -> None:
    """Two data types have two models in use at every moment: a band of one would be wrong for the other."""
    snapshot = _snapshot("wine", "white")
    mixed = tuple(replace(point, model=n % 2) for n, point in enumerate(snapshot.points))
    assert 'fill-opacity="0.12"' not in render_stage(replace(snapshot, points=mixed))


def test_versions_are_told_apart() -> None:
    """Two versions of one name are shown with their versions; a name seen once is shown alone."""
    texts = _texts(render_stage(_snapshot("tree", "tree", "net", versions=("1", "2", "5"))))
    assert {"tree 1", "tree 2", "net"} <= set(texts)


def test_many_swaps_do_not_write_over_each_other() -> None:
    """Where models change faster than names have room, lines stay and names are left out, the newest one last."""
    many = _snapshot(*(f"a-model-with-a-long-name-{n}" for n in range(12)))
    texts = [text for text in _texts(render_stage(many)) if text.startswith("a-model")]
    assert 1 <= len(texts) <= 8
    assert render_stage(many).count('stroke-dasharray="4 3"') == 11


def test_no_line_goes_through_words() -> None:
    """Names stand before the lines of swaps, with the page's colour around them; a line leaves a title out."""
    names = "abcdefghijk"
    drawn = list(ET.fromstring(render_stage(_snapshot(*names), 560)).iter())
    lines = [(at, part) for at, part in enumerate(drawn) if part.get("stroke-dasharray") == "4 3"]
    written = [(at, part) for at, part in enumerate(drawn) if part.text in set(names)]
    assert max(at for at, _ in lines) < min(at for at, _ in written)
    assert {part.get("paint-order") for _, part in written} == {"stroke"}
    title = next(part for part in drawn if (part.text or "").startswith("score:"))
    left, y = float(title.attrib["x"]), float(title.attrib["y"])
    for _, line in lines:
        for x, top, bottom in re.findall(r"M([\d.]+),([\d.]+)V([\d.]+)", line.attrib["d"]):
            assert not (float(x) < left + 120 and float(top) < y < float(bottom))


def test_the_sentence_says_what_the_picture_shows() -> None:
    """Model, counts and latency stand in the sentence, which is the picture's text for screen readers too."""
    frame = stage_frame(_snapshot("tree", "forest"))
    for part in (
        "forest 1",
        "40 records scored",
        "7 skipped",
        "3 dead letters",
        "1 model swap.",
        "12 ms",
        "40 ms",
        "8 µs and 40 µs",
    ):
        assert part in frame.sentence
    assert ET.fromstring(frame.svg).attrib["aria-label"] == frame.sentence


@pytest.mark.parametrize("condition", [c for c in Condition if c is not Condition.RUNNING])
def test_the_picture_says_why_nothing_moves(condition: Condition) -> None:
    """When no scores arrive, a banner in the picture and the sentence say why."""
    frame = stage_frame(replace(_snapshot("tree"), condition=condition))
    assert condition.value in _texts(frame.svg)
    assert condition.value in frame.sentence


def test_nothing_scored_yet_is_a_picture_too() -> None:
    """Before the first score there are axes and a plain word."""
    frame = stage_frame(StageSnapshot(_NOW, Condition.WAITING))
    assert "No record scored yet" in frame.sentence
    assert ET.fromstring(frame.svg).tag.endswith("svg")


def test_the_headline_changes_with_the_model_only() -> None:
    """What is announced at once has no number that changes with each score."""
    snapshot = _snapshot("tree", "forest")
    later = replace(snapshot, scored=41, latency_p50_ms=99.0, now_ns=_NOW + _S)
    assert stage_frame(later).headline == stage_frame(snapshot).headline
    assert stage_frame(replace(snapshot, current=0)).headline != stage_frame(snapshot).headline


def test_a_model_that_was_retired_is_not_in_use() -> None:
    """The last score has a model; what the server says now counts, unless scores still arrive from others."""
    retired = replace(_snapshot("tree"), condition=Condition.QUIET, server=ServerReport("None", "", 5, 0, 0))
    assert stage_frame(retired).headline == "No model in use"
    assert "No model in use." in stage_frame(retired).sentence
    assert "Model in use: tree" in stage_frame(replace(retired, condition=Condition.RUNNING)).headline


def test_points_of_different_models_look_different() -> None:
    """Each model has its own colour; tests/widgets/test_colours.py says that it has its own shape too."""
    paths = [
        part.attrib
        for part in ET.fromstring(render_stage(_snapshot("a", "b", "c"))).iter()
        if part.tag.endswith("path")
    ]
    assert len({path.get("fill") or path.get("stroke") for path in paths}) == 3


def test_a_model_looks_the_same_whoever_came_before_it() -> None:
    """Its colour is of its digest; among four models no two have the same colour."""
    alone, both = _snapshot("net"), _snapshot("a", "net")
    net = replace(alone.models[0], digest="d1")
    assert _look(replace(alone, models=(net,)), 0) == _look(both, 1)
    four = _snapshot("a", "b", "c", "d", "e")
    assert {_look(four, n) for n in range(4)} == {0, 1, 2, 3}
    assert _look(four, 4) in {4, 5, 6, 7}
