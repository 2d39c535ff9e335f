"""The actor server on a real broker, when its actors hang, die, or come back."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import pytest

from modelserving.actors import ActorServer, PykkaRuntime, ServingSettings, StateFolder
from modelserving.actors.serving import DecodeAndScore
from modelserving.kafka import (
    Connection,
    create_topics,
    delete_topics,
    make_producer,
    read_dead_letters,
    read_topic,
)
from modelserving.models.info import SlotsUpdate
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.records import ScoredRecord, Topics, decode_scored, encode_descriptor, encode_wine
from modelserving.records.decoder import RecordDecoder
from modelserving.serving import Phase
from modelserving.serving.messages import Batch, ScoredBatch
from modelserving.serving.options import ServerOptions
from modelserving.serving.scoring import score_batch
from modelserving.serving.source import DataSource
from modelserving.statistics import Statistics
from tests.actors.conftest import HASTY
from tests.actors.samples import score_or_fail
from tests.contract.servers import constant_model
from tests.fakes import wine
from tests.waiting import WAIT, let_commits_arrive, until

pytestmark = pytest.mark.broker

STUCK = re.compile("serving wine is stuck: .* ScoreBatch")
FIVE, WHITE = constant_model(5.0, "five"), constant_model(8.0, "eight", "white")


def send(connection: Connection, topics: Topics, *keys: bytes, data_type: str = "wine") -> None:
    """Publish a record with each of these keys."""
    with make_producer(connection) as producer:
        for key in keys:
            producer.send(topics.records, value=encode_wine(wine(data_type)), key=key)
        producer.flush()


def send_models(connection: Connection, topics: Topics) -> None:
    """Publish a model for each of the two types."""
    with make_producer(connection) as producer:
        for model in (FIVE, WHITE):
            producer.send(topics.models, value=encode_descriptor(model), key=model.key)
        producer.flush()


def answers(connection: Connection, topics: Topics) -> list[ScoredRecord]:
    let_commits_arrive(connection, topics.scored)
    return [decode_scored(message.value) for message in read_topic(connection, topics.scored)]


@asynccontextmanager
async def serving(
    connection: Connection, topics: Topics, folder: Path, score: DecodeAndScore = score_batch, save_every_s: float = 5
) -> AsyncIterator[ActorServer]:
    """A server that serves; afterwards it has ended."""
    settings = ServingSettings(folder, save_every_s, score)
    options = ServerOptions(topics, f"g-{topics.records}", preload=False)
    server = ActorServer(connection, options, settings, partial(PykkaRuntime, HASTY), stuck_after_s=0.4)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.run)
        await until(lambda: server.phase is Phase.SERVING, "serving")
        yield server
        tasks.cancel_scope.cancel()
    assert server.phase is Phase.STOPPED


def test_an_actor_that_hangs_is_seen_and_the_topic_keeps_what_nobody_takes(
    connection: Connection, topics: Topics, tmp_path: Path
) -> None:
    """The health says which and for how long; HTTP still answers; afterwards every record has exactly one result."""
    send_models(connection, topics)
    free = threading.Event()

    def hang(batch: Batch, slots: ModelSlots, decoder: RecordDecoder | None = None) -> ScoredBatch:
        if any(message.key == b"hang" for message in batch.messages):
            free.wait(WAIT)
        return score_batch(batch, slots, decoder)

    async def go() -> None:
        async with serving(connection, topics, tmp_path, hang) as server:
            send(connection, topics, *[b"a"] * 5)
            await until(lambda: server.counts.scored == 5, "five answers")
            await until(lambda: server.health().ok, "good health")
            send(connection, topics, b"hang")
            await until(lambda: any(map(STUCK.search, server.health().details)), "the hanging actor to be seen")
            assert not server.health().ok
            send(connection, topics, *[b"a"] * 50)
            white = await anyio.to_thread.run_sync(server.describe, "white")
            assert white is not None
            wine_state = await anyio.to_thread.run_sync(server.describe, "wine")
            assert wine_state is not None
            assert server.counts.scored == 5
            free.set()
            await until(lambda: server.counts.scored == 56, "all answers")
            await until(lambda: server.health().ok, "good health again")

    try:
        anyio.run(go)
    finally:
        free.set()
    assert Counter(one.offset for one in answers(connection, topics)) == dict.fromkeys(range(56), 1)


@pytest.mark.slow
def test_an_actor_that_dies_in_the_middle_of_a_batch_costs_no_record(
    connection: Connection, topics: Topics, tmp_path: Path
) -> None:
    """One death is outlived; a record that always kills is a dead letter; all others are answered once."""
    send_models(connection, topics)
    once = f"once:{tmp_path / 'died'}".encode()
    send(connection, topics, b"a", once, b"b", b"always", b"c", data_type="wine")
    send(connection, topics, b"a", b"b", data_type="white")

    async def go() -> None:
        async with serving(connection, topics, tmp_path / "state", score_or_fail) as server:
            await until(lambda: server.counts.scored == 6, "six answers")
            await until(lambda: server.counts.dead_lettered == 1, "a dead letter")
            assert "serving wine: " in "".join(server.health().details)
            await until(lambda: server.health().ok, "good health")

    anyio.run(go)
    found = answers(connection, topics)
    assert Counter(one.offset for one in found) == dict.fromkeys((0, 1, 2, 4, 5, 6), 1)
    assert {one.offset: one.model_name for one in found} == dict.fromkeys((0, 1, 2, 4), "five") | dict.fromkeys(
        (5, 6), "eight"
    )
    let_commits_arrive(connection, topics.dead_letters)
    (letter,) = read_dead_letters(connection, topics.dead_letters)
    assert (letter.offset, letter.key, letter.stage) == (3, b"always", "score")


def test_an_actor_that_could_save_nothing_comes_back_with_its_model(
    connection: Connection, topics: Topics, tmp_path: Path
) -> None:
    """The disk is full, and a record kills the actor: the server brings the models again, and no record is skipped."""
    send_models(connection, topics)
    (tmp_path / "file").write_text("in the way")
    send(connection, topics, b"a", f"once:{tmp_path / 'died'}".encode(), b"b")

    async def go() -> None:
        async with serving(connection, topics, tmp_path / "file", score_or_fail) as server:
            await until(lambda: server.counts.scored == 3, "three answers")
            send(connection, topics, b"c", b"d")
            await until(lambda: server.counts.scored == 5, "five answers")
            assert (server.counts.skipped, server.counts.dead_lettered) == (0, 0)
            await until(lambda: server.health().ok, "good health")
            assert server.data_types == ("white", "wine")

    anyio.run(go)
    assert Counter(one.offset for one in answers(connection, topics)) == dict.fromkeys(range(5), 1)


def test_a_change_that_does_not_take_effect_is_counted_and_shown(
    connection: Connection, topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only in the log; and the data type is still there, with the model that it had."""
    monkeypatch.setattr(ModelSlots, "apply", _fail_on_the_third)
    send_models(connection, topics)

    async def go() -> None:
        async with serving(connection, topics, tmp_path) as server:
            with make_producer(connection) as producer:
                third = constant_model(9.0, "third")
                producer.send(topics.models, value=encode_descriptor(third), key=third.key)
            await until(lambda: server.models_refused == 1, "the refusal")
            (line,) = (line for line in server.health().details if "did not take effect" in line)
            assert "the models of wine" in line
            assert "no third one" in line
            assert server.data_types == ("white", "wine")
            send(connection, topics, b"a")
            await until(lambda: server.counts.scored == 1, "an answer")
            await until(lambda: server.health().ok, "good health")

    anyio.run(go)
    assert [one.model_name for one in answers(connection, topics)] == ["five"]


