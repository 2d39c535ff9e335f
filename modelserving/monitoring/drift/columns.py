"""All columns of all data types, and the answers to them: which are not spread any more as they were."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelserving.monitoring.drift.detector import DELTA, Detector, Shift, detector_for

PREDICTION = "prediction"
"""The column of the answers; a new model begins a new one."""

_STANDS_FOR = 5_000
_COLUMNS = 1_000


@dataclass(frozen=True, slots=True)
class Alarm:
    """A column that is not spread any more as it was.

    Args:
        data_type: whose.
        column: its name; ``prediction`` for the answers.
        model: who gave the answers; empty for a column of the records.
        shift: what was seen.
        time_ms: when, milliseconds since 1970.
    """

    data_type: str
    column: str
    model: str
    shift: Shift
    time_ms: int

    def __str__(self) -> str:
        of = f" of {self.model}" if self.model else ""
        change = f"{self.shift.before} before, {self.shift.after} now, seen after {self.shift.at} values"
        return f"{self.column}{of} for {self.data_type} drifts: {change}"


@dataclass(slots=True)
class _Column:
    detector: Detector
    seen: int = 0
    alarm: Alarm | None = None
    alarms: int = 0


class DriftWatch:
    """Watches columns. One thread adds; any thread may look.

    An alarm stands until so many values came without another one (5,000 of its column): by then what is new is usual.

    Args:
        delta: how likely chance is taken for a change, of one column; see ``DELTA``.
        on_alarm: told of each.
        clock: milliseconds since 1970.
    """

    def __init__(
        self,
        delta: float = DELTA,
        on_alarm: Callable[[Alarm], object] = lambda _: None,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._delta = delta
        self._on_alarm = on_alarm
        self._clock = clock
        self._lock = threading.Lock()
        self._columns: dict[tuple[str, str], _Column] = {}
        self._models: dict[str, str] = {}

    def add_records(self, data_type: str, columns: Mapping[str, Sequence[Any]]) -> None:
        """Take records of a data type, as columns of equal length."""
        for name, values in columns.items():
            self._add(data_type, name, "", values)

    def add_answers(self, data_type: str, model: str, answers: Sequence[float | str]) -> None:
        """Take what a model answered. Another model than before answers differently, and that is no drift."""
        if self._models.get(data_type) != model:
            self._models[data_type] = model
            with self._lock:
                self._columns.pop((data_type, PREDICTION), None)
        self._add(data_type, PREDICTION, model, answers)

    def alarms(self) -> Mapping[tuple[str, str], Alarm | None]:
        """For each data type and column the alarm that stands, if there is one."""
        with self._lock:
            return {name: column.alarm for name, column in self._columns.items()}

    def counts(self) -> Mapping[tuple[str, str], tuple[int, int]]:
        """For each data type and column how many values were seen, and how many alarms there were."""
        with self._lock:
            return {name: (column.seen, column.alarms) for name, column in self._columns.items()}

    def _add(self, data_type: str, name: str, model: str, values: Sequence[Any]) -> None:
        if not values:
            return
        column = self._column((data_type, name), values)
        if column is None:
            return
        shift = column.detector.add(values)
        with self._lock:
            column.seen += len(values)
            if shift is not None:
                column.alarm = Alarm(data_type, name, model, shift, self._clock())
                column.alarms += 1
            elif column.alarm is not None and column.seen - column.alarm.shift.at > _STANDS_FOR:
                column.alarm = None
        if shift is not None and column.alarm is not None:
            self._on_alarm(column.alarm)

    def _column(self, name: tuple[str, str], values: Sequence[Any]) -> _Column | None:
        """The column; ``None`` for one that is new where there are a thousand already."""
        with self._lock:
            if name not in self._columns and len(self._columns) < _COLUMNS:
                self._columns[name] = _Column(detector_for(values, self._delta))
            return self._columns.get(name)
