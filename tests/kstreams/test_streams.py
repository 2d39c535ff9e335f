"""Running applications, on a real broker: their errors, their end, and what is restored."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from modelserving import jvm
from modelserving.errors import ServerError
from modelserving.kafka import Connection, create_topics, delete_topics, make_producer, read_topic
from modelserving.kstreams import (
    KafkaStreams,
    Processor,
    ProcessorContext,
    ProcessorSupplier,
    Record,
    Response,
    State,
    StateStore,
    StoreBuilder,
    java,
    stores_of,
    streams_config,
)
from modelserving.kstreams import streams as streams_module
from modelserving.kstreams.bridge.batches import BatchContext, BatchProcessor, BatchProcessorSupplier
from modelserving.kstreams.bridge.collector import Columns
from modelserving.records import Topics
from modelserving.system.ports import free_port
from tests.waiting import wait_until

pytestmark = pytest.mark.broker


class Counts(StateStore):
    """How many records came, by value."""

    def open(self) -> None:
        self.counts: Counter[bytes] = Counter()

    def restore(self, key: bytes, value: bytes | None) -> None:
        self.counts[key] = int(value or 0)

    def count(self, key: bytes) -> None:
        self.counts[key] += 1
        self.log(key, str(self.counts[key]).encode())

    def view(self) -> Counter[bytes]:
        return Counter(self.counts)


class Counting(Processor):
    """Counts, and hands on; fails as often as it is told to."""

    failures = 0

    def init(self, context: ProcessorContext) -> None:
        super().init(context)
        self.store: Counts = context.getStateStore("counts")

    def process(self, record: Record) -> None:
        self.store.count(record.value())
        self.context.forward(record)
        if record.value() == b"poison" and Counting.failures:
            Counting.failures -= 1
            raise ValueError("this one is poison")


@pytest.fixture
def own(connection: Connection) -> Iterator[Topics]:
    """Topics of two partitions."""
    topics = Topics().prefixed(f"k{secrets.token_hex(4)}")
    create_topics(connection, topics, partitions=2)
    yield topics
    delete_topics(connection, topics)


def counting(topics: Topics) -> Any:
    """The topology of these tests."""
    topology = java.Topology()
    topology.addSource("source", topics.records)
    topology.addProcessor("count", ProcessorSupplier(Counting), "source")
    topology.addStateStore(StoreBuilder("counts", Counts), "count")
    topology.addSink("sink", topics.scored, "count")
    return topology


def config(connection: Connection, topics: Topics, folder: Path, **more: object) -> Any:
    """The settings of these tests."""
    return streams_config(
        connection,
        application_id=topics.records,
        state_dir=folder,
        processing_guarantee="exactly_once_v2",
        commit_interval_ms=50,
        consumer_session_timeout_ms=6000,
        **more,
    )


def send(connection: Connection, topics: Topics, *values: bytes) -> None:
    """Publish values, in turn to both partitions."""
    with make_producer(connection) as producer:
        for number, value in enumerate(values):
            producer.send(topics.records, value=value, partition=number % 2)
        producer.flush()


def read(connection: Connection, topics: Topics) -> Counter[bytes]:
    """What came out and is committed."""
    return Counter(message.value for message in read_topic(connection, topics.scored))


def counted(streams: KafkaStreams) -> Counter[bytes]:
    """What the stores of this instance have, all together."""
    return sum(streams.store("counts", stores_of(Counts)), Counter())


def test_records_come_through_and_the_store_can_be_asked(connection: Connection, own: Topics, tmp_path: Path) -> None:
    """An instance serves when it is running; its stores are one for each partition."""
    states: list[State] = []
    application = KafkaStreams(counting(own), config(connection, own, tmp_path), on_state=states.append)
    with application as streams:
        streams.wait_for(State.RUNNING)
        send(connection, own, b"red", b"red", b"white")
        wait_until(lambda: read(connection, own).total() == 3, "three results")
        assert counted(streams) == {b"red": 2, b"white": 1}
        assert len(streams.store("counts", stores_of(Counts))) == 2
        with pytest.raises(ServerError, match="no-such-store"):
            streams.store("no-such-store", stores_of(Counts))
    assert application.close()
    assert states[:2] == [State.REBALANCING, State.RUNNING]
    assert states[-1] is State.NOT_RUNNING


def test_a_store_is_restored_from_its_changelog(connection: Connection, own: Topics, tmp_path: Path) -> None:
    """Another instance, with no file of the first, has what was committed."""
    send(connection, own, b"red", b"red", b"white", b"white", b"red")
    with KafkaStreams(counting(own), config(connection, own, tmp_path / "one")):
        wait_until(lambda: read(connection, own).total() == 5, "five results")
    restored = Restored()
    two = KafkaStreams(counting(own), config(connection, own, tmp_path / "two"))
    two.setGlobalStateRestoreListener(restored)
    with two as streams:
        streams.wait_for(State.RUNNING)
        assert counted(streams) == {b"red": 3, b"white": 2}
        # What is not in the class is the engine's own, by its own name.
        streams.pause()
        assert streams.isPaused() is True
        (thread,) = streams.metadataForLocalThreads()
        assert len(thread.activeTasks()) == 2
    assert sorted(restored.ends) == [((f"{own.records}-counts-changelog", part), "counts") for part in (0, 1)]
    assert not hasattr(streams, "nosuch")


class Restored:
    """Notes which stores were filled; the rest of the listener it leaves out."""

    def __init__(self) -> None:
        self.ends: list[tuple[tuple[str, int], str]] = []

    def onRestoreEnd(self, tp: tuple[str, int], store: str, _count: int) -> None:  # noqa: N802 - the engine's name
        """A store is there."""
        self.ends.append((tp, store))


@pytest.mark.slow
def test_an_aborted_transaction_leaves_no_trace(connection: Connection, own: Topics, tmp_path: Path) -> None:
    """A thread that fails is replaced: state and results are as if it had never tried, and each record counts once."""
    Counting.failures = 1
    errors: list[BaseException] = []

    def replace(error: BaseException) -> Response:
        errors.append(error)
        return Response.REPLACE_THREAD

    send(connection, own, *[b"red", b"white"] * 50, b"poison", b"red")
    with KafkaStreams(counting(own), config(connection, own, tmp_path), on_error=replace) as streams:
        wait_until(lambda: read(connection, own).total() == 102, "all results")
        streams.wait_for(State.RUNNING)
        assert counted(streams) == read(connection, own) == {b"red": 51, b"white": 50, b"poison": 1}
    assert [str(error) for error in errors] == ["this one is poison"]


def test_an_error_ends_the_application_with_the_python_error(
    connection: Connection, own: Topics, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Who waits gets it, with the traceback that leads to the line; so does the log, and no Java stack trace."""
    Counting.failures = 1
    send(connection, own, b"poison")
    with KafkaStreams(counting(own), config(connection, own, tmp_path)) as streams:
        streams.wait_for(State.ERROR, State.NOT_RUNNING)
        with pytest.raises(ValueError, match="this one is poison") as caught:
            streams.raise_error()
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "process"
    logged = "\n".join(caplog.messages)
    assert "SHUTDOWN_CLIENT" in logged
    assert "\tat org.apache.kafka" not in caplog.text


