"""A schema as its encoding writes it down, and its columns: Avro's JSON, a .proto text, JSON Schema."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelserving.errors import RecordError, SchemaError
from modelserving.records.codecs import AvroCodec, Codec, JsonCodec, ProtobufCodec
from modelserving.records.codecs.avro import avro_schema
from modelserving.records.schema import Column, ColumnType, RecordSchema
from modelserving.records.scored import answers_proto
from modelserving.system.nesting import read_json

ENCODINGS = ("json", "protobuf", "avro")
"""How records may be written."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PROTO_TYPES = {ColumnType.BOOLEAN: "bool"}
_JSON_TYPES = {ColumnType.STRING: "string", ColumnType.BOOLEAN: "boolean"}
_FROM_JSON = {
    ("string", ""): ColumnType.STRING,
    ("boolean", ""): ColumnType.BOOLEAN,
    ("integer", "int32"): ColumnType.INT32,
    ("integer", "int64"): ColumnType.INT64,
    ("integer", ""): ColumnType.INT64,
    ("number", "float"): ColumnType.FLOAT,
    ("number", "double"): ColumnType.DOUBLE,
    ("number", ""): ColumnType.DOUBLE,
}


@dataclass(frozen=True, slots=True)
class SchemaField:
    """A column, and how it is written.

    Args:
        column: its name, type, and whether a value may be missing.
        number: of Protocol Buffers; 0 for other encodings.
        wire: what the bytes are, where one type of column can be written in several ways (``sint32``); else empty.
        has_default: whether a reader has a value of its own where the writer has none.
        aliases: names under which a reader takes it, too: as Avro says that a field was renamed.
    """

    column: Column
    number: int = 0
    wire: str = ""
    has_default: bool = False
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Definition:
    """A schema as its encoding writes it down.

    Args:
        encoding: one of ``ENCODINGS``.
        text: as a registry keeps it.
        name: of the kind of record.
        fields: its columns, in order.
        problem: why it has no columns, where it is of records that are not flat; else empty.
    """

    encoding: str
    text: str
    name: str = field(compare=False)
    fields: tuple[SchemaField, ...] = field(compare=False)
    problem: str = field(default="", compare=False)

    @property
    def schema(self) -> RecordSchema:
        """Its columns alone.

        Raises:
            SchemaError: its records are not flat.
        """
        if self.problem:
            raise SchemaError(self.problem)
        return RecordSchema(self.name, tuple(one.column for one in self.fields), self.encoding)

    def codec(self) -> Codec:
        """Reads and writes its records.

        Raises:
            SchemaError: they are not flat.
        """
        if self.problem:
            raise SchemaError(self.problem)
        return _codec(self.encoding, self.text)

    def is_like(self, other: Definition) -> bool:
        """Whether both say the same, however their texts are laid out."""
        return self.encoding == other.encoding and _plain(self) == _plain(other)


def define(schema: RecordSchema) -> Definition:
    """Write a schema down in its own encoding; one that has a definition has it already.

    Raises:
        SchemaError: its definition is a ``FileDescriptorSet``, which no registry keeps as text, or a file of which it
            is not the first message; its encoding is unknown, or has no way to write the name of a column.
    """
    writers = {"json": _json_schema, "avro": _avro_text, "protobuf": _proto_text}
    if schema.encoding not in writers:
        raise SchemaError(f"encoding {schema.encoding!r} is unknown. Known: {', '.join(ENCODINGS)}.")
    if isinstance(schema.definition, bytes):
        raise SchemaError(f"schema {schema.name!r} is a FileDescriptorSet; a registry keeps texts: give the .proto.")
    if schema.definition and schema.encoding != "json":
        found = read_definition(schema.encoding, schema.definition)
        if schema.message and schema.message.rpartition(".")[2] != found.name:
            raise SchemaError(
                f"schema {schema.name!r} is message {schema.message} of its file, and who finds it by number reads the "
                f"first, {found.name}: put it first."
            )
        return found
    if schema.encoding != "json":
        odd = [name for name in schema.names if not _IDENTIFIER.fullmatch(name)]
        if odd:
            raise SchemaError(
                f"column {odd[0]!r} cannot be a field of {schema.encoding}: names there are letters, digits and "
                "underscores. Rename it, or take the encoding json."
            )
    return read_definition(schema.encoding, writers[schema.encoding](schema))


