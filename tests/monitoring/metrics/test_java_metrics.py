"""What Java and Kafka Streams count, read from a topology without a broker."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from modelserving.kstreams import TopologyTestDriver, java, raw
from modelserving.monitoring.metrics import EngineCollector, Exposition, JavaCollector
from tests.monitoring.tools import lint


def page_of_a_topology() -> bytes:
    """The page after three records."""
    topology = java.Topology()
    topology.addSource("in", "in").addSink("out", "out", "in")
    with TopologyTestDriver(topology) as driver:
        pipe = driver.createInputTopic("in", raw(), raw())
        for _ in range(3):
            pipe.pipeInput(None, b"Riesling")
        return Exposition(EngineCollector(lambda: driver), JavaCollector()).render()[0]


def test_the_engines_counters_are_there_under_names_that_prometheus_likes(promtool: str) -> None:
    """Counters by task, without the numbers that threads get by chance; Java's memory and threads."""
    page = page_of_a_topology()
    found = {family.name: family for family in text_string_to_metric_families(page.decode())}
    (consumed,) = found["kafka_streams_topic_records_consumed"].samples
    assert (consumed.labels, consumed.value) == ({"task": "0_0", "node": "in", "topic": "in"}, 3)
    assert next(s.value for s in found["jvm_memory_used_bytes"].samples if s.labels == {"area": "heap"}) > 1e6
    assert found["jvm_gc_collection_seconds"].type == "summary"
    assert lint(promtool, page) == ""


def test_an_engine_that_does_not_run_says_nothing() -> None:
    """While it starts, and while it waits for the broker."""
    assert b"kafka_streams" not in Exposition(EngineCollector(lambda: None)).render()[0]