class Telling(BatchProcessor):
    """Hands on, and tells what was committed, by partition and offset."""

    told: ClassVar[Counter[tuple[int | None, int]]] = Counter()

    def init(self, context: BatchContext) -> None:
        super().init(context)
        self.refusing: Refusing = context.getStateStore("refusing")
        self.committing: list[int] = []

    def process_batch(self, batch: Columns) -> None:
        self.refusing.worked = True
        self.committing += batch.offsets
        self.context.forward_values(range(len(batch.offsets)), [value or b"" for value in batch.values], "sink")

    def after_commit(self) -> None:
        self.told.update((self.context.partition(), offset) for offset in self.committing)
        self.committing = []


class Refusing(StateStore):
    """Lets the first commit fail that has something to commit."""

    left = 1
    worked = False

    def before_commit(self) -> None:
        if self.worked and Refusing.left:
            Refusing.left -= 1
            raise OSError("no commit today")


@pytest.mark.slow
def test_only_what_was_committed_is_told(connection: Connection, own: Topics, tmp_path: Path) -> None:
    """After a commit that failed everything is done again; each record is told once, the last when all is closed."""
    Telling.told, Refusing.left = Counter(), 1
    topology = java.Topology()
    topology.addSource("source", own.records)
    supplier = BatchProcessorSupplier("aside", lambda: Telling(1, 3600), StoreBuilder("refusing", Refusing))
    topology.addProcessor("tell", supplier, "source")
    topology.addSink("sink", own.scored, "tell")
    send(connection, own, *[b"red", b"white"] * 5)
    settings = config(connection, own, tmp_path)
    with KafkaStreams(topology, settings, on_error=lambda _: Response.REPLACE_THREAD) as streams:
        wait_until(lambda: read(connection, own).total() == 10, "all results")
    assert str(streams.error) == "no commit today"
    assert Telling.told == {(partition, offset): 1 for partition in range(2) for offset in range(5)}


