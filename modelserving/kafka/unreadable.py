"""Batches that kafka-python cannot take apart are passed over, each with a word, instead of being asked for for ever.

What a producer sends travels in batches, compressed as a whole perhaps. One that is corrupt, of an unknown codec or of
a format to come makes the library's ``poll`` raise at the same offset again and again. Here such a batch becomes a
``Gap``, and the one behind it is read. Names of headers need not be UTF-8; a record with such a name loses its headers,
and nothing else. A batch that would unfold to more than 256 MiB is not unfolded.

The offset of a batch is covered by no checksum. One that cannot be, since the batch would reach into the next one, or
back, or out of the log, makes a gap as well: what it holds would be handed out as other records than it is.
"""

from __future__ import annotations

import io
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.record.default_records import DefaultRecord, DefaultRecordBatch
from kafka.record.memory_records import MemoryRecords
from kafka.record.util import decode_varint

from modelserving.kafka.gaps import Gap

FRAME = struct.Struct(">qi")
"""Offset and length: the same in all formats."""
_MAGIC_AT = 16
_OURS = 2
_MISPLACED = "the batch there says that it is elsewhere: its offset is damaged"
_UNFOLDED_BYTES = 256 * 1024 * 1024


class LenientRecords(Fetcher.PartitionRecords):  # type: ignore[misc]  # kafka-python has no types
    """The messages of one answer of the broker, without those that cannot be read.

    Args:
        note: told of each batch that was passed over.
        positional, named: as the library's.
    """

    next_fetch_offset: int
    fetch_offset: int
    log_end = sys.maxsize
    """Behind the last offset that the broker has; a batch that says that it is there is not."""

    def __init__(self, note: Callable[[Gap], object], *positional: Any, **named: Any) -> None:
        self._note = note
        self._in_batch = False
        super().__init__(*positional, **named)

    def drain(self) -> None:
        """Nothing is left; the library's own loop says so after each batch, and means itself."""
        if not self._in_batch:
            super().drain()

    def _unpack_records(self, tp: Any, records: Any, *deserializers: Any) -> Iterator[Any]:
        whole = memoryview(records._buffer)
        batches = [*_split(whole)]
        rest = whole[sum(map(len, batches)) :]  # of the next one the beginning, which says where it is
        afters = [*batches[1:], rest if len(rest) >= FRAME.size else None]
        passed = self._passed(batches)
        for data, after in [*zip(batches, afters, strict=False)][passed:]:
            before = self.next_fetch_offset
            if (wrong := self._misplaced(data, after)) is None:
                yield from self._messages(tp, data, deserializers)
            else:
                self._note(Gap(tp.topic, tp.partition, before, wrong, _MISPLACED, bytes(data)))
                self.next_fetch_offset = wrong
        self.drain()

    def _passed(self, batches: list[memoryview]) -> int:
        """How many batches stand before the one that was asked for: the broker believes what they say, too.

        It begins at the first that says that it is further on, and the one behind that goes on from before.
        """
        asked = self.next_fetch_offset
        if len(batches) < 2 or not max(asked, _reach(batches[1])[0]) < _reach(batches[0])[0]:
            return 0
        reaches = [_reach(data) for data in batches]
        for number, ((_, before), (base, last)) in enumerate(pairwise(reaches), 1):
            if base <= asked <= last or (number > 1 and before + 1 == asked):
                return number
            if last >= asked:
                return number - 1  # what was asked for says that it is elsewhere
        return 0

    def _misplaced(self, data: memoryview, after: memoryview | None) -> int | None:
        """Where reading goes on behind a batch whose offset cannot be what it says; ``None``: it can."""
        base, last = _reach(data)
        before = self.next_fetch_offset
        behind = _reach(after)[0] if after is not None else self.log_end
        backwards = base < before and (last < before or before != self.fetch_offset)
        # The end may be of a moment before the batch was read: what begins where it is expected is no batch elsewhere.
        ahead = base > before and (last >= behind > before or last >= self.log_end)
        if not (backwards or ahead):
            return None
        end = before + max(last - base, 0) + 1
        return min(end, behind) if behind > before else end

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
        base = FRAME.unpack_from(data)[0] if len(data) >= FRAME.size else before
        end = max(end_of(data, base), before + 1)
        reason = f"the batch there cannot be read: {type(error).__name__}: {error}"
        self._note(Gap(tp.topic, tp.partition, max(base, before), end, reason, bytes(data)))
        self.next_fetch_offset = end


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
    while len(data) - at >= FRAME.size:
        length = FRAME.unpack_from(data, at)[1]
        if length <= 0:
            yield data[at:]
            return
        end = at + FRAME.size + length
        if end > len(data):
            return
        yield data[at:end]
        at = end


def _reach(data: memoryview) -> tuple[int, int]:
    """The first and the last offset of a batch, as its head says; of formats of old, the last only."""
    base = int(FRAME.unpack_from(data)[0])
    if len(data) < DefaultRecordBatch.HEADER_STRUCT.size or data[_MAGIC_AT] != _OURS:
        return base, base
    return base, base + max(int(DefaultRecordBatch.HEADER_STRUCT.unpack_from(data)[6]), 0)


def is_part(data: bytes) -> bool:
    """Whether there is something, and less than one whole batch."""
    return 0 < len(data) < FRAME.size or (bool(data) and len(data) < FRAME.size + FRAME.unpack_from(data)[1])


def end_of(data: memoryview, base: int) -> int:
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
