"""A flat message of a .proto text, read without the protocol compiler."""

from __future__ import annotations

import re
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet

from modelserving.errors import RecordError

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_HEAD = re.compile(r'\s*(?:(syntax)\s*=\s*["\'](\w+)["\']|(package)\s+([\w.]+)|option\s+[^;{}]*)\s*;')
_MESSAGE = re.compile(r"\s*message\s+(\w+)\s*\{([^{}]*)\}")
_FIELD = re.compile(r"\s*(optional\s+)?(\w+)\s+(\w+)\s*=\s*(\d+)\s*(?:\[[^\]]*\])?\s*$")
_RESERVED = re.compile(r"\s*(reserved|option)\b")
_TYPES = {
    name: getattr(FieldDescriptorProto, f"TYPE_{name.upper()}")
    for name in (
        *("double", "float", "int32", "sint32", "sfixed32", "int64", "sint64", "sfixed64"),
        *("uint32", "fixed32", "uint64", "fixed64", "bool", "string"),
    )
}
_HINT = "Give a FileDescriptorSet instead: `protoc --include_imports --descriptor_set_out=FILE …`."


def parse_proto(text: str) -> bytes:
    """The ``FileDescriptorSet`` of a .proto text with flat messages of proto3.

    Raises:
        RecordError: it says more than that, or is none.
    """
    rest = _COMMENT.sub(" ", text)
    file = FileDescriptorProto(name="schema.proto", syntax="proto3")
    while rest.strip():
        if head := _HEAD.match(rest):
            if head[1] and head[2] != "proto3":
                raise RecordError(f"the schema is written in {head[2]}; only proto3 is read. {_HINT}")
            file.package = head[4] or file.package
            rest = rest[head.end() :]
        elif message := _MESSAGE.match(rest):
            _add_message(file.message_type.add(name=message[1]), message[2])
            rest = rest[message.end() :]
        else:
            near = " ".join(rest.split())[:60]
            raise RecordError(f"the .proto text says more than flat messages, near {near!r}. {_HINT}")
    if not file.message_type:
        raise RecordError("the .proto text has no message.")
    data: bytes = FileDescriptorSet(file=[file]).SerializeToString()
    return data


def _add_message(message: Any, body: str) -> None:
    for line in filter(str.strip, body.split(";")):
        if _RESERVED.match(line):
            continue
        found = _FIELD.match(line)
        if found is None or found[2] not in _TYPES:
            raise RecordError(f"message {message.name}: {' '.join(line.split())[:60]!r} is no flat field. {_HINT}")
        field = message.field.add(name=found[3], number=int(found[4]), type=_TYPES[found[2]], label=1)
        if found[1]:
            field.proto3_optional = True
            field.oneof_index = len(message.oneof_decl)
            message.oneof_decl.add(name=f"_{found[3]}")