def test_what_was_forgotten_is_closed_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is told to end before any is waited for: a kernel is not given long enough to do it one after the other.

    What has not ended by then, and what was closed before and has not, takes no more records.
    """
    calls: list[str] = []

    class Slow:
        """An engine that ends when both are told to."""

        def close(self, _options: Any) -> None:
            calls.append("close")

        def state(self) -> State:
            calls.append("wait")
            return State.NOT_RUNNING if calls.count("close") == 2 else State.PENDING_SHUTDOWN

        def pause(self) -> None:
            calls.append("pause")

    forgotten = {KafkaStreams.__new__(KafkaStreams), KafkaStreams.__new__(KafkaStreams)}
    for one in forgotten:
        one.java = Slow()
    monkeypatch.setattr(streams_module, "_open", forgotten)
    monkeypatch.setattr(streams_module, "_ending", set())
    with pytest.warns(ResourceWarning, match="never closed"):
        streams_module._close_all()
    assert calls == ["close", "close", "wait", "wait", "pause", "pause"]
    assert not forgotten


SCRIPT = """
import sys, time
from modelserving.kafka import Connection
from modelserving.kstreams import KafkaStreams, Processor, ProcessorSupplier, State, java, streams_config
topology = java.Topology()
topology.addSource("source", sys.argv[2])
topology.addProcessor("work", ProcessorSupplier(Processor), "source")
config = streams_config(Connection(sys.argv[1]), application_id=sys.argv[2], state_dir=sys.argv[3])
streams = KafkaStreams(topology, config)
"""


def start(script: str, connection: Connection, topics: Topics, folder: Path) -> subprocess.Popen[str]:
    """Run a script that has an application."""
    return subprocess.Popen(
        [sys.executable, "-W", "default", "-c", SCRIPT + script, connection.bootstrap_servers, topics.records, folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


@pytest.mark.slow
def test_a_program_that_forgets_to_close_ends_nevertheless(connection: Connection, own: Topics, tmp_path: Path) -> None:
    """The engine's threads would keep it for ever; at exit they are closed, and it is told what it forgot."""
    with start("streams.start(); streams.wait_for(State.RUNNING)", connection, own, tmp_path) as process:
        _, errors = process.communicate(timeout=90)
    assert process.returncode == 0, errors
    assert "never closed" in errors


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no interrupt to send")
@pytest.mark.slow
def test_an_interrupt_closes_the_application(connection: Connection, own: Topics, tmp_path: Path) -> None:
    """Ctrl-C reaches Python while the engine works, and leaves no thread behind."""
    script = """
try:
    with streams:
        streams.wait_for(State.RUNNING)
        print("running")
        time.sleep(600)
except KeyboardInterrupt:
    print("interrupted", streams.state)
    sys.exit(7)
"""
    with start(script, connection, own, tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=90)
    assert (output, process.returncode) == ("interrupted NOT_RUNNING\n", 7), errors


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no interrupt to send to one thread")
def test_an_application_that_is_stopped_while_it_is_made_leaves_its_folder_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stop button of a notebook in the middle of it: the cell can be run again, with the same folder."""
    topics, nowhere, listen = Topics(), Connection(f"127.0.0.1:{free_port()}"), KafkaStreams._listen

    def stopped_there(streams: KafkaStreams) -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        listen(streams)

    builder = java.StreamsBuilder()
    builder.stream(topics.records).groupByKey().count(java.Materialized.as_("on-disk"))
    topology = builder.build()
    monkeypatch.setattr(KafkaStreams, "_listen", stopped_there)
    with pytest.raises(KeyboardInterrupt):
        KafkaStreams(topology, config(nowhere, topics, tmp_path))
    monkeypatch.undo()
    again = KafkaStreams(topology, config(nowhere, topics, tmp_path))
    assert again.state is State.CREATED
    assert again.close()


@pytest.mark.parametrize("on_error", [print, lambda error: 1 / 0], ids=["says nothing", "fails itself"])
def test_an_on_error_that_does_not_answer_ends_the_application(
    connection: Connection, own: Topics, tmp_path: Path, on_error: Any
) -> None:
    """No zombie: without an answer no thread would go on, and the application would look as if it ran."""
    Counting.failures = 1
    send(connection, own, b"poison")
    with KafkaStreams(counting(own), config(connection, own, tmp_path), on_error) as streams:
        wait_until(lambda: streams.state in {State.NOT_RUNNING, State.ERROR}, "the end")
        with pytest.raises(ValueError, match="this one is poison"):
            streams.raise_error()


def test_an_on_error_that_leaves_ends_the_application() -> None:
    """``sys.exit`` ends no program from a thread of the engine; nor is it to end that thread alone."""
    streams = KafkaStreams.__new__(KafkaStreams)
    streams.setUncaughtExceptionHandler(lambda _: sys.exit(1))
    assert streams._ask(ValueError("poison")) is Response.SHUTDOWN_CLIENT


def test_a_second_application_of_one_id_is_told(
    connection: Connection, own: Topics, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A cell that was run again without closing what it had started: both would share the records."""
    with KafkaStreams(counting(own), config(connection, own, tmp_path / "one")) as one:
        one.wait_for(State.RUNNING)
        assert "is running in this process already" not in caplog.text
        with KafkaStreams(counting(own), config(connection, own, tmp_path / "two")):
            assert f"an application '{own.records}' is running in this process already" in caplog.text


