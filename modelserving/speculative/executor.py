"""Asks one model: an actor, so that one that is slow makes nobody wait but itself.

A batch is scored piece by piece, each so small that the answers to it come well within the deadline: of a model that
is too slow for all of the batch, some of the answers still come in time. When the batch is decided, the rest of it is
not scored any more.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, TypeAlias

import numpy as np

from modelserving.models.info import LoadedModel
from modelserving.models.lifecycle.slots import ModelSlot
from modelserving.models.model import Scores
from modelserving.serving.words import read_words
from modelserving.speculative.answers import Absence, Answer, Responder
from modelserving.speculative.collector import AnswerCollector
from modelserving.speculative.health import ParticipantHealth

Clock: TypeAlias = Callable[[], int]
"""The time, nanoseconds, from any beginning."""

_FIRST_PIECE = 256
_SMALLEST_PIECE = 16
_PIECES_IN_TIME = 4


@dataclass(frozen=True, slots=True)
class Arrival:
    """Answers that have come.

    Args:
        collector: of whose records.
        name: of the participant.
        rows: of the records.
        said: for each of ``rows``.
        at_ns: when they came.
        served: the model that answered, if one did.
        each_ns: for each record, nanoseconds of the model's own time.
    """

    collector: AnswerCollector
    name: str
    rows: range
    said: Sequence[Answer | Absence]
    at_ns: int
    served: LoadedModel | None = None
    each_ns: int = 0


class Inbox:
    """Where what has happened waits for whoever collects; closed when all is decided. Any thread may put."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._waiting: deque[Arrival | None] = deque()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether nothing more is wanted."""
        return self._closed

    def put(self, event: Arrival | None) -> bool:
        """Add an arrival; ``None`` only wakes who waits.

        Returns:
            Whether it was wanted.
        """
        with self._news:
            if not self._closed:
                self._waiting.append(event)
                self._news.notify()
            return not self._closed

    def take(self, seconds: float | None) -> list[Arrival]:
        """What has come, in its order; if nothing has, wait so long for it. ``None``: until something comes."""
        with self._news:
            self._news.wait_for(lambda: self._waiting, seconds)
            found = [event for event in self._waiting if event is not None]
            self._waiting.clear()
            return found

    def close(self) -> None:
        """Want nothing more."""
        with self._news:
            self._closed = True


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """Records that a participant is asked about.

    Args:
        name: of the participant.
        slot: where its model is.
        records: all of one data type.
        collector: takes the answers,
        inbox: by way of this.
        health: counts them.
        slowed_ns: they are held back for so long.
    """

    name: str
    slot: ModelSlot
    records: Any
    collector: AnswerCollector
    inbox: Inbox
    health: ParticipantHealth
    slowed_ns: int = 0


class ModelExecutor:
    """The actor. What a model raises is an answer, too: that there is none.

    Args:
        clock: the time.
        sleep: waits so many seconds.
    """

    def __init__(self, clock: Clock = time.monotonic_ns, sleep: Callable[[float], object] = time.sleep) -> None:
        self._clock = clock
        self._sleep = sleep
        self._each_ns = 0.0

    def receive(self, asked: Assignment) -> None:
        """Answer, piece by piece, for as long as the answers are wanted."""
        done, count = 0, len(asked.records)
        if asked.slowed_ns and not asked.inbox.closed:
            self._sleep(asked.slowed_ns / 1e9)
        while done < count and not asked.inbox.closed:
            rows = range(done, min(count, done + self._piece(asked)))
            self._deliver(asked, self._score(asked, rows))
            done = rows.stop
        if done < count and self._late_ns(asked) is not None:
            asked.health.count(late=count - done)

    def _piece(self, asked: Assignment) -> int:
        """How many records are scored at once: what takes a quarter of the time that there is, as far as one knows."""
        whole_ns = asked.collector.settings.deadline_ms * 1e6
        if not whole_ns:
            return len(asked.records)
        if not self._each_ns:
            return _FIRST_PIECE
        return max(_SMALLEST_PIECE, round(whole_ns / _PIECES_IN_TIME / self._each_ns))

    def _score(self, asked: Assignment, rows: range) -> Arrival:
        started = time.perf_counter_ns()
        with asked.slot.lease() as served:
            if served is None:
                return self._arrival(asked, rows, [Absence("no model")] * len(rows))
            try:
                scores = served.model.score(asked.records.slice(rows.start, len(rows)))
                each_ns = (time.perf_counter_ns() - started) // len(rows)
                self._each_ns = each_ns if not self._each_ns else (self._each_ns + each_ns) / 2
                now_ns = self._clock()
                by = Responder(asked.name, served.info, now_ns - asked.collector.arrived_ns, each_ns)
                said = _read(scores, by)
            except Exception as error:  # noqa: BLE001 - whatever an engine raises
                return self._arrival(asked, rows, [Absence("failed", f"{error}")] * len(rows))
            return Arrival(asked.collector, asked.name, rows, said, now_ns, served, each_ns)

    def _arrival(self, asked: Assignment, rows: range, said: Sequence[Absence]) -> Arrival:
        return Arrival(asked.collector, asked.name, rows, said, self._clock())

    def _deliver(self, asked: Assignment, arrival: Arrival) -> None:
        answered = sum(type(one) is Answer for one in arrival.said)
        asked.inbox.put(arrival)
        took_ns = arrival.at_ns - asked.collector.arrived_ns
        asked.health.record(answered, len(arrival.said) - answered, took_ns, self._late_ns(asked, arrival.at_ns))

    def _late_ns(self, asked: Assignment, at_ns: int | None = None) -> int | None:
        due_ns = asked.collector.settings.due_ns(asked.collector.arrived_ns)
        late_ns = 0 if due_ns is None else (self._clock() if at_ns is None else at_ns) - due_ns
        return None if due_ns is None or late_ns < 0 else late_ns


def _read(scores: Scores, by: Responder) -> list[Answer | Absence]:
    """A model's scores as answers."""
    count = len(scores.values)
    labels = [None] * count if scores.labels is None else scores.labels.tolist()
    sure = _confidence(scores)
    values = scores.values.tolist()
    words = read_words(scores) if scores.outputs else repeat((None, ()), count)
    said: list[Answer | Absence] = [
        Answer(value, label, confidence, by, beside)
        for value, label, confidence, (_, beside) in zip(values, labels, sure, words, strict=True)
    ]
    for row, reason in scores.problems.items():
        said[row] = Absence("failed", reason)
    return said


def _confidence(scores: Scores) -> list[float]:
    """How sure the model is: the highest of the probabilities that it gives, where it gives any."""
    count = len(scores.values)
    found = [
        np.asarray(column, dtype=np.float64).reshape(count, -1).max(axis=1, initial=0.0)
        for name, column in scores.outputs.items()
        if name.lower().startswith(("probabilit", "confidence")) and np.asarray(column).dtype.kind == "f"
    ]
    if not found:
        return [1.0] * count
    return [min(1.0, one) if math.isfinite(one) else 0.0 for one in np.max(found, axis=0).tolist()]
