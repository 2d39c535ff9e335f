"""How models reach the tasks that need them. There are two ways.

**Global** (the default): every instance reads all partitions of the models and the control topic, by two global stores.
The engine's global thread reads them from their beginning to their end **before any task starts**, and follows them.
However the records are spread, each task has every model: this scales.

**Co-partitioned**, as the JVM tutorial meant it: records, models and commands are keyed by their data type and have the
same number of partitions. So what belongs together is in partitions of the same number, and the engine gives those to
the same task. A task needs no more models than it uses; but one data type is one partition, and one task has to do all
its work: this does not scale.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import Any, Protocol

from modelserving.errors import BrokerUnavailable, ServerError
from modelserving.kafka import Connection, end_offsets
from modelserving.kafka.messages import MessageRow
from modelserving.kstreams import Processor, ProcessorContext, ProcessorSupplier, Record, java, raw
from modelserving.models.admin.publish import partition_of
from modelserving.models.lifecycle.topics import ModelTopics
from modelserving.records import Topics
from modelserving.serving.options import ServerOptions
from modelserving.streams_server.model_thread import ModelThread

log = logging.getLogger(__name__)

MODELS = "models"
CONTROL = "control"


class ModelDistribution(StrEnum):
    """How models reach the tasks."""

    GLOBAL = "global"
    CO_PARTITIONED = "co-partitioned"


class Models(Protocol):
    """The models of a server, whichever way they come."""

    @property
    def threads(self) -> tuple[ModelThread, ...]:
        """Who keeps them: one thread for all tasks, or one for each."""
        ...

    def start(self) -> None:
        """Before the engine starts."""
        ...

    def check(self, about: object) -> None:
        """See that the topics about models are those that are read; the engine does not look after its start.

        Args:
            about: of both topics now: their ids and numbers of partitions; ``None`` while that is not known.

        Raises:
            BrokerUnavailable: they have changed: a new session reads all of them.
            ServerError: they have changed, and no session can read them.
        """
        ...

    def add_to(self, topology: Any, score: str) -> None:
        """Add what brings them to a topology.

        Args:
            topology: to add to.
            score: the node that needs them.
        """
        ...

    def begin(self) -> None:
        """The engine has started: global stores are read to their end."""
        ...

    def acquire(self, partition: int) -> ModelThread:
        """The models for a task; returns when all that were published are in their slots."""
        ...

    def note_skipped(self, data_types: Sequence[str], partition: int) -> None:
        """In this partition are records whose data types have no model there."""
        ...

    def release(self, partition: int, acquired: ModelThread) -> None:
        """The task needs no longer what it acquired; one that came after it may have its own by now."""
        ...

    def close(self) -> None:
        """Retire all. A second call does nothing."""
        ...


def make_models(way: ModelDistribution, connection: Connection, options: ServerOptions) -> Models:
    """The models, by one way or the other."""
    made = GlobalModels if way is ModelDistribution.GLOBAL else CoPartitionedModels
    return made(connection, options)


class _Topics:
    """The topics about models, as they were when a session began.

    Args:
        names: of the topics.
    """

    def __init__(self, names: Topics) -> None:
        self._names = names
        self._known: object = None

    def check(self, about: object) -> None:
        """Raise when they are others than before, once for each change.

        Raises:
            BrokerUnavailable: as ``Models.check``.
        """
        known, self._known = self._known, about or self._known
        if known not in {None, self._known}:
            raise BrokerUnavailable(
                f"{self._names.models} or {self._names.control} was made anew or has other partitions: "
                "both are read from their beginning"
            )


class GlobalModels:
    """All models on every instance."""

    def __init__(self, connection: Connection, options: ServerOptions) -> None:
        self._topics = options.topics
        self.check = _Topics(options.topics).check
        self._thread = ModelThread(connection, options)
        self.threads = (self._thread,)

    def start(self) -> None:
        """Start to build."""
        self._thread.start()

    def add_to(self, topology: Any, score: str) -> None:  # noqa: ARG002 - global stores are connected with all
        """Add the two global stores."""
        bytes_of = java.ByteArrayDeserializer()
        for name, topic in ((MODELS, self._topics.models), (CONTROL, self._topics.control)):
            store = java.Stores.keyValueStoreBuilder(java.Stores.inMemoryKeyValueStore(name), raw(), raw())
            supplier = ProcessorSupplier(partial(_Keeping, name, lambda _: self._thread))
            topology.addGlobalStore(
                store.withLoggingDisabled(), f"{name}-topic", bytes_of, bytes_of, topic, f"keep-{name}", supplier
            )

    def begin(self) -> None:
        """Both topics were read to their end."""
        self._thread.begin()

    def acquire(self, partition: int) -> ModelThread:  # noqa: ARG002
        """The same for all tasks."""
        self._thread.wait_until_ready()
        return self._thread

    def note_skipped(self, data_types: Sequence[str], partition: int) -> None:
        """They will have one when it comes, wherever they are."""

    def release(self, partition: int, acquired: ModelThread) -> None:
        """They stay."""

    def close(self) -> None:
        """Retire all."""
        self._thread.close()


class CoPartitionedModels:
    """Each task has the models of its own partition."""

    def __init__(self, connection: Connection, options: ServerOptions) -> None:
        self._connection, self._options = connection, options
        self._known = _Topics(options.topics)
        self._lock = threading.Lock()
        self._threads: dict[int, ModelThread] = {}
        self._count = 1
        self._warned: set[str] = set()

    @property
    def threads(self) -> tuple[ModelThread, ...]:
        """One for each task that is here."""
        with self._lock:
            return tuple(self._threads.values())

    def start(self) -> None:
        """See that partitions of the same number belong together.

        Raises:
            ServerError: they do not: the topics have different numbers of them.
        """
        topics = self._options.topics
        names = (topics.records, topics.models, topics.control)
        counts = {name: len(end_offsets(self._connection, name)) for name in names}
        if len(set(counts.values())) > 1:
            listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
            raise ServerError(
                f"co-partitioned topics need the same number of partitions, but {listed}. "
                "Make them anew, or let models reach all instances: --models global."
            )
        self._count = counts[topics.records]

    def check(self, about: object) -> None:
        """They may change, as long as they have as many partitions as the records."""
        try:
            self._known.check(about)
        except BrokerUnavailable:
            self.start()
            raise

    def add_to(self, topology: Any, score: str) -> None:
        """Add the two topics as sources, and a store that ties them to the node that scores: all is one task then."""
        topology.addSource(MODELS, self._options.topics.models)
        topology.addSource(CONTROL, self._options.topics.control)
        store = java.Stores.keyValueStoreBuilder(java.Stores.inMemoryKeyValueStore("models-store"), raw(), raw())
        topology.addProcessor(
            "keep-models", ProcessorSupplier(partial(_Keeping, "models-store", self._of)), MODELS, CONTROL
        )
        topology.addStateStore(store.withLoggingDisabled(), "keep-models", score)

    def begin(self) -> None:
        """Each task begins by itself."""

    def acquire(self, partition: int) -> ModelThread:
        """Read the models of this partition from their beginning: what the topic has is the changelog of the models."""
        made = ModelThread(self._connection, self._options)
        with self._lock:
            former, self._threads[partition] = self._threads.get(partition), made
        if former is not None:
            former.close()
        made.start()
        try:
            self._read(partition, made)
        except BaseException:  # nobody releases what was never acquired
            self.release(partition, made)
            raise
        return made

    def _read(self, partition: int, made: ModelThread) -> None:
        reading = ModelTopics(self._connection, self._options.topics)
        try:
            made.begin(message for message in reading.read_to_end() if message.partition == partition)
        finally:
            reading.close()
        made.wait_until_ready()

    def note_skipped(self, data_types: Sequence[str], partition: int) -> None:
        """Warn, once for each data type, of records that no model will come to: they are not where theirs go."""
        for data_type in data_types:
            home = partition_of(data_type, self._count)
            if home == partition or data_type in self._warned:
                continue
            self._warned.add(data_type)
            log.warning(
                "records of data type %r are skipped: they are in partition %d of %s, and the models for them are in "
                "partition %d of %s. Key the records by their data type (`modelserving client --keyed`), or let models "
                "reach all instances: --models global.",
                data_type,
                partition,
                self._options.topics.records,
                home,
                self._options.topics.models,
            )

    def release(self, partition: int, acquired: ModelThread) -> None:
        """Retire these models of the partition: another instance may have them now, or a newer task here its own."""
        with self._lock:
            if self._threads.get(partition) is acquired:
                del self._threads[partition]
        acquired.close()

    def close(self) -> None:
        """Retire all."""
        with self._lock:
            left = tuple(self._threads.items())
        for partition, thread in left:
            self.release(partition, thread)

    def _of(self, partition: int) -> ModelThread | None:
        with self._lock:
            return self._threads.get(partition)


class _Keeping(Processor):
    """Keeps the newest message of each key in a store, and tells of each."""

    def __init__(self, store: str, thread_of: Callable[[int], ModelThread | None]) -> None:
        self._name = store
        self._thread_of = thread_of

    def init(self, context: ProcessorContext) -> None:
        """Find the store."""
        super().init(context)
        self._store = context.getStateStore(self._name)

    def process(self, record: Record) -> None:
        """One message."""
        metadata = self.context.recordMetadata()
        key, value = record.key(), record.value()
        if key is not None:
            self._store.put(key, value)
        thread = self._thread_of(metadata.partition) if metadata is not None else None
        if metadata is not None and thread is not None:
            thread.take(MessageRow(metadata.topic, metadata.partition, metadata.offset, record.timestamp(), key, value))
