"""Real faults: processes killed, the broker away. Then every record has exactly one result."""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import psutil
import pytest
from jupyter_client.manager import KernelManager

from modelserving.broker import EmbeddedKafka, status
from modelserving.client import Dataset, Publisher, Rate
from modelserving.errors import ServerError, WaitTimeout
from modelserving.kafka import create_topics, end_offsets, read_topic
from modelserving.records import Topics, decode_scored
from modelserving.workshop.processes.process import ServerProcess
from tests.contract.servers import SERVERS, Pipeline, constant_model, published, wine
from tests.waiting import WAIT, wait_until

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(600)]

FIVE = constant_model(5.0, "five")
PARTITIONS = 2


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    """A broker of this test's own, which it may kill."""
    with EmbeddedKafka(home=tmp_path, port=0) as kafka:
        yield kafka


# Kafka Streams survives in the same way with each of its stores; the one that is ours has to prove it.
KINDS = [kind for kind in SERVERS if kind not in {"streams-memory", "streams-standard"}]


@pytest.fixture(params=KINDS)
def pipeline(request: pytest.FixtureRequest, broker: EmbeddedKafka) -> Pipeline:
    """One kind of server, with two partitions and a model."""
    topics = Topics().prefixed(f"f{secrets.token_hex(3)}")
    create_topics(broker.connection, topics, partitions=PARTITIONS)
    environ = {"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers, "MODELSERVING_HOME": str(broker.home)}
    made = Pipeline(request.param, broker.connection, topics, environ)
    made.send_model(*published(FIVE))
    return made


@dataclass(slots=True)
class Load:
    """A client that publishes 100 records a second in a thread."""

    publisher: Publisher
    stop: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self.publisher.run, args=(self.stop,), name="load", daemon=True)
        self.thread.start()

    @property
    def sent(self) -> int:
        """How many records the broker has taken."""
        return self.publisher.sent

    def finish(self) -> None:
        """Stop the client; afterwards the broker has all that it counts as sent."""
        self.stop.set()
        self.thread.join(180)  # what the broker does not take is given up after two minutes
        assert not self.thread.is_alive()


@pytest.fixture
def load(pipeline: Pipeline) -> Iterator[Load]:
    """Records arrive until the test is over."""
    running = Load(Publisher(pipeline.connection, Dataset((wine(),)), Rate(record_interval_ms=10), pipeline.topics))
    yield running
    running.finish()


def scored(server: ServerProcess) -> int:
    """How many records a server has scored."""
    return int(str(server.get("/state")["scored"]))


def has_scored(server: ServerProcess, records: int) -> bool:
    """Whether a server has scored more than so many records."""
    return scored(server) > records


def assert_each_record_has_one_result(pipeline: Pipeline, server: ServerProcess | None = None) -> None:
    """By partition and offset: nothing lost, nothing doubled. If results do not come, the server is asked why."""
    wanted = {
        (partition, offset)
        for partition, end in end_offsets(pipeline.connection, pipeline.topics.records).items()
        for offset in range(end)
    }
    try:
        wait_until(lambda: pipeline.answered() >= len(wanted), f"{len(wanted)} results", pause=2.0)
    except WaitTimeout as error:
        raise AssertionError("\n".join((str(error), *described(pipeline, wanted, server)))) from error
    messages = read_topic(pipeline.connection, pipeline.topics.scored)
    found = Counter((scored.partition, scored.offset) for scored in (decode_scored(m.value) for m in messages))
    assert found.keys() == wanted
    assert set(found.values()) == {1}


def described(pipeline: Pipeline, wanted: set[tuple[int, int]], server: ServerProcess | None) -> Iterator[str]:
    """What is missing, how far the topic of results can be read, and what the server says of itself."""
    topic = pipeline.topics.scored
    found = Counter((one.partition, one.offset) for one in pipeline.scored())
    missing = sorted(wanted - found.keys())
    yield f"{len(found)} of {len(wanted)} records have a result; missing: {missing[:5]} to {missing[-5:]}"
    levels: tuple[Literal["read_committed", "read_uncommitted"], ...] = ("read_committed", "read_uncommitted")
    yield f"results can be read to: {[end_offsets(pipeline.connection, topic, level) for level in levels]}"
    if server is None:
        return
    if not server.running:
        yield f"the server has ended: {server.returncode}"
    for path in ("/state", "/healthz") if server.running else ():
        try:
            yield f"{path}: {server.get(path)}"
        except ServerError as error:
            yield str(error)
    yield from server.log()[-60:]


