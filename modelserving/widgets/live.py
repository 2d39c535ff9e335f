"""One picture that is kept up to date in place, from threads, without a line of output.

A thread that prints writes into whatever cell runs just then. So nothing here prints: a view sets the value of a
widget, four to ten times a second, and only when the picture has changed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import ipywidgets

from modelserving.errors import ConfigError, ServerError
from modelserving.svg import escape
from modelserving.system.closing import Closing
from modelserving.system.interrupts import join_thread
from modelserving.widgets.dock import FOLDED, dock
from modelserving.widgets.waiting import waiting
from modelserving.widgets.width import WIDEST, ShownWidth

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)

_JOIN_S = 3.0
_SLOWEST, _FASTEST = 4.0, 10.0
_DOCKED = (
    f"<em>Look to the right: the picture is in the panel “Live view”. (Closed it? Run this cell again.){FOLDED}</em>"
)
_open: dict[str, LiveView[Any]] = {}
_open_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a view.

    Args:
        svg: the picture.
        sentence: what the picture says, in words; below it.
        headline: what a screen reader should say at once when it changes: no number that changes all the time.
    """

    svg: str
    sentence: str
    headline: str


class FrameSource(Protocol[S_co]):
    """Where a view's snapshots come from; it runs in threads of its own."""

    def start(self) -> None:
        """Begin."""
        ...

    def snapshot(self) -> S_co:
        """How things stand; a value that does not change afterwards. Any thread may ask."""
        ...

    @property
    def finished(self) -> bool:
        """Whether it has come to its end by itself, so that the next snapshot is the last."""
        ...

    def close(self) -> None:
        """End, and give back connections. A second call does nothing."""
        ...


