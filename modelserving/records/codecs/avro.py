"""Avro, with a schema for the writer and, if it differs, one for the reader."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import fastavro
from fastavro.schema import SchemaParseException

from modelserving.errors import DecodeError, RecordError
from modelserving.records.codecs.codec import DecodedRecords
from modelserving.records.codecs.columns import conform, read_each
from modelserving.records.schema import Column, ColumnType, RecordSchema

_TYPES = {
    "double": ColumnType.DOUBLE,
    "float": ColumnType.FLOAT,
    "int": ColumnType.INT32,
    "long": ColumnType.INT64,
    "boolean": ColumnType.BOOLEAN,
    "string": ColumnType.STRING,
    "enum": ColumnType.STRING,
}
_NAMES = {kind: name for name, kind in _TYPES.items() if name != "enum"}


class AvroCodec:
    """Reads and writes Avro's binary encoding of single records.

    Args:
        writer: the schema with which messages were, and are, written: as Avro's JSON. Records are flat: each field is
            a number, a boolean, a text or an enumeration, or one of those or null.
        reader: the schema that is wanted, which decides the columns; that of the writer by default.

    Raises:
        RecordError: a schema is none, or is not flat.
    """

    def __init__(self, writer: Mapping[str, Any], reader: Mapping[str, Any] | None = None) -> None:
        self._writer = _parse(writer)
        self._reader = None if reader is None else _parse(reader)
        self._written = _read_schema(self._writer)
        self.schema = self._written if self._reader is None else _read_schema(self._reader)

    @classmethod
    def of(cls, schema: RecordSchema) -> AvroCodec:
        """The codec of a schema that was not written by Avro."""
        return cls(avro_schema(schema))

    def decode(self, values: Sequence[bytes | None]) -> DecodedRecords:
        """Read messages; as ``Codec``."""
        return read_each(self.schema, values, self._read_one)

    def encode(self, batch: Any) -> list[bytes]:
        """Write rows with the writer's schema; as ``Codec``."""
        return [self._write_one(row) for row in conform(self._written, batch).to_pylist()]

    def _read_one(self, value: bytes | None) -> dict[str, Any]:
        if value is None:
            raise DecodeError("the message has no value; an Avro record was expected.")
        stream = io.BytesIO(value)
        try:
            found = fastavro.schemaless_reader(stream, self._writer, self._reader)
        except Exception as error:  # fastavro raises whatever the bytes lead it to
            raise DecodeError(f"the message is no Avro record of {self.schema.name!r}: {_say(error)}.") from error
        if stream.tell() != len(value):
            raise DecodeError(
                f"the message is no Avro record of {self.schema.name!r}: {len(value) - stream.tell()} bytes are left "
                "over. Was it written with another schema?"
            )
        if not isinstance(found, dict):
            raise DecodeError(f"the message is no Avro record of {self.schema.name!r}.")
        return found

    def _write_one(self, row: dict[str, Any]) -> bytes:
        stream = io.BytesIO()
        try:
            fastavro.schemaless_writer(stream, self._writer, row)
        except (ValueError, TypeError, AttributeError, KeyError, OverflowError) as error:
            raise RecordError(f"a row is no record of {self.schema.name!r}: {_say(error)}.") from error
        return stream.getvalue()


def avro_schema(schema: RecordSchema) -> dict[str, Any]:
    """Avro's schema for the columns of another; what may be missing is null by default."""
    return {
        "type": "record",
        "name": "".join(letter if letter.isalnum() else "_" for letter in schema.name),
        "fields": [_field(column) for column in schema.columns],
    }


def _field(column: Column) -> dict[str, Any]:
    kind = _NAMES[column.type]
    return (
        {"name": column.name, "type": ["null", kind], "default": None}
        if column.nullable
        else {"name": column.name, "type": kind}
    )


def _parse(schema: Mapping[str, Any]) -> Any:
    try:
        return fastavro.parse_schema(dict(schema))
    except (SchemaParseException, KeyError, TypeError, ValueError, AttributeError) as error:
        raise RecordError(f"this is no Avro schema: {_say(error)}.") from error


def _read_schema(parsed: Any) -> RecordSchema:
    if not isinstance(parsed, dict) or parsed.get("type") != "record":
        raise RecordError("the Avro schema is not one of a record.")
    columns = tuple(_read_column(field) for field in parsed["fields"])
    return RecordSchema(parsed["name"], columns, "avro")


def _read_column(field: Mapping[str, Any]) -> Column:
    union = field["type"] if isinstance(field["type"], list) else [field["type"]]
    kinds = [kind for kind in map(_kind, union) if kind != "null"]
    if len(kinds) != 1 or kinds[0] not in _TYPES:
        raise RecordError(
            f"field {field['name']!r} of the Avro schema is {str(field['type'])[:80]}; a column is one of "
            f"{', '.join(_TYPES)}, or one of those or null."
        )
    return Column(field["name"], _TYPES[kinds[0]], len(kinds) < len(union))


def _kind(part: Any) -> str:
    """The name of a type; of a logical one, a name that is none, since its values would be dates or decimals."""
    if isinstance(part, dict):
        return "logical" if "logicalType" in part else str(part.get("type"))
    return str(part)


def _say(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:200].rstrip(".") or type(error).__name__