_apply_update = ModelSlots.apply


def _fail_on_the_third(slots: ModelSlots, update: SlotsUpdate) -> bool:
    if update.slots.current is not None and update.slots.current.info.name == "third":
        raise RuntimeError("no third one")
    return _apply_update(slots, update)


def test_what_was_counted_is_saved_though_no_record_comes_any_more(
    connection: Connection, topics: Topics, tmp_path: Path
) -> None:
    """``kill -9`` in a quiet night costs the counts of no evening."""
    send_models(connection, topics)

    def saved() -> int:
        found = StateFolder(tmp_path, "wine").peek()
        assert found is not None
        assert found.slots.current is not None
        return Statistics.decode(found.slots.current.statistics).snapshot().count

    async def go() -> None:
        async with serving(connection, topics, tmp_path, save_every_s=2) as server:
            send(connection, topics, b"a", b"b")
            await until(lambda: server.counts.scored == 2, "two answers")
            await until(lambda: saved() == 2, "two on disk")

    anyio.run(go)


def test_the_state_on_disk_serves_where_the_topics_know_nothing(
    connection: Connection, topics: Topics, tmp_path: Path
) -> None:
    """The models topic was lost: models, names and statistics come from the folder; a type that it knows is its own."""
    send_models(connection, topics)
    send(connection, topics, b"a", b"b")
    empty = Topics().prefixed(f"{topics.records}-again")

    async def go() -> None:
        async with serving(connection, topics, tmp_path) as server:
            await until(lambda: server.counts.scored == 2, "two answers")
        async with serving(connection, empty, tmp_path) as server:
            assert server.data_types == ("white", "wine")
            state = server.describe("wine")
            assert state is not None
            assert state.identity is not None
            assert (state.identity.name, state.identity.description) == ("five", "answers always the same")
            assert state.statistics.count == 2
            send(connection, empty, b"a")
            await until(lambda: server.counts.scored == 1, "an answer")

    create_topics(connection, empty)
    try:
        anyio.run(go)
    finally:
        delete_topics(connection, empty)


def test_a_consumer_on_hold_stays_in_its_group_and_loses_nothing(connection: Connection, topics: Topics) -> None:
    """It asks for no records for longer than the group would wait for it, and then goes on where it was."""
    impatient = replace(connection, options={**connection.options, "max_poll_interval_ms": 2_000})
    group = f"held-{topics.records}"

    async def go() -> None:
        send(connection, topics, b"a")
        async with DataSource(impatient, topics.records, group, "held", 10) as source:
            first = await anext(source)
            ends = time.monotonic() + 3
            send(connection, topics, b"b", b"c")
            while time.monotonic() < ends:
                await source.hold()
            second = await anext(source)
            assert [message.offset for message in (*first.messages, *second.messages)] == [0, 1, 2]
            assert second.group == first.group

    anyio.run(go)
