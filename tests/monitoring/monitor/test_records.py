"""How a monitor reads records; without a broker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from modelserving.kafka import Connection
from modelserving.monitoring.monitor import Monitor, MonitorOptions
from modelserving.records import Column, ColumnType, RecordSchema
from modelserving.records.codecs import Codec, write_frame
from modelserving.records.codecs.factory import make_codec
from tests.fakes import FakeMessage

WRITTEN = RecordSchema("person", (Column("age", ColumnType.INT64),), "avro")


class Writers:
    """Knows one schema."""

    framed = True
    away = ""

    def codec(self, schema_id: int, reader: RecordSchema) -> Codec:
        """The same for each number."""
        assert (schema_id, reader) == (7, WRITTEN)
        return make_codec(WRITTEN)


def test_framed_records_are_read_as_their_writer_wrote_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the registry, as in the servers; without one they would all be unreadable."""
    (value,) = make_codec(WRITTEN).encode(pa.RecordBatch.from_pylist([{"age": 3}], WRITTEN.to_arrow()))
    monitor = Monitor(Connection("nowhere:1"), MonitorOptions(tmp_path, [WRITTEN], writers=Writers()))
    seen: list[Any] = []
    monkeypatch.setattr(monitor.drift, "add_records", lambda *said: seen.append(said))
    monitor._take(monitor.options.topics.records, [FakeMessage(write_frame(7, value)), FakeMessage(b"")])
    assert (seen, monitor.unreadable.total()) == ([("person", {"age": [3]})], 1)
