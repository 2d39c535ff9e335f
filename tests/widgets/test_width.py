"""A view is drawn as wide as it is shown."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from modelserving.actors.runtime.api import ActorStatus, Life
from modelserving.widgets.back_pressure import _frame as flow_frame
from modelserving.widgets.heater import HeaterSnapshot
from modelserving.widgets.heater.chart import heater_frame
from modelserving.widgets.live import Frame, LiveView
from modelserving.widgets.speculative.chart import answers_frame
from modelserving.widgets.stage.chart import stage_frame
from modelserving.widgets.stage.snapshot import StageSnapshot
from modelserving.widgets.topic.chart import topic_frame
from modelserving.widgets.topic.snapshot import Lane, RecordState, SeenRecord, TopicSnapshot
from modelserving.widgets.width import NARROWEST, WIDEST, ShownWidth
from modelserving.workshop.display.pictures.mailboxes import mailboxes
from tests.waiting import wait_until
from tests.widgets.heater.test_heater_chart import NOW, ROOM
from tests.widgets.speculative.test_answers import Server, look, said
from tests.widgets.stage.test_stage_chart import _snapshot as scores
from tests.widgets.test_back_pressure import _snapshot as flow

_KEYS = ("merlot", "malbec", "riesling", "pinot noir", "cabernet")
_LETTER = 0.48
"""A narrow letter's width, of its height: what is too wide with it is too wide in every font."""


@pytest.fixture(autouse=True)
def _as_wide_as_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ShownWidth, "_last", WIDEST)


class _Still:
    finished = False

    def start(self) -> None: ...

    def snapshot(self) -> str:
        return "still"

    def close(self) -> None: ...


def _view() -> LiveView[str]:
    return LiveView(_Still(), lambda said, width: Frame(f"<svg>{width}</svg>", said, said), name="width")


def test_a_view_follows_the_width_that_the_browser_says() -> None:
    """Also after it has ended: the panel can still be made wider."""
    with _view() as view:
        assert f"<svg>{WIDEST}</svg>" in view._picture.value
        view._width.widget.width = 410
        wait_until(lambda: "<svg>410</svg>" in view._picture.value, "a picture for the panel")
    view._width.widget.width = 600
    assert "<svg>600</svg>" in view._picture.value


def test_the_next_view_begins_as_wide_as_the_last_one_was() -> None:
    """It takes the panel of that one, and should not jump; what is impossible is not drawn for."""
    with _view() as view:
        view._width.widget.width = 20
    with _view() as view:
        assert f"<svg>{NARROWEST}</svg>" in view._picture.value


def _later(seconds: int) -> StageSnapshot:
    """A change of models that is on its way to the left."""
    now = scores("wine-linear-regression", "wine-random-forest-onnx")
    return replace(now, now_ns=now.now_ns + seconds * 10**9)


def _topic(width: int) -> str:
    states = list(RecordState)
    records = tuple(SeenRecord(980 + n, _KEYS[n % 5], states[n % 4]) for n in range(20))
    lanes = tuple(Lane(n, 980, 1000, records, name, (("group", 981),), 19) for n, name in enumerate(("Ann", "Bob")))
    return topic_frame(TopicSnapshot("barrels", lanes, _KEYS, ("Ann", "Bob")), width).svg


def _answers(width: int) -> str:
    return answers_frame(look(Server(said(0, 0), said(1, 3, late=7, waits=True)), 2), width).svg


def _mailboxes(width: int) -> str:
    actors = ActorStatus("busy", waiting=100, doing="PromoteTheShadow"), ActorStatus("two", Life.GIVEN_UP, restarts=3)
    return mailboxes(actors, 3, width).svg


_PICTURES: dict[str, Callable[[int], str]] = {
    "scores": lambda width: stage_frame(scores("wine-tree", "wine-random-forest"), width).svg,
    "long ago": lambda width: stage_frame(_later(12), width).svg,
    "flow": lambda width: flow_frame(flow(10, 10), width).svg,
    "rooms": lambda width: heater_frame(HeaterSnapshot(NOW, (ROOM, ROOM)), width).svg,
    "topic": _topic,
    "answers": _answers,
    "mailboxes": _mailboxes,
}


def _ends(svg: str) -> Iterator[tuple[str, float, float]]:
    """Each text, and where it begins and ends at least."""
    root = ET.fromstring(svg)
    size = root.get("font-size") or re.search(r"font:(\d+)px", root.attrib.get("style", ""))[1]  # type: ignore[index]
    for part in root.iter():
        if part.tag.endswith("text") and part.text:
            wide = float(part.get("font-size") or size) * _LETTER * len(part.text)
            before = {"middle": wide / 2, "end": wide}.get(part.get("text-anchor", ""), 0.0)
            yield part.text, float(part.attrib["x"]) - before, float(part.attrib["x"]) - before + wide


@pytest.mark.parametrize("width", [NARROWEST, 420, 550, 600, WIDEST])
@pytest.mark.parametrize("name", _PICTURES)
def test_a_picture_is_as_wide_as_its_room_and_no_text_is_cut_off(name: str, width: int) -> None:
    """Its letters have the size that they say: nothing scales it down."""
    svg = _PICTURES[name](width)
    assert ET.fromstring(svg).attrib["width"] == str(width)
    assert [text for text, begin, end in _ends(svg) if begin < -1 or end > width + 1] == []


def test_a_bookmark_that_is_further_back_than_the_picture_points_there() -> None:
    """It would stand before a record that is not the next one."""
    assert "← group" in [text for text, _, _ in _ends(_topic(NARROWEST))]
    assert "group" in [text for text, _, _ in _ends(_topic(WIDEST))]
