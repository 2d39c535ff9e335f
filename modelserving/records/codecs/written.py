"""Messages that say by a number which schema they were written with: each is read as its writer wrote it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from modelserving.errors import DecodeError, RecordError
from modelserving.records.codecs.codec import Codec, DecodedRecords
from modelserving.records.codecs.columns import conform
from modelserving.records.codecs.framing import read_frames
from modelserving.records.schema import RecordSchema

SCHEMA_ID_HEADER = "schema-id"
"""Header of a message with the number of its schema in a registry, in decimal digits."""
_DIGITS = 10


class WriterCodecs(Protocol):
    """Knows schemas by number, and how their records are read."""

    @property
    def framed(self) -> bool:
        """Whether each message begins with Confluent's framing; else a header says the number, if there is one."""
        ...

    @property
    def away(self) -> str:
        """Why the registry was not to be asked last time; empty if it was, or was never needed."""
        ...

    def codec(self, schema_id: int, reader: RecordSchema) -> Codec:
        """What reads records that were written with a schema, as another has them.

        Raises:
            RecordError: no schema has that number, or its records cannot be read as these.
            RegistryUnavailable, BrokerUnavailable: nobody can say.
        """
        ...


class WrittenCodec:
    """Reads messages of one schema, whoever wrote them.

    Args:
        schema: that is wanted.
        own: reads messages that say no number.
        writers: knows the others.
    """

    def __init__(self, schema: RecordSchema, own: Codec, writers: WriterCodecs) -> None:
        self._schema = schema
        self._own = own
        self._writers = writers
        self._known: dict[int, Codec] = {}

    def decode(self, values: Sequence[bytes | None], ids: Sequence[bytes | None]) -> DecodedRecords:
        """Read messages.

        Args:
            values: the messages.
            ids: what their header ``schema-id`` says; ``None`` where they have none.
        """
        problems: dict[int, RecordError] = {}
        parts: list[tuple[list[int], Any]] = []
        for number, (rows, payloads) in self._sort(values, ids, problems).items():
            try:
                codec = self._own if number is None else self._find(number)
                found = codec.decode(payloads)
                batch = found.batch if codec is self._own else conform(self._own.schema, found.batch)
            except RecordError as error:
                problems.update(dict.fromkeys(rows, error))
                continue
            problems.update({rows[index]: error for index, error in found.problems.items()})
            parts.append(([rows[index] for index in found.rows], batch))
        return _together(parts, problems, self._own.schema)

    def _sort(
        self, values: Sequence[bytes | None], ids: Sequence[bytes | None], problems: dict[int, RecordError]
    ) -> Mapping[int | None, tuple[list[int], list[bytes | None]]]:
        """Messages by the number of their schema: which they are, and what they hold."""
        sorted_: dict[int | None, tuple[list[int], list[bytes | None]]] = {}
        if self._writers.framed:
            frames, wrong = read_frames(values, self._schema.encoding == "protobuf")
            problems.update(wrong)
            for row, frame in frames.items():
                if frame.indexes:
                    problems[row] = DecodeError(
                        f"this is message {[*frame.indexes]} of schema {frame.schema_id}; the first is read here."
                    )
                    continue
                rows, payloads = sorted_.setdefault(frame.schema_id, ([], []))
                rows.append(row)
                payloads.append(frame.payload)
            return sorted_
        for row, (value, said) in enumerate(zip(values, ids, strict=True)):
            if said is not None and not (said.isdigit() and len(said) <= _DIGITS):
                problems[row] = DecodeError(f"header {SCHEMA_ID_HEADER!r} is {said[:40]!r}, and a number was expected.")
                continue
            rows, payloads = sorted_.setdefault(None if said is None else int(said), ([], []))
            rows.append(row)
            payloads.append(value)
        return sorted_

    def _find(self, number: int) -> Codec:
        codec = self._known.get(number)
        if codec is None:
            codec = self._known[number] = self._writers.codec(number, self._schema)
        return codec


def _together(
    parts: Sequence[tuple[list[int], Any]], problems: Mapping[int, RecordError], schema: RecordSchema
) -> DecodedRecords:
    """Parts as one batch, in the order of the messages."""
    told = dict(sorted(problems.items()))
    if len(parts) == 1:
        return DecodedRecords(parts[0][1], parts[0][0], told)
    if not parts:
        return DecodedRecords(pa.RecordBatch.from_pylist([], schema.to_arrow()), (), told)
    rows = np.concatenate([np.array(part, dtype=np.int64) for part, _ in parts])
    order = np.argsort(rows)
    target = schema.to_arrow()
    table = pa.Table.from_batches([batch.cast(target) for _, batch in parts]).take(pa.array(order)).combine_chunks()
    batches = table.to_batches()
    batch = batches[0] if batches else pa.RecordBatch.from_pylist([], target)
    return DecodedRecords(batch, rows[order].tolist(), told)
