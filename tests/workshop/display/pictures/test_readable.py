"""Still pictures in a small window: however small one becomes, it can be read, and stands beside a live view."""

from __future__ import annotations

import re

import pytest

from modelserving.actors.runtime.api import ActorStatus
from modelserving.kstreams.pictures.drawing import NodeBox, draw
from modelserving.records import encode_wine
from modelserving.svg import scrolled
from modelserving.workshop.display.byte_map import byte_map
from modelserving.workshop.display.diagrams import pipeline
from modelserving.workshop.display.pictures.changelog import beside_changelog
from modelserving.workshop.display.pictures.mailboxes import mailboxes
from modelserving.workshop.display.pictures.rebalance import rebalance
from modelserving.workshop.display.pictures.tables import stream_and_table
from modelserving.workshop.display.pictures.windows import SentRecord, windows_picture
from tests.fakes import WINE

_READABLE_PX, _BESIDE_A_VIEW_PX = 9.0, 459
"""The least height of letters, and what a cell's output has beside a live view in a window of 1,024 pixels."""
_BESIDE = {
    "changelog": beside_changelog([(0, "red", 1), (1, "red", None)], {"red": 1}).svg,
    "mailboxes": mailboxes([ActorStatus("busy", waiting=100)], room=3).svg,
    "rebalance": rebalance(
        *((title, {0: owner}) for title, owner in zip("abc", ("Ann", "Bob", "Bob"), strict=True))
    ).svg,
    "topology": draw([NodeBox(str(n), "wine-dead-letters", "topic", n, 0) for n in range(5)], [], "five in a row"),
}
_STILL = _BESIDE | {
    "windows": windows_picture([SentRecord("a", 1), SentRecord("a", 2)], {("a", 0, 60): 2, ("a", 0, 1): "12345"}).svg,
    "tables": stream_and_table([("a", "1", {"a": "1"}), ("a", None, {})]).svg,
    "bytes": byte_map(encode_wine(WINE)).svg,
    "pipeline": pipeline().svg,
}


def _shown(picture: str) -> tuple[float, float]:
    """The least width that a picture is shown with, and how high its smallest letters are then; pixels."""
    wide = float(re.findall(r' width="([\d.]+)"', picture)[0])
    least = float(re.findall(r"min-width:(\d+)px", scrolled(picture))[0])
    sizes = re.findall(r'font-size="([\d.]+)"|font:([\d.]+)px', picture)
    return least, min(float(one or other) for one, other in sizes) * least / wide


@pytest.mark.parametrize("name", _STILL)
def test_the_smallest_letters_of_the_smallest_picture_can_be_read(name: str) -> None:
    """Before they become smaller, the picture is scrolled."""
    assert round(_shown(_STILL[name])[1], 2) >= _READABLE_PX


@pytest.mark.parametrize("name", _BESIDE)
def test_a_picture_is_seen_at_once_beside_a_live_view(name: str) -> None:
    """It shrinks to its place, and nothing has to be scrolled."""
    assert _shown(_BESIDE[name])[0] <= _BESIDE_A_VIEW_PX
