"""Spans, as OpenTelemetry's conventions for messaging name them. Its types are used here alone, and where it is on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelserving import __version__
from modelserving.kafka import Headers
from modelserving.tracing.headers import carried, other_headers

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, TracerProvider


@dataclass(frozen=True, slots=True)
class SendSpan:
    """A message on its way.

    Args:
        headers: what it is sent with.
        end: to be called when the broker has it, or with the reason why not.
    """

    headers: list[tuple[str, bytes]]
    end: Callable[[BaseException | None], None]


@dataclass(frozen=True, slots=True)
class Processing:
    """A message that a server works on.

    Args:
        headers: what its answer is sent with.
        end: to be called when what became of it is committed: whether it has an answer, and what went wrong, if
            something did.
    """

    headers: list[tuple[str, bytes]]
    end: Callable[[bool, str], None]


class RecordTracer:
    """Makes spans.

    Args:
        provider: where they go.
    """

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._tracer = provider.get_tracer("modelserving", __version__)
        self._propagator = TraceContextTextMapPropagator()

    def send(self, topic: str, headers: Headers = ()) -> SendSpan:
        """Begin to send a message; in a trace of its own, or in the one that its headers name.

        Args:
            topic: where to.
            headers: what it is sent with anyway.
        """
        from opentelemetry.trace import SpanKind

        span = self._tracer.start_span(
            f"send {topic}", self._context(headers), SpanKind.PRODUCER, _messaging("send", topic)
        )

        def end(error: BaseException | None) -> None:
            _end(span, "" if error is None else repr(error))

        return SendSpan([*_others(headers), *self._headers(span)], end)

    def process(
        self, topic: str, answers: str, headers: Headers, said: Mapping[str, str | int], started_ns: int
    ) -> Processing:
        """Begin to work on a message, in the trace that its headers name.

        Args:
            topic: where it was read.
            answers: where its answer is sent to.
            headers: what it came with.
            said: what else is worth knowing, by OpenTelemetry's names.
            started_ns: when that began, nanoseconds since 1970.
        """
        from opentelemetry.trace import SpanKind, set_span_in_context

        attributes = {**_messaging("process", topic), **said}
        span = self._tracer.start_span(
            f"process {topic}", self._context(headers), SpanKind.CONSUMER, attributes, start_time=started_ns
        )
        answer = self._tracer.start_span(
            f"send {answers}", set_span_in_context(span), SpanKind.PRODUCER, _messaging("send", answers)
        )

        def end(answered: bool, problem: str) -> None:
            if answered:
                answer.end()
            _end(span, problem)

        return Processing(self._headers(answer), end)

    def _context(self, headers: Headers) -> Context:
        from opentelemetry.context import Context

        found = {name: value.decode("ascii", "replace") for name, value in carried(headers)}
        return self._propagator.extract(found, Context())

    def _headers(self, span: Span) -> list[tuple[str, bytes]]:
        from opentelemetry.trace import set_span_in_context

        found: dict[str, str] = {}
        self._propagator.inject(found, set_span_in_context(span))
        return [(name, value.encode()) for name, value in found.items()]


def begin_send(tracer: RecordTracer | None, topic: str, headers: Headers = ()) -> SendSpan:
    """Begin to send a message, whether that is traced or not.

    Args:
        tracer: makes the span; ``None``: nobody does.
        topic: where to.
        headers: what it is sent with anyway.
    """
    if tracer is None:
        return SendSpan([(name, value or b"") for name, value in headers], _nothing)
    return tracer.send(topic, headers)


def _nothing(_: BaseException | None) -> None:
    """Nobody looks."""


def _others(headers: Headers) -> Sequence[tuple[str, bytes]]:
    return [(name, value or b"") for name, value in other_headers(headers)]


def _messaging(operation: str, topic: str) -> dict[str, str | int]:
    return {
        "messaging.system": "kafka",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": topic,
    }


def _end(span: Span, problem: str) -> None:
    if problem:
        from opentelemetry.trace import Status, StatusCode

        span.set_status(Status(StatusCode.ERROR, problem[:1000]))
    span.end()
