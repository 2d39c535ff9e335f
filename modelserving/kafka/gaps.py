"""Offsets that gave no message: the broker let them go, or the client cannot take apart what is there.

Neither is passed over without a word: a server counts them, says them in its log and its health, and keeps what bytes
there are as a dead letter.
"""

from __future__ import annotations

from dataclasses import dataclass

MARKS = 10
"""Where publishers use transactions, so many marks may stand between two records: each writes one at a time."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Offsets of a partition that gave no message.

    Args:
        topic: where.
        partition: the partition of it.
        start: the first offset.
        end: the offset after the last, from which reading goes on.
        reason: why.
        value: the bytes of the whole batch, as they came; ``None`` where there are none.
    """

    topic: str
    partition: int
    start: int
    end: int
    reason: str
    value: bytes | None = None

    @property
    def count(self) -> int:
        """How many offsets it spans."""
        return max(self.end - self.start, 0)

    def __str__(self) -> str:
        last = f" to {self.end - 1}" if self.count > 1 else ""
        return f"{self.topic}, partition {self.partition}, offset {self.start}{last}: {self.reason}"
