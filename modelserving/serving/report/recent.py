"""What a server answered just now: a few answers of each batch, kept for those who look, and forgotten after that.

They are drawn at even distances, so that they cost the same however large a batch is; what is made of them is made when
somebody looks.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from modelserving.records import ScoredColumns, ScoredRecord, ScoredRun

RECENT_S = 2.0
"""What was answered so long ago at most is recent, seconds."""

_OF_BATCH = 32
_BATCHES = 256
_DATA_TYPES = 16
_LABELS = 16
_OTHER = "other"


def sample(scored: Sequence[ScoredRecord]) -> tuple[ScoredRun, ...]:
    """At most 32 of a batch's answers, at even distances; columns of their own, which keep nothing else alive."""
    if not scored:
        return ()
    step = -(-len(scored) // _OF_BATCH)
    if isinstance(scored, ScoredColumns):
        return tuple(run.take(np.arange(0, len(run), step)) for run in scored.runs)
    return ScoredColumns.of(scored[::step]).runs


@dataclass(frozen=True, slots=True)
class RecentAnswers:
    """What was answered to the records of one data type in the last two seconds.

    Args:
        model: the name of the one that answered last, and its version.
        scores: shape ``(n,)``, those that are numbers.
        latencies_ms: shape ``(m,)``, from publishing to answer.
        labels: how often each was given since the server began, as far as answers were kept.
    """

    model: str
    scores: NDArray[np.float64]
    latencies_ms: NDArray[np.float64]
    labels: Mapping[str, int]


class _Kept(NamedTuple):
    at_s: float
    run: ScoredRun


@dataclass(slots=True)
class _OfType:
    kept: deque[_Kept] = field(default_factory=lambda: deque(maxlen=_BATCHES))
    labels: Counter[str] = field(default_factory=Counter)

    def add(self, at_s: float, run: ScoredRun) -> None:
        self.kept.append(_Kept(at_s, run))
        for label, _ in run.words:
            if label is not None:
                self.labels[label if label in self.labels or len(self.labels) < _LABELS else _OTHER] += 1

    def recent(self, since_s: float) -> RecentAnswers:
        runs = [one.run for one in self.kept if one.at_s >= since_s]
        _, name, version, *_ = self.kept[-1].run.same
        scores = np.concatenate([np.empty(0), *(run.predictions for run in runs)])
        waited = [np.maximum(run.same[5] / 1e6 - run.published_ms, 0.0) for run in runs]
        return RecentAnswers(
            f"{name} {version}".strip(),
            scores[np.isfinite(scores)],
            np.concatenate([np.empty(0), *waited]),
            dict(self.labels),
        )


class Recent:
    """Keeps them: of the 16 data types that were answered last, 256 batches each. Any thread may add, any may look.

    Args:
        clock: tells seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._types: OrderedDict[str, _OfType] = OrderedDict()

    def add(self, runs: Iterable[ScoredRun]) -> None:
        """Keep what was committed just now."""
        now = self._clock()
        with self._lock:
            for run in runs:
                self._types.setdefault(run.same[0], _OfType()).add(now, run)
                self._types.move_to_end(run.same[0])
            while len(self._types) > _DATA_TYPES:
                self._types.popitem(last=False)

    def look(self) -> Mapping[str, RecentAnswers]:
        """What was answered in the last two seconds, by data type, in alphabetical order."""
        since = self._clock() - RECENT_S
        with self._lock:
            return {data_type: found.recent(since) for data_type, found in sorted(self._types.items())}


def percentile(values: NDArray[np.float64], share: float) -> float | None:
    """The smallest value that so many of them do not exceed; ``None``: there are none.

    Args:
        values: shape ``(n,)``.
        share: above 0, at most 1.
    """
    return float(np.sort(values)[math.ceil(share * len(values)) - 1]) if len(values) else None
