"""Where the model in use lives: swapped between two records, closed only when nobody scores with it any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from modelserving.models.base import Model
from modelserving.records import ModelType
from modelserving.statistics import Statistics

__all__ = ["ModelSlot", "ModelSlots", "ServedModel"]


@dataclass(frozen=True, slots=True, eq=False)
class ServedModel:
    """A model that is fit to serve, and who it is.

    Args:
        model: what scores.
        name: of the model.
        description: one line about it.
        data_type: the records that it scores.
        type: its format.
        version: free text, may be empty.
        digest: SHA-256 of its bytes, hexadecimal.
        statistics: what scoring with it took so far.
    """

    model: Model
    name: str
    description: str
    data_type: str
    type: ModelType
    version: str
    digest: str
    statistics: Statistics = field(default_factory=Statistics)


class ModelSlot:
    """The place of one data type's model: current, and previous.

    A score *leases* the current model. A swap puts the next one in its place at once; the model that falls out is
    closed when its last lease ends. Any thread may lease or swap.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._leases: dict[ServedModel, int] = {}
        self._retired: set[ServedModel] = set()
        self.current: ServedModel | None = None
        self.previous: ServedModel | None = None
        self.since_ms = 0
        self.swaps = 0

    def swap(self, candidate: ServedModel) -> None:
        """Let ``candidate`` score from the next record on. Current becomes previous; the one before that is retired."""
        with self._lock:
            retired, self.previous, self.current = self.previous, self.current, candidate
            self.since_ms = time.time_ns() // 1_000_000
            self.swaps += 1
        self._retire(retired)

    def roll_back(self) -> bool:
        """Let the previous model score again, and the current one be the previous.

        Returns:
            Whether there was a previous model.
        """
        with self._lock:
            if self.previous is None:
                return False
            self.current, self.previous = self.previous, self.current
            self.since_ms = time.time_ns() // 1_000_000
            self.swaps += 1
            return True

    @contextmanager
    def lease(self) -> Iterator[ServedModel | None]:
        """Hold the current model for one batch, so that it is not closed meanwhile; ``None`` while there is none."""
        with self._lock:
            served = self.current
            if served is not None:
                self._leases[served] = self._leases.get(served, 0) + 1
        try:
            yield served
        finally:
            if served is not None and self._end_lease(served):
                served.model.close()

    def close(self) -> None:
        """Retire both models. The slot is empty afterwards."""
        with self._lock:
            current, previous = self.current, self.previous
            self.current = self.previous = None
        self._retire(current)
        self._retire(previous)

    def _retire(self, served: ServedModel | None) -> None:
        if served is None:
            return
        with self._lock:
            if self._leases.get(served):
                self._retired.add(served)
                return
        served.model.close()

    def _end_lease(self, served: ServedModel) -> bool:
        """Count one lease less; and whether that was the last one of a retired model."""
        with self._lock:
            self._leases[served] -= 1
            if self._leases[served]:
                return False
            del self._leases[served]
            if served not in self._retired:
                return False
            self._retired.discard(served)
            return True


class ModelSlots:
    """One slot for each data type, made when its first model arrives."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: dict[str, ModelSlot] = {}
        self._latest: str | None = None

    def swap(self, candidate: ServedModel) -> None:
        """Let ``candidate`` score the records of its data type from now on."""
        with self._lock:
            slot = self._slots.setdefault(candidate.data_type, ModelSlot())
            self._latest = candidate.data_type
        slot.swap(candidate)

    def get(self, data_type: str) -> ModelSlot | None:
        """The slot of a data type, or ``None`` when it never had a model."""
        return self._slots.get(data_type)

    @property
    def data_types(self) -> tuple[str, ...]:
        """The data types that have a model, in alphabetical order."""
        with self._lock:
            return tuple(sorted(self._slots))

    @property
    def latest(self) -> ModelSlot | None:
        """The slot that was swapped last, or ``None`` before any model."""
        latest = self._latest
        return self._slots[latest] if latest is not None else None

    @property
    def swaps(self) -> int:
        """How often a model was replaced, or put in an empty place, all data types together."""
        with self._lock:
            return sum(slot.swaps for slot in self._slots.values())

    def close(self) -> None:
        """Retire every model. A second call does nothing."""
        with self._lock:
            slots = list(self._slots.values())
        for slot in slots:
            slot.close()