class LiveView(Generic[S], Closing):
    """A picture that follows a source until it is stopped. Put it at the end of a cell to see it.

    Args:
        source: what is watched; started here, closed with the view.
        render: a pure function from a snapshot, and the pixels that the picture has from left to right, to a frame.
        name: two views of one name are never open together: the first is stopped, so a cell can be run again.
        frames_per_second: 4 to 10.
        controls: further widgets, shown beside the Stop button, above the picture: who moves one sees what comes of it,
            however tall the picture is.
        below: widgets that say more, shown below the picture.

    Raises:
        ConfigError: the frame rate is out of range.
    """

    def __init__(
        self,
        source: FrameSource[S],
        render: Callable[[S, int], Frame],
        *,
        name: str,
        frames_per_second: float = 5.0,
        controls: Sequence[Any] = (),
        below: Sequence[Any] = (),
    ) -> None:
        if not _SLOWEST <= frames_per_second <= _FASTEST:
            raise ConfigError(
                f"{frames_per_second:g} frames a second are out of range: choose {_SLOWEST:g} to {_FASTEST:g}."
            )
        self.name = name
        self._source, self._render, self._pause = source, render, 1 / frames_per_second
        self._stop = threading.Event()
        self._closing = threading.Lock()
        self._drawn: Frame | None = None
        self._headline, self._picture = ipywidgets.HTML(), ipywidgets.HTML(layout={"width": "calc(100% - 4px)"})
        self._picture.add_class("modelserving-live")
        self._button = ipywidgets.Button(
            description="Stop", icon="stop", tooltip="Stop this view; the servers go on", layout={"width": "9em"}
        )
        self._button.on_click(self._clicked)
        self._width = ShownWidth(self._fit)
        row = ipywidgets.HBox([self._button, *controls], layout={"flex_flow": "row wrap"})
        row.add_class("modelserving-controls")
        self.widget = ipywidgets.VBox([self._width.widget, self._headline, row, self._picture, *below])
        self.widget.add_class("modelserving-view")
        self._painter = threading.Thread(target=self._paint, name=f"view-{name}", daemon=True)
        _register(name, self)
        try:
            source.start()
            self._draw()
            self._painter.start()
        except BaseException:  # a stop button, too: nobody else has this view, to close it
            self.close()
            raise

    def snapshot(self) -> S:
        """How things stand now: what a lesson asserts on."""
        return self._source.snapshot()

    @property
    def running(self) -> bool:
        """Whether the picture is still being kept up to date."""
        return self._painter.is_alive() and not self._stop.is_set()

    def wait_for(self, condition: Callable[[S], bool], within_s: float = 60.0, what: str = "the view to show it") -> S:
        """Wait until a snapshot meets a condition.

        Args:
            condition: takes a snapshot.
            within_s: how long to wait at most, seconds.
            what: is waited for, said when it takes longer than a moment.

        Returns:
            The snapshot that met it.

        Raises:
            ServerError: none did in time, or the view was stopped; the message says how things stand.
        """
        with waiting(what):
            return self._wait_for(condition, within_s)

    def _wait_for(self, condition: Callable[[S], bool], within_s: float) -> S:
        deadline = time.monotonic() + within_s
        while True:
            over = not self.running or time.monotonic() > deadline
            snapshot = self.snapshot()
            if condition(snapshot):
                return snapshot
            if over:
                why = f"not within {within_s:g} s" if self.running else "and the view has ended"
                raise ServerError(f"what the lesson waits for did not happen, {why}. {self._said(snapshot)}")
            self._stop.wait(0.05)

    def close(self) -> None:
        """Stop watching, and leave the last picture where it is. A second call does nothing."""
        with self._closing:
            already = self._stop.is_set()
            self._stop.set()
        if already:
            return
        self._source.close()
        join_thread(self._painter, _JOIN_S)
        _unregister(self.name, self)

    def _repr_mimebundle_(self, **kwargs: object) -> Mapping[str, Any]:
        """Show the widget, in the panel beside the notebook where there is one; as plain text, the sentence."""
        if dock(self.widget):
            return {"text/html": _DOCKED, "text/plain": repr(self)}
        shown: Mapping[str, Any] = self.widget._repr_mimebundle_(**kwargs) or {}
        return {**shown, "text/plain": repr(self)}

    def __repr__(self) -> str:
        return self._said(self.snapshot())

    def _said(self, snapshot: S) -> str:
        return self._render(snapshot, WIDEST).sentence

    def _fit(self) -> None:
        """The picture has another width: a view that goes on draws it with its next frame, and one that ended, now."""
        if not self.running:
            self._draw()

    def _clicked(self, _: object) -> None:
        self.close()

    def _paint(self) -> None:
        while not self._stop.wait(self._pause) and not self._source.finished:
            if not self._draw():
                break
        self._draw()
        self._button.disabled = True
        self._button.description = "Stopped" if self._stop.is_set() else "Finished"
        self._button.icon = "check"

    def _draw(self) -> bool:
        """Draw a frame if it differs from the last.

        Returns:
            Whether the view can go on. What goes wrong is shown in the view itself: a thread has nobody to tell.
        """
        try:
            frame = self._render(self._source.snapshot(), self._width.width)
        except Exception as error:  # noqa: BLE001
            self._headline.value = _status(f"This view ended with {type(error).__name__}: {error}")
            return False
        last, self._drawn = self._drawn, frame
        if last is None or frame.headline != last.headline:
            self._headline.value = _status(frame.headline)
        if last is None or frame != last:
            self._picture.value = f'{frame.svg}<p style="margin:.2em 0;line-height:1.4">{escape(frame.sentence)}</p>'
        return True


def _status(headline: str) -> str:
    """A line that a screen reader announces when it changes."""
    return f'<div role="status" style="font-weight:bold;line-height:1.4">{escape(headline)}</div>'


def _register(name: str, view: LiveView[Any]) -> None:
    with _open_lock:
        before = _open.get(name)
        _open[name] = view
    if before is not None:
        before.close()


def _unregister(name: str, view: LiveView[Any]) -> None:
    with _open_lock:
        if _open.get(name) is view:
            del _open[name]
