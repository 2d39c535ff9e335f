"""The picture of a producer, a buffer and a consumer."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from modelserving.widgets.back_pressure import BackPressureSnapshot, FlowSample, _frame, render_back_pressure

_SAMPLES = st.builds(FlowSample, st.floats(0, 1e5), st.floats(0, 1e6), st.floats(0, 1e6), st.integers(0, 10**9))


def _snapshot(buffered: int, capacity: float, **more: bool) -> BackPressureSnapshot:
    samples = tuple(FlowSample(n / 8, 200.0, 50.0, min(buffered, n)) for n in range(40))
    return BackPressureSnapshot(
        at_s=5.0, capacity=capacity, produced=1000, consumed=900, buffered=buffered, most_buffered=buffered,
        item_bytes=10_000, samples=samples, **more,
    )  # fmt: skip


@given(st.lists(_SAMPLES, max_size=40), st.sampled_from([0.0, 10.0, math.inf]), st.floats(0, 1e5))
def test_any_flow_can_be_drawn(samples: list[FlowSample], capacity: float, at_s: float) -> None:
    """Whatever the rates, the fill and the bound, the picture is well-formed."""
    svg = render_back_pressure(BackPressureSnapshot(at_s=at_s, capacity=capacity, samples=tuple(samples)))
    assert ET.fromstring(svg).attrib["role"] == "img"


def test_a_full_buffer_is_called_back_pressure() -> None:
    """The headline says in words that the producer waits."""
    assert _frame(_snapshot(10, 10)).headline.startswith("Back pressure: the buffer is full")


def test_a_buffer_without_bound_is_called_so() -> None:
    """The headline says that nothing holds the producer back; the sentence says what that costs."""
    frame = _frame(_snapshot(500, math.inf))
    assert frame.headline.startswith("No back pressure")
    assert "no bound, 5.0 MB" in frame.sentence


def test_a_bound_is_drawn_and_a_missing_one_is_not() -> None:
    """The line "full" stands at the bound of the buffer, if it has one."""
    assert "full: 10" in render_back_pressure(_snapshot(3, 10))
    assert "full:" not in render_back_pressure(_snapshot(3, math.inf))


def test_the_sentence_says_what_the_picture_shows() -> None:
    """Rates and fill stand in the sentence, which is the picture's text for screen readers too."""
    frame = _frame(_snapshot(3, 10))
    for part in ("sends 200 items a second", "takes 50", "In the buffer: 3 (room for 10", "1000 sent, 900 taken"):
        assert part in frame.sentence
    assert ET.fromstring(frame.svg).attrib["aria-label"] == frame.sentence


def test_an_ended_flow_says_so() -> None:
    """When producer and consumer have ended, the headline does not speak of a buffer any more."""
    assert _frame(_snapshot(10, 10, running=False)).headline == "The flow has ended"


def test_a_flow_is_steady_when_as_much_comes_out_as_goes_in() -> None:
    """A lesson waits for that, and need not say how fast it will be then."""
    assert not _snapshot(10, 10).steady
    assert BackPressureSnapshot(samples=(FlowSample(3.0, 51.0, 50.0, 10),)).steady
