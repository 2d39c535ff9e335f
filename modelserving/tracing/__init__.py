"""A trace follows a record by its headers, as W3C's Trace Context says: from who publishes it to its answer.

::

    headers.py ─▶ spans.py ─▶ setup.py      what is carried on; a span for each step; as OTEL_... variables say

A trace begins where a record is published. Servers go on with those that come with a ``traceparent``, and begin none:
who publishes decides what is followed. Without OpenTelemetry (the extra ``tracing``), or where it is off, the headers
that came with a record go on with its answer as they are.
"""

from modelserving.tracing.headers import carried, other_headers
from modelserving.tracing.setup import make_tracer
from modelserving.tracing.spans import RecordTracer, SendSpan, begin_send

__all__ = ["RecordTracer", "SendSpan", "begin_send", "carried", "make_tracer", "other_headers"]
