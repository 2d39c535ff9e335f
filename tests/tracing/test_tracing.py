"""A trace follows a record by its headers."""

from __future__ import annotations

import sys
from itertools import pairwise

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from modelserving.config import load_settings
from modelserving.errors import ConfigError, SetupError
from modelserving.tracing import RecordTracer, begin_send, carried, make_tracer

PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    """Keeps spans that have ended."""
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exporter: InMemorySpanExporter) -> RecordTracer:
    """Makes spans that the exporter keeps."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return RecordTracer(provider)


def ended(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    """The spans that have ended, by name."""
    return {span.name: span for span in exporter.get_finished_spans()}


def test_what_is_carried_on_are_the_traces_headers() -> None:
    """No others, none without a value, and none that is as large as a message."""
    headers = [("traceparent", PARENT), ("tracestate", None), ("schema", b"wine"), ("tracestate", b"x" * 10_000)]
    assert carried(headers) == [("traceparent", PARENT)]


def test_one_trace_leads_from_who_publishes_to_the_answer(tracer: RecordTracer, exporter: InMemorySpanExporter) -> None:
    """Each step is the child of the one before; what else a record came with stays with it."""
    sending = tracer.send("records", [("schema", b"wine")])
    sending.end(None)
    assert [name for name, _ in sending.headers] == ["schema", "traceparent"]
    work = tracer.process("records", "scored", sending.headers, {"modelserving.model": "tree"}, 1_000)
    assert set(ended(exporter)) == {"send records"}
    work.end(True, "")
    found = ended(exporter)
    chain = [found[name] for name in ("send records", "process records", "send scored")]
    assert [span.kind for span in chain] == [SpanKind.PRODUCER, SpanKind.CONSUMER, SpanKind.PRODUCER]
    for before, after in pairwise(chain):
        assert after.parent is not None
        assert before.context is not None
        assert after.parent.span_id == before.context.span_id
        assert after.parent.trace_id == before.context.trace_id
    last = chain[-1].context
    assert last is not None
    assert dict(work.headers)["traceparent"].startswith(f"00-{last.trace_id:032x}-{last.span_id:016x}-".encode())
    assert chain[1].start_time == 1_000
    assert (chain[1].attributes or {})["modelserving.model"] == "tree"


def test_what_has_no_answer_has_no_span_of_one(tracer: RecordTracer, exporter: InMemorySpanExporter) -> None:
    """A dead letter's span says why."""
    tracer.process("records", "scored", [("traceparent", PARENT)], {}, 1).end(False, "decode: DecodeError: no wine")
    (span,) = exporter.get_finished_spans()
    assert (span.name, span.status.status_code) == ("process records", StatusCode.ERROR)
    assert span.status.description == "decode: DecodeError: no wine"


def test_a_message_that_the_broker_does_not_take_is_an_error(
    tracer: RecordTracer, exporter: InMemorySpanExporter
) -> None:
    """Its span says so."""
    begin_send(tracer, "records").end(TimeoutError("no broker"))
    (span,) = exporter.get_finished_spans()
    assert "no broker" in (span.status.description or "")


@pytest.mark.parametrize("broken", [b"", b"\xff\xfe", b"00-zz", PARENT + b"-x", b"00-" + b"0" * 32 + b"-" + b"0" * 16])
def test_a_broken_parent_begins_a_trace_of_its_own(
    broken: bytes, tracer: RecordTracer, exporter: InMemorySpanExporter
) -> None:
    """And disturbs nothing."""
    tracer.process("records", "scored", [("traceparent", broken)], {}, 1).end(True, "")
    assert ended(exporter)["process records"].parent is None


def test_where_it_is_off_a_message_is_sent_as_it_is() -> None:
    """With its own headers, whatever they are."""
    sending = begin_send(None, "records", [("traceparent", PARENT)])
    sending.end(None)
    assert sending.headers == [("traceparent", PARENT)]


@pytest.mark.parametrize(
    ("environ", "exporter"),
    [
        ({}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, ""),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "TRUE"}, ""),
    ],
)
def test_the_environment_says_where_spans_go(environ: dict[str, str], exporter: str) -> None:
    """By OpenTelemetry's own variables; without any, nowhere."""
    assert load_settings({"MODELSERVING_HOME": "/tmp", **environ}).traces_exporter == exporter


def test_what_cannot_be_had_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exporter that there is not; OpenTelemetry that is not installed."""
    with pytest.raises(ConfigError, match=r"'zipkin'. There are: otlp"):
        make_tracer("zipkin", "me")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    with pytest.raises(SetupError, match=r"pip install 'modelserving\[tracing\]'"):
        make_tracer("otlp", "me")


def test_without_a_wish_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Off costs nothing; a provider that the program has set is used."""
    monkeypatch.delitem(sys.modules, "opentelemetry.sdk.trace")
    assert make_tracer("", "me") is None
