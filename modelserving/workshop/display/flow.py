"""Streams in a nutshell: the longer pieces of lesson 03.

A ``Flow`` is a producer, a buffer and a consumer that really run, in an event loop of their own, so that a lesson can
turn their screws while it watches them.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any, Self

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from modelserving.errors import ConfigError
from modelserving.widgets.back_pressure import BackPressureSnapshot, FlowSample
from modelserving.widgets.feed import LiveFeed

_SAMPLE_S = 0.125
_RATE_OVER = 8
_SHORTEST_MS = 1.0
_STEPS_MS = (1, 2, 3, 5, 8, 10, 15, 20, 30, 50, 80, 100, 150, 200, 300, 500)


async def work(milliseconds: float) -> None:
    """Be busy for so long, as far as others can see; other tasks go on meanwhile."""
    await anyio.sleep(milliseconds / 1000)


class Flow(LiveFeed):
    """A producer, a buffer and a consumer.

    Args:
        producer_ms: what the producer takes to make an item, milliseconds.
        consumer_ms: what the consumer takes to digest one, milliseconds.
        buffer: items that fit in between; ``math.inf`` for a buffer without a bound, 0 for hand to hand.
        max_items: end after so many items were consumed; ``None``: when closed.
        item_bytes: size of one item.

    Raises:
        ConfigError: a number is negative.
    """

    def __init__(
        self,
        *,
        producer_ms: float = 5,
        consumer_ms: float = 20,
        buffer: float = 10,
        max_items: int | None = None,
        item_bytes: int = 10_000,
    ) -> None:
        if min(producer_ms, consumer_ms, buffer) < 0:
            raise ConfigError("a flow's times and its buffer cannot be negative. Use 0 for no wait and no buffer.")
        super().__init__(flow=lambda: anyio.run(self._run))
        self.producer_ms, self.consumer_ms = producer_ms, consumer_ms
        self._buffer, self._max, self._item_bytes = buffer, max_items, item_bytes
        self._produced = self._consumed = self._most = 0
        self._samples: deque[FlowSample] = deque(maxlen=120)
        self._counts: deque[tuple[float, int, int]] = deque(maxlen=_RATE_OVER + 1)
        self._latest = BackPressureSnapshot(capacity=buffer, item_bytes=item_bytes)
        self._done = threading.Event()

    def snapshot(self) -> BackPressureSnapshot:
        """How things stand, at most an eighth of a second ago."""
        return self._latest

    @property
    def finished(self) -> bool:
        """Whether ``max_items`` were consumed."""
        return self._done.is_set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _run(self) -> None:
        send, receive = anyio.create_memory_object_stream[bytes](self._buffer)
        async with send, receive, anyio.create_task_group() as tasks:
            tasks.start_soon(self._produce, send)
            tasks.start_soon(self._consume, receive)
            await self._watch(receive)
            tasks.cancel_scope.cancel()
        self._done.set()

    async def _produce(self, send: MemoryObjectSendStream[bytes]) -> None:
        while True:
            await work(max(_SHORTEST_MS, self.producer_ms))
            await send.send(bytes(self._item_bytes))
            self._produced += 1

    async def _consume(self, receive: MemoryObjectReceiveStream[bytes]) -> None:
        async for _ in receive:
            self._consumed += 1
            await work(max(_SHORTEST_MS, self.consumer_ms))

    async def _watch(self, receive: MemoryObjectReceiveStream[bytes]) -> None:
        """Look at the buffer eight times a second, until it is time to stop."""
        began = time.monotonic()
        while not self._stop.is_set() and (self._max is None or self._consumed < self._max):
            self._note(receive, time.monotonic() - began)
            await anyio.sleep(_SAMPLE_S)
        self._note(receive, time.monotonic() - began, running=False)

    def _note(self, receive: MemoryObjectReceiveStream[bytes], at_s: float, *, running: bool = True) -> None:
        """Make a snapshot of what the stream says of itself, and of what was counted."""
        buffer = receive.statistics()
        self._most = max(self._most, buffer.current_buffer_used)
        self._counts.append((at_s, self._produced, self._consumed))
        then, produced, consumed = self._counts[0]
        past = max(at_s - then, _SAMPLE_S)
        rates = ((self._produced - produced) / past, (self._consumed - consumed) / past)
        if at_s > then:
            self._samples.append(FlowSample(at_s, *rates, buffer.current_buffer_used))
        self._latest = BackPressureSnapshot(
            running=running,
            at_s=at_s,
            capacity=self._buffer,
            produced=self._produced,
            consumed=self._consumed,
            buffered=buffer.current_buffer_used,
            most_buffered=self._most,
            item_bytes=self._item_bytes,
            producer_waits=buffer.tasks_waiting_send > 0,
            consumer_waits=buffer.tasks_waiting_receive > 0,
            samples=tuple(self._samples),
        )


def sliders(flow: Flow) -> tuple[Any, ...]:
    """Two sliders that turn a flow's screws while it runs: milliseconds an item, for producer and consumer."""
    import ipywidgets

    def slider(name: str, attribute: str) -> Any:
        # A logarithmic scale: the first ten milliseconds matter as much as the last hundreds.
        made = ipywidgets.SelectionSlider(
            options=sorted({*_STEPS_MS, getattr(flow, attribute)}),
            value=getattr(flow, attribute),
            description=f"{name}, ms",
            layout={"width": "36em", "max_width": "100%"},
            style={"description_width": "initial"},
        )
        made.observe(lambda change: setattr(flow, attribute, change["new"]), names="value")
        return made

    return slider("producer", "producer_ms"), slider("consumer", "consumer_ms")
