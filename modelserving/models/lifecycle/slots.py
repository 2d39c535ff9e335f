"""Where the models in use live: changed between two records, closed only when nobody scores with them any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from modelserving.models.info import LoadedModel, Slots, SlotsUpdate
from modelserving.models.lifecycle.shadow import Shadow
from modelserving.models.lifecycle.state import ServingState
from modelserving.statistics import StatisticsSnapshot


class ModelSlot:
    """The models of one data type: current, previous, and shadow.

    A score *leases* the model that it uses. What is set takes effect at once; a model that is in no slot any more is
    closed when its last lease ends. Any thread may lease or set.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._leases: dict[LoadedModel, int] = {}
        self._retired: set[LoadedModel] = set()
        self.slots: Slots[LoadedModel] = Slots()
        self.shadow: Shadow | None = None
        self.since_ms = 0
        self.swaps = 0

    @property
    def current(self) -> LoadedModel | None:
        """The model that serves."""
        return self.slots.current

    @property
    def previous(self) -> LoadedModel | None:
        """The model that a rollback brings back."""
        return self.slots.previous

    def set(self, slots: Slots[LoadedModel]) -> bool:
        """Let these models be used from the next record on, and close those that nobody holds any more.

        What follows is found by comparing: a shadow that stays goes on being compared, and another begins anew.

        Returns:
            Whether another model serves now, or none.
        """
        with self._lock:
            before, self.slots = self.slots, slots
            if changed := slots.current is not before.current:
                self.since_ms = time.time_ns() // 1_000_000 if slots.current else 0
                self.swaps += slots.current is not None
            self._set_shadow(slots)
            fallen = {*before} - {*slots}
            leased = {loaded for loaded in fallen if self._leases.get(loaded)}
            self._retired = (self._retired | leased) - {*slots}
        for loaded in fallen - leased:
            loaded.close()
        return changed

    def swap(self, candidate: LoadedModel) -> None:
        """Let ``candidate`` score from the next record on. Current becomes previous."""
        self.set(self.slots.promote(candidate))

    @contextmanager
    def lease(self) -> Iterator[LoadedModel | None]:
        """Hold the current model for one batch, so that it is not closed meanwhile; ``None`` while there is none."""
        with self._lock:
            loaded = self._hold(self.current)
        try:
            yield loaded
        finally:
            self._let_go(loaded)

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
            slots, shadow, since_ms, swaps = self.slots, self.shadow, self.since_ms, self.swaps
        current, previous = slots.current, slots.previous
        return ServingState(
            identity=current.info if current else None,
            since_ms=since_ms,
            swaps=swaps,
            statistics=current.statistics.snapshot() if current else StatisticsSnapshot(),
            previous=previous.info if previous else None,
            shadow=shadow.comparison() if shadow else None,
        )

    def close(self) -> None:
        """Retire all models. The slots are empty afterwards."""
        self.set(Slots())

    def _set_shadow(self, slots: Slots[LoadedModel]) -> None:
        """The lock is held."""
        if slots.shadow is None:
            self.shadow = None
        elif self.shadow is None or self.shadow.served is not slots.shadow:
            self.shadow = Shadow(slots.shadow, slots.percent)
        else:
            self.shadow.percent = slots.percent

    def _hold(self, loaded: LoadedModel | None) -> LoadedModel | None:
        """Count one lease more. The lock is held."""
        if loaded is not None:
            self._leases[loaded] = self._leases.get(loaded, 0) + 1
        return loaded

    def _let_go(self, loaded: LoadedModel | None) -> None:
        """Count one lease less; the last one of a retired model closes it."""
        if loaded is None:
            return
        with self._lock:
            self._leases[loaded] -= 1
            last = not self._leases[loaded]
            if last:
                del self._leases[loaded]
            if not (last and loaded in self._retired):
                return
            self._retired.discard(loaded)
        loaded.close()


class ModelSlots:
    """The models of all data types; those of each are made when its first model arrives."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: dict[str, ModelSlot] = {}
        self._latest: str | None = None

    def apply(self, update: SlotsUpdate) -> bool:
        """Set what a data type's slots hold, between two records.

        Returns:
            Whether another model serves now, or none.
        """
        changed = self._slot(update.data_type).set(update.slots)
        if changed:
            with self._lock:
                self._latest = update.data_type
        return changed

    def swap(self, candidate: LoadedModel) -> None:
        """Let ``candidate`` score the records of its data type from now on."""
        data_type = candidate.info.data_type
        self.apply(SlotsUpdate(data_type, self._slot(data_type).slots.promote(candidate)))

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
        """When the last of them took its slot, milliseconds since 1970; -1 before any model."""
        latest = self.latest
        return latest.since_ms if latest else -1

    @property
    def swaps(self) -> int:
        """How often a model was replaced, or put in an empty slot, all data types together."""
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
