"""Inlet and outlet on librdkafka; the contract suite and the faults run over a whole server of it (``stage-fast``)."""

from __future__ import annotations

import anyio
import pytest

from modelserving.kafka import Connection, DeadLetter, make_producer, read_dead_letters, read_topic
from modelserving.records import ScoredRecord, Topics, decode_scored
from modelserving.serving.fast import FastSink, FastSource
from modelserving.serving.messages import ScoredBatch
from modelserving.serving.running.worker_thread import WorkerThread
from tests.waiting import let_commits_arrive

pytestmark = pytest.mark.broker


def answer(offset: int) -> ScoredRecord:
    return ScoredRecord("wine", 5.0, "five", "1", "ab" * 32, 0, offset, 1, 2, 3)


def test_what_comes_while_on_hold_is_read_afterwards_once(connection: Connection, topics: Topics) -> None:
    """A source on hold stays in its group and reads nothing; then every record comes, once, in order."""

    async def go() -> list[int]:
        async with FastSource(connection, topics.records, "holding", "0", 10) as source:
            for _ in range(20):
                await source.hold()
            with make_producer(connection) as producer:
                for number in range(5):
                    producer.send(topics.records, value=bytes([number]))
            for _ in range(3):
                await source.hold()
            found: list[int] = []
            while len(found) < 5:
                found += [message.offset for message in (await anext(source)).messages]
            return found

    assert anyio.run(go) == [0, 1, 2, 3, 4]


def test_results_letters_and_progress_are_one_transaction(connection: Connection, topics: Topics) -> None:
    """What was written is there with the key and the dead letter; the group goes on behind the batch."""
    letter = DeadLetter(b"junk", b"k", topics.records, 0, 1, "decode", "DecodeError", "no record")

    async def go() -> list[int]:
        with make_producer(connection) as producer:
            for number in range(3):
                producer.send(topics.records, value=bytes([number]))
        with WorkerThread("sending") as worker:
            async with (
                FastSink(connection, topics, "one-transaction", worker) as sink,
                FastSource(connection, topics.records, "one-transaction", "0", 2) as source,
            ):
                batch = await anext(source)
                assert [message.value for message in batch.messages][:1] == [b"\0"]
                positions = {(topics.records, 0): batch.messages[-1].offset + 1}
                await sink.write(
                    ScoredBatch(
                        (answer(0),),
                        (b"key",),
                        (letter,),
                        positions=positions,
                        group=batch.group,
                        notes=([("why", b"so")],),
                    )
                )
            async with FastSource(connection, topics.records, "one-transaction", "0", 2) as source:
                return [message.offset for message in (await anext(source)).messages]

    (first, *_) = anyio.run(go)
    let_commits_arrive(connection, topics.scored)
    let_commits_arrive(connection, topics.dead_letters)
    (scored,) = read_topic(connection, topics.scored)
    assert (decode_scored(scored.value), scored.key) == (answer(0), b"key")
    assert scored.headers == [("why", b"so")]
    (found,) = read_dead_letters(connection, topics.dead_letters)
    assert (found.value, found.reason, found.offset) == (b"junk", "no record", 1)
    assert first in {1, 2}
