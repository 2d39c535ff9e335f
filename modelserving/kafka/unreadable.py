"""Batches that kafka-python cannot take apart are passed over, each with a word, instead of being asked for for ever.

What a producer sends travels in batches, compressed as a whole perhaps. One that is corrupt, of an unknown codec or of
a format to come makes the library's ``poll`` raise at the same offset again and again. Here such a batch becomes a
``Gap``, and the one behind it is read. Names of headers need not be UTF-8; a record with such a name loses its headers,
and nothing else. A batch that would unfold to more than 256 MiB is not unfolded.

Two answers hold no batch at all, and would be asked for again for ever: one that is cut off within its first batch, as
brokers of other makes give where a batch is larger than what was asked for, and the word that the broker's own log is
damaged there. They become gaps, too.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError, KafkaError
from kafka.record.default_records import DefaultRecord, DefaultRecordBatch
from kafka.record.memory_records import MemoryRecords
from kafka.record.util import decode_varint

from modelserving.kafka.gaps import Gap

__all__ = ["LenientRecords", "StuckFetches"]

_FRAME = struct.Struct(">qi")
"""Offset and length: the same in all formats."""
_MAGIC_AT = 16
_OURS = 2
_UNFOLDED_BYTES = 256 * 1024 * 1024
_REFUSALS = 5
"""As often an offset is asked for that the broker calls damaged: another replica may have what this one has not."""


class LenientRecords(Fetcher.PartitionRecords):  # type: ignore[misc]  # kafka-python has no types
    """The messages of one answer of the broker, without those that cannot be read.

    Args:
        note: told of each batch that was passed over.
        positional, named: as the library's.
    """

    next_fetch_offset: int

    def __init__(self, note: Callable[[Gap], object], *positional: Any, **named: Any) -> None:
        self._note = note
        self._in_batch = False
        super().__init__(*positional, **named)

    def drain(self) -> None:
        """Nothing is left; the library's own loop says so after each batch, and means itself."""
        if not self._in_batch:
            super().drain()

    def _unpack_records(self, tp: Any, records: Any, *deserializers: Any) -> Iterator[Any]:
        for data in _split(memoryview(records._buffer)):
            yield from self._messages(tp, data, deserializers)
        self.drain()

    def _messages(self, tp: Any, data: memoryview, deserializers: tuple[Any, ...]) -> Iterator[Any]:
        """The messages of one batch: all of them, or none."""
        before = self.next_fetch_offset
        self._in_batch = True
        try:
            found = list(super()._unpack_records(tp, _OneBatch(data), *deserializers))
        except Exception as error:  # noqa: BLE001 - whatever a stranger's bytes lead to
            self._pass_over(tp, data, before, error)
            return
        finally:
            self._in_batch = False
        after = self.next_fetch_offset
        for record in found:
            self.next_fetch_offset = record.offset + 1
            yield record
        self.next_fetch_offset = after

    def _pass_over(self, tp: Any, data: memoryview, before: int, error: Exception) -> None:
        base = _FRAME.unpack_from(data)[0] if len(data) >= _FRAME.size else before
        end = max(_end_of(data, base), before + 1)
        reason = f"the batch there cannot be read: {type(error).__name__}: {error}"
        self._note(Gap(tp.topic, tp.partition, max(base, before), end, reason, bytes(data)))
        self.next_fetch_offset = end


class StuckFetches:
    """The answers of a broker to a consumer; at one that leads nowhere the consumer goes on behind it.

    Args:
        fetcher: of the consumer.
        note: told of each gap that was passed over.
    """

    def __init__(self, fetcher: Fetcher, note: Callable[[Gap], object]) -> None:
        self._parse = fetcher._parse_fetched_data
        self._positions = fetcher._subscriptions
        self._note = note
        self._refused: dict[Any, tuple[int, int]] = {}

    def __call__(self, answer: Any) -> Any:
        """The messages of an answer; ``None`` where there are none."""
        if answer.partition_data.error_code == CorruptRecordError.errno:
            return self._count(answer)
        try:
            return self._parse(answer)
        except KafkaError as error:
            data = bytes(answer.partition_data.records or b"")
            if answer.partition_data.error_code or not _is_part(data):
                raise
            return self._pass_over(answer, f"the batch there comes in part only: {error}", data)

    def _count(self, answer: Any) -> None:
        """Pass over an offset that was refused often enough; what is behind it in the same log need not wait again."""
        tp, at = answer.topic_partition, answer.fetched_offset
        refused, times = self._refused.get(tp, (at, 0))
        times = times + 1 if refused == at else 1
        self._refused[tp] = at, times
        if times >= _REFUSALS:
            self._pass_over(answer, "the broker says that its log is damaged there (CORRUPT_MESSAGE)")
            self._refused[tp] = at + 1, times

    def _pass_over(self, answer: Any, reason: str, data: bytes | None = None) -> None:
        tp, at = answer.topic_partition, answer.fetched_offset
        if not self._positions.is_fetchable(tp) or self._positions.assignment[tp].position.offset != at:
            return  # the answer is of before a seek, or a rebalance
        end = at + 1
        if data is not None and len(data) >= _FRAME.size:
            end = max(end, _end_of(memoryview(data), _FRAME.unpack_from(data)[0]))
        known = answer.partition_data.high_watermark
        end = min(end, known) if known > at else end
        self._note(Gap(tp.topic, tp.partition, at, end, reason, data))
        self._positions.seek(tp, end)


