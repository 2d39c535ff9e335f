"""How far a group is behind, measured again and again behind the cells, and drawn over time."""

from __future__ import annotations

import time
from threading import Event
from typing import Self

from modelserving.kafka import Connection
from modelserving.workshop.display.figures import Figure, curves
from modelserving.workshop.display.reading import lag
from modelserving.workshop.processes.background import BackgroundTask

_EVERY_S = 0.1


class LagOverTime:
    """Measures a group's lag from now on.

    Args:
        connection: the broker.
        group: whose lag.
        topic: on which topic.
    """

    def __init__(self, connection: Connection, group: str, topic: str) -> None:
        self._connection, self._group, self._topic = connection, group, topic
        self._measured: list[tuple[float, dict[int, int]]] = []
        self._task = BackgroundTask(self._measure, "lag")

    def __enter__(self) -> Self:
        self._task.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Measure no more. A second call does nothing."""
        self._task.stop()

    def chart(self) -> Figure:
        """The lag of each partition over time."""
        began = self._measured[0][0] if self._measured else 0.0
        parts = sorted({part for _, found in self._measured for part in found})
        series = {
            f"partition {part}": [(at - began, float(found.get(part, 0))) for at, found in self._measured]
            for part in parts
        }
        most = max((max(found.values(), default=0) for _, found in self._measured), default=0)
        last = sum(self._measured[-1][1].values()) if self._measured else 0
        says = f"The lag of {self._group}: at most {most} records of one partition, {last} in the end."
        return curves(series, says, x="seconds since it was measured first", y="lag, records")

    def _measure(self, stop: Event) -> None:
        while not stop.wait(_EVERY_S):
            self._measured.append((time.monotonic(), lag(self._connection, self._group, self._topic)))
        self._measured.append((time.monotonic(), lag(self._connection, self._group, self._topic)))
