"""A scored record: the answer, and where it came from; bytes to dataclass and back."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import DecodeError as ProtobufDecodeError

from modelserving.errors import DecodeError
from modelserving.records.wire import scored_pb2 as wire

__all__ = ["ScoredRecord", "decode_scored", "encode_scored"]


@dataclass(frozen=True, slots=True)
class ScoredRecord:
    """One answer.

    Args:
        data_type: of the record, and so of the model.
        prediction: what the model answered.
        model_name: who answered,
        model_version: in which version,
        model_digest: SHA-256 of its bytes, hexadecimal.
        partition: of the input record.
        offset: of the input record.
        scoring_ns: this record's share of the time that its batch took, nanoseconds.
        scored_at_ns: when, nanoseconds since 1970.
        published_ms: the input record's timestamp, milliseconds since 1970.
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


def decode_scored(value: bytes | None) -> ScoredRecord:
    """Read a scored record from the bytes of a message.

    Raises:
        DecodeError: the bytes are no ``ScoredRecord``.
    """
    if not value:
        raise DecodeError("the message is empty; a scored record was expected.")
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
    )


def encode_scored(scored: ScoredRecord) -> bytes:
    """Write a scored record as the bytes of a message."""
    s = scored
    return wire.ScoredRecord(
        data_type=s.data_type,
        prediction=s.prediction,
        model_name=s.model_name,
        model_version=s.model_version,
        model_digest=s.model_digest,
        partition=s.partition,
        offset=s.offset,
        scoring_ns=s.scoring_ns,
        scored_at_ns=s.scored_at_ns,
        published_ms=s.published_ms,
    ).SerializeToString()
