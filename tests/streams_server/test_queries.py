"""Questions across instances: what is put together, what is refused, and who is asked. Instances are made up here."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from anyio.to_thread import run_sync
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka.partitioner.default import DefaultPartitioner, murmur2

from modelserving import jvm
from modelserving.broker import EmbeddedKafka
from modelserving.errors import ServerError
from modelserving.kafka import Connection, create_topics, delete_topics, make_producer
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.records import Topics, encode_wine
from modelserving.serving import Counts
from modelserving.serving.options import ServerOptions
from modelserving.streams_server import (
    Instance,
    InstanceShare,
    LocalState,
    StoreKind,
    StreamsOptions,
    StreamsServer,
    add_up,
)
from modelserving.streams_server.stores import ModelStatistics
from modelserving.web import make_app
from modelserving.web.peer_client import ask, ask_all
from modelserving.web.queries import ShareState, query_router
from tests.contract.servers import constant_model, published, wine
from tests.fakes import FakeServer, served_by
from tests.waiting import WAIT

HERE = "http://127.0.0.1:1001"
THERE = "http://127.0.0.1:1002"
DIGEST = "digest of fake"


def counted(records: int) -> ModelStatistics:
    """What one partition has counted."""
    made = ModelStatistics()
    if records:
        made.record(DIGEST, 1_000, records)
    return made


def share(url: str, **partitions: int) -> InstanceShare:
    """What an instance holds: ``p0=3`` for three records of partition 0."""
    return InstanceShare(url, {int(name[1:]): counted(records) for name, records in partitions.items()})


class TestAddUp:
    def test_the_whole_is_the_sum_of_all_partitions(self) -> None:
        """Whoever holds them, and also where nothing was counted yet."""
        found = add_up([share(HERE, p0=3, p2=0), share(THERE, p1=4)], range(3)).find(DIGEST)
        assert found is not None
        assert found.snapshot().count == 7

    def test_a_partition_that_nobody_holds_makes_no_sum(self) -> None:
        """A sum without it would look like a right answer."""
        with pytest.raises(ServerError, match=r"nobody holds the state of partition 1, 3"):
            add_up([share(HERE, p0=3), share(THERE, p2=4)], range(4))

    def test_a_partition_that_two_hold_makes_no_sum(self) -> None:
        """Both are named: one of them does not know yet that it is no longer responsible."""
        with pytest.raises(ServerError, match=f"partition 1 is held by {HERE} and by {THERE}"):
            add_up([share(HERE, p0=3, p1=1), share(THERE, p1=4)], range(2))


@dataclass(slots=True)
class Local:
    """What an instance knows: it holds partition 0, another one holds partition 1."""

    url: str = HERE
    spread: bool = True
    expected: Iterable[int] = (0, 1)
    holds: Mapping[int, int] = field(default_factory=lambda: {0: 3})
    refuses: str = ""

    def instances(self, store: str | None = None) -> tuple[Instance, ...]:
        self._check()
        own = Instance("127.0.0.1", 1001, ("statistics",), (0,), ("statistics",), (1,))
        other = Instance("127.0.0.1", 1002, ("statistics",), (1,))
        return (own, other) if store in (None, "statistics") else ()

    def holder(self, data_type: str) -> tuple[Instance, int]:
        self._check()
        return Instance("127.0.0.1", 1001 if data_type == "here" else 1002), 0 if data_type == "here" else 1

    def share(self, data_type: str) -> InstanceShare:
        self._check()
        return InstanceShare(self.url, {partition: counted(records) for partition, records in self.holds.items()})

    def _check(self) -> None:
        if self.refuses:
            raise ServerError(self.refuses)


@dataclass(slots=True)
class Others:
    """All other instances: each holds the same. What they are asked is kept."""

    holds: Mapping[int, int] = field(default_factory=lambda: {1: 4})
    digest: str = DIGEST
    asked: list[tuple[str, str]] = field(default_factory=list)

    def ask(self, url: str, path: str, kind: type[ShareState]) -> ShareState:
        self.asked.append((url, path))
        partitions = {partition: counted(records).encode().decode() for partition, records in self.holds.items()}
        return kind(instance=url, partitions=partitions, scored=10, digest=self.digest)


@pytest.fixture
def view() -> Iterator[FakeServer]:
    """An instance that serves."""
    made = FakeServer(counts=Counts(scored=1))
    made.slots.swap(served_by())
    yield made
    made.slots.close()


def get(
    view: FakeServer, path: str, local: Local | None = None, others: Callable[..., Any] | None = None
) -> httpx.Response:
    """Ask an instance."""
    router = query_router(view, local or Local(), others or Others().ask)

    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(make_app(view, router))
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            return await client.get(path)

    return anyio.run(request)


class TestPaths:
    def test_the_whole_comes_from_all_instances(self, view: FakeServer) -> None:
        """Sums, and where they come from."""
        state = get(view, "/state/wine").json()
        assert (state["name"], state["usage"], state["scored"]) == ("fake", 7, 11)
        assert state["parts"] == [
            {"instance": HERE, "partition": 0, "usage": 3},
            {"instance": THERE, "partition": 1, "usage": 4},
        ]

    def test_a_question_goes_one_hop(self, view: FakeServer) -> None:
        """The others are asked for their share, once each; a share and a value are answered without asking anybody."""
        others = Others()
        assert get(view, "/state/wine", others=others.ask).status_code == 200
        assert others.asked == [(THERE, "/state/wine/share")]
        assert get(view, "/state/wine/share", others=others.ask).json()["partitions"].keys() == {"0"}
        assert get(view, "/state/value", others=others.ask).json()["usage"] == 3
        assert len(others.asked) == 1

    def test_before_any_model_the_value_is_the_none_object(self) -> None:
        """As for ``/state``."""
        slots = ModelSlots()
        assert get(FakeServer(slots), "/state/value").json()["name"] == "None"
        slots.close()

    def test_the_instances_are_shown_with_what_they_hold(self, view: FakeServer) -> None:
        """Stores and partitions, and those that an instance only keeps a copy of."""
        first, second = get(view, "/state/instances").json()
        assert first == {
            "host": "127.0.0.1",
            "port": 1001,
            "storeNames": ["statistics"],
            "partitions": [0],
            "standbyStoreNames": ["statistics"],
            "standbyPartitions": [1],
        }
        assert get(view, "/state/instances/statistics").json() == [first, second]

    @pytest.mark.parametrize(
        ("path", "known"),
        [("/state/beer", "Data types with a model: wine."), ("/state/instances/beer", "Stores: statistics.")],
    )
    def test_what_is_unknown_is_told_the_known_ones(self, view: FakeServer, path: str, known: str) -> None:
        """404, and what could have been asked for."""
        answer = get(view, path)
        assert answer.status_code == 404
        assert answer.json()["detail"].endswith(known)

    @pytest.mark.parametrize("path", ["value", "instances", "instances/statistics", "wine", "wine/share"])
    @pytest.mark.parametrize("spread", [True, False])
    def test_while_nothing_is_certain_each_path_is_refused(self, view: FakeServer, path: str, spread: bool) -> None:
        """503, why, and when to ask again; no number, which would be wrong."""
        answer = get(view, f"/state/{path}", Local(spread=spread, refuses="tasks are on the move"))
        assert answer.status_code == 503
        assert answer.json() == {"detail": "tasks are on the move"}
        assert answer.headers["Retry-After"] == "1"

    @pytest.mark.parametrize(
        ("holds", "reason"), [({}, "nobody holds"), ({0: 3, 1: 4}, "partition 0 is held by"), ({2: 4}, "nobody holds")]
    )
    def test_shares_that_do_not_fit_together_are_refused(
        self, view: FakeServer, holds: Mapping[int, int], reason: str
    ) -> None:
        """An instance that answers for a partition which was just moved."""
        answer = get(view, "/state/wine", others=Others(holds).ask)
        assert answer.status_code == 503
        assert reason in answer.json()["detail"]
        assert "Retry-After" in answer.headers


class TestKeys:
    def test_only_the_holder_of_the_key_is_asked(self, view: FakeServer) -> None:
        """Its share of that one partition is the whole; what else it holds does not count."""
        others = Others({1: 4, 5: 9})
        state = get(view, "/state/wine", Local(spread=False), others.ask).json()
        assert state["parts"] == [{"instance": THERE, "partition": 1, "usage": 4}]
        assert others.asked == [(THERE, "/state/wine/share")]

    def test_what_is_held_here_is_answered_here(self, view: FakeServer) -> None:
        """Nobody is asked."""
        view.slots.swap(served_by(data_type="here"))
        others = Others()
        state = get(view, "/state/here", Local(spread=False), others.ask).json()
        assert (state["usage"], others.asked) == (3, [])

    def test_a_holder_that_holds_it_no_more_is_refused(self, view: FakeServer) -> None:
        """It may have a model for the type and no state."""
        answer = get(view, "/state/wine", Local(spread=False), Others({0: 4}).ask)
        assert answer.status_code == 503
        assert f"{THERE} does not hold partition 1 any more" in answer.json()["detail"]

    def test_a_key_without_a_model_is_unknown(self, view: FakeServer) -> None:
        """Also where the holder is somebody else."""
        assert get(view, "/state/beer", Local(spread=False), Others(digest="").ask).status_code == 404


class TestAsking:
    def test_an_instance_that_is_gone_is_named(self, view: FakeServer) -> None:
        """A port that nobody listens at, asked for real."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # and does not listen
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"
            with pytest.raises(ServerError, match=f"the instance at {url} does not answer"):
                ask(url, "/state/wine/share", ShareState)
            answer = get(view, "/state/wine", others=lambda _url, path, kind: ask(url, path, kind))
        assert answer.status_code == 503
        assert url in answer.json()["detail"]
        assert "Retry-After" in answer.headers

    def test_one_that_is_gone_spoils_the_sum_of_all(self) -> None:
        """No answer is left out in silence."""

        def half(url: str, path: str, kind: type[ShareState]) -> ShareState:
            if url == THERE:
                raise ServerError(f"{url} is gone")
            return Others().ask(url, path, kind)

        assert [found.instance for found in ask_all([HERE, HERE], "/state/wine/share", ShareState, half)] == [HERE] * 2
        with pytest.raises(ServerError, match="is gone"):
            ask_all([HERE, THERE], "/state/wine/share", ShareState, half)


