"""Records of a file, of any schema, onto a topic."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from modelserving.errors import ConfigError, RecordError
from modelserving.kafka import Connection, make_producer
from modelserving.records.codecs.columns import to_columns
from modelserving.records.codecs.factory import make_codec
from modelserving.records.codecs.framing import write_frame
from modelserving.records.codecs.written import SCHEMA_ID_HEADER
from modelserving.records.fields import check_data_type
from modelserving.records.schema import Column, ColumnType, RecordSchema, match_names
from modelserving.records.tables import read_table
from modelserving.tracing import RecordTracer, SendSpan, begin_send

if TYPE_CHECKING:
    from kafka import KafkaProducer

log = logging.getLogger(__name__)

_BATCH = 1000
SCHEMA_HEADER = "schema"


@dataclass(frozen=True, slots=True)
class Framing:
    """What messages say beside their records.

    Args:
        key: the column whose values are the messages' keys; empty: the data type, if one is given, or none.
        data_type: whose models are to score the records; empty: the schema says.
        schema_id: number of the schema in a registry, which each record then says; 0 for none.
        in_header: where it says so: in its header ``schema-id``, or before the record, as Confluent writes it.
    """

    key: str = ""
    data_type: str = ""
    schema_id: int = 0
    in_header: bool = False

    @property
    def headers(self) -> tuple[tuple[str, bytes], ...]:
        """The number as a header, where it is to be one."""
        return ((SCHEMA_ID_HEADER, str(self.schema_id).encode()),) if self.schema_id and self.in_header else ()

    def frame(self, schema: RecordSchema, value: bytes) -> bytes:
        """A record's bytes, with the number before them where it is to be there."""
        if self.in_header or not self.schema_id:
            return value
        return write_frame(self.schema_id, value, schema.encoding == "protobuf")


@dataclass(frozen=True, slots=True)
class FileMessage:
    """One message.

    Args:
        key: its key, if it has one.
        value: the record.
        headers: pairs of a name and bytes.
    """

    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


def read_messages(path: Path, schema: RecordSchema, framing: Framing = Framing()) -> Iterator[FileMessage]:
    """A file's records as messages of a schema.

    Args:
        path: as ``read_table`` reads it. Columns that the schema does not have are passed over; one that may be missing
            is, where the file has no such column.
        schema: of the records.
        framing: what messages say beside.

    Raises:
        ConfigError: the data type is none that the schema allows, or two want to be the key.
        RecordError: the file cannot be read, lacks a column, or has a value that is not of its column's type or may not
            be missing; with the row, counted from 0. The rows before it have been yielded.
    """
    typed = _DataType.of(schema, framing)
    codec = make_codec(schema)
    start = 0
    for read in read_table(path, schema.columns, _BATCH):
        batch = typed.fill(_fit(path, start, schema, read, typed.column))
        values = [framing.frame(schema, one) for one in codec.encode(batch)]
        keys = _keys(path, read, framing.key) if framing.key else [typed.key] * len(values)
        for key, value in zip(keys, values, strict=True):
            yield FileMessage(key, value, typed.headers)
        start += len(values)


def message_of(schema: RecordSchema, record: Mapping[str, Any], framing: Framing = Framing()) -> FileMessage:
    """One record as a message of a schema.

    Args:
        schema: of the record.
        record: a value for each column; a column that may be missing may be absent.
        framing: what the message says beside; its key is a column of the record.

    Raises:
        ConfigError: as ``read_messages``.
        RecordError: a value is not of its column's type, or may not be missing.
    """
    typed = _DataType.of(schema, framing)
    if typed.column and typed.name:
        record = {**record, typed.column: typed.name}
    unknown = [name for name in record if name not in schema.names]
    if unknown:
        raise RecordError(f"records of {schema.name!r} have no {unknown[0]!r}. They have: {', '.join(schema.names)}.")
    found = to_columns(schema, {0: record}, {})
    if found.problems:
        raise found.problems[0]
    [value] = make_codec(schema).encode(found.batch)
    key = str(record[framing.key]).encode() if record.get(framing.key) is not None else typed.key
    return FileMessage(key, framing.frame(schema, value), typed.headers)


