"""The client: publishes records and models, each at its own rate."""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import TypeVar

from kafka import KafkaProducer
from kafka.errors import KafkaError

from modelserving.client.drift import Drift
from modelserving.client.faults import break_record
from modelserving.datasets import RECORD_FILES
from modelserving.errors import ConfigError
from modelserving.kafka import MAX_MESSAGE_BYTES, Connection, make_producer
from modelserving.models.store.bundled import read_catalog
from modelserving.records import (
    TOPICS,
    ModelDescriptor,
    Topics,
    encode_descriptor,
)
from modelserving.records.defaults import DEFAULT_TYPE, DefaultRecord, encode_default, read_default_rows
from modelserving.tracing import RecordTracer, begin_send

log = logging.getLogger(__name__)

DATA_FILES = RECORD_FILES
"""The file of each data type, in the data folder."""
_REPORT_EVERY = 10
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Dataset:
    """What a client publishes, over and over.

    Args:
        records: in this order; at least one.
        models: in this order; may be empty. Each must fit in a message.
    """

    records: tuple[DefaultRecord, ...]
    models: tuple[ModelDescriptor, ...] = ()

    def __post_init__(self) -> None:
        if not self.records:
            raise ConfigError("there are no records to publish.")
        for model in self.models:
            size = len(encode_descriptor(model))
            if size > MAX_MESSAGE_BYTES:
                raise ConfigError(
                    f"model {model.name!r} makes a message of {size} bytes, and the broker takes {MAX_MESSAGE_BYTES}. "
                    "Publish a smaller one, or by reference with `modelserving models publish --by-reference`."
                )


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast, and how much.

    Args:
        record_interval_ms: milliseconds between two records; 0 for as fast as possible.
        model_interval_ms: milliseconds between two models, more than 0; the first is sent at once.
        max_records: stop after so many; ``None``: never.
        faults: share of the records that are broken on purpose, 0 to 1.
        seed: decides which records are broken, and how.
        keyed: whether records have their data type as key, so that all of one type are in one partition; a broken
            record has the key that it should have. Else they have none, and are spread over all partitions.
        drift: what changes on purpose, if anything.
    """

    record_interval_ms: float = 1_000
    model_interval_ms: float = 60_000
    max_records: int | None = None
    faults: float = 0.0
    seed: int = 1
    keyed: bool = False
    drift: Drift | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.record_interval_ms < math.inf:
            raise ConfigError(f"records every {self.record_interval_ms:g} ms: give 0 or more.")
        if not 0 < self.model_interval_ms < math.inf:
            raise ConfigError(f"models every {self.model_interval_ms:g} ms: give more than 0.")
        if not 0 <= self.faults <= 1:
            raise ConfigError(f"faults {self.faults:g}: give a share from 0 to 1, for example 0.05.")
        if self.max_records is not None and self.max_records < 1:
            raise ConfigError(f"at most {self.max_records} records: give 1 or more.")


def load_dataset(folder: Path, data_types: Sequence[str] = (DEFAULT_TYPE,)) -> Dataset:
    """The workbook's own records and models.

    Args:
        folder: the data folder of the checkout.
        data_types: which records, one of each in turn, and the models that score them, one for each in turn.

    Raises:
        ConfigError: a data type has no file.
        RecordError, ModelError: a file is missing or broken.
    """
    unknown = [name for name in data_types if name not in DATA_FILES]
    if unknown:
        raise ConfigError(f"no records of data type {unknown[0]!r}. There are: {', '.join(DATA_FILES)}.")
    columns = [[record for record, _ in read_default_rows(folder / DATA_FILES[name], name)] for name in data_types]
    catalog = read_catalog(folder / "models")
    rows = [[model for model in catalog if model.data_type == name] for name in data_types]
    return Dataset(_in_turn(columns), _in_turn(rows))


def _in_turn(columns: Sequence[Sequence[_T]]) -> tuple[_T, ...]:
    """The first of each, then the second of each, and so on; columns that are shorter end sooner."""
    return tuple(one for one in chain.from_iterable(zip_longest(*columns)) if one is not None)


class Publisher:
    """Publishes a dataset at a rate, from the beginning again when it comes to its end.

    Args:
        connection: to the cluster.
        dataset: what to publish.
        rate: how fast, and how much.
        topics: where to.
        report: takes a line about every tenth record and each model.
        tracer: begins a trace with each record; ``None``: nobody looks.
    """

    def __init__(
        self,
        connection: Connection,
        dataset: Dataset,
        rate: Rate = Rate(),
        topics: Topics = TOPICS,
        report: Callable[[str], None] = log.info,
        tracer: RecordTracer | None = None,
    ) -> None:
        self._connection = connection
        self._supply = dataset
        self._pace = rate
        self._topics = topics
        self._report = report
        self._tracer = tracer
        self._chance = random.Random(rate.seed)
        self.sent = 0
        self.failed = 0
        self.models_sent = 0
        self._asked = 0

    def run(self, stop: threading.Event) -> None:
        """Publish until ``stop`` is set or ``max_records`` are sent; return when the broker has them all.

        ``sent`` and ``failed`` then say how many records the broker took, and how many it did not.

        Raises:
            BrokerUnavailable: no broker answers at the start.
        """
        with make_producer(self._connection) as producer:
            next_record = next_model = time.monotonic()
            while not stop.is_set() and self._asked != self._pace.max_records:
                if self._supply.models and time.monotonic() >= next_model:
                    self._publish_model(producer)
                    next_model += self._pace.model_interval_ms / 1_000
                if time.monotonic() >= next_record:
                    self._publish_record(producer)
                    next_record += self._pace.record_interval_ms / 1_000
                stop.wait(max(0.0, min(next_record, next_model) - time.monotonic()))
            producer.flush()

    def _publish_record(self, producer: KafkaProducer) -> None:
        record = self._supply.records[self._asked % len(self._supply.records)]
        if self._pace.drift is not None:
            record = self._pace.drift.apply(record, self._asked)
        broken = self._chance.random() < self._pace.faults
        value = break_record(record, self._chance) if broken else encode_default(record)
        self._asked += 1
        key = record.data_type.encode() if self._pace.keyed else None
        sending = begin_send(self._tracer, self._topics.records)

        def taken(_: object) -> None:
            sending.end(None)
            self._count_sent()

        def lost(error: BaseException) -> None:
            sending.end(error)
            self._count_failed(error)

        _send(producer, self._topics.records, key, value, taken, lost, sending.headers)

    def _publish_model(self, producer: KafkaProducer) -> None:
        model = self._supply.models[self.models_sent % len(self._supply.models)]
        self.models_sent += 1

        def lost(error: BaseException) -> None:
            log.error("model %s was not published: %s", model.name, error)

        _send(producer, self._topics.models, model.data_type.encode(), encode_descriptor(model), _ignore, lost)
        self._report(f"model {self.models_sent} published: {model.name} ({model.type.slug}, {model.description})")

    def _count_sent(self) -> None:
        """The broker has it; only then is it published."""
        self.sent += 1
        if self.sent % _REPORT_EVERY == 0:
            self._report(f"{self.sent} records published")

    def _count_failed(self, error: BaseException) -> None:
        self.failed += 1
        log.error("a record was not published: %s", error)


def _send(
    producer: KafkaProducer,
    topic: str,
    key: bytes | None,
    value: bytes,
    taken: Callable[[object], None],
    lost: Callable[[BaseException], None],
    headers: list[tuple[str, bytes]] | None = None,
) -> None:
    """Hand over a message. The library refuses some at once (too large, no broker for long), others later."""
    try:
        sent = producer.send(topic, key=key, value=value, headers=headers or [])
    except KafkaError as error:
        lost(error)
    else:
        sent.add_callback(taken)
        sent.add_errback(lost)


def _ignore(_: object) -> None:
    """Nothing to count."""
