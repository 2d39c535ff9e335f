"""Settings of Kafka Streams in Python's names: ``application_id``, ``num_standby_replicas``, ``producer_linger_ms``.

A name is the engine's own with ``_`` for each dot. One that the engine does not know is refused, with the nearest one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from functools import cache
from typing import Any

import _jpype
import jpype

from modelserving import jvm
from modelserving.config import load_settings
from modelserving.errors import ConfigError
from modelserving.kafka import Connection
from modelserving.kstreams import functions
from modelserving.kstreams.bridge.delegates import class_for
from modelserving.kstreams.bridge.logging import forward_logs
from modelserving.kstreams.bridge.security import client_properties

_CLIENTS = "org.apache.kafka.clients."
_BYTES = "org.apache.kafka.common.serialization.Serdes$ByteArraySerde"
_ERRORS = "org.apache.kafka.streams.errors."
_EXTRACTOR = "org.apache.kafka.streams.processor.TimestampExtractor"
_SERDE = "org.apache.kafka.common.serialization.Serde"
_OBJECTS: Mapping[str, tuple[str, Callable[..., Any] | None]] = {
    "default.key.serde": (_SERDE, None),
    "default.value.serde": (_SERDE, None),
    "default.timestamp.extractor": (_EXTRACTOR, functions.TimestampExtractor),
    "deserialization.exception.handler": (
        _ERRORS + "DeserializationExceptionHandler",
        functions.DeserializationExceptionHandler,
    ),
    "processing.exception.handler": (
        _ERRORS + "ProcessingExceptionHandler",
        functions.ProcessingExceptionHandler,
    ),
    "production.exception.handler": (
        _ERRORS + "ProductionExceptionHandler",
        functions.ProductionExceptionHandler,
    ),
}
"""Settings that may be an object of this interface, or a function of Python that is made one."""
_DEFAULTS: Mapping[str, object] = {
    "default.key.serde": _BYTES,
    "default.value.serde": _BYTES,
    "auto.offset.reset": "earliest",
    "processing.exception.handler.global.enabled": True,  # what Kafka 5 does; without it, each start warns
}


def streams_config(connection: Connection | None = None, /, **options: object) -> Any:
    """The ``Properties`` that an application is made with.

    Args:
        connection: to the cluster, with all that it needs to be let in; ``None`` where none is needed, as for
            ``TopologyTestDriver``.
        options: the engine's settings in Python's names. Those of its clients begin with ``consumer_``,
            ``main_consumer_``, ``restore_consumer_``, ``global_consumer_``, ``producer_``, ``admin_``; those of its
            own topics with ``topic_``. A ``timedelta`` is written in milliseconds. Serdes, exception handlers and
            timestamp extractors may be objects, or functions of Python; the engine's own are found by short names, too
            (``processing_exception_handler="LogAndContinueProcessingExceptionHandler"``). State is kept in the
            workbook's own folder, not in one that all programs of the machine share.

    Raises:
        ConfigError: a name is not known, or a value not allowed.
    """
    forward_logs()
    own = {"bootstrap.servers": "nowhere:1"} if connection is None else client_properties(connection)
    named = {_find(name): value for name, value in options.items()}
    properties = jvm.java_class("java.util.Properties")()
    folder = {"state.dir": load_settings().home / "kafka-streams"}
    for name, value in {**_DEFAULTS, **folder, **own, **named}.items():
        properties.put(name, _as_class(name, value) if name in _OBJECTS else _written(value))
    _check(properties)
    return properties


def _find(name: str) -> str:
    """The engine's name for a setting."""
    known = _known()
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ConfigError(f"Kafka Streams has no setting {name!r}.{hint}")


@cache
def _known() -> dict[str, str]:
    """All settings, by their names in Python."""
    streams = _names(jvm.java_class("org.apache.kafka.streams.StreamsConfig").configDef().names())
    consumer, producer, admin = (
        _names(jvm.java_class(_CLIENTS + name).configNames())
        for name in ("consumer.ConsumerConfig", "producer.ProducerConfig", "admin.AdminClientConfig")
    )
    topic = _names(jvm.java_class("org.apache.kafka.storage.internals.log.LogConfig").configNames())
    prefixed = {
        "consumer.": consumer,
        "main.consumer.": consumer,
        "restore.consumer.": consumer,
        "global.consumer.": consumer,
        "producer.": producer,
        "admin.": admin,
        "topic.": topic,
    }
    plain = [*consumer, *producer, *admin, *streams]
    full = [*plain, *(prefix + name for prefix, names in prefixed.items() for name in names)]
    return {name.replace(".", "_").replace("-", "_"): name for name in full}


def _names(found: Iterable[Any]) -> list[str]:
    """Without those that are the engine's own secrets."""
    return [str(name) for name in found if not str(name).startswith("__")]


def _written(value: object) -> Any:
    """A value as a properties file has it; what is Java's stays."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, timedelta):
        return str(round(value / timedelta(milliseconds=1)))
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return value if isinstance(value, jpype.JObject) else str(value)


def _as_class(name: str, value: object) -> Any:
    """What the engine makes an object of: a class, or the name of one."""
    interface, wrap = _OBJECTS[name]
    if isinstance(value, str):
        return value if "." in value else _package(interface) + value
    if isinstance(value, jpype.JClass):
        return value.class_
    if isinstance(value, jpype.JObject) and isinstance(value, jvm.java_class("java.lang.Class")):
        return value
    if callable(value) and not isinstance(value, jpype.JObject | _jpype._JProxy):
        if wrap is None:
            raise ConfigError(f"the setting {name} takes a serde, as serde(encode, decode) or text() make it.")
        value = wrap(value)
    return class_for(interface, value)


def _package(interface: str) -> str:
    """Where the engine's own classes of an interface are."""
    return _SERDE + "s$" if interface == _SERDE else interface[: interface.rindex(".") + 1]


def _check(properties: Any) -> None:
    """Let the engine look at all of it now, and not when it is started."""
    try:
        jvm.java_class("org.apache.kafka.streams.StreamsConfig")(properties)
    except jpype.JException as error:
        raise ConfigError(f"Kafka Streams does not take these settings: {jvm.describe(error)}.") from error
