"""Dead letters are sent again as they came, each at most once, also when a replay is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from modelserving.client.letters import KeptLetter, LetterFilter, each_letter, parse_position
from modelserving.client.replay import replay
from modelserving.errors import ConfigError, KafkaError
from modelserving.kafka import Connection, DeadLetter, create_topics, delete_topics, headers, make_producer, read_topic
from modelserving.records import Topics
from tests.waiting import wait_until

OWN = (("trace", b"\x00\xff"), ("x-stage", b"theirs"))


def letter(topic: str, number: int = 0, partition: int = 0, **more: object) -> DeadLetter:
    """A letter about a message of that topic."""
    said = {"stage": "decode", "error": "DecodeError", "reason": f"number {number}", "headers": OWN, **more}
    return DeadLetter(b"value %d" % number, b"key", topic, partition, number, **said)  # type: ignore[arg-type]


def test_a_filter_takes_what_is_meant() -> None:
    """Stage, reason in whichever case, topic, time and position; all of them must hold."""
    kept = KeptLetter((0, 7), 1_000, letter("records", 3))
    for wanted in (
        LetterFilter(),
        LetterFilter("decode", "decodeERROR: number", ("records",), 1_000, 1_001, [(0, 7)]),
    ):
        assert wanted.takes(kept)
    for other in (
        LetterFilter("score"),
        LetterFilter(reason="number 4"),
        LetterFilter(topics=("models",)),
        LetterFilter(since_ms=1_001),
        LetterFilter(until_ms=1_000),
        LetterFilter(positions=[(1, 7)]),
    ):
        assert not other.takes(kept)


@pytest.mark.parametrize(("text", "position"), [("0:17", (0, 17)), ("17", (0, 17)), ("12:0", (12, 0))])
def test_a_position_is_typed_as_it_is_shown(text: str, position: tuple[int, int]) -> None:
    """Partition and offset; a topic of one partition needs only the offset."""
    assert parse_position(text) == position


@pytest.mark.parametrize("text", ["", "a", "1:", ":1:2", "-1"])
def test_what_is_no_position_is_told(text: str) -> None:
    """The word that is wrong, and where right ones are to be seen."""
    with pytest.raises(ConfigError, match="deadletters list"):
        parse_position(text)


@pytest.fixture
def two(connection: Connection) -> Iterator[Topics]:
    """The topics of this test's own, two partitions each."""
    own = Topics().prefixed(f"replay-{os.urandom(4).hex()}")
    create_topics(connection, own, partitions=2)
    yield own
    delete_topics(connection, own)


def write(connection: Connection, topics: Topics, *letters: DeadLetter) -> None:
    """Put letters on their topic."""
    with make_producer(connection) as producer:
        for one in letters:
            producer.send(topics.dead_letters, one.body, one.label, headers(one), partition=0)


Came = list[tuple[int, bytes, bytes, tuple[tuple[str, bytes], ...]]]


def came(connection: Connection, topics: Topics, count: int) -> Came:
    """What is on the records topic, which is to be so many: partition, key, value, headers.

    A transaction is to be seen a moment after it is committed: the broker marks its topics one by one.
    """

    def read() -> Came:
        found = read_topic(connection, topics.records)
        return [(one.partition, one.key, one.value, tuple(one.headers)) for one in found]

    wait_until(lambda: len(read()) >= count, f"{count} records")
    return read()


@pytest.mark.broker
def test_a_message_is_sent_again_as_it_came_and_once(connection: Connection, two: Topics) -> None:
    """Value, key, headers and partition are its own; a second replay leaves it alone; being told, it sends it again."""
    write(connection, two, letter(two.records, 1, partition=1))
    assert replay(connection, two.dead_letters, [two.records], dry_run=True).sent == ("0:0",)
    assert came(connection, two, 0) == []
    assert replay(connection, two.dead_letters, [two.records]).sent == ("0:0",)
    assert came(connection, two, 1) == [(1, b"key", b"value 1", OWN)]
    second = replay(connection, two.dead_letters, [two.records])
    assert (second.sent, second.before) == ((), 1)
    (kept,) = each_letter(connection, two.dead_letters, LetterFilter())
    assert kept.replayed
    assert replay(connection, two.dead_letters, [two.records], again=True).sent == ("0:0",)
    assert came(connection, two, 2) == [(1, b"key", b"value 1", OWN)] * 2