def test_each_record_has_one_result_whatever_is_stopped_and_killed(
    pipeline: Pipeline, broker: EmbeddedKafka, load: Load
) -> None:
    """One load, one thing after the other: the broker stops, is killed; the server is killed, and told to end.

    The records are counted once, at the end: what any of it had lost or doubled would be seen then.
    """
    with pipeline.serve() as server:
        wait_until(lambda: load.sent > 150, "some load")
        it_waits_for_a_broker_that_stops(server, broker, load)
        it_survives_the_broker_s_kill_like_a_stop(server, broker, load)
        server.kill()
    with pipeline.serve() as server:
        wait_until(partial(has_scored, server, 50), "results of the next server")
        it_ends_when_told_although_the_broker_is_away(server, broker)
    with pipeline.serve() as server:
        more_load(load)
        load.finish()
        assert_each_record_has_one_result(pipeline, server)
    assert load.publisher.failed == 0


def it_waits_for_a_broker_that_stops(server: ServerProcess, broker: EmbeddedKafka, load: Load) -> None:
    """The server goes on by itself when the broker is back."""
    before, already = server.pid, scored(server)
    broker.stop()
    broker.start()
    more_load(load)
    wait_until(partial(has_scored, server, already), "results after the stop")
    assert server.running
    assert server.pid == before
    server.wait_until_serving()


def it_survives_the_broker_s_kill_like_a_stop(server: ServerProcess, broker: EmbeddedKafka, load: Load) -> None:
    """``kill -9`` of the broker's process."""
    kill(broker)
    broker.start()
    already = scored(server)
    more_load(load)
    wait_until(partial(has_scored, server, already), "results after the kill")
    assert server.running


def it_ends_when_told_although_the_broker_is_away(server: ServerProcess, broker: EmbeddedKafka) -> None:
    """A request to terminate is obeyed also while a commit waits for a broker that does not come back."""
    broker.stop()
    psutil.Process(server.pid).terminate()
    try:
        assert server.wait(WAIT) == 0, server.log()
    finally:
        broker.start()  # the load is given back what it waits for, whatever comes of the server


def more_load(load: Load) -> None:
    """Wait until the broker takes records again."""
    resumed = load.sent
    wait_until(lambda: load.sent > resumed + 150, "load after the restart")


def kill(broker: EmbeddedKafka) -> None:
    """End the broker's process at once, and wait until that is known."""
    found = status(broker.home)
    assert found is not None
    java = psutil.Process(found.pid)
    java.kill()
    java.wait(WAIT)
    wait_until(lambda: status(broker.home) is None, "the supervisor to notice")


def test_killing_the_kernel_of_a_notebook_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``kill -9`` of a kernel that started broker and server ends them too."""
    monkeypatch.setenv("MODELSERVING_HOME", str(tmp_path))
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    kernel = KernelManager(kernel_name="python3")
    kernel.start_kernel()
    client = kernel.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    code = """
from modelserving.kafka import EmbeddedKafka
from modelserving.workshop.processes.process import ServerProcess
kafka = EmbeddedKafka(port=0).start()
server = ServerProcess.start("stage", "kernel", ("--port", "0", "--no-preload"))
"""
    reply = client.execute_interactive(code, timeout=90, output_hook=lambda message: None)
    assert reply["content"]["status"] == "ok", reply["content"]
    assert kernel.provisioner is not None
    parent = psutil.Process(kernel.provisioner.pid)
    family = parent.children(recursive=True)
    assert any("java" in process.name() for process in family)
    assert any("serve" in process.cmdline() for process in family)
    parent.kill()
    _, alive = psutil.wait_procs(family, timeout=40)
    kernel.provisioner.process.wait(20)
    client.stop_channels()
    kernel.cleanup_resources()
    assert alive == []


def test_a_server_without_a_broker_says_so(tmp_path: Path) -> None:
    """No broker at the address that the environment names: one clear message, and exit status 1."""
    server = ServerProcess(
        "stage",
        "",
        ("--port", "0", "--no-preload"),
        {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "MODELSERVING_HOME": str(tmp_path)},
    )
    with server:
        assert server.wait(WAIT) == 1
        text = "\n".join(server.log())
        assert "error:" in text
        assert "127.0.0.1:1" in text
        assert "Traceback" not in text
