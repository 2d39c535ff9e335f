"""Models on a journey, to a disk or to another process: the bytes travel, and are built again where they arrive."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

from modelserving.errors import ModelError
from modelserving.models.formats import factory
from modelserving.models.info import LoadedModel, ModelInfo, Slots
from modelserving.models.lifecycle.build import warm_up
from modelserving.models.model import Model
from modelserving.statistics import Statistics


@dataclass(frozen=True, slots=True)
class PackedModel:
    """A model as data.

    Args:
        info: who it is.
        data: its bytes.
        statistics: what scoring with it took so far, as ``Statistics.encode`` writes it.
    """

    info: ModelInfo
    data: bytes
    statistics: str = ""

    def unpack(self) -> LoadedModel:
        """Build it again, and warm it up. It was checked when it arrived on the topic.

        Raises:
            ModelError: it cannot be built.
        """
        try:
            model = factory.restore(self.info.type, self.data, self.info.parameters)
            warm_up(model)
        except ModelError:
            raise
        except Exception as error:  # whatever an engine raises
            raise ModelError(f"{type(error).__name__}: {error}") from error
        return LoadedModel(model, self.info, Statistics.decode(self.statistics) if self.statistics else Statistics())


AnyModel: TypeAlias = LoadedModel | PackedModel
"""One that is ready, or its bytes."""

Failed: TypeAlias = Callable[[PackedModel, ModelError], object]
"""Told of a model that cannot be built."""


def pack(loaded: LoadedModel) -> PackedModel:
    """A model as data."""
    return PackedModel(loaded.info, loaded.model.to_bytes(), loaded.statistics.encode())


def load(slots: Slots[AnyModel], here: Slots[LoadedModel], failed: Failed) -> Slots[LoadedModel]:
    """Each model as one that is ready: that which is here already, or else it is built of its bytes.

    Args:
        slots: what is desired.
        here: what is in the slots now.
        failed: told of a model that cannot be built; its slot is left empty.
    """
    known = {loaded.info: loaded for loaded in here}

    def ready(model: AnyModel) -> LoadedModel | None:
        if isinstance(model, LoadedModel):
            return model
        try:
            if model.info not in known:
                known[model.info] = model.unpack()
            return known[model.info]
        except ModelError as error:
            failed(model, error)
            return None

    return slots.map(ready)


def share(slots: Slots[AnyModel], holders: int) -> list[Slots[AnyModel]]:
    """The same slots for several workers of one process; a model is closed when the last of them closes it."""
    lent = {id(model): _split(model, holders) for model in slots if isinstance(model, LoadedModel)}
    return [slots.map(partial(_of_worker, lent, worker)) for worker in range(holders)]


def _of_worker(lent: Mapping[int, list[LoadedModel]], worker: int, model: AnyModel) -> AnyModel:
    return lent[id(model)][worker] if isinstance(model, LoadedModel) else model


def _split(loaded: LoadedModel, holders: int) -> list[LoadedModel]:
    open_yet = _Countdown(holders, loaded.close)
    return [replace(loaded, model=_Shared(loaded.model, open_yet), _once=threading.Lock()) for _ in range(holders)]


class _Countdown:
    """Calls a function when it has been counted down."""

    def __init__(self, count: int, at_zero: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._count = count
        self._at_zero = at_zero

    def count(self) -> None:
        with self._lock:
            self._count -= 1
            done = self._count == 0
        if done:
            self._at_zero()


class _Shared:
    """A model in several hands. All that it can do, the model does."""

    def __init__(self, model: Model, open_yet: _Countdown) -> None:
        self._model = model
        self._open_yet = open_yet

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def close(self) -> None:
        self._open_yet.count()


class BackgroundBuilder:
    """Builds models beside the scoring, in a thread of its own, in an actor's process."""

    def __init__(self) -> None:
        self._ready: dict[int, Slots[AnyModel]] = {}
        self._begun: set[int] = set()

    def begin(self, number: int, slots: Slots[PackedModel], here: Slots[LoadedModel]) -> None:
        """Begin to build what is not here; a second call with the same number does nothing."""
        if number not in self._begun:
            self._begun.add(number)
            arguments = number, slots, {loaded.info for loaded in here}
            threading.Thread(target=self._build, args=arguments, name=f"build-{number}", daemon=True).start()

    def is_ready(self, number: int) -> bool | None:
        """Whether it is built, or cannot be; ``None``: it was never begun here."""
        return number in self._ready if number in self._begun else None

    def take(self, number: int) -> Slots[AnyModel]:
        """The slots, with the models that were built. One that cannot be built says why when it is to be set."""
        self._begun.discard(number)
        return self._ready.pop(number)

    def _build(self, number: int, slots: Slots[PackedModel], here: Collection[ModelInfo]) -> None:
        built: dict[ModelInfo, AnyModel] = {}
        for model in slots:
            if model.info not in here and model.info not in built:
                with suppress(ModelError):
                    built[model.info] = model.unpack()
        self._ready[number] = slots.map(lambda model: built.get(model.info, model))
