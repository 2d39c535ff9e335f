"""How one participant has done so far: what became of its answers, and whether it is left out."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from modelserving.statistics import Statistics, StatisticsSnapshot

_LONGEST = 64
"""A pause is at most so many times the first one."""
_COUNTED = ("asked", "in_time", "chosen", "late", "failed", "left_out")


@dataclass(slots=True)
class Breaker:
    """Counts what went wrong in a row. No clock: it is told the time. All times in nanoseconds.

    When the pause is over, the participant is asked again, once; if that goes wrong, too, the pause is twice as long.

    Args:
        misses: how often in a row it was late or failed.
        pauses: how often in a row it was left out.
        until_ns: until when it is left out.
    """

    misses: int = 0
    pauses: int = 0
    until_ns: int = 0

    def allows(self, now_ns: int) -> bool:
        """Whether the participant is asked."""
        return now_ns >= self.until_ns

    def good(self) -> None:
        """It answered in time."""
        self.misses = self.pauses = self.until_ns = 0

    def missed(self, now_ns: int, patience: int, first_pause_ns: int) -> None:
        """It was late, or failed.

        Args:
            now_ns: the time.
            patience: so often in a row it may be; then it is left out.
            first_pause_ns: for how long, the first time.
        """
        self.misses += 1
        if self.misses >= patience or self.pauses:
            self.until_ns = now_ns + first_pause_ns * min(2**self.pauses, _LONGEST)
            self.pauses += 1
            self.misses = 0


@dataclass(frozen=True, slots=True)
class ParticipantHealthSnapshot:
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
class ParticipantHealth:
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

    def record(self, answered: int, failed: int, took_ns: int, late_ns: int | None) -> None:
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

    def snapshot(self, now_ns: int) -> ParticipantHealthSnapshot:
        """How it has done so far."""
        with self._lock:
            counts = dict(self._counts)
        waits, misses = not self.breaker.allows(now_ns), self.breaker.misses
        return ParticipantHealthSnapshot(
            self.name,
            **counts,
            waits=waits,
            misses=misses,
            took=self.took.snapshot(),
            lateness=self.lateness.snapshot(),
        )