class _OneBatch:
    """A batch by itself, as the library asks for batches."""

    def __init__(self, data: memoryview) -> None:
        self._data: memoryview | None = data

    def next_batch(self) -> Any:
        """The batch, then nothing."""
        data, self._data = self._data, None
        if data is None:
            return None
        magic = data[_MAGIC_AT] if len(data) > _MAGIC_AT else 0
        if magic > _OURS:
            raise CorruptRecordError(f"its format is number {magic}, and {_OURS} is the newest that is known here")
        return _Batch(data) if magic == _OURS else MemoryRecords(data).next_batch()


class _Batch(DefaultRecordBatch):  # type: ignore[misc]  # kafka-python has no types
    """A batch of today's format."""

    _buffer: bytearray
    _pos: int
    _decompressed: bool

    def _maybe_uncompress(self) -> None:
        if not self._decompressed and self.compression_type != self.CODEC_NONE:
            self._assert_has_codec(self.compression_type)
            if (unfold := _UNFOLD.get(self.compression_type)) is not None:
                self._buffer = bytearray(unfold(bytes(memoryview(self._buffer)[self._pos :])))
                self._pos, self._decompressed = 0, True
        super()._maybe_uncompress()

    def _read_msg(self) -> Any:
        start = self._pos
        try:
            return super()._read_msg()
        except UnicodeDecodeError:
            return self._without_headers(start)

    def _without_headers(self, at: int) -> Any:
        """A record whose headers have names that are no text."""
        length, at = decode_varint(self._buffer, at)
        self._pos = at + length
        _, at = decode_varint(self._buffer, at)
        delta, at = decode_varint(self._buffer, at)
        offset, at = decode_varint(self._buffer, at)
        key, at = self._bytes(at)
        value, _ = self._bytes(at)
        timestamp = self.max_timestamp if self.timestamp_type == self.LOG_APPEND_TIME else self.first_timestamp + delta
        return DefaultRecord(length, self.base_offset + offset, timestamp, self.timestamp_type, key, value, [])

    def _bytes(self, at: int) -> tuple[bytes | None, int]:
        length, at = decode_varint(self._buffer, at)
        return (bytes(self._buffer[at : at + length]), at + length) if length >= 0 else (None, at)


def _split(data: memoryview) -> Iterator[memoryview]:
    """Batch by batch. The last may be there in part, and comes whole with the next answer."""
    at = 0
    while len(data) - at >= _FRAME.size:
        length = _FRAME.unpack_from(data, at)[1]
        if length <= 0:
            yield data[at:]
            return
        end = at + _FRAME.size + length
        if end > len(data):
            return
        yield data[at:end]
        at = end


def _is_part(data: bytes) -> bool:
    """Whether there is something, and less than one whole batch."""
    return 0 < len(data) < _FRAME.size or (bool(data) and len(data) < _FRAME.size + _FRAME.unpack_from(data)[1])


def _end_of(data: memoryview, base: int) -> int:
    """The offset after a batch, if its head can be believed; else the next one."""
    if len(data) < DefaultRecordBatch.HEADER_STRUCT.size or data[_MAGIC_AT] < _OURS:
        return base + 1
    head = DefaultRecordBatch.HEADER_STRUCT.unpack_from(data)
    delta, count = head[6], head[12]
    return base + delta + 1 if 0 <= delta < max(count, 1) else base + 1


def _limited(data: bytes) -> bytes:
    if len(data) > _UNFOLDED_BYTES:
        raise CorruptRecordError(f"it unfolds to more than {_UNFOLDED_BYTES // 1024 // 1024} MiB")
    return data


def _gunzip(data: bytes) -> bytes:
    return _limited(zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data, _UNFOLDED_BYTES + 1))


def _unlz4(data: bytes) -> bytes:
    import lz4.frame

    return _limited(lz4.frame.LZ4FrameDecompressor().decompress(data, _UNFOLDED_BYTES + 1))


def _unzstd(data: bytes) -> bytes:
    import zstandard

    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True) as reader:
        return _limited(reader.read(_UNFOLDED_BYTES + 1))


_UNFOLD: dict[int, Callable[[bytes], bytes]] = {
    DefaultRecordBatch.CODEC_GZIP: _gunzip,
    DefaultRecordBatch.CODEC_LZ4: _unlz4,
    DefaultRecordBatch.CODEC_ZSTD: _unzstd,
}
"""Snappy unfolds to twenty times its size at most; the library does it."""
