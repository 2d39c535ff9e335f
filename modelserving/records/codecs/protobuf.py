"""Protocol Buffers, read and written as columns by ptars; descriptors are made at run time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import ptars
import pyarrow as pa
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError as ProtobufError
from google.protobuf.message_factory import GetMessageClass

from modelserving.errors import DecodeError, RecordError
from modelserving.records.codecs.codec import DecodedRecords
from modelserving.records.codecs.columns import conform
from modelserving.records.codecs.proto_text import parse_proto
from modelserving.records.schema import Column, ColumnType, RecordSchema, type_of

_TYPES = {
    ColumnType.DOUBLE: FieldDescriptorProto.TYPE_DOUBLE,
    ColumnType.FLOAT: FieldDescriptorProto.TYPE_FLOAT,
    ColumnType.INT32: FieldDescriptorProto.TYPE_INT32,
    ColumnType.INT64: FieldDescriptorProto.TYPE_INT64,
    ColumnType.BOOLEAN: FieldDescriptorProto.TYPE_BOOL,
    ColumnType.STRING: FieldDescriptorProto.TYPE_STRING,
}


class ProtobufCodec:
    """Reads and writes one message of Protocol Buffers.

    A field that a message leaves out is 0, false or empty, and missing where it is ``optional``; unknown fields are
    passed over. ``descriptor`` is the library's own, of the message.

    Args:
        definition: a .proto text with flat messages, or the bytes of a ``FileDescriptorSet``.
        message: its full name; the only one, or the first, by default.

    Raises:
        RecordError: the definition is none, lacks the message, or the message is not flat.
    """

    def __init__(self, definition: str | bytes, message: str = "") -> None:
        files = parse_proto(definition) if isinstance(definition, str) else definition
        descriptor = _find_message(files, message)
        self.descriptor: Any = descriptor
        self._class: Any = GetMessageClass(descriptor)
        pool = ptars.HandlerPool([descriptor.file], ptars.PtarsConfig(enum_repr="string"))
        self._handler: Any = pool.get_for_message(descriptor)
        self._own = self._handler.schema()
        self.schema = _read_schema(descriptor, self._own)
        self._target = self.schema.to_arrow()

    @classmethod
    def of(cls, schema: RecordSchema) -> ProtobufCodec:
        """The codec of a schema that has no definition: its columns, numbered from 1 in their order."""
        file = FileDescriptorProto(name="schema.proto", syntax="proto3")
        message = file.message_type.add(name="".join(c if c.isalnum() else "_" for c in schema.name) or "Record")
        for number, column in enumerate(schema.columns, 1):
            field = message.field.add(name=column.name, number=number, type=_TYPES[column.type], label=1)
            if column.nullable:
                field.proto3_optional = True
                field.oneof_index = len(message.oneof_decl)
                message.oneof_decl.add(name=f"_{column.name}")
        return cls(FileDescriptorSet(file=[file]).SerializeToString())

    def decode(self, values: Sequence[bytes | None]) -> DecodedRecords:
        """Read messages; as ``Codec``.

        ptars reads all or none. Where it reads none, those that upb cannot read either are tried alone, and what is
        left is halved until the bad ones are found: a clean batch pays nothing for it.
        """
        problems: dict[int, RecordError] = {}
        rows: Sequence[int] = range(len(values))
        if None in values:
            problems = {row: DecodeError("the message has no value.") for row in rows if values[row] is None}
            rows = [row for row in rows if row not in problems]
        batch = self._try([values[row] or b"" for row in rows] if problems else list(values))
        if isinstance(batch, str):
            suspects = [row for row in rows if not self._is_readable(values[row] or b"")]
            for row in suspects:
                if isinstance(reason := self._try([values[row] or b""]), str):
                    problems[row] = self._problem(reason)
            rows = [row for row in rows if row not in problems]
            parts = list(self._halve(values, rows, problems))
            rows = [row for row in rows if row not in problems]
            batch = pa.Table.from_batches(parts, self._target).combine_chunks().to_batches()
            batch = batch[0] if batch else pa.RecordBatch.from_pylist([], self._target)
        return DecodedRecords(batch, rows, dict(sorted(problems.items())))

    def encode(self, batch: Any) -> list[bytes]:
        """Write rows; as ``Codec``.

        Raises:
            RecordError: as ``Codec``; or a number is too large for its field.
        """
        columns = conform(self.schema, batch)
        try:
            own = columns if columns.schema.equals(self._own) else columns.cast(self._own)
            messages = self._handler.record_batch_to_array(own)
        except (ValueError, TypeError, pa.ArrowInvalid) as error:
            raise RecordError(f"the batch is none of {self.schema.name!r}: {error}") from error
        return list(messages.to_pylist())

    def _halve(
        self, values: Sequence[bytes | None], rows: Sequence[int], problems: dict[int, RecordError]
    ) -> Iterator[Any]:
        """The batches of some messages, without those that cannot be read."""
        if not rows:
            return
        batch = self._try([values[row] or b"" for row in rows])
        if not isinstance(batch, str):
            yield batch
        elif len(rows) == 1:
            problems[rows[0]] = self._problem(batch)
        else:
            middle = len(rows) // 2
            yield from self._halve(values, rows[:middle], problems)
            yield from self._halve(values, rows[middle:], problems)

    def _try(self, payloads: list[Any]) -> Any:
        """A record batch, or why there is none.

        A crafted message makes ptars panic, which Python sees as an exception that is no ``Exception``.
        """
        try:
            batch = self._handler.list_to_record_batch(payloads)
            return batch if batch.schema.equals(self._target) else batch.cast(self._target)
        except (ValueError, OverflowError) as error:
            return str(error)
        except BaseException as error:
            if type(error).__name__ != "PanicException":
                raise
            return "it claims a size that it does not have"

    def _is_readable(self, payload: bytes) -> bool:
        try:
            self._class.FromString(payload)
        except ProtobufError:
            return False
        return True

    def _problem(self, reason: str) -> DecodeError:
        return DecodeError(f"the message is no {self.schema.name}: {reason}.")


def _find_message(files: bytes, name: str) -> Any:
    try:
        found = FileDescriptorSet.FromString(files)
    except ProtobufError as error:
        raise RecordError(f"this is no FileDescriptorSet: {error}.") from error
    pool = DescriptorPool()
    messages: list[str] = []
    try:
        for file in found.file:
            pool.Add(file)  # type: ignore[no-untyped-call, unused-ignore]
            prefix = f"{file.package}." if file.package else ""
            messages.extend(f"{prefix}{message.name}" for message in file.message_type)
        if not messages or (name and name not in messages):
            raise RecordError(f"the schema has no message {name!r}. It has: {', '.join(messages) or 'none'}.")
        return pool.FindMessageTypeByName(name or messages[0])
    except (TypeError, KeyError) as error:
        raise RecordError(f"the schema contradicts itself: {str(error)[:200]}.") from error


def _read_schema(descriptor: Any, arrow: Any) -> RecordSchema:
    odd = [f"{field.name} ({field.type})" for field in arrow if type_of(field.type) is None]
    if odd:
        raise RecordError(f"message {descriptor.name} is not flat: {', '.join(odd[:5])} can be no column.")
    columns = tuple(Column(field.name, type_of(field.type) or ColumnType.STRING, field.nullable) for field in arrow)
    return RecordSchema(descriptor.name, columns, "protobuf")
