"""Many answers at once: what is the same in all of them is said, and written, once; the rest are columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, groupby, repeat
from operator import itemgetter
from typing import Any, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from modelserving.records.scored.record import Output, ScoredRecord, encode_same, encode_scored, encode_words
from modelserving.records.wire import scored_pb2 as wire

Words: TypeAlias = tuple[str | None, tuple[tuple[str, Output], ...]]
"""The label and the named outputs of an answer, as ``ScoredRecord`` has them."""

_FEW = 32
"""From so many answers on, making columns of them pays."""
_SAME = itemgetter(0, 2, 3, 4, 7, 8)
"""What the answers of a run share."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoredRun:
    """Answers that one model gave at one time; each argument is a field of ``ScoredRecord``, or a column of them.

    Args:
        same: what they share: data type, name, version and digest of the model, ``scoring_ns``, ``scored_at_ns``.
        predictions: shape ``(n,)``,
        partitions: the same,
        offsets: the same,
        published_ms: the same.
        words: label and outputs, ``n`` of them; empty where there are none.
    """

    same: tuple[str, str, str, str, int, int]
    predictions: NDArray[np.float64]
    partitions: NDArray[np.int64]
    offsets: NDArray[np.int64]
    published_ms: NDArray[np.int64]
    words: Sequence[Words] = ()

    @classmethod
    def of(cls, answers: Sequence[ScoredRecord]) -> ScoredRun:
        """Answers that share what the answers of a run share, as columns; at least one."""
        _, predictions, _, _, _, partitions, offsets, _, _, published_ms, labels, outputs = zip(*answers, strict=True)
        return cls(
            _SAME(answers[0]),
            np.array(predictions, np.float64),
            np.array(partitions, np.int64),
            np.array(offsets, np.int64),
            np.array(published_ms, np.int64),
            [*zip(labels, outputs, strict=True)] if any(outputs) or labels.count(None) < len(labels) else (),
        )

    def __len__(self) -> int:
        return len(self.offsets)

    def __iter__(self) -> Iterator[ScoredRecord]:
        data_type, name, version, digest, scoring_ns, scored_at_ns = map(repeat, self.same)
        words: Iterable[Words] = self.words or repeat((None, ()), len(self))
        numbers = (self.predictions, self.partitions, self.offsets, self.published_ms)
        predictions, partitions, offsets, published = (column.tolist() for column in numbers)
        where = partitions, offsets, scoring_ns, scored_at_ns, published
        labels, outputs = zip(*words, strict=True) if len(self) else ((), ())
        return map(ScoredRecord, data_type, predictions, name, version, digest, *where, labels, outputs)

    def take(self, rows: NDArray[np.intp] | slice) -> ScoredRun:
        """Some of them."""
        words = self.words and [self.words[row] for row in np.arange(len(self))[rows]]
        return replace(
            self,
            predictions=self.predictions[rows],
            partitions=self.partitions[rows],
            offsets=self.offsets[rows],
            published_ms=self.published_ms[rows],
            words=words,
        )

    def encode(self, frame: bytes = b"") -> Iterator[bytes]:
        """Each as ``encode_scored`` would write it: what differs is written as columns, behind what they share.

        Args:
            frame: what stands before each.
        """
        import pyarrow as pa  # a fifth of a second, which `modelserving --help` does without

        if len(self) < _FEW:
            yield from (frame + encode_scored(one) for one in self)
            return
        columns = [pa.array(column) for column in (self.predictions, self.offsets, self.published_ms)]
        batch = pa.record_batch(columns, ["prediction", "offset", "published_ms"])
        own: list[bytes] = _columns_to_bytes().record_batch_to_array(batch).to_pylist()
        if self.words:
            own = [value + encode_words(*words) for value, words in zip(own, self.words, strict=True)]
        for start, stop, partition in _stretches(self.partitions):
            prefix = frame + encode_same(*self.same[:4], partition, *self.same[4:])
            yield from map(prefix.__add__, own[start:stop])


class ScoredColumns(Sequence[ScoredRecord]):
    """Answers, run by run; a ``ScoredRecord`` is made of one only when somebody asks for it.

    Args:
        runs: in the order of the answers.
    """

    __slots__ = ("runs",)

    def __init__(self, runs: Iterable[ScoredRun]) -> None:
        self.runs = tuple(run for run in runs if len(run))

    @classmethod
    def of(cls, answers: Sequence[ScoredRecord]) -> ScoredColumns:
        """Answers as columns; themselves, if they are."""
        if isinstance(answers, ScoredColumns):
            return answers
        return cls(ScoredRun.of([*run]) for _, run in groupby(answers, _SAME))

    def __len__(self) -> int:
        return sum(map(len, self.runs))

    def __iter__(self) -> Iterator[ScoredRecord]:
        return chain.from_iterable(self.runs)

    @overload
    def __getitem__(self, index: int) -> ScoredRecord: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[ScoredRecord]: ...

    def __getitem__(self, index: int | slice) -> ScoredRecord | Sequence[ScoredRecord]:
        if isinstance(index, slice):
            return tuple(self)[index]
        row = range(len(self))[index]
        for run in self.runs:
            if row < len(run):
                return next(iter(run.take(slice(row, row + 1))))
            row -= len(run)
        raise IndexError(index)

    def __repr__(self) -> str:
        return f"ScoredColumns({len(self)} answers)"

    @property
    def partitions(self) -> list[int]:
        """Of the records."""
        return [partition for run in self.runs for partition in run.partitions.tolist()]

    @property
    def offsets(self) -> list[int]:
        """Of the records."""
        return [offset for run in self.runs for offset in run.offsets.tolist()]


def encode_scored_batch(scored: Sequence[ScoredRecord], frame: bytes = b"") -> list[bytes]:
    """Write answers, each as ``encode_scored`` would, in their order; many of them ten times as fast.

    Args:
        scored: the answers.
        frame: what stands before each: Confluent's prefix with the number of their schema, or nothing.
    """
    if len(scored) < _FEW:
        return [frame + encode_scored(one) for one in scored]
    return [value for run in ScoredColumns.of(scored).runs for value in run.encode(frame)]


def preload_encoder() -> None:
    """Load what large batches are written with, so that the first one does not wait for it (half a second)."""
    import pyarrow  # noqa: F401 - for its side effect: it is there from now on

    _columns_to_bytes()


@cache
def _columns_to_bytes() -> Any:
    """Writes Arrow columns as messages, in Rust."""
    import ptars

    return ptars.HandlerPool([wire.DESCRIPTOR]).get_for_message(wire.ScoredRecord.DESCRIPTOR)


def _stretches(partitions: NDArray[np.int64]) -> Iterator[tuple[int, int, int]]:
    """Where the partition stays the same: from, to, and which."""
    starts = [0, *(np.flatnonzero(np.diff(partitions)) + 1).tolist()]
    for start, stop in zip(starts, [*starts[1:], len(partitions)], strict=True):
        yield start, stop, int(partitions[start])
