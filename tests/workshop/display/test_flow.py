"""The producer and the consumer of lesson 03, which really run."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

import pytest

from modelserving.errors import ConfigError
from modelserving.widgets import BackPressureSnapshot, BackPressureView
from modelserving.workshop.display.flow import Flow, sliders
from tests.waiting import WAIT


def _wait(flow: Flow, condition: Callable[[BackPressureSnapshot], bool]) -> BackPressureSnapshot:
    deadline = time.monotonic() + WAIT
    while not condition(snapshot := flow.snapshot()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert condition(snapshot)
    return snapshot


def test_a_full_buffer_holds_the_producer_back() -> None:
    """With room for three and a slow consumer, the producer is never more than buffer and hands ahead."""
    with Flow(producer_ms=1, consumer_ms=100, buffer=3) as flow:
        snapshot = _wait(flow, lambda s: s.producer_waits)
        assert snapshot.buffered == snapshot.most_buffered == 3
        assert snapshot.produced <= snapshot.consumed + 3


def test_without_a_bound_nobody_holds_it_back() -> None:
    """The buffer grows, and the producer never waits."""
    with Flow(producer_ms=1, consumer_ms=100, buffer=math.inf) as flow:
        snapshot = _wait(flow, lambda s: s.buffered > 50)
        assert not snapshot.producer_waits


def test_a_fast_consumer_waits_for_the_producer() -> None:
    """The other way round, the buffer is empty and the consumer waits."""
    with Flow(producer_ms=50, consumer_ms=1, buffer=3) as flow:
        snapshot = _wait(flow, lambda s: s.consumed > 3 and s.consumer_waits)
        assert snapshot.buffered == 0


def test_the_screws_can_be_turned_while_it_runs() -> None:
    """A consumer that gets faster empties the buffer, and no item is lost on the way."""
    with Flow(producer_ms=20, consumer_ms=200, buffer=5) as flow:
        _wait(flow, lambda s: s.buffered == 5)
        flow.consumer_ms = 1
        snapshot = _wait(flow, lambda s: s.buffered == 0)
        assert abs(snapshot.produced - snapshot.consumed) <= 1


def test_sliders_turn_the_screws() -> None:
    """What a slider is moved to is what the flow does."""
    flow = Flow()
    producer, consumer = sliders(flow)
    producer.value, consumer.value = 8, 80
    assert (flow.producer_ms, flow.consumer_ms) == (8, 80)


def test_it_ends_by_itself_after_so_many_items() -> None:
    """A bounded flow is finished once its items are consumed, and says that it does not run any more."""
    with Flow(producer_ms=1, consumer_ms=1, max_items=20) as flow:
        snapshot = _wait(flow, lambda s: not s.running)
        assert snapshot.consumed >= 20
        flow._done.wait(60)
        assert flow.finished


def test_closing_ends_its_thread() -> None:
    """Nothing is left behind; a second close does nothing, and so does closing what never started."""
    before = set(threading.enumerate())
    flow = Flow()
    flow.start()
    flow.close()
    flow.close()
    Flow().close()
    assert set(threading.enumerate()) == before


def test_a_view_follows_it() -> None:
    """The live view of lesson 03 shows this flow, and ends it when it is closed."""
    flow = Flow(producer_ms=1, consumer_ms=100, buffer=3)
    with BackPressureView(flow) as view:
        view.wait_for(lambda s: s.buffered == 3)
    assert flow.finished


@pytest.mark.parametrize("wrong", [{"producer_ms": -1}, {"consumer_ms": -1}, {"buffer": -1}])
def test_negative_numbers_are_refused(wrong: dict[str, float]) -> None:
    """There is no negative time, and no buffer for less than nothing."""
    with pytest.raises(ConfigError, match="cannot be negative"):
        Flow(**wrong)  # type: ignore[arg-type]