def test_a_processor_that_closes_its_application_does_not_wait_for_itself(
    connection: Connection, own: Topics, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It would wait for its own thread for as long as it was told, with each record; what it does is committed."""
    answers = list[bool]()

    class Last(Processor):
        """Closes, and hands on."""

        def process(self, record: Record) -> None:
            answers.append(streams.close(3_600))
            self.context.forward(record)

    topology = java.Topology()
    topology.addSource("source", own.records)
    topology.addProcessor("last", ProcessorSupplier(Last), "source")
    topology.addSink("sink", own.scored, "last")
    send(connection, own, b"a")
    with KafkaStreams(topology, config(connection, own, tmp_path)) as streams:
        wait_until(lambda: streams.state is State.NOT_RUNNING, "its end")
    assert answers == [False]
    assert read(connection, own) == {b"a": 1}
    assert "closed on a thread of its own" in caplog.text


def test_an_end_that_takes_too_long_is_told(
    connection: Connection, own: Topics, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: Any
) -> None:
    """Leaving the block says so, and that the threads go on."""
    monkeypatch.setattr(streams_module, "_CLOSE_S", 0.0)
    with KafkaStreams(counting(own), config(connection, own, tmp_path)) as streams:
        streams.wait_for(State.RUNNING)
    assert "has not ended within 0 s" in caplog.text
    assert streams.close(60)


def test_a_topic_that_is_missing_is_named(connection: Connection, own: Topics, tmp_path: Path) -> None:
    """By whoever waits in vain: that one alone, and not those that the engine makes by itself."""
    builder = java.StreamsBuilder()
    builder.stream([own.records, "not-there"]).selectKey(lambda key, value: value).groupByKey().count()
    streams = KafkaStreams(builder.build(), config(connection, own, tmp_path))
    with pytest.raises(ServerError, match=r"after 0.01 s. There is no topic not-there, which it reads: make it"):
        streams.wait_for(State.RUNNING, seconds=0.01)
    streams.close()


def test_a_topic_that_is_missing_to_write_to_is_named(
    connection: Connection, own: Topics, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """At the start, and once: else all seems well, until the engine fails a minute after the first record."""
    builder = java.StreamsBuilder()
    counted = builder.stream(own.records).selectKey(lambda key, value: value).groupByKey().count().toStream()
    counted.to("nor-there")
    counted.to(own.scored)
    with KafkaStreams(builder.build(), config(connection, own, tmp_path)) as streams:
        for _ in range(2):
            streams.wait_for(State.RUNNING)
    told = [said for said in caplog.messages if "There is no topic" in said]
    assert told == [f"application '{own.records}': There is no topic nor-there, which it writes to: make it first."]


def test_what_cannot_run_says_why(tmp_path: Path) -> None:
    """No broker, and a second start: in words that help, not in the engine's states."""
    topology = java.Topology()
    topology.addSource("in", "in")
    config = streams_config(Connection("127.0.0.1:1"), application_id="nowhere", state_dir=tmp_path)
    streams = KafkaStreams(topology, config)
    with pytest.raises(ServerError, match=r"not RUNNING after 0.01 s. no Kafka broker answers at 127.0.0.1:1"):
        streams.wait_for(State.RUNNING, seconds=0.01)
    streams.close()
    with pytest.raises(ServerError, match=r"'nowhere' was started or closed before .* make a new KafkaStreams"):
        streams.start()


def test_an_application_on_a_full_disk_names_the_folder_of_its_state(tmp_path: Path) -> None:
    """As it is made, and where a thread fails later."""
    builder = java.StreamsBuilder()
    config = streams_config(Connection("127.0.0.1:1"), application_id="full", state_dir=tmp_path)
    builder.stream("in")
    streams = KafkaStreams(builder.build(), config)
    full = jvm.java_class("java.io.IOException")("No space left on device")
    streams._handle(full)
    streams.close()
    with pytest.raises(ServerError, match=f"Make room for {tmp_path}"):
        streams.raise_error()