class FilePublisher:
    """Publishes messages at a rate.

    Args:
        connection: to the cluster.
        topic: where to.
        rate: messages a second; 0: as fast as the broker takes them.
        limit: stop after so many; ``None``: at the end.
        tracer: begins a trace with each record; ``None``: nobody looks.

    After ``run``, ``sent`` and ``failed`` say how many messages the broker took, and how many it did not.
    """

    def __init__(
        self,
        connection: Connection,
        topic: str,
        rate: float = 0,
        limit: int | None = None,
        tracer: RecordTracer | None = None,
    ) -> None:
        self._connection = connection
        self._topic = topic
        self._pause = 1 / rate if rate else 0.0
        self._limit = limit
        self._tracer = tracer
        self._asked = 0
        self.sent = 0
        self.failed = 0

    def run(self, messages: Callable[[], Iterator[FileMessage]], loop: bool, stop: threading.Event) -> None:
        """Publish until the end, the limit, or ``stop``; return when the broker has all that was sent.

        Args:
            messages: makes them; is called again for each round.
            loop: whether to begin again at the end.
            stop: ends it.

        Raises:
            BrokerUnavailable: no broker answers at the start.
            RecordError: as ``read_messages``; what came before is sent.
        """
        with make_producer(self._connection) as producer:
            try:
                due = time.monotonic()
                before = -1
                while self._asked > before:  # an empty file would be an endless round
                    before = self._asked
                    for message in messages():
                        if stop.is_set() or self._asked == self._limit:
                            return
                        self._send(producer, message)
                        due += self._pause
                        stop.wait(max(0.0, due - time.monotonic()))
                    if not loop:
                        return
            finally:
                producer.flush()

    def _send(self, producer: KafkaProducer, message: FileMessage) -> None:
        from kafka.errors import KafkaError as ClientError

        self._asked += 1
        sending = begin_send(self._tracer, self._topic, message.headers)
        try:
            sent = producer.send(self._topic, key=message.key, value=message.value, headers=sending.headers)
        except ClientError as error:
            self._lose(sending, error)
        else:
            sent.add_callback(partial(self._count, sending))
            sent.add_errback(partial(self._lose, sending))

    def _count(self, sending: SendSpan, _: object) -> None:
        sending.end(None)
        self.sent += 1

    def _lose(self, sending: SendSpan, error: BaseException) -> None:
        sending.end(error)
        self.failed += 1
        log.error("a record was not published: %s", error)


@dataclass(frozen=True, slots=True)
class _DataType:
    """How messages of a schema say whose models score them.

    Args:
        name: the data type; empty: the records say, or the schema does.
        column: which holds it, if one does.
        key: the messages' key.
        headers: their headers.
    """

    name: str = ""
    column: str = ""
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()

    @classmethod
    def of(cls, schema: RecordSchema, framing: Framing) -> _DataType:
        where, _, name = schema.data_type_from.partition(" ")
        wanted = framing.data_type
        # Who reads records of several schemas from one topic knows them by the key, or by this header.
        named = (*framing.headers, *([(SCHEMA_HEADER, schema.name.encode())] if framing.key else ()))
        allowed = schema.data_types or (schema.name,)
        if not wanted:
            one = len(allowed) == 1 and not where and not framing.key
            return cls("", name if where == "column" else "", allowed[0].encode() if one else None, named)
        check_data_type(wanted)
        if where == "key" and framing.key:
            raise ConfigError(f"records of {schema.name!r} say their data type by the key, so that --key cannot be.")
        if not where and wanted not in allowed:
            raise ConfigError(
                f"records of {schema.name!r} are scored by models of {', '.join(allowed)}, not of {wanted!r}. Say "
                '"data_types" or "data_type_from" in the schema.'
            )
        said = (*named, (name, wanted.encode())) if where == "header" else named
        return cls(wanted, name if where == "column" else "", None if framing.key else wanted.encode(), said)

    def fill(self, batch: Any) -> Any:
        """The batch, its column of data types as it was asked for."""
        if not (self.column and self.name):
            return batch
        index = batch.schema.get_field_index(self.column)
        return batch.set_column(index, batch.schema.field(index), pa.array([self.name] * batch.num_rows, pa.string()))


def _fit(path: Path, start: int, schema: RecordSchema, batch: Any, given: str) -> Any:
    """The columns of a schema, from those of a file; ``given`` is filled in later."""
    meant = match_names(schema.names, batch.schema.names)
    arrays = []
    for column in schema.columns:
        array = batch.column(meant[column.name]) if column.name in meant else None
        if array is None and not (column.nullable or column.name == given):
            raise RecordError(
                f"{path} has no column {column.name!r}, which a record of {schema.name!r} must have. It has: "
                f"{', '.join(batch.schema.names)}."
            )
        if array is None:
            array = pa.nulls(batch.num_rows, column.type.arrow)
        elif array.null_count and not column.nullable:
            row = start + array.is_null().to_pylist().index(True)
            raise RecordError(f"{path}, row {row}: {column.name!r} is missing, and may not be in {schema.name!r}.")
        arrays.append(_cast(path, column, array))
    fields = [pa.field(column.name, column.type.arrow) for column in schema.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def _cast(path: Path, column: Column, array: Any) -> Any:
    try:
        return array.cast(column.type.arrow)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise RecordError(f"{path}, column {column.name!r} is {array.type}, not {column.type}: {error}.") from error


def _keys(path: Path, batch: Any, key: str) -> list[bytes | None]:
    column = match_names([key], batch.schema.names).get(key)
    if column is None:
        raise RecordError(f"{path} has no column {key!r} for the key. It has: {', '.join(batch.schema.names)}.")
    values = batch.column(column).cast(ColumnType.STRING.arrow).to_pylist()
    return [None if value is None else value.encode() for value in values]
