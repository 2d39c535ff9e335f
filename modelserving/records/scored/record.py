"""A scored record: the answer, and where it came from; bytes to dataclass and back."""

from __future__ import annotations

import struct
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from google.protobuf.message import DecodeError as ProtobufDecodeError

from modelserving.errors import DecodeError
from modelserving.records.codecs.framing import read_frames
from modelserving.records.wire import scored_pb2 as wire

Output: TypeAlias = float | str | tuple[float, ...] | tuple[str, ...]
"""A named output of a model for one record: a number or several, or a text or several."""


class ScoredRecord(NamedTuple):
    """One answer. Servers make a hundred thousand in a second, and a named tuple is made in a third of the time.

    Args:
        data_type: of the record, and so of the model.
        prediction: what the model answered, if that is a number, or a label that spells one; else NaN.
        model_name: who answered,
        model_version: in which version,
        model_digest: SHA-256 of its bytes, hexadecimal.
        partition: of the input record.
        offset: of the input record.
        scoring_ns: this record's share of the time that its batch took, nanoseconds.
        scored_at_ns: when, nanoseconds since 1970.
        published_ms: the input record's timestamp, milliseconds since 1970.
        label: what the model answered, where that is a label which ``prediction`` does not say; else ``None``.
        outputs: what it said beside its answer, where it was asked to: pairs of a name and a value.
    """

    data_type: str
    prediction: float
    model_name: str
    model_version: str
    model_digest: str
    partition: int
    offset: int
    scoring_ns: int
    scored_at_ns: int
    published_ms: int
    label: str | None = None
    outputs: tuple[tuple[str, Output], ...] = ()

    @property
    def answer(self) -> float | str:
        """The label, or the number."""
        return self.prediction if self.label is None else self.label


def decode_scored(value: bytes | None) -> ScoredRecord:
    """Read a scored record from the bytes of a message; with Confluent's framing before it, or without.

    No message of Protocol Buffers begins with a zero: so the bytes themselves say whether they are framed.

    Raises:
        DecodeError: the bytes are no ``ScoredRecord``.
    """
    if not value:
        raise DecodeError("the message is empty; a scored record was expected.")
    if not value[0]:
        frames, problems = read_frames([value], protobuf=True)
        if problems:
            raise problems[0]
        value = frames[0].payload
    try:
        w = wire.ScoredRecord.FromString(value)
    except ProtobufDecodeError as error:
        raise DecodeError(f"{len(value)} bytes are no scored record: {error}.") from error
    return ScoredRecord(
        w.data_type,
        w.prediction,
        w.model_name,
        w.model_version,
        w.model_digest,
        w.partition,
        w.offset,
        w.scoring_ns,
        w.scored_at_ns,
        w.published_ms,
        w.label if w.HasField("label") else None,
        tuple((output.name, _read_output(output)) for output in w.outputs),
    )


def encode_scored(scored: ScoredRecord) -> bytes:
    """Write a scored record as the bytes of a message.

    Most fields are the same in all answers of a batch. Messages that stand behind one another are one message with the
    fields of both: so what is the same is written once, and only what differs for each answer.
    """
    prediction, offset, published_ms = scored.prediction, scored.offset, scored.published_ms
    same = encode_same(*_SAME(scored))
    if offset < 0 or published_ms < 0:
        own = wire.ScoredRecord(prediction=prediction, offset=offset, published_ms=published_ms)
        return same + own.SerializeToString() + encode_words(scored.label, scored.outputs)
    return b"".join(
        (
            same,
            _PREDICTION(_PREDICTION_TAG, prediction),
            _OFFSET_TAG,
            _varint(offset),
            _PUBLISHED_TAG,
            _varint(published_ms),
            encode_words(scored.label, scored.outputs),
        )
    )


def encode_words(label: str | None, outputs: tuple[tuple[str, Output], ...]) -> bytes:
    """The label and the outputs, which most answers do not have."""
    words = b"" if label is None else _encode_label(label)
    return words + _encode_outputs(outputs) if outputs else words


@lru_cache(maxsize=256)
def _encode_label(label: str) -> bytes:
    return wire.ScoredRecord(label=label).SerializeToString()


def _encode_outputs(outputs: tuple[tuple[str, Output], ...]) -> bytes:
    written = wire.ScoredRecord()
    for name, value in outputs:
        output = written.outputs.add(name=name)
        several: tuple[float | str, ...] = value if isinstance(value, tuple) else (value,)
        if any(isinstance(one, str) for one in several):
            output.texts.extend(map(str, several))
        else:
            output.numbers.extend(map(float, several))
    return written.SerializeToString()


def _read_output(output: wire.NamedOutput) -> Output:
    values: tuple[float, ...] | tuple[str, ...] = tuple(output.texts) or tuple(output.numbers)
    return values[0] if len(values) == 1 else values


@lru_cache(maxsize=64)
def encode_same(
    data_type: str, name: str, version: str, digest: str, partition: int, scoring_ns: int, scored_at_ns: int
) -> bytes:
    """The fields that are the same in all answers of a batch."""
    return wire.ScoredRecord(
        data_type=data_type,
        model_name=name,
        model_version=version,
        model_digest=digest,
        partition=partition,
        scoring_ns=scoring_ns,
        scored_at_ns=scored_at_ns,
    ).SerializeToString()


def _varint(number: int) -> bytes:
    """A number from 0 on, seven bits a byte, the low ones first; each byte but the last has the eighth bit set."""
    if number < 0x4000:
        return _LAST[number]
    parts = []
    while number >= 0x4000:
        parts.append(_MORE[number & 0x3FFF])
        number >>= 14
    parts.append(_LAST[number])
    return b"".join(parts)


_SAME = itemgetter(0, 2, 3, 4, 5, 7, 8)
"""What ``encode_same`` takes of an answer."""
_PREDICTION_TAG = 2 << 3 | 1
_PREDICTION = struct.Struct("<Bd").pack
_OFFSET_TAG = bytes([7 << 3])
_PUBLISHED_TAG = bytes([10 << 3])
_MORE = [bytes([low | 0x80, high | 0x80]) for high in range(0x80) for low in range(0x80)]
_LAST = [bytes([low]) if not high else bytes([low | 0x80, high]) for high in range(0x80) for low in range(0x80)]