class Cluster:
    """A cluster as the partitioner of kafka-python asks it: one topic."""

    def __init__(self, partitions: int) -> None:
        self._partitions = set(range(partitions))

    def topics(self) -> set[str]:
        return {"wine-records"}

    def partitions_for_topic(self, _topic: str) -> set[int]:
        return self._partitions

    available_partitions_for_topic = partitions_for_topic


@given(st.binary(max_size=64), st.integers(1, 100))
@settings(deadline=None)  # the first one starts Java
def test_python_and_java_hash_a_key_alike(key: bytes, partitions: int) -> None:
    """Else a query would look for a key where its writer did not put it."""
    jvm.start()
    java_hash = jvm.java_class("org.apache.kafka.common.utils.Utils").murmur2(key)
    assert murmur2(key) & 0xFFFFFFFF == int(java_hash) & 0xFFFFFFFF
    chosen = jvm.java_class("org.apache.kafka.clients.producer.internals.BuiltInPartitioner")
    ours = DefaultPartitioner().partition("wine-records", key, key, None, None, Cluster(partitions))
    assert ours == int(chosen.partitionForKey(key, partitions))


PARTITIONS = 2


@pytest.fixture
def spread(connection: Connection) -> Iterator[Topics]:
    """Topics of two partitions with a model, and three records on the first."""
    topics = Topics().prefixed(f"q{secrets.token_hex(4)}")
    create_topics(connection, topics, PARTITIONS)
    with make_producer(connection) as producer:
        producer.send(topics.models, key=b"wine", value=published(constant_model(5.0, "five"))[0])
        for _ in range(3):
            producer.send(topics.records, value=encode_wine(wine()), partition=0)
        producer.flush()
    yield topics
    delete_topics(connection, topics)


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition."""
    with anyio.fail_after(WAIT):
        while not await run_sync(holds):
            await anyio.sleep(0.05)


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.parametrize("store", list(StoreKind))
def test_each_kind_of_store_can_be_asked_and_refuses_while_the_broker_is_away(
    kafka: EmbeddedKafka, connection: Connection, spread: Topics, tmp_path: Path, store: StoreKind
) -> None:
    """Partition by partition; and the engine, which goes on saying RUNNING, is not believed."""
    away = store is StoreKind.CUSTOM
    options = ServerOptions(spread, spread.records, preload=False)
    server = StreamsServer(connection, options, StreamsOptions(tmp_path, store=store))
    local = LocalState(server)

    def usage() -> dict[int, int]:
        found = local.share("wine").partitions
        return {partition: sum(one.snapshot().count for one in models(each)) for partition, each in found.items()}

    def models(each: ModelStatistics) -> list[Any]:
        latest = server.describe("wine")
        assert latest is not None
        assert latest.identity is not None
        return [one for one in [each.find(latest.identity.digest)] if one is not None]

    async def scenario() -> None:
        with pytest.raises(ServerError, match="not running here"):
            local.share("wine")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.run)
            await until(lambda: server.health().ok and server.counts.scored == 3)
            assert usage() == {0: 3, 1: 0}
            (only,) = local.instances("statistics")
            assert (only.url, only.partitions) == (local.url, (0, 1))
            assert local.instances("beer") == ()
            if away:
                await run_sync(kafka.stop)
                await until(lambda: not server.health().ok)
                for question in (usage, local.instances, partial(local.holder, "wine")):
                    with pytest.raises(ServerError, match="broker"):
                        question()
                await run_sync(kafka.start)
                await until(lambda: server.health().ok)
                assert usage() == {0: 3, 1: 0}
            tasks.cancel_scope.cancel()

    anyio.run(scenario)
