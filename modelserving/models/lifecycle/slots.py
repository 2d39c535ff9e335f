"""Where the model in use lives: swapped between two records, closed only when nobody scores with it any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from modelserving.models.info import LoadedModel
from modelserving.models.lifecycle.changes import (
    Change,
    KeepPrevious,
    Promote,
    PromoteShadow,
    Retire,
    RollBack,
    SetShadow,
    StartShadow,
)
from modelserving.models.lifecycle.shadow import Shadow
from modelserving.models.lifecycle.state import ServingState
from modelserving.statistics import StatisticsSnapshot

__all__ = ["LoadedModel", "ModelSlot", "ModelSlots"]


class ModelSlot:
    """The places of one data type's models: current, previous, and shadow.

    A score *leases* the model that it uses. A change of places takes effect at once; a model that falls out of all of
    them is closed when its last lease ends. Any thread may lease or change.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._leases: dict[LoadedModel, int] = {}
        self._retired: set[LoadedModel] = set()
        self.current: LoadedModel | None = None
        self.previous: LoadedModel | None = None
        self.shadow: Shadow | None = None
        self.since_ms = 0
        self.swaps = 0

    def swap(self, candidate: LoadedModel) -> None:
        """Let ``candidate`` score from the next record on. Current becomes previous; the one before that is retired."""
        with self._lock:
            if candidate is self.current:
                return
            fallen = self._place(candidate, self.current, self.shadow)
        _close(fallen)

    def roll_back(self) -> bool:
        """Let the previous model score again, and the current one be the previous.

        Returns:
            Whether there was a previous model.
        """
        with self._lock:
            if self.previous is None:
                return False
            self._place(self.previous, self.current, self.shadow)
            return True

    def keep_previous(self, served: LoadedModel | None) -> None:
        """Put a model in the place of the previous one, so that it can be rolled back to; or leave that place empty."""
        with self._lock:
            fallen = self._place(self.current, served, self.shadow)
        _close(fallen)

    def start_shadow(self, served: LoadedModel, percent: float) -> None:
        """Let a model score ``percent`` of the records beside the current one; a shadow that was there is retired."""
        with self._lock:
            fallen = self._place(self.current, self.previous, Shadow(served, percent))
        _close(fallen)

    def set_shadow(self, percent: float) -> bool:
        """Let the shadow score another share of the records; 0 retires it.

        Returns:
            Whether there was a shadow.
        """
        with self._lock:
            if self.shadow is None:
                return False
            self.shadow.percent = percent
            fallen = [] if percent else self._place(self.current, self.previous, None)
        _close(fallen)
        return True

    def promote_shadow(self, digest: str = "") -> bool:
        """Let the shadow score from the next record on, as ``swap`` does.

        Args:
            digest: of the shadow that is meant; empty: whichever there is.

        Returns:
            Whether there was such a shadow.
        """
        with self._lock:
            if self.shadow is None or digest not in ("", self.shadow.served.digest):
                return False
            fallen = self._place(self.shadow.served, self.current, None)
        _close(fallen)
        return True

    @contextmanager
    def lease(self) -> Iterator[LoadedModel | None]:
        """Hold the current model for one batch, so that it is not closed meanwhile; ``None`` while there is none."""
        with self._lock:
            served = self._hold(self.current)
        try:
            yield served
        finally:
            self._let_go(served)

    @contextmanager
    def lease_shadow(self) -> Iterator[Shadow | None]:
        """Hold the shadow for one batch, so that it is not closed meanwhile; ``None`` while there is none."""
        with self._lock:
            shadow = self.shadow
            held = self._hold(shadow.served if shadow else None)
        try:
            yield shadow
        finally:
            self._let_go(held)

    def describe(self) -> ServingState:
        """How its models are doing now."""
        with self._lock:
            current, previous, shadow = self.current, self.previous, self.shadow
            since_ms, swaps = self.since_ms, self.swaps
        return ServingState(
            identity=current.identity if current else None,
            since_ms=since_ms,
            swaps=swaps,
            statistics=current.statistics.snapshot() if current else StatisticsSnapshot(),
            previous=previous.identity if previous else None,
            shadow=shadow.comparison() if shadow else None,
        )

    def close(self) -> None:
        """Retire all models. The slot is empty afterwards."""
        with self._lock:
            fallen = self._place(None, None, None)
        _close(fallen)

    def _place(
        self, current: LoadedModel | None, previous: LoadedModel | None, shadow: Shadow | None
    ) -> list[LoadedModel]:
        """Fill the places; and the models that have fallen out and are to be closed now. The lock is held."""
        before = self._held()
        if current is not self.current:
            self.since_ms = time.time_ns() // 1_000_000 if current else 0
            self.swaps += current is not None
        self.current, self.previous, self.shadow = current, previous, shadow
        fallen = before - self._held()
        leased = {served for served in fallen if self._leases.get(served)}
        self._retired |= leased
        return list(fallen - leased)

    def _held(self) -> set[LoadedModel]:
        shadow = self.shadow.served if self.shadow else None
        return {served for served in (self.current, self.previous, shadow) if served is not None}

    def _hold(self, served: LoadedModel | None) -> LoadedModel | None:
        """Count one lease more. The lock is held."""
        if served is not None:
            self._leases[served] = self._leases.get(served, 0) + 1
        return served

    def _let_go(self, served: LoadedModel | None) -> None:
        """Count one lease less; the last one of a retired model closes it."""
        if served is None:
            return
        with self._lock:
            self._leases[served] -= 1
            last = not self._leases[served]
            if last:
                del self._leases[served]
            if not (last and served in self._retired):
                return
            self._retired.discard(served)
        served.close()


