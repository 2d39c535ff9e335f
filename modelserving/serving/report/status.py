"""What every server can say of itself, whatever it is built on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """What a server is doing."""

    STARTING = "starting"
    READING_MODELS = "reading models"
    SERVING = "serving"
    WAITING = "waiting for the broker"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the records since this process began; only what is committed.

    Args:
        scored: answered.
        skipped: of a data type that has no model.
        dead_lettered: could not be decoded or scored.
    """

    scored: int = 0
    skipped: int = 0
    dead_lettered: int = 0

    def __add__(self, more: Counts) -> Counts:
        return Counts(self.scored + more.scored, self.skipped + more.skipped, self.dead_lettered + more.dead_lettered)


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a server serves.

    Args:
        ok: whether it does.
        phase: what it is doing.
        details: what else is worth knowing, a line each: parts that wait, or were started again.
    """

    ok: bool
    phase: str
    details: tuple[str, ...] = ()
