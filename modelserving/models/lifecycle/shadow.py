"""A shadow: a model that scores some of the records beside the one that serves.

Nobody sees its answers. They are compared, so that somebody can decide whether it should serve.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from modelserving.models.info import LoadedModel, ModelInfo
from modelserving.models.model import Records
from modelserving.statistics import Statistics, StatisticsSnapshot

log = logging.getLogger(__name__)

_CLOSE_ENOUGH = 1e-6
_MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_WHOLE = 2.0**64


@dataclass(frozen=True, slots=True)
class ShadowComparison:
    """A shadow beside the model that serves, at one moment.

    Args:
        identity: of the shadow.
        percent: how much of the records it scores.
        compared: records that both have answered.
        equal: of these, answers that are the same: labels to the letter, numbers to within a millionth.
        mean_difference: mean absolute difference of the two answers, where both are numbers.
        max_difference: the largest one.
        errors: records that the shadow could not score.
        statistics: how long it took to score.
    """

    identity: ModelInfo
    percent: float
    compared: int = 0
    equal: int = 0
    mean_difference: float = 0.0
    max_difference: float = 0.0
    errors: int = 0
    statistics: StatisticsSnapshot = field(default_factory=StatisticsSnapshot)


@dataclass(slots=True, eq=False)
class Shadow:
    """A model in the slot of the shadow, and what the comparison has shown so far. Any thread may use it.

    Args:
        served: the model.
        percent: how much of the records it scores.
        statistics: how long it took to score as a shadow; when it serves, it is counted anew.
    """

    served: LoadedModel
    percent: float
    statistics: Statistics = field(default_factory=Statistics)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _compared: int = 0
    _equal: int = 0
    _numbers: int = 0
    _sum: float = 0.0
    _max: float = 0.0
    _errors: int = 0

    def score(self, records: Records, answers: NDArray[np.float64], labels: NDArray[np.object_] | None = None) -> None:
        """Score records that were answered, and compare. Whatever goes wrong is counted, and costs nobody anything.

        Args:
            records: a batch.
            answers: of the model that serves, shape ``(n,)``.
            labels: of it, shape ``(n,)``, if it answers labels.
        """
        if not len(records):
            return
        started = time.perf_counter_ns()
        try:
            scores = self.served.model.score(records)
        except Exception as error:  # noqa: BLE001 - a shadow disturbs nobody
            log.warning("shadow %s failed on %d records: %s", self.served.info.name, len(records), error)
            with self._lock:
                self._errors += len(records)
            return
        each_ns = (time.perf_counter_ns() - started) // len(records)
        self.statistics.record(each_ns, len(records) - len(scores.problems))
        differences = np.abs(scores.values - answers)
        known = differences[np.isfinite(differences)]
        answered = np.ones(len(answers), dtype=np.bool_)
        answered[list(scores.problems)] = False
        # Two answers that are not both numbers are compared as labels; a number is no label.
        words = answered & ~np.isfinite(differences)
        same = 0
        if words.any() and labels is not None and scores.labels is not None:
            same = int(np.sum(scores.labels[words] == labels[words]))
        self._count(known, int(words.sum()), same, len(scores.problems))

    def _count(self, known: NDArray[np.float64], words: int, same: int, errors: int) -> None:
        with self._lock:
            self._errors += errors
            self._compared += known.size + words
            self._equal += int((known <= _CLOSE_ENOUGH).sum()) + same
            self._numbers += known.size
            self._sum += math.fsum(known)
            self._max = max(self._max, float(known.max(initial=0.0)))

    def comparison(self) -> ShadowComparison:
        """What has been found so far."""
        with self._lock:
            return ShadowComparison(
                self.served.info,
                self.percent,
                self._compared,
                self._equal,
                self._sum / self._numbers if self._numbers else 0.0,
                self._max,
                self._errors,
                self.statistics.snapshot(),
            )


class ShadowSlot(Protocol):
    """Where a shadow is leased; a ``ModelSlot`` is one."""

    def lease_shadow(self) -> AbstractContextManager[Shadow | None]:
        """Hold the shadow, so that it is not closed meanwhile; ``None`` while there is none."""
        ...


@dataclass(frozen=True, slots=True)
class ShadowWork:
    """A batch that was answered, and that the shadow may score when the answers are committed.

    Args:
        slot: of the shadow.
        records: the batch, a ``pyarrow.RecordBatch``.
        partitions: of the records, in their order.
        offsets: of the records, in their order.
        answers: of the model that serves, shape ``(n,)``; NaN where it gave none, or a label that is no number.
        labels: of the model that serves, shape ``(n,)``, ``None`` where it gave none; if it answers labels.
    """

    slot: ShadowSlot
    records: Any
    partitions: Sequence[int]
    offsets: Sequence[int]
    answers: NDArray[np.float64]
    labels: NDArray[np.object_] | None = None

    def run(self) -> None:
        """Score the shadow's share of the batch, and compare. Nothing is raised; without a shadow, nothing is done."""
        with self.slot.lease_shadow() as shadow:
            if shadow is None:
                return
            partitions, offsets = np.asarray(self.partitions, np.int64), np.asarray(self.offsets, np.int64)
            answered = np.isfinite(self.answers)
            if self.labels is not None:
                answered |= np.array([label is not None for label in self.labels])
            rows = np.flatnonzero(choose(shadow.percent, partitions, offsets) & answered)
            labels = None if self.labels is None else self.labels[rows]
            shadow.score(self.records.take(pa.array(rows)), self.answers[rows], labels)


def choose(percent: float, partitions: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which records a shadow scores: the same ones on every server, and after every restart.

    Args:
        percent: how many, 0 to 100.
        partitions: of the records, shape ``(n,)``.
        offsets: of the records, shape ``(n,)``.

    Returns:
        Shape ``(n,)``; spread like noise, so that a stream with a rhythm is not met at one beat only.
    """
    mixed = (offsets.astype(np.uint64) + np.uint64(1)) * _MIX[0] + partitions.astype(np.uint64) * _MIX[1]
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX[1]
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX[2]
    mixed ^= mixed >> np.uint64(31)
    chosen: NDArray[np.bool_] = mixed.astype(np.float64) < percent / 100 * _WHOLE
    return chosen
