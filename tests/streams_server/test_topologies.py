"""The server's topologies, without a broker: the same results with each store."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from modelserving.kstreams import KeyValueStore, Record, TopologyTestDriver, describe, java, raw
from modelserving.records import Topics, decode_scored, encode_descriptor, encode_wine
from modelserving.serving import Counts
from modelserving.serving.traces import BatchTracer
from modelserving.streams_server.distribution import CoPartitionedModels, GlobalModels
from modelserving.streams_server.scoring import Tally
from modelserving.streams_server.stores import STORE, CustomStatistics, ModelStatistics, StoreKind
from modelserving.streams_server.topologies import TopologyParts, make_topology
from modelserving.tracing import RecordTracer
from tests.contract.servers import constant_model
from tests.fakes import FakeModel, served_by, wine
from tests.streams_server.ready import NOWHERE, ReadyModels
from tests.waiting import wait_until

TOPICS = Topics()
PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(params=StoreKind)
def kind(request: pytest.FixtureRequest) -> StoreKind:
    """Each kind of store."""
    found: StoreKind = request.param
    return found


def pipe(driver: TopologyTestDriver, *values: bytes | None, key: bytes | None = b"k") -> None:
    """Put records on the records topic."""
    topic = driver.createInputTopic(TOPICS.records, raw(), raw())
    for number, value in enumerate(values):
        topic.pipeInput(key, value, 1_700_000_000_000 + number)


def read(driver: TopologyTestDriver, topic: str) -> list[Record]:
    """What came out."""
    return driver.createOutputTopic(topic, raw(), raw()).readRecordsToList()


def statistics_of(driver: TopologyTestDriver, data_type: str) -> ModelStatistics | None:
    """What the store has."""
    store: CustomStatistics | KeyValueStore = driver.getStateStore(STORE)
    return store.view().get(data_type) if isinstance(store, CustomStatistics) else store.get(data_type)


def test_records_are_scored(kind: StoreKind, models: ReadyModels) -> None:
    """An answer has the key and the time of its record, and says where it came from; the store has counted it."""
    tally = Tally()
    with TopologyTestDriver(make_topology(kind, TopologyParts(TOPICS, models, tally))) as driver:
        pipe(driver, *[encode_wine(wine(alcohol=alcohol)) for alcohol in (9.5, 10.5)])
        found = read(driver, TOPICS.scored)
        counted = statistics_of(driver, "wine")
        driver.advanceWallClockTime(1)
        assert tally.counts == Counts(scored=2)
    answers = [decode_scored(one.value()) for one in found]
    assert [(one.key(), one.timestamp()) for one in found] == [(b"k", 1_700_000_000_000), (b"k", 1_700_000_000_001)]
    assert [(a.prediction, a.partition, a.offset, a.model_name) for a in answers] == [
        (9.5, 0, 0, "fake"),
        (10.5, 0, 1, "fake"),
    ]
    assert counted is not None
    statistics = counted.find("digest of fake")
    assert statistics is not None
    assert statistics.snapshot().count == 2


def test_what_cannot_be_scored_is_a_dead_letter_or_skipped(kind: StoreKind, models: ReadyModels) -> None:
    """The bytes as they came, the reason in headers; a record without a model is counted; the rest is scored."""
    tally = Tally()
    with TopologyTestDriver(make_topology(kind, TopologyParts(TOPICS, models, tally))) as driver:
        pipe(driver, b"\xff\xff", encode_wine(wine()), None, encode_wine(wine(data_type="beer")))
        letters = read(driver, TOPICS.dead_letters)
        assert len(read(driver, TOPICS.scored)) == 1
        driver.advanceWallClockTime(1)
    assert [(letter.key(), letter.value()) for letter in letters] == [(b"k", b"\xff\xff"), (b"k", None)]
    said = dict(letters[0].headers())
    assert (said["x-original-topic"], said["x-original-offset"], said["x-stage"]) == (b"wine-records", b"0", b"decode")
    assert tally.counts == Counts(scored=1, skipped=1, dead_lettered=2)


def test_a_swap_takes_effect_between_two_records(kind: StoreKind, models: ReadyModels) -> None:
    """Each model's work is counted for itself."""
    with TopologyTestDriver(make_topology(kind, TopologyParts(TOPICS, models, Tally()))) as driver:
        pipe(driver, encode_wine(wine(alcohol=10)))
        models.slots.swap(served_by(FakeModel(factor=2), "double"))
        pipe(driver, encode_wine(wine(alcohol=10)))
        answers = [decode_scored(one.value()) for one in read(driver, TOPICS.scored)]
        counted = statistics_of(driver, "wine")
    assert [(answer.model_name, answer.prediction) for answer in answers] == [("fake", 10), ("double", 20)]
    assert counted is not None
    assert all(counted.find(f"digest of {name}") for name in ("fake", "double"))


