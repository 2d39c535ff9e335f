"""What Java and Kafka Streams count by themselves, under Prometheus' names and in its units.

The engine has some hundred metrics, most of them rates and maxima over the last seconds, which Prometheus makes of
counters itself. So the counters are taken (``...-total``), nanoseconds as seconds; and four that no counter tells.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jpype
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from modelserving import jvm

_GROUPS = {
    "stream-metrics": "kafka_streams",
    "stream-thread-metrics": "kafka_streams_thread",
    "stream-task-metrics": "kafka_streams_task",
    "stream-state-metrics": "kafka_streams_state",
    "stream-topic-metrics": "kafka_streams_topic",
    "consumer-fetch-manager-metrics": "kafka_streams_consumer",
    "producer-metrics": "kafka_streams_producer",
}
_GAUGES = {
    "alive-stream-threads": "threads_alive",
    "failed-stream-threads": "threads_failed",
    "records-lag-max": "lag_max_records",
    "restore-remaining-records-total": "restore_remaining_records",
}
_LABELS = {"task-id": "task", "processor-node-id": "node", "topic": "topic", "partition": "partition"}
_STATE = re.compile(r"[a-z-]+-state-id")
_NS = "-ns-total"
_NS_PER_S = 1e9


class Engine(Protocol):
    """A running Kafka Streams, as far as it is asked here."""

    @property
    def java(self) -> Any:
        """The engine's own object."""
        ...


@runtime_checkable
class HasEngine(Protocol):
    """A server on Kafka Streams."""

    @property
    def streams(self) -> Engine | None:
        """What runs now; ``None`` while nothing does."""
        ...


class JavaCollector(Collector):
    """Memory, threads and garbage of this process's Java machine; nothing while none runs."""

    def collect(self) -> Iterator[Metric]:
        """All that it says now."""
        if jpype.isJVMStarted():
            factory = jvm.java_class("java.lang.management.ManagementFactory")
            yield from _memory(factory.getMemoryMXBean())
            yield GaugeMetricFamily(
                "jvm_threads_current", "Threads that Java knows.", int(factory.getThreadMXBean().getThreadCount())
            )
            yield _garbage(factory.getGarbageCollectorMXBeans())


def _memory(memory: Any) -> Iterator[Metric]:
    areas = {"heap": memory.getHeapMemoryUsage(), "nonheap": memory.getNonHeapMemoryUsage()}
    for what, told in (("used", "in use"), ("committed", "taken from the system"), ("max", "that it may take at most")):
        family = GaugeMetricFamily(f"jvm_memory_{what}_bytes", f"Java's memory {told}.", labels=["area"])
        for area, usage in areas.items():
            if (value := int(getattr(usage, f"get{what.title()}")())) >= 0:
                family.add_metric([area], value)
        yield family


def _garbage(collectors: Any) -> Metric:
    family = SummaryMetricFamily("jvm_gc_collection_seconds", "Java's collections of garbage.", labels=["gc"])
    for one in collectors:
        family.add_metric([str(one.getName())], int(one.getCollectionCount()), int(one.getCollectionTime()) / 1000)
    return family


class EngineCollector(Collector):
    """Kafka Streams' own counters; nothing while it does not run.

    Args:
        engine: tells which engine runs now, or ``None``.
    """

    def __init__(self, engine: Callable[[], Engine | None]) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """All that it says now."""
        engine = self._engine()
        if engine is None:
            return
        values: dict[_Series, float] = {}
        for metric in engine.java.metrics().values():
            if (series := _series(metric.metricName())) is not None and (value := _value(metric)) is not None:
                values[series] = values.get(series, 0.0) + value / series.per_unit
        yield from _families(values)


class _Series(NamedTuple):
    """One line of the page.

    Args:
        name: of the metric.
        labels: their names.
        of: their values.
        per_unit: how many of the engine's units are one of ours.
    """

    name: str
    labels: tuple[str, ...]
    of: tuple[str, ...]
    per_unit: float


def _series(metric: Any) -> _Series | None:
    """Where a metric belongs; several of one process's threads and clients are added up."""
    prefix, own = _GROUPS.get(str(metric.group())), str(metric.name())
    if prefix is None or not (own.endswith("-total") or own in _GAUGES):
        return None
    tags = {_label(str(one.getKey())): str(one.getValue()) for one in metric.tags().entrySet()}
    tags.pop("", None)
    in_ns = own.endswith(_NS)
    name = f"{own.removesuffix(_NS)}-seconds-total" if in_ns else _GAUGES.get(own, own)
    return _Series(f"{prefix}_{_snake(name)}", tuple(tags), tuple(tags.values()), _NS_PER_S if in_ns else 1.0)


def _label(tag: str) -> str:
    """What a tag is called here; empty: it only says which thread or client it was, with a number by chance."""
    return "store" if _STATE.fullmatch(tag) else _LABELS.get(tag, "")


def _value(metric: Any) -> float | None:
    """A number, if it is one."""
    try:
        value = float(metric.metricValue())
    except (TypeError, ValueError):
        return None
    return None if math.isnan(value) else value


def _families(values: Mapping[_Series, float]) -> Iterator[Metric]:
    """Where a metric comes in several depths (of all topics, of one, of its partitions), the deepest is taken."""
    deepest: dict[str, tuple[str, ...]] = {}
    for series in values:
        deepest[series.name] = max(deepest.get(series.name, ()), series.labels, key=len)
    families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
    for series, value in values.items():
        if series.labels == deepest[series.name]:
            if series.name not in families:
                families[series.name] = _family(series)
            families[series.name].add_metric(series.of, value)
    yield from families.values()


def _family(series: _Series) -> CounterMetricFamily | GaugeMetricFamily:
    told = f"Kafka Streams: {series.name.removeprefix('kafka_streams_').removesuffix('_total').replace('_', ' ')}."
    kind = CounterMetricFamily if series.name.endswith("_total") else GaugeMetricFamily
    return kind(series.name, told, labels=series.labels)


def _snake(name: str) -> str:
    return name.replace("-", "_").replace(".", "_")