def read_definition(encoding: str, text: str) -> Definition:
    """Read what a registry or a file keeps.

    Args:
        encoding: one of ``ENCODINGS``.
        text: Avro's JSON, a .proto text with flat messages, or a JSON Schema of a flat object.

    Raises:
        SchemaError: it is none, or its records are not flat.
    """
    try:
        codec = _codec(encoding, text)
        extras = {"protobuf": _proto_fields, "avro": _avro_fields, "json": _no_extras}[encoding](codec, text)
    except SchemaError:
        raise
    except (RecordError, ValueError) as error:
        raise SchemaError(f"this is no {encoding} schema of flat records: {error}") from error
    fields = tuple(SchemaField(column, *extras.get(column.name, ())) for column in codec.schema.columns)
    return Definition(encoding, text, codec.schema.name, fields)


def define_answers() -> Definition:
    """The schema of the servers' answers, for the subject of their topic."""
    return kept_definition("protobuf", answers_proto())


def kept_definition(encoding: str, text: str) -> Definition:
    """What a registry keeps, which may be of records that are not flat: those are kept here, and not read.

    Args:
        encoding: as the registry says.
        text: as ``read_definition``.
    """
    try:
        return read_definition(encoding, text)
    except SchemaError as error:
        return Definition(encoding, text, "", (), str(error))


def _codec(encoding: str, text: str) -> Codec:
    if encoding == "protobuf":
        return ProtobufCodec(text)
    if encoding == "avro":
        return AvroCodec(_load(text))
    if encoding == "json":
        return JsonCodec(_read_json_schema(_load(text)))
    raise SchemaError(f"encoding {encoding!r} is unknown. Known: {', '.join(ENCODINGS)}.")


def _load(text: str) -> Mapping[str, Any]:
    found = read_json(text)
    if not isinstance(found, dict):
        raise SchemaError(f"the schema is {text[:40]!r}, and a JSON object was expected.")
    return found


def _plain(definition: Definition) -> object:
    if definition.problem:
        return definition.text.split()
    if definition.encoding == "protobuf":
        return definition.name, definition.fields
    return read_json(definition.text)


def _avro_text(schema: RecordSchema) -> str:
    return json.dumps(avro_schema(schema), indent=1)


def _avro_fields(_: Codec, text: str) -> Mapping[str, tuple[Any, ...]]:
    return {one["name"]: (0, "", "default" in one, tuple(one.get("aliases", ()))) for one in _load(text)["fields"]}


def _no_extras(_: Codec, __: str) -> Mapping[str, tuple[Any, ...]]:
    return {}


def _proto_text(schema: RecordSchema) -> str:
    name = "".join(letter if letter.isalnum() else "_" for letter in schema.name) or "Record"
    lines = [f"  {_proto_field(column)} = {number};" for number, column in enumerate(schema.columns, 1)]
    return "\n".join(('syntax = "proto3";', "", f"message {name} {{", *lines, "}", ""))


def _proto_field(column: Column) -> str:
    return f"{'optional ' if column.nullable else ''}{_PROTO_TYPES.get(column.type, column.type)} {column.name}"


def _proto_fields(codec: Codec, _: str) -> Mapping[str, tuple[Any, ...]]:
    assert isinstance(codec, ProtobufCodec)
    return {one.name: (one.number, str(one.type), False) for one in codec.descriptor.fields}


def _json_schema(schema: RecordSchema) -> str:
    properties: dict[str, Any] = {}
    for column in schema.columns:
        kind: dict[str, Any] = {"type": _JSON_TYPES.get(column.type, "integer" if column.type.is_whole else "number")}
        if column.type not in _JSON_TYPES:
            kind["format"] = str(column.type)
        properties[column.name] = {**kind, "type": [kind["type"], "null"]} if column.nullable else kind
    required = [column.name for column in schema.columns if not column.nullable]
    body = {"title": schema.name, "type": "object", "properties": properties, "required": required}
    return json.dumps(body, indent=1, ensure_ascii=False)


def _read_json_schema(found: Mapping[str, Any]) -> RecordSchema:
    properties = found.get("properties")
    if found.get("type") != "object" or not isinstance(properties, dict):
        raise SchemaError("the JSON Schema is not one of an object with properties.")
    required = set(found.get("required", ()))
    columns = tuple(_read_property(name, one, name in required) for name, one in properties.items())
    return RecordSchema(str(found.get("title") or "record"), columns, "json")


def _read_property(name: str, said: Any, required: bool) -> Column:
    kinds = said.get("type") if isinstance(said, dict) else None
    kinds = kinds if isinstance(kinds, list) else [kinds]
    found = [kind for kind in kinds if kind != "null"]
    form = str(said.get("format", "")) if isinstance(said, dict) else ""
    kind = str(found[0]) if len(found) == 1 else ""
    column_type = _FROM_JSON.get((kind, form)) or _FROM_JSON.get((kind, ""))
    if column_type is None:
        raise SchemaError(
            f"property {name!r} is {str(said)[:80]}; a column is a string, a boolean, an integer or a number, or one "
            "of those or null."
        )
    return Column(name, column_type, "null" in kinds or not required)
