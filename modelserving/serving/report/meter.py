"""What a server counts for those who watch it: once a batch, when it is committed, never once a record.

::

    ScoredBatch ─▶ Outcome ─▶ Meter ─▶ /metrics, the page of the server

An outcome is what is left of a batch when its records are gone: a few numbers, which can be added up until a commit.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from modelserving.records import ScoredRun
from modelserving.serving.messages import ScoredBatch
from modelserving.serving.report.recent import Recent, sample
from modelserving.serving.report.status import Counts

BUCKETS_S = (1e-7, 2.5e-7, 5e-7, 1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Upper limits of the histogram of scoring times, seconds a record."""

_LIMITS_NS = tuple(limit * 1e9 for limit in BUCKETS_S)
_MODELS = 64
_REASONS = 64
_OTHER = "other", "other"
_UNSERVED = 8


class ModelKey(NamedTuple):
    """Who a model is, as far as what is counted tells it.

    Args:
        data_type: of the records that it scores.
        name: what people call it.
        version: free text.
        digest: SHA-256 of its bytes.
    """

    data_type: str
    name: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class ScoringTime:
    """How long one model worked on one batch.

    Args:
        model: which.
        count: records that it scored.
        each_ns: nanoseconds for each of them.
    """

    model: ModelKey
    count: int
    each_ns: int


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What became of some batches, in numbers.

    Args:
        counts: of their records.
        dead: what was tried with each dead letter, and the class of its error.
        times: which model worked how long.
        answers: a few of the answers.
        unserved: data types of records that found no model.
    """

    counts: Counts = field(default_factory=Counts)
    dead: tuple[tuple[str, str], ...] = ()
    times: tuple[ScoringTime, ...] = ()
    answers: tuple[ScoredRun, ...] = ()
    unserved: frozenset[str] = frozenset()

    def __add__(self, more: BatchOutcome) -> BatchOutcome:
        return BatchOutcome(
            self.counts + more.counts,
            (*self.dead, *more.dead),
            (*self.times, *more.times),
            (*self.answers, *more.answers),
            self.unserved | more.unserved,
        )


def outcome_of(batch: ScoredBatch, times: Iterable[ScoringTime] | None = None) -> BatchOutcome:
    """What became of a batch.

    Args:
        batch: the batch.
        times: which model worked how long, where the batch's own shares do not say.
    """
    if times is None:
        times = (
            ScoringTime(ModelKey(one.data_type, one.name, one.version, one.digest), share.count, share.each_ns)
            for share in batch.shares
            for one in (share.served.info,)
        )
    dead = tuple((letter.stage, letter.error) for letter in batch.dead)
    counts = Counts(len(batch.scored), batch.skipped, len(batch.dead))
    return BatchOutcome(counts, dead, tuple(times), sample(batch.scored), frozenset(batch.skipped_types))


@dataclass(frozen=True, slots=True)
class Durations:
    """How long one model took, as a histogram.

    Args:
        cumulative: for each of ``BUCKETS_S``, how many records took at most so long.
        count: how many records.
        sum_s: how long they took together, seconds.
    """

    cumulative: tuple[int, ...]
    count: int
    sum_s: float


@dataclass(slots=True)
class _Histogram:
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    sum_ns: int = 0

    def add(self, taken: ScoringTime) -> None:
        self.buckets[bisect_left(_LIMITS_NS, taken.each_ns)] += taken.count
        self.sum_ns += taken.each_ns * taken.count

    def durations(self) -> Durations:
        return Durations(tuple(accumulate(self.buckets[:-1])), sum(self.buckets), self.sum_ns / 1e9)


class Meter:
    """What a server has committed since it began. Any thread may add, any thread may look.

    However many models come and go, however many kinds of error there are, it does not grow: of models the 64 that
    scored last are told apart, and of errors the first 64 kinds.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = Counts()
        self._dead: Counter[tuple[str, str]] = Counter()
        self._models: OrderedDict[ModelKey, _Histogram] = OrderedDict()
        self._unserved: OrderedDict[str, None] = OrderedDict()
        self.recent = Recent()

    @property
    def counts(self) -> Counts:
        """What became of the records."""
        return self._counts

    def add(self, outcome: BatchOutcome) -> None:
        """Count what was committed just now."""
        with self._lock:
            self._counts = self._counts + outcome.counts
            for reason in outcome.dead:
                self._dead[reason if reason in self._dead or len(self._dead) < _REASONS else _OTHER] += 1
            for taken in outcome.times:
                self._models.setdefault(taken.model, _Histogram()).add(taken)
                self._models.move_to_end(taken.model)
            for data_type in outcome.unserved:
                self._unserved[data_type] = None
                self._unserved.move_to_end(data_type)
            while len(self._models) > _MODELS:
                self._models.popitem(last=False)
            while len(self._unserved) > _UNSERVED:
                self._unserved.popitem(last=False)
        self.recent.add(outcome.answers)

    @property
    def unserved(self) -> tuple[str, ...]:
        """Data types of records that found no model: the last ones, the newest last."""
        with self._lock:
            return tuple(self._unserved)

    def dead_letters(self) -> Mapping[tuple[str, str], int]:
        """How many dead letters there were: by what was tried, and the class of the error."""
        with self._lock:
            return dict(self._dead)

    def durations(self) -> Mapping[ModelKey, Durations]:
        """How long scoring took, by model."""
        with self._lock:
            return {model: found.durations() for model, found in self._models.items()}
