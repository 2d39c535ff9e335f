"""The engine's own classes, by their own names, as they are: ``from modelserving.kstreams.java import Topology``.

They are Java classes that Python calls through JPype. The first name that is used starts the JVM.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from modelserving.jvm import java_class
from modelserving.kstreams.bridge.logging import forward_logs

_STREAMS = "org.apache.kafka.streams."
_COMMON = "org.apache.kafka.common."
_IN = {
    "java.lang.": ("Object", "String"),
    "java.nio.": ("ByteBuffer",),
    "java.time.": ("Duration", "Instant"),
    "java.util.": ("ArrayList", "HashMap", "HashSet", "Optional", "Properties"),
    _COMMON + "header.internals.": ("RecordHeaders",),
    _COMMON + "serialization.": (
        "ByteArrayDeserializer",
        "ByteArraySerializer",
        "Serdes",
        "StringDeserializer",
        "StringSerializer",
    ),
    _COMMON + "utils.": ("Bytes",),
    _STREAMS: (
        "AutoOffsetReset",
        "KeyQueryMetadata",
        "KeyValue",
        "StoreQueryParameters",
        "StreamsBuilder",
        "StreamsConfig",
        "Topology",
    ),
    _STREAMS + "kstream.": (
        "Branched",
        "Consumed",
        "EmitStrategy",
        "Grouped",
        "JoinWindows",
        "Joined",
        "Materialized",
        "Named",
        "Printed",
        "Produced",
        "Repartitioned",
        "SessionWindows",
        "SlidingWindows",
        "StreamJoined",
        "Suppressed",
        "TimeWindows",
        "Windowed",
        "WindowedSerdes",
    ),
    _STREAMS + "kstream.internals.": ("SessionWindow", "TimeWindow"),
    _STREAMS + "kstream.Suppressed$": ("BufferConfig",),
    _STREAMS + "processor.": ("PunctuationType", "TaskId"),
    _STREAMS + "query.": ("KeyQuery", "Position", "RangeQuery", "StateQueryRequest", "WindowKeyQuery"),
    _STREAMS + "state.": ("HostInfo", "QueryableStoreTypes", "Stores"),
}

KNOWN = {name: package + name for package, names in _IN.items() for name in names}
"""Where each class is."""

INTERNAL_CONTEXT = _STREAMS + "processor.internals.InternalProcessorContext"
"""The whole of what a context can do; the engine's own caches use it, and so does ``batches``."""


def __getattr__(name: str) -> Any:
    """Find a class at its first use."""
    if name not in KNOWN:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = java_class(KNOWN[name])
    globals()[name] = found
    _forward_logs_once()
    return found


@cache
def _forward_logs_once() -> None:
    """Whoever only draws a topology has not started anything yet, and gets the engine's advice in the terminal."""
    forward_logs()
