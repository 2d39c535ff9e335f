"""What becomes of a record belongs to the trace that it came with."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from modelserving.kafka.dead_letters import DeadLetter
from modelserving.records import ScoredRecord
from modelserving.serving import Batch, ScoredBatch
from modelserving.serving.traces import BatchTracer
from modelserving.tracing import RecordTracer

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OFF = BatchTracer(None, "records", "scored", "group")


class Sent(NamedTuple):
    """A message."""

    partition: int
    offset: int
    headers: tuple[tuple[str, bytes | None], ...] = ()
    topic: str = "records"
    timestamp: int = 0
    key: bytes | None = None
    value: bytes | None = None


def scored(offset: int) -> ScoredRecord:
    """An answer."""
    return ScoredRecord("wine", 5.0, "tree", "1", "ab" * 32, 0, offset, 1, 1, 1)


TRACED = (("schema", b"wine"), ("traceparent", PARENT.encode()), ("tracestate", b"a=b"))
BATCH = Batch((Sent(0, 0), Sent(0, 1, TRACED), Sent(0, 2, (("schema", b"wine"),)), Sent(0, 3, TRACED)))
RESULT = ScoredBatch(
    scored=(scored(0), scored(1), scored(2)),
    keys=(None, None, None),
    dead=(DeadLetter(b"", None, "records", 0, 3, "score", "ScoringError", "no score"),),
)


def test_where_it_is_off_a_trace_goes_on_as_it_came() -> None:
    """To the answer of its record, behind the headers that the answer has; to no other."""
    assert OFF.follow(BATCH, RESULT, 1).notes == ([], list(TRACED[1:]), [])
    noted = replace(RESULT, notes=([("who", b"x")], [("who", b"y")], []))
    assert OFF.follow(BATCH, noted, 1).notes == ([("who", b"x")], [("who", b"y"), *TRACED[1:]], [])


@pytest.mark.parametrize("batch", [Batch(BATCH.messages[:1]), Batch(BATCH.messages[2:3]), Batch(())])
def test_a_batch_without_a_trace_stays_as_it_is(batch: Batch) -> None:
    """It is the very same object: nothing is made for it."""
    assert OFF.follow(batch, RESULT, 1) is RESULT


def test_spans_end_when_the_batch_is_committed() -> None:
    """One for the answer, one for the dead letter, none for records without a trace; all in the trace that came."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    result = BatchTracer(RecordTracer(provider), "records", "scored", "group").follow(BATCH, RESULT, 1)
    assert exporter.get_finished_spans() == ()
    result.committed()
    spans = exporter.get_finished_spans()
    assert sorted(span.name for span in spans) == ["process records", "process records", "send scored"]
    assert {f"{span.context.trace_id:032x}" for span in spans if span.context} == {PARENT[3:35]}
    told = {(span.attributes or {}).get("messaging.kafka.offset"): span for span in spans}
    assert (told[1].attributes or {})["modelserving.model"] == "tree"
    assert told[3].status.description == "score: ScoringError: no score"
    assert result.notes[1][0][1] != PARENT.encode()
    assert dict(result.notes[1])["tracestate"] == b"a=b"
