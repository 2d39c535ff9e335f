"""How one participant has done so far: what became of its answers, and whether it is left out."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from modelserving.speculative.breaker import Breaker
from modelserving.statistics import Statistics, StatisticsSnapshot

__all__ = ["Standing", "StandingSnapshot"]

_COUNTED = ("asked", "in_time", "chosen", "late", "failed", "left_out")


@dataclass(frozen=True, slots=True)
class StandingSnapshot:
    """A participant at one moment; counts are of records, since the server began.

    Args:
        name: of the participant.
        asked: it was asked about,
        in_time: it answered before the deadline,
        chosen: and its answer was taken.
        late: it answered after the deadline, or had not begun by then.
        failed: it could not answer.
        left_out: it was not asked, since it was late or failed too often.
        waits: it is left out now.
        misses: batches in a row that it was late for, or failed on.
        took: from a record's arrival to its answer, also where that was late.
        lateness: of the late answers, from the deadline to the answer.
    """

    name: str
    asked: int
    in_time: int
    chosen: int
    late: int
    failed: int
    left_out: int
    waits: bool
    misses: int
    took: StatisticsSnapshot
    lateness: StatisticsSnapshot


@dataclass(slots=True)
class Standing:
    """Counts. Any thread may count, any thread may look.

    A batch that is scored again, since it could not be published, is counted again, too.

    Args:
        name: of the participant.
        breaker: whether it is asked; changed by whoever asks it, and by nobody else.
    """

    name: str
    breaker: Breaker = field(default_factory=Breaker)
    took: Statistics = field(default_factory=Statistics)
    lateness: Statistics = field(default_factory=Statistics)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTED, 0), repr=False)

    def count(self, **more: int) -> None:
        """Count records, by the names of the snapshot's fields."""
        with self._lock:
            for name, number in more.items():
                self._counts[name] += number

    def hear(self, answered: int, failed: int, took_ns: int, late_ns: int | None) -> None:
        """Count what came.

        Args:
            answered: so many records have an answer,
            failed: and so many will have none.
            took_ns: since they arrived.
            late_ns: since their deadline; ``None``: that has not passed.
        """
        self.took.record(took_ns, answered)
        if late_ns is None:
            self.count(in_time=answered, failed=failed)
        else:
            self.lateness.record(late_ns, answered)
            self.count(late=answered, failed=failed)

    def snapshot(self, now_ns: int) -> StandingSnapshot:
        """How it has done so far."""
        with self._lock:
            counts = dict(self._counts)
        waits, misses = not self.breaker.allows(now_ns), self.breaker.misses
        return StandingSnapshot(
            self.name,
            **counts,
            waits=waits,
            misses=misses,
            took=self.took.snapshot(),
            lateness=self.lateness.snapshot(),
        )
