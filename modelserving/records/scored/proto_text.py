"""The schema of answers as a .proto text, for who keeps schemas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modelserving.records.wire import scored_pb2 as wire


def answers_proto() -> str:
    """What ``ScoredRecord`` is, with that message first: so Confluent's framing of it has no index."""
    messages = wire.ScoredRecord.DESCRIPTOR, wire.NamedOutput.DESCRIPTOR
    lines = [line for message in messages for line in _lines(message)]
    head = 'syntax = "proto3";', "", f"package {wire.DESCRIPTOR.package};"
    return "\n".join((*head, *lines, ""))


def _lines(message: Any) -> Iterator[str]:
    yield from ("", f"message {message.name} {{")
    for one in message.fields:
        kind = one.message_type.name if one.message_type else _TYPES[one.type]
        count = "repeated " if one.is_repeated else "optional " if one.containing_oneof else ""
        yield f"  {count}{kind} {one.name} = {one.number};"
    yield "}"


_TYPES = {1: "double", 3: "int64", 5: "int32", 9: "string"}
"""The types that answers have, by the numbers of ``FieldDescriptor``."""
