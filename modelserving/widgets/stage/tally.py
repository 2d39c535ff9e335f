"""From single scores to a snapshot: counts, the last points, swaps. No Kafka, no widgets."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from modelserving.records import ScoredRecord
from modelserving.widgets.stage.snapshot import (
    LATENCIES,
    WINDOW_S,
    Condition,
    ModelSeen,
    ScorePoint,
    ServerReport,
    StageSnapshot,
    Swap,
)

_MOST_POINTS = 1000
_MOST_IN_COLUMN = 10
_MOST_MODELS = 64
_NS = 1_000_000_000
_COLUMN_NS = int(WINDOW_S * _NS) // 480


class StageTally:
    """Adds up scores. One thread adds, any thread takes snapshots; memory does not grow with the number of scores."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._points: deque[ScorePoint] = deque(maxlen=_MOST_POINTS)
        self._latencies: deque[float] = deque(maxlen=LATENCIES)
        self._swaps: deque[Swap] = deque(maxlen=100)
        self._models: list[ModelSeen] = []
        self._serving: dict[tuple[str, int], tuple[str, str, str]] = {}
        self._current: int | None = None
        self._scored = self._dead = self._swap_count = 0
        self._column = 0
        self._drawn: set[float] = set()

    @property
    def scored(self) -> int:
        """Scores added so far."""
        return self._scored

    def add(self, records: Iterable[ScoredRecord]) -> None:
        """Count scores, in the order in which they were published."""
        with self._lock:
            for record in records:
                self._add(record)

    def add_dead_letters(self, count: int) -> None:
        """Count messages of the dead-letter topic."""
        with self._lock:
            self._dead += count

    def snapshot(self, now_ns: int, condition: Condition, server: ServerReport | None) -> StageSnapshot:
        """How things stand."""
        with self._lock:
            oldest = now_ns - int(WINDOW_S * _NS)
            while self._points and self._points[0].at_ns < oldest:
                self._points.popleft()
            ordered = sorted(self._latencies)
            return StageSnapshot(
                now_ns=now_ns,
                condition=condition,
                scored=self._scored,
                dead_letters=self._dead,
                points=tuple(self._points),
                models=tuple(self._models),
                current=self._current,
                swaps=tuple(self._swaps),
                swap_count=self._swap_count,
                latency_p50_ms=_percentile(ordered, 0.5),
                latency_p99_ms=_percentile(ordered, 0.99),
                server=server,
            )

    def _add(self, record: ScoredRecord) -> None:
        self._scored += 1
        who = (record.model_name, record.model_version, record.model_digest)
        model = self._model(who, record.scored_at_ns)
        source = (record.data_type, record.partition)
        before = self._serving.get(source)
        if before != who:
            self._serving[source] = who
            self._models[model] = replace(self._models[model], since_ns=record.scored_at_ns)
            if before is not None:
                self._swap_count += 1
                self._swaps.append(Swap(record.scored_at_ns, record.partition, record.offset, model))
        self._current = model
        latency = max(0.0, record.scored_at_ns / 1e6 - record.published_ms)
        self._latencies.append(latency)
        if math.isfinite(record.prediction) and self._worth_a_point(record.scored_at_ns, record.prediction):
            self._points.append(ScorePoint(record.scored_at_ns, record.prediction, latency, model))

    def _worth_a_point(self, at_ns: int, prediction: float) -> bool:
        """Leave out points that would be drawn over each other: a thousand scores a second look like a hundred."""
        column = at_ns // _COLUMN_NS
        if column != self._column:
            self._column, self._drawn = column, set()
        value = round(prediction, 1)
        if value in self._drawn or len(self._drawn) == _MOST_IN_COLUMN:
            return False
        self._drawn.add(value)
        return True

    def _model(self, who: tuple[str, str, str], at_ns: int) -> int:
        for index, seen in enumerate(self._models):
            if (seen.name, seen.version, seen.digest) == who:
                return index
        if len(self._models) == _MOST_MODELS:  # a flood of models: the last index is used again, memory stays bounded
            self._models.pop()
        self._models.append(ModelSeen(*who, since_ns=at_ns))
        return len(self._models) - 1


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0
