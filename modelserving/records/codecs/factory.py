"""From a schema to the codec of its records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelserving.errors import RecordError
from modelserving.records.codecs.avro import AvroCodec
from modelserving.records.codecs.codec import Codec
from modelserving.records.codecs.json_text import JsonCodec
from modelserving.records.codecs.protobuf import ProtobufCodec
from modelserving.records.schema import RecordSchema
from modelserving.system.nesting import read_json

ENCODINGS = ("protobuf", "avro", "json")
"""How records can travel."""


def make_codec(schema: RecordSchema) -> Codec:
    """What reads and writes records of a schema.

    Raises:
        RecordError: its encoding is unknown, or its definition is none of that encoding.
    """
    if schema.encoding == "json":
        return JsonCodec(schema)
    if schema.encoding == "avro":
        return AvroCodec(_avro(schema.definition)) if schema.definition else AvroCodec.of(schema)
    if schema.encoding == "protobuf":
        if schema.definition:
            return ProtobufCodec(schema.definition, schema.message)
        return ProtobufCodec.of(schema)
    raise RecordError(f"encoding {schema.encoding!r} of schema {schema.name!r} is unknown: {', '.join(ENCODINGS)}.")


def _avro(definition: str | bytes) -> Mapping[str, Any]:
    try:
        found = read_json(definition)
    except ValueError as error:
        raise RecordError(f"the Avro schema is no JSON: {error}.") from error
    if not isinstance(found, dict):
        raise RecordError("the Avro schema is not one of a record.")
    return found
