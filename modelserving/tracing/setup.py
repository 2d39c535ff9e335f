"""Whether anything is traced, and where spans go: as the standard ``OTEL_...`` variables say."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from modelserving.errors import ConfigError, SetupError
from modelserving.tracing.spans import RecordTracer

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import TracerProvider

_UNKNOWN = "unknown_service"


def make_tracer(exporter: str, service: str) -> RecordTracer | None:
    """What makes spans, or ``None`` where nobody wants any: then nothing of OpenTelemetry is loaded.

    Endpoint, headers, sampler, limits and the service's name are OpenTelemetry's own variables, which its SDK reads.

    Args:
        exporter: ``otlp`` or ``console``; empty: none, unless the program has a tracer provider already, for example by
            ``opentelemetry-instrument``.
        service: what this program is called, where ``OTEL_SERVICE_NAME`` does not say.

    Raises:
        SetupError: OpenTelemetry is not installed.
        ConfigError: there is no such exporter.
    """
    if not exporter:
        there = _provider_of_the_program()
        return RecordTracer(there) if there is not None else None
    try:
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise SetupError(
            f"traces are wanted (OTEL_... variables), and {error.name} is not installed: "
            "pip install 'modelserving[tracing]', or set OTEL_SDK_DISABLED=true."
        ) from error
    resource = Resource.create()
    if str(resource.attributes.get(SERVICE_NAME, _UNKNOWN)).startswith(_UNKNOWN):
        resource = resource.merge(Resource({SERVICE_NAME: service}))
    provider = TracerProvider(resource=resource)
    # In batches, by a thread of its own; what has no room is dropped, and nobody waits.
    provider.add_span_processor(BatchSpanProcessor(_make_exporter(exporter)))
    return RecordTracer(provider)


def _make_exporter(name: str) -> SpanExporter:
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter()
    if name != "otlp":
        raise ConfigError(f"OTEL_TRACES_EXPORTER is {name!r}. There are: otlp (over http/protobuf), console, none.")
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise SetupError(
            f"traces are wanted by OTLP, and {error.name} is not installed: pip install 'modelserving[tracing]'."
        ) from error
    return OTLPSpanExporter()


def _provider_of_the_program() -> TracerProvider | None:
    """The one that somebody has set for all of this process, if the SDK is in it at all."""
    if "opentelemetry.sdk.trace" not in sys.modules:
        return None
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import get_tracer_provider

    there = get_tracer_provider()
    return there if isinstance(there, TracerProvider) else None
