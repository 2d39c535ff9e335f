"""A view that is kept up to date in place."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import nullcontext

import ipywidgets
import pytest

from modelserving.errors import ConfigError, ServerError
from modelserving.widgets.live import Frame, LiveView
from tests.waiting import WAIT


class _Counter:
    """A source that counts how often it was asked, started and closed."""

    def __init__(self, last: int | None = None) -> None:
        self.value = self.started = self.closed = 0
        self.last = last
        self.broken = False

    def start(self) -> None:
        self.started += 1

    def snapshot(self) -> int:
        if self.broken:
            raise ValueError("no <value>")
        return self.value

    @property
    def finished(self) -> bool:
        return self.last is not None and self.value >= self.last

    def close(self) -> None:
        self.closed += 1


def _frame(value: int, width: int) -> Frame:
    return Frame(f"<svg>{value}</svg>", f"value <{value}>", f"tens {value // 10}")


def _until(condition: Callable[[], bool], seconds: float = WAIT) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def _view(source: _Counter, name: str = "test") -> LiveView[int]:
    return LiveView(source, _frame, name=name, frames_per_second=10)


def test_the_picture_follows_in_place(capfd: pytest.CaptureFixture[str]) -> None:
    """A new snapshot changes the value of the same widget, and nothing is printed."""
    source = _Counter()
    with _view(source) as view:
        picture = view._picture
        assert "<svg>0</svg>" in picture.value
        source.value = 7
        assert _until(lambda: "<svg>7</svg>" in picture.value)
        assert view._picture is picture
    assert capfd.readouterr() == ("", "")


def test_what_one_moves_stands_above_the_picture_and_what_says_more_below() -> None:
    """Below a tall picture, sliders are out of sight."""
    slider, more = ipywidgets.FloatSlider(), ipywidgets.HTML()
    with LiveView(_Counter(), _frame, name="test", controls=(slider,), below=(more,)) as view:
        *_, row, picture, last = view.widget.children
        assert slider in row.children
        assert picture is view._picture
        assert last is more


def test_a_view_that_is_stopped_as_it_begins_is_closed() -> None:
    """The stop button of a notebook: the cell can be run again, and nothing of the first goes on."""

    class Stopped(_Counter):
        def start(self) -> None:
            super().start()
            raise KeyboardInterrupt

    first, second = Stopped(), _Counter()
    with pytest.raises(KeyboardInterrupt):
        _view(first)
    assert first.closed == 1
    with _view(second) as view:
        assert view.running
    assert first.closed == 1


def test_an_unchanged_picture_is_not_sent_again() -> None:
    """A view of something that stands still costs the browser nothing."""
    source = _Counter()
    with _view(source) as view:
        changes: list[object] = []
        view._picture.observe(changes.append, names="value")
        asked = threading.Event()
        ask, times = source.snapshot, iter(range(5))
        source.snapshot = lambda: (ask(), next(times, None) is None and asked.set())[0]  # type: ignore[func-returns-value, method-assign]
        assert asked.wait(60)
        assert changes == []


def test_the_headline_is_announced_when_it_changes() -> None:
    """Screen readers hear the headline, and not each number."""
    source = _Counter()
    with _view(source) as view:
        announced: list[str] = []
        view._headline.observe(lambda change: announced.append(change["new"]), names="value")
        source.value = 5
        assert _until(lambda: "<svg>5" in view._picture.value)
        source.value = 15
        assert _until(lambda: "<svg>15" in view._picture.value)
    assert len(announced) == 1
    assert 'role="status"' in announced[0]
    assert "tens 1" in announced[0]


def test_text_below_the_picture_is_escaped() -> None:
    """The sentence is text, even where it looks like markup."""
    with _view(_Counter()) as view:
        assert "value &lt;0&gt;" in view._picture.value


def test_running_the_cell_again_stops_the_old_view() -> None:
    """Two views of one name are never open together; two names are."""
    first, second, other = _Counter(), _Counter(), _Counter()
    with _view(first) as old, _view(other, "other") as apart, _view(second) as new:
        assert (old.running, new.running, apart.running) == (False, True, True)
        assert (first.closed, second.closed, other.closed) == (1, 0, 0)


def test_the_stop_button_stops_the_view() -> None:
    """A click ends source and painter, leaves the last picture, and the button says so."""
    source = _Counter()
    view = _view(source)
    source.value = 3
    view._button.click()
    assert (view.running, source.closed) == (False, 1)
    assert "<svg>3</svg>" in view._picture.value
    assert (view._button.disabled, view._button.description) == (True, "Stopped")


def test_closing_twice_closes_once() -> None:
    """The second close does nothing."""
    source = _Counter()
    view = _view(source)
    view.close()
    view.close()
    assert source.closed == 1


def test_a_source_that_ends_ends_the_view() -> None:
    """The last snapshot is drawn, and the button says that there is nothing to stop."""
    source = _Counter(last=4)
    with _view(source) as view:
        source.value = 4
        assert _until(lambda: bool(view._button.disabled))
        assert "<svg>4</svg>" in view._picture.value
        assert view._button.description == "Finished"


def test_waiting_returns_the_snapshot_that_met_the_condition() -> None:
    """A lesson waits for what it wants to see, and gets it."""
    source = _Counter()
    with _view(source) as view:
        threading.Timer(0.1, setattr, (source, "value", 12)).start()
        assert view.wait_for(lambda value: value > 10, within_s=WAIT) == 12


def test_a_wait_counts_its_seconds_and_says_for_what(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who watches a cell that waits for a picture is told what is waited for."""
    told: list[str] = []

    def noted(what: str) -> nullcontext[None]:
        told.append(what)
        return nullcontext()

    monkeypatch.setattr("modelserving.widgets.live.waiting", noted)
    with _view(_Counter()) as view:
        view.wait_for(lambda value: value == 0, what="nothing at all")
    assert told == ["nothing at all"]


def test_waiting_in_vain_says_how_things_stand() -> None:
    """After the deadline the error carries the view's sentence."""
    with _view(_Counter()) as view, pytest.raises(ServerError, match=r"not within 0\.1 s\. value <0>"):
        view.wait_for(lambda value: value > 10, within_s=0.1)


def test_waiting_for_a_stopped_view_ends_at_once() -> None:
    """What cannot come any more is not waited for."""
    view = _view(_Counter())
    view.close()
    with pytest.raises(ServerError, match="the view has ended"):
        view.wait_for(lambda value: value > 10, within_s=3600)


def test_a_failure_is_shown_in_the_view(capfd: pytest.CaptureFixture[str]) -> None:
    """A thread has nobody to tell: the view itself names the error, escaped, and nothing is printed."""
    source = _Counter()
    view = _view(source)
    source.broken = True
    assert _until(lambda: "ValueError: no &lt;value&gt;" in view._headline.value)
    assert _until(lambda: bool(view._button.disabled))
    source.broken = False
    view.close()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("rate", [3.9, 10.1])
def test_the_frame_rate_has_bounds(rate: float) -> None:
    """Slower looks broken, faster costs more than it shows."""
    source = _Counter()
    with pytest.raises(ConfigError, match="choose 4 to 10"):
        LiveView(source, _frame, name="test", frames_per_second=rate)
    assert source.started == 0


def test_without_widgets_the_sentence_is_shown() -> None:
    """A notebook that is read as text still says what was seen."""
    with _view(_Counter()) as view:
        shown = view._repr_mimebundle_()
        assert shown["text/plain"] == "value <0>"
        assert "application/vnd.jupyter.widget-view+json" in shown