@pytest.mark.broker
def test_what_cannot_go_back_as_it_came_is_kept_with_the_reason(connection: Connection, two: Topics) -> None:
    """A model, a partition or topic that is gone, no origin, a part of a message: told, and nothing else is held up."""
    write(
        connection,
        two,
        letter(two.models, 0),
        letter(two.records, 1, partition=9),
        letter("gone", 2),
        letter("", 3),
        letter(two.records, 4, cut=True, headers=(("none", None),)),
        letter(two.records, 5),
    )
    done = replay(connection, two.dead_letters, [two.records, "gone"])
    assert done.sent == ("0:5",)
    assert [name for name, _ in done.kept] == ["0:0", "0:1", "0:2", "0:3", "0:4"]
    reasons = [reason for _, reason in done.kept]
    for reason, word in zip(reasons, ("--topic", "partition 9", "no topic gone", "not say", "not all"), strict=True):
        assert word in reason
    assert [value for _, _, value, _ in came(connection, two, 1)] == [b"value 5"]


@pytest.mark.broker
def test_a_topic_made_anew_has_letters_that_were_not_sent(connection: Connection, two: Topics) -> None:
    """It counts from 0 again, and what was sent from the old one says nothing about it."""
    write(connection, two, letter(two.records))
    replay(connection, two.dead_letters, [two.records])
    delete_topics(connection, two)
    create_topics(connection, two, partitions=2)
    write(connection, two, letter(two.records))
    assert replay(connection, two.dead_letters, [two.records]).sent == ("0:0",)


@pytest.mark.broker
def test_no_topic_is_told(connection: Connection) -> None:
    """And none is made."""
    with pytest.raises(KafkaError, match="'nowhere'"):
        replay(connection, "nowhere", ["records"])


KILLED = """
import sys
from modelserving.client.replay import replay
from modelserving.kafka import Connection
server, letters, records = sys.argv[1:]
def note(kept):
    if kept.name == "0:6":
        print("in the middle", flush=True)
        sys.stdin.read()
replay(Connection(server), letters, [records], at_once=4, note=note)
"""


@pytest.mark.broker
def test_a_replay_that_was_killed_is_gone_on_with(connection: Connection, two: Topics) -> None:
    """Killed inside of its second transaction: the first is done, the second never was, and each comes once."""
    write(connection, two, *(letter(two.records, number, number % 2) for number in range(10)))
    words = [sys.executable, "-c", KILLED, connection.bootstrap_servers, two.dead_letters, two.records]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in the middle\n"
        process.send_signal(signal.SIGKILL)
    done = replay(connection, two.dead_letters, [two.records])
    assert (done.sent, done.before) == (tuple(f"0:{number}" for number in range(4, 10)), 4)
    assert sorted(value for _, _, value, _ in came(connection, two, 10)) == [
        b"value %d" % number for number in range(10)
    ]


@pytest.mark.broker
def test_the_second_of_two_replays_locks_the_first_one_out(connection: Connection, two: Topics) -> None:
    """Both would send all; each letter comes once."""
    write(connection, two, *(letter(two.records, number) for number in range(3)))

    def interfere(kept: KeptLetter) -> None:
        if kept.name == "0:1":
            replay(connection, two.dead_letters, [two.records])

    with pytest.raises(KafkaError, match=r"another replay|nothing was sent twice"):
        replay(connection, two.dead_letters, [two.records], note=interfere)
    assert [value for _, _, value, _ in came(connection, two, 3)] == [b"value 0", b"value 1", b"value 2"]
