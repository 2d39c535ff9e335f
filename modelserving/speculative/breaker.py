"""Who is left out: a participant that was late or failed too often in a row, for a while that grows."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Breaker"]

_LONGEST = 64
"""A pause is at most so many times the first one."""


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
