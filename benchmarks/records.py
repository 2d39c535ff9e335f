"""How near the codecs come to the libraries that they are made of.

People with two numbers, two texts, two whole numbers and a boolean are decoded and encoded in batches of 1, 100 and
1,000: by the codec, which checks every value and gives a record batch, and in turn by the library alone, whose result
is thrown away: ptars for Protocol Buffers, fastavro message by message for Avro, the standard library's ``json`` for
JSON. ``decoder`` is what the servers call: it sorts the records by data type, too. A ratio is the library's time over
the codec's, the median of the rounds' own.

    python benchmarks/records.py [--quick] [--json] [--rounds N]
"""

from __future__ import annotations

import io
import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import fastavro
import ptars
import pyarrow as pa
from report import Report, arguments, show

from modelserving.kafka.messages import MessageRow
from modelserving.records import Column, ColumnType, RecordSchema
from modelserving.records.codecs import AvroCodec, Codec, JsonCodec, ProtobufCodec
from modelserving.records.codecs.avro import avro_schema
from modelserving.records.decoder import RecordDecoder

SIZES = (1, 100, 1_000)
SCHEMA = RecordSchema(
    "Person",
    (
        Column("height", nullable=False),
        Column("weight"),
        Column("age", ColumnType.INT32, nullable=False),
        Column("steps", ColumnType.INT64),
        Column("sure", ColumnType.BOOLEAN, nullable=False),
        Column("town", ColumnType.STRING, nullable=False),
        Column("job", ColumnType.STRING),
    ),
)
WORK_RECORDS = 4_000
"""Records in one measurement, in however many batches."""


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__ or "", rounds=9)
    rounds = 3 if options.quick else options.rounds
    figures: dict[str, float] = {}
    ratios: dict[str, float] = {}
    codecs: dict[str, Codec] = {
        "protobuf": ProtobufCodec.of(SCHEMA),
        "avro": AvroCodec.of(SCHEMA),
        "json": JsonCodec(SCHEMA),
    }
    for name, codec in codecs.items():
        for size in SIZES:
            batch = people(size)
            messages = codec.encode(batch)
            read, write = LIBRARIES[name](messages, batch)
            decoder = RecordDecoder([replace(SCHEMA, encoding=name)])
            envelopes = [MessageRow("people", 0, offset, 0, None, value) for offset, value in enumerate(messages)]
            ways: dict[str, Callable[[], object]] = {
                "decode": partial(codec.decode, messages),
                "library_decode": read,
                "decoder": partial(decoder.decode, envelopes),
                "encode": partial(codec.encode, batch),
                "library_encode": write,
            }
            times = [measure(ways, size) for _ in range(rounds)]
            for way in ways:
                figures[f"{name}.{way}@{size}_us_a_record"] = round(statistics.median(t[way] for t in times), 3)
            for way in ("decode", "encode"):
                share = statistics.median(t[f"library_{way}"] / t[way] for t in times)
                ratios[f"{name}.{way}_over_library@{size}"] = round(share, 3)
    show(Report(figures, ratios), options)


def people(count: int) -> Any:
    """Made-up people; a weight in ten is missing."""
    rows = [
        {
            "height": 1.5 + row % 50 / 100,
            "weight": None if row % 10 == 0 else 60.5 + row % 30,
            "age": row % 90,
            "steps": row * 7919,
            "sure": row % 2 == 0,
            "town": ("Ulm", "Bern", "Graz")[row % 3],
            "job": ("baker", "nurse")[row % 2],
        }
        for row in range(count)
    ]
    return pa.RecordBatch.from_pylist(rows, SCHEMA.to_arrow())


def measure(ways: Mapping[str, Callable[[], object]], size: int) -> dict[str, float]:
    """Microseconds of the processor's time a record, of each way: on a busy machine the clock would tell of others."""
    found = {}
    for name, way in ways.items():
        way()
        turns = max(1, WORK_RECORDS // size)
        start = time.process_time()
        for _ in range(turns):
            way()
        found[name] = (time.process_time() - start) / turns / size * 1e6
    return found


def with_ptars(messages: list[bytes], batch: Any) -> Ways:
    """The library ptars alone."""
    descriptor = ProtobufCodec.of(SCHEMA).descriptor
    handler = ptars.HandlerPool([descriptor.file]).get_for_message(descriptor)
    own = batch.cast(handler.schema())
    return lambda: handler.list_to_record_batch(messages), lambda: handler.record_batch_to_array(own).to_pylist()


def with_fastavro(messages: list[bytes], batch: Any) -> Ways:
    """The library fastavro alone; it writes rows, which are there already."""
    parsed, rows = fastavro.parse_schema(avro_schema(SCHEMA)), batch.to_pylist()

    def write() -> list[bytes]:
        found = []
        for row in rows:
            fastavro.schemaless_writer(stream := io.BytesIO(), parsed, row)
            found.append(stream.getvalue())
        return found

    return lambda: [fastavro.schemaless_reader(io.BytesIO(message), parsed, None) for message in messages], write


def with_json(messages: list[bytes], batch: Any) -> Ways:
    """The standard library alone; it writes rows, which are there already."""
    rows = batch.to_pylist()
    return lambda: [json.loads(message) for message in messages], lambda: [json.dumps(row).encode() for row in rows]


Ways: TypeAlias = tuple[Callable[[], object], Callable[[], object]]
"""How a library reads some messages, and writes a batch."""
LIBRARIES: Mapping[str, Callable[[list[bytes], Any], Ways]] = {
    "protobuf": with_ptars,
    "avro": with_fastavro,
    "json": with_json,
}

if __name__ == "__main__":
    main()