def test_the_topologies_have_the_same_nodes(kind: StoreKind, models: ReadyModels) -> None:
    """Whether they are written with the Processor API or with the DSL."""
    graph = describe(make_topology(kind, TopologyParts(TOPICS, models, Tally())))
    assert graph.nodes["score"].stores == ("batch", "statistics")
    assert graph.nodes["score"].after == ("dead-letters", "scored")
    assert graph.nodes["scored"].topics == (TOPICS.scored,)
    assert {"keep-models", "keep-control"} <= set(graph.nodes)


def test_models_arrive_by_a_global_store() -> None:
    """What is on the models topic is built in the background, and the newest message of each key is in the store."""
    models = GlobalModels(*NOWHERE)
    models.start()
    models.begin()
    try:
        with TopologyTestDriver(make_topology(StoreKind.CUSTOM, TopologyParts(TOPICS, models, Tally()))) as driver:
            topic = driver.createInputTopic(TOPICS.models, raw(), raw())
            five = encode_descriptor(constant_model(5.0, "five"))
            topic.pipeInput(b"wine", five)
            (thread,) = models.threads
            wait_until(lambda: thread.slots.data_types == ("wine",), "the model")
            pipe(driver, encode_wine(wine()))
            (found,) = read(driver, TOPICS.scored)
            assert decode_scored(found.value()).prediction == 5.0
            assert driver.getStateStore("models").get(b"wine") == five
    finally:
        models.close()


def test_co_partitioned_models_share_a_task_with_their_records() -> None:
    """Records, models and commands are one sub-topology: the engine gives equal partitions of them to one task."""
    graph = describe(make_topology(StoreKind.CUSTOM, TopologyParts(TOPICS, CoPartitionedModels(*NOWHERE), Tally())))
    (part,) = graph.parts
    read_here = {topic for node in part for topic in node.topics if node.kind == "source"}
    assert read_here == {TOPICS.records, TOPICS.models, TOPICS.control}


def test_an_engine_class_is_reached_by_name() -> None:
    """The package hands out the engine's own classes, and says so of a name that is none."""
    assert str(java.StreamsBuilder).endswith("StreamsBuilder'>")
    with pytest.raises(AttributeError, match="NoSuchClass"):
        _ = java.NoSuchClass


def test_a_record_that_comes_with_a_trace_has_an_answer_that_carries_it_on(models: ReadyModels) -> None:
    """The span's answer names itself; other headers stay, other records get none; spans end with the commit."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = BatchTracer(RecordTracer(provider), TOPICS.records, TOPICS.scored, "group")
    traced = Record(b"k", encode_wine(wine()), 1, (("traceparent", PARENT), ("other", b"stays")))
    bad = Record(b"k", b"\xff", 2, (("traceparent", PARENT),))
    plain = Record(b"k", encode_wine(wine()), 3, (("other", b"stays"),))
    parts = TopologyParts(TOPICS, models, Tally(), tracer=tracer)
    with TopologyTestDriver(make_topology(StoreKind.CUSTOM, parts)) as driver:
        topic = driver.createInputTopic(TOPICS.records, raw(), raw())
        for record in (traced, bad, plain):
            topic.pipeInput(record)
        answers = [dict(one.headers()) for one in read(driver, TOPICS.scored)]
        (letter,) = read(driver, TOPICS.dead_letters)
        driver.advanceWallClockTime(1)
        spans = exporter.get_finished_spans()
    assert sorted(span.name for span in spans) == ["process wine-records", "process wine-records", "send wine-scored"]
    assert {f"{span.context.trace_id:032x}" for span in spans if span.context} == {PARENT[3:35].decode()}
    sent = next(span.context.span_id for span in spans if span.context and span.name.startswith("send"))
    assert answers == [
        {"traceparent": PARENT[:36] + f"{sent:016x}-01".encode(), "other": b"stays"},
        {"other": b"stays"},
    ]
    assert dict(letter.headers())["traceparent"] == PARENT
