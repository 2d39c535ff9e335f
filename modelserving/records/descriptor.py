"""A model as a message: bytes to dataclass and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Any

from google.protobuf.message import DecodeError as ProtobufDecodeError

from modelserving.errors import DecodeError
from modelserving.records.defaults import DEFAULT_SCHEMA, DefaultRecord, decode_default, encode_default
from modelserving.records.fields import check_data_type, check_length, check_percent
from modelserving.records.wire import modeldescriptor_pb2 as wire
from modelserving.system.nesting import read_json

_SHADOW_KEY = "@shadow"
_LONGEST = {"name": 200, "version": 200, "description": 2_000, "location": 4_000, "sha256": 200}
"""Letters. Each answer carries the name and the version of its model, and so does each series of a server's metrics."""


class ModelType(IntEnum):
    """Formats of models, with their numbers on the wire."""

    TENSORFLOW = 0
    PMML = 1
    TENSORFLOWSAVED = 2
    ONNX = 3
    REMOTE = 4
    CUSTOM = 15  # of whoever adds a factory for it

    @property
    def slug(self) -> str:
        """The name on command lines: its own in lower case, and ``tensorflow-saved``."""
        return "tensorflow-saved" if self is ModelType.TENSORFLOWSAVED else self.name.lower()


@dataclass(frozen=True, slots=True)
class Golden:
    """A record whose answer is known.

    Args:
        record: what to score: one of the default records, or the values of any record by name, of JSON's types, where
            ``None`` is missing.
        expected: what a good model answers: a number, or a label.
    """

    record: DefaultRecord | Mapping[str, Any]
    expected: float | str

    @property
    def values(self) -> Mapping[str, Any]:
        """The record's values by name."""
        if isinstance(self.record, DefaultRecord):
            return {name: getattr(self.record, name) for name in DEFAULT_SCHEMA.names}
        return self.record


@dataclass(frozen=True, slots=True)
class ModelDescriptor:
    """A model on its way to the servers.

    Args:
        name: what people call it.
        description: one line about it.
        data_type: the records that it scores.
        type: its format.
        data: its bytes; empty where ``location`` says where they are.
        location: a file or http(s) URI, or ``None``.
        version: its version, free text.
        sha256: digest of its bytes, hexadecimal, as the sender states it; empty where it states none.
        created_ms: when it was made, milliseconds since 1970; 0 for unknown.
        golden: records that it must answer rightly before it serves.
        tolerance: how far an answer may be from a golden record's; 0 means the default of the check.
        parameters: how it was trained.
        metrics: how good it is.
        shadow_percent: 0 for a model that is to serve; else it becomes the shadow, and scores so many percent of the
            records beside the model that serves.
    """

    name: str
    description: str
    data_type: str
    type: ModelType
    data: bytes = b""
    location: str | None = None
    version: str = ""
    sha256: str = ""
    created_ms: int = 0
    golden: tuple[Golden, ...] = ()
    tolerance: float = 0.0
    parameters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    metrics: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    shadow_percent: float = 0.0

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes at hand, hexadecimal; while they are elsewhere, the one that the sender states."""
        if self.location is not None and not self.data:
            return self.sha256.lower()
        return hashlib.sha256(self.data).hexdigest()

    @property
    def key(self) -> bytes:
        """The key of its message: the compacted topic keeps the newest model of a data type, and the newest shadow."""
        return f"{self.data_type}{_SHADOW_KEY if self.shadow_percent else ''}".encode()


def decode_descriptor(value: bytes | None) -> ModelDescriptor:
    """Read a model descriptor from the bytes of a message.

    Raises:
        DecodeError: the bytes are no ``ModelDescriptor``, or a golden record in it is none; nor is an empty message.
        FieldError: the data type is not allowed, a text is too long, or there is no such share of the records.
    """
    if not value:
        raise DecodeError("the message is empty; a model descriptor was expected.")
    try:
        w = wire.ModelDescriptor.FromString(value)
    except ProtobufDecodeError as error:
        raise DecodeError(
            f"{len(value)} bytes, first {value[:5].hex(' ')}, are no model descriptor: {error}."
        ) from error
    try:
        kind = ModelType(w.modeltype)
    except ValueError:
        known = ", ".join(f"{t.value} {t.name}" for t in ModelType)
        raise DecodeError(f"model type {w.modeltype} of model {w.name!r} is unknown. Known: {known}.") from None
    decoded = ModelDescriptor(
        name=w.name,
        description=w.description,
        data_type=check_data_type(w.dataType),
        type=kind,
        data=w.data,
        location=w.location if w.WhichOneof("MessageContent") == "location" else None,
        version=w.version,
        sha256=w.sha256,
        created_ms=w.created_ms,
        golden=tuple(map(_read_golden, w.golden)),
        tolerance=w.tolerance,
        parameters=MappingProxyType(dict(sorted(w.parameters.items()))),
        metrics=MappingProxyType(dict(sorted(w.metrics.items()))),
        shadow_percent=check_percent(w.shadow_percent),
    )
    check_texts(decoded)
    return decoded


def check_texts(descriptor: ModelDescriptor) -> None:
    """Refuse a model that says too much of itself.

    Raises:
        FieldError: its name, its version, its description, its location or its digest is too long.
    """
    for what, longest in _LONGEST.items():
        check_length(f"model's {what}", getattr(descriptor, what) or "", longest)


def encode_descriptor(descriptor: ModelDescriptor) -> bytes:
    """Write a model descriptor as the bytes of a message; deterministic, so that equal models are equal bytes."""
    d = descriptor
    w = wire.ModelDescriptor(
        name=d.name,
        description=d.description,
        dataType=d.data_type,
        modeltype=wire.ModelDescriptor.ModelType.ValueType(int(d.type)),
        version=d.version,
        sha256=d.sha256,
        created_ms=d.created_ms,
        golden=[_write_golden(golden) for golden in d.golden],
        tolerance=d.tolerance,
        parameters=dict(d.parameters),
        metrics=dict(d.metrics),
        shadow_percent=d.shadow_percent,
    )
    if d.location is not None:
        w.location = d.location
    else:
        w.data = d.data
    return w.SerializeToString(deterministic=True)


def _read_golden(golden: wire.GoldenRecord) -> Golden:
    expected = golden.label if golden.HasField("label") else golden.expected
    if not golden.values:
        return Golden(decode_default(golden.record), expected)
    try:
        values = read_json(golden.values)
    except ValueError as error:
        raise DecodeError(f"a golden record is no JSON: {error}.") from error
    if not isinstance(values, dict) or any(isinstance(value, dict | list) for value in values.values()):
        raise DecodeError("a golden record is no object of numbers, texts and booleans.")
    return Golden(MappingProxyType(values), expected)


def _write_golden(golden: Golden) -> wire.GoldenRecord:
    w = wire.GoldenRecord()
    if isinstance(golden.record, DefaultRecord):
        w.record = encode_default(golden.record)
    else:
        w.values = json.dumps(dict(golden.record), ensure_ascii=False)
    if isinstance(golden.expected, str):
        w.label = golden.expected
    else:
        w.expected = golden.expected
    return w
