"""What a server counts for each data type, in a state store: the statistics, and nothing of the model.

A model's bytes are in the store of models, and the model that was made of them is in memory. So no record parses or
writes a model, which cost the JVM tutorial's standard store nine tenths of its time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Self

from modelserving.kstreams import KafkaStreams, StateStore, StoreBuilder, java, serde, stores_of, text
from modelserving.kstreams.keyvalue import KeyValueStore
from modelserving.statistics import Statistics

STORE = "statistics"
_KEPT = 4


class StoreKind(StrEnum):
    """Where the statistics are."""

    MEMORY = "memory"
    STANDARD = "standard"
    CUSTOM = "custom"


class ModelStatistics:
    """Statistics of the models of one data type, by digest; of the few that were used last."""

    def __init__(self) -> None:
        self._models: dict[str, Statistics] = {}

    def record(self, digest: str, each_ns: int, count: int) -> None:
        """Count records that a model has answered."""
        self._of(digest).record(each_ns, count)

    def find(self, digest: str) -> Statistics | None:
        """Statistics of a model, or ``None`` if it has answered nothing lately."""
        return self._models.get(digest)

    def merge(self, other: ModelStatistics) -> None:
        """Count what another task has counted."""
        for digest, statistics in other._models.items():
            self._of(digest).merge(statistics)

    def encode(self) -> bytes:
        """All of it, as ``decode`` takes it."""
        return json.dumps({digest: found.encode() for digest, found in list(self._models.items())}).encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """What ``encode`` wrote.

        Raises:
            ValueError: it did not write this.
        """
        made = cls()
        made._models = {digest: Statistics.decode(found) for digest, found in json.loads(data).items()}
        return made

    def _of(self, digest: str) -> Statistics:
        """Statistics of a model, which is then the last. Who looks on sees the models of before, or these."""
        models = self._models
        if next(reversed(models), None) != digest:
            others = [(name, found) for name, found in models.items() if name != digest][1 - _KEPT :]
            self._models = models = {**dict(others), digest: models.get(digest) or Statistics()}
        return models[digest]


class CustomStatistics(StateStore):
    """A store of our own: objects, not bytes; written to its changelog once a commit, and only what has changed.

    Whoever asks from outside gets what ``view`` makes, which is a copy.
    """

    def open(self) -> None:
        """Begin empty; the engine restores what was committed."""
        self._types: dict[str, ModelStatistics] = {}
        self._changed: set[str] = set()

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take over an entry of the changelog."""
        if value is None:
            self._types.pop(key.decode(), None)
        else:
            self._types[key.decode()] = ModelStatistics.decode(value)

    def record(self, data_type: str, digest: str, each_ns: int, count: int) -> None:
        """Count records that a model has answered."""
        self._types.setdefault(data_type, ModelStatistics()).record(digest, each_ns, count)
        self._changed.add(data_type)

    def log_changes(self) -> None:
        """Write to the changelog what has changed since the last time; it belongs to the commit that comes."""
        for data_type in sorted(self._changed):
            self.log(data_type.encode(), self._types[data_type].encode())
        self._changed.clear()

    def view(self) -> Mapping[str, ModelStatistics]:
        """All there is, for any thread to look at; a copy, which counts no further."""
        return {data_type: ModelStatistics.decode(found.encode()) for data_type, found in list(self._types.items())}


def store_builder(kind: StoreKind) -> Any:
    """The builder of a store of that kind."""
    if kind is StoreKind.CUSTOM:
        return StoreBuilder(STORE, CustomStatistics)
    values = serde(ModelStatistics.encode, ModelStatistics.decode)
    if kind is StoreKind.STANDARD:
        return java.Stores.keyValueStoreBuilder(java.Stores.persistentKeyValueStore(STORE), text(), values)
    return java.Stores.keyValueStoreBuilder(
        java.Stores.inMemoryKeyValueStore(STORE), text(), values
    ).withLoggingDisabled()


def add_to(store: CustomStatistics | KeyValueStore, data_type: str, digest: str, each_ns: int, count: int) -> None:
    """Count records that a model has answered, in a store of any kind."""
    if isinstance(store, CustomStatistics):
        store.record(data_type, digest, each_ns, count)
        return
    found = store.get(data_type) or ModelStatistics()
    found.record(digest, each_ns, count)
    store.put(data_type, found)


def look_up(streams: KafkaStreams, kind: StoreKind) -> Mapping[str, ModelStatistics]:
    """What all tasks of this instance have counted, by data type.

    Raises:
        ServerError: the store cannot be asked now: it is being restored, or goes to another instance.
    """
    if kind is StoreKind.CUSTOM:
        views = streams.store(STORE, stores_of(CustomStatistics))
        return _together(pair for view in views for pair in view.items())
    return _together(streams.store(STORE, java.QueryableStoreTypes.keyValueStore()).all())


def _together(pairs: Iterable[tuple[str, ModelStatistics]]) -> Mapping[str, ModelStatistics]:
    """One entry for each data type: every task has counted the records of its own partition."""
    merged: dict[str, ModelStatistics] = {}
    for data_type, found in pairs:
        merged.setdefault(data_type, ModelStatistics()).merge(found)
    return merged
