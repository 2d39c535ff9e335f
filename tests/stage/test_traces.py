"""A trace leads from the client over the topic and the stage to the answer, by the messages' headers."""

from __future__ import annotations

import threading

import anyio
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from modelserving.client import Dataset, Publisher, Rate
from modelserving.config import data_folder
from modelserving.kafka import Connection, read_topic
from modelserving.models.store.bundled import read_catalog
from modelserving.records import Topics
from modelserving.serving import ServerOptions
from modelserving.stage import StageServer
from modelserving.tracing import RecordTracer
from tests.fakes import wine
from tests.waiting import WAIT, let_commits_arrive

pytestmark = pytest.mark.broker


@pytest.mark.parametrize("fast", [False, True])
def test_each_record_has_one_trace(connection: Connection, topics: Topics, fast: bool) -> None:
    """Three spans, each the child of the one before, the last of which the answer's message names."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = RecordTracer(provider)
    models = tuple(one for one in read_catalog(data_folder() / "models") if one.name == "wine-random-forest-onnx")
    rate = Rate(record_interval_ms=0, max_records=3)
    Publisher(connection, Dataset((wine(),), models), rate, topics, tracer=tracer).run(threading.Event())
    options = ServerOptions(topics, group=topics.records, preload=False, fast=fast, tracer=tracer)
    anyio.run(serve_until, StageServer(connection, options), 3)
    traces: dict[int, dict[str, int]] = {}
    for span in exporter.get_finished_spans():
        assert span.context is not None
        traces.setdefault(span.context.trace_id, {})[span.name] = span.context.span_id
    steps = {f"send {topics.records}", f"process {topics.records}", f"send {topics.scored}"}
    assert [set(spans) for spans in traces.values()] == [steps] * 3
    let_commits_arrive(connection, topics.scored)
    named = [dict(message.headers)["traceparent"] for message in read_topic(connection, topics.scored)]
    last = [f"00-{trace:032x}-{spans[f'send {topics.scored}']:016x}" for trace, spans in traces.items()]
    assert sorted(text[:52].decode() for text in named) == sorted(last)


async def serve_until(server: StageServer, scored: int) -> None:
    """Serve until so many records are answered."""
    with anyio.fail_after(WAIT):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.run)
            while server.counts.scored < scored:
                await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
