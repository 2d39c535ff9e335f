"""How near the codecs come to the libraries that they are made of.

People with two numbers, two texts, two whole numbers and a boolean are decoded and encoded in batches of 1, 100 and
1,000: by the codec, which checks every value and gives a record batch, and in turn by the library alone, whose result
is thrown away: ptars for Protocol Buffers, fastavro message by message for Avro, the standard library's ``json`` for
JSON. A ratio is the library's time over the codec's, the median of the rounds' own.

    python benchmarks/records.py [--quick] [--json] [--rounds N]
"""

from __future__ import annotations

import io
import json
import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import fastavro
import ptars
import pyarrow as pa
from report import Report, arguments, show

from modelserving.records import Column, ColumnType, RecordSchema
from modelserving.records.codecs import AvroCodec, Codec, JsonCodec, ProtobufCodec
from modelserving.records.codecs.avro import avro_schema

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
            alone = LIBRARIES[name](messages)
            ways: dict[str, Callable[[], object]] = {
                "decode": partial(codec.decode, messages),
                "library": alone,
                "encode": partial(codec.encode, batch),
            }
            times = [measure(ways, size) for _ in range(rounds)]
            for way in ways:
                figures[f"{name}.{way}@{size}_us_a_record"] = round(statistics.median(t[way] for t in times), 3)
            ratios[f"{name}.decode_over_library@{size}"] = round(
                statistics.median(t["library"] / t["decode"] for t in times), 3
            )
    show(Report(figures, ratios), options)


def people(count: int) -> Any:
    """Made-up people; a weight in ten is missing."""
    rows = [
        {
            "height": 1.5 + place % 50 / 100,
            "weight": None if place % 10 == 0 else 60.5 + place % 30,
            "age": place % 90,
            "steps": place * 7919,
            "sure": place % 2 == 0,
            "town": ("Ulm", "Bern", "Graz")[place % 3],
            "job": ("baker", "nurse")[place % 2],
        }
        for place in range(count)
    ]
    return pa.RecordBatch.from_pylist(rows, SCHEMA.to_arrow())


def measure(ways: Mapping[str, Callable[[], object]], size: int) -> dict[str, float]:
    """Microseconds a record, of each way."""
    found = {}
    for name, way in ways.items():
        way()
        turns = max(1, WORK_RECORDS // size)
        start = time.perf_counter()
        for _ in range(turns):
            way()
        found[name] = (time.perf_counter() - start) / turns / size * 1e6
    return found


def read_with_ptars(messages: list[bytes]) -> Callable[[], object]:
    """The library ptars alone."""
    descriptor = ProtobufCodec.of(SCHEMA).descriptor
    handler = ptars.HandlerPool([descriptor.file]).get_for_message(descriptor)
    return lambda: handler.list_to_record_batch(messages)


def read_with_fastavro(messages: list[bytes]) -> Callable[[], object]:
    """The library fastavro alone."""
    parsed = fastavro.parse_schema(avro_schema(SCHEMA))
    return lambda: [fastavro.schemaless_reader(io.BytesIO(message), parsed, None) for message in messages]


def read_with_json(messages: list[bytes]) -> Callable[[], object]:
    """The standard library alone."""
    return lambda: [json.loads(message) for message in messages]


LIBRARIES: Mapping[str, Callable[[list[bytes]], Callable[[], object]]] = {
    "protobuf": read_with_ptars,
    "avro": read_with_fastavro,
    "json": read_with_json,
}

if __name__ == "__main__":
    main()