class ModelSlots:
    """One slot for each data type, made when its first model arrives."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: dict[str, ModelSlot] = {}
        self._latest: str | None = None

    def apply(self, change: Change) -> bool:
        """Carry out a change, between two records.

        Returns:
            Whether there was something to do: a rollback needs a previous model, a share of the records a shadow.
        """
        slot = self._slot(change.data_type)
        done = _apply(slot, change)
        if done and isinstance(change, Promote | PromoteShadow | RollBack | Retire):
            with self._lock:
                self._latest = change.data_type
        return done

    def swap(self, candidate: LoadedModel) -> None:
        """Let ``candidate`` score the records of its data type from now on."""
        self.apply(Promote(candidate))

    def get(self, data_type: str) -> ModelSlot | None:
        """The slot of a data type, or ``None`` when it never had a model."""
        return self._slots.get(data_type)

    def describe(self, data_type: str) -> ServingState | None:
        """How the models of a data type are doing, or ``None`` when it has none."""
        slot = self.get(data_type)
        state = slot.describe() if slot else None
        return state if state and (state.identity or state.shadow) else None

    @property
    def data_types(self) -> tuple[str, ...]:
        """The data types that have a model, in alphabetical order."""
        with self._lock:
            return tuple(sorted(name for name, slot in self._slots.items() if slot.current or slot.shadow))

    @property
    def latest(self) -> ModelSlot | None:
        """The slot whose current model changed last, or ``None`` before any model."""
        latest = self._latest
        return self._slots[latest] if latest is not None else None

    @property
    def latest_type(self) -> str | None:
        """The data type whose current model changed last, or ``None`` before any model."""
        return self._latest

    @property
    def changed_ms(self) -> int:
        """When the last of them took its place, milliseconds since 1970; -1 before any model."""
        latest = self.latest
        return latest.since_ms if latest else -1

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

    def _slot(self, data_type: str) -> ModelSlot:
        with self._lock:
            return self._slots.setdefault(data_type, ModelSlot())


def _apply(slot: ModelSlot, change: Change) -> bool:
    match change:
        case Promote(served):
            slot.swap(served)
        case PromoteShadow(_, digest):
            return slot.promote_shadow(digest)
        case RollBack():
            return slot.roll_back()
        case KeepPrevious(_, served):
            slot.keep_previous(served)
        case StartShadow(served, percent):
            slot.start_shadow(served, percent)
        case SetShadow(_, percent):
            return slot.set_shadow(percent)
        case Retire():
            slot.close()
    return True


def _close(fallen: list[LoadedModel]) -> None:
    for served in fallen:
        served.close()
