"""How the stage stands at one moment: values that a picture is drawn from, and that a lesson asserts on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

WINDOW_S = 24.0
"""How far back the picture looks, seconds."""
_NO_MODEL = "None"
"""What ``/state`` says instead of a name."""
LATENCIES = 200
"""Over how many scores, the latest ones, latency is summed up."""


class Condition(Enum):
    """What the view can see just now, in words."""

    WAITING = "waiting for the first score"
    RUNNING = "scores arrive"
    QUIET = "no new scores"
    SERVER_AWAY = "the server does not answer"
    BROKER_AWAY = "the broker does not answer"
    STOPPED = "the view is stopped"
    FINISHED = "all scores that were asked for have arrived"


@dataclass(frozen=True, slots=True)
class ModelSeen:
    """A model that scored a record.

    Args:
        name: what people call it.
        version: free text, may be empty.
        digest: SHA-256 of its bytes, hexadecimal.
        since_ns: when it scored for the first time since the model before it, nanoseconds since 1970.
    """

    name: str
    version: str
    digest: str
    since_ns: int


@dataclass(frozen=True, slots=True)
class ScorePoint:
    """One score in the picture.

    Args:
        at_ns: when the record was scored, nanoseconds since 1970.
        prediction: the score.
        latency_ms: from publishing the record to its score, milliseconds.
        model: index into ``StageSnapshot.models``.
    """

    at_ns: int
    prediction: float
    latency_ms: float
    model: int


@dataclass(frozen=True, slots=True)
class Swap:
    """Another model than for the record before it.

    Args:
        at_ns: when the first record was scored by the new model, nanoseconds since 1970.
        partition: of that record in the records topic,
        offset: and its offset there.
        model: index into ``StageSnapshot.models``.
    """

    at_ns: int
    partition: int
    offset: int
    model: int


@dataclass(frozen=True, slots=True)
class SlotReport:
    """A model in one of the server's slots.

    Args:
        name: what people call it.
        version: free text, may be empty.
        digest: SHA-256 of its bytes, hexadecimal.
        compares: how it compares with the model in use, in words; empty where nobody compared them.
    """

    name: str
    version: str
    digest: str
    compares: str = ""


@dataclass(frozen=True, slots=True)
class ServerReport:
    """What the server says of itself.

    Args:
        name: of the current model; empty where the server does not say.
        version: of the current model.
        skipped: records that found no model, or ``None`` where the server does not say.
        p50_ns: scoring time of half of the records, nanoseconds.
        p99_ns: scoring time of ninety-nine in a hundred, nanoseconds.
        data_type: of the records that the model is for.
        current: the model in use, if there is one.
        previous: the one before it.
        shadow: the one that scores beside it.
    """

    name: str
    version: str
    skipped: int | None
    p50_ns: int
    p99_ns: int
    data_type: str = ""
    current: SlotReport | None = None
    previous: SlotReport | None = None
    shadow: SlotReport | None = None

    @property
    def serves_none(self) -> bool:
        """Whether it says that no model is in use."""
        return self.current is None and self.name == _NO_MODEL


@dataclass(frozen=True, slots=True)
class StageSnapshot:
    """The stage as its results show it.

    Args:
        now_ns: when this was, nanoseconds since 1970.
        condition: what the view can see.
        scored: records scored since the view began.
        dead_letters: messages on the dead-letter topic since the view began.
        points: scores to draw, oldest first; at most some hundreds, from the last ``WINDOW_S`` seconds.
        models: models seen, in the order of their first score.
        current: index of the model that scored last, or ``None`` before the first score.
        swaps: oldest first, the last hundred.
        swap_count: all of them.
        latency_p50_ms: of the last ``LATENCIES`` scores, from publishing to score, milliseconds; 0 before the first.
        latency_p99_ms: ninety-nine in a hundred took at most this.
        server: what the server says, or ``None`` while it says nothing.
    """

    now_ns: int
    condition: Condition
    scored: int = 0
    dead_letters: int = 0
    points: tuple[ScorePoint, ...] = ()
    models: tuple[ModelSeen, ...] = ()
    current: int | None = None
    swaps: tuple[Swap, ...] = ()
    swap_count: int = 0
    latency_p50_ms: float = 0.0
    latency_p99_ms: float = 0.0
    server: ServerReport | None = None

    @property
    def model(self) -> ModelSeen | None:
        """The model that scored last, or ``None`` before the first score."""
        return None if self.current is None else self.models[self.current]

    @property
    def model_gone(self) -> bool:
        """Whether the server has no model any more; while scores arrive, it has one for other records."""
        return self.server is not None and self.server.serves_none and self.condition is not Condition.RUNNING
