"""The reader at a real broker."""

from __future__ import annotations

import pytest

from modelserving.client import ReadMessage, read_decoded, read_topics
from modelserving.errors import KafkaError
from modelserving.kafka import Connection, make_consumer, make_producer
from modelserving.records import (
    Action,
    Column,
    ColumnType,
    ModelCommand,
    ModelDescriptor,
    ModelType,
    RecordSchema,
    ScoredRecord,
    Topics,
    encode_command,
    encode_descriptor,
    encode_scored,
    encode_wine,
)
from modelserving.records.codecs import Codec, write_frame
from modelserving.records.codecs.factory import make_codec
from modelserving.records.decoder import RecordDecoder
from tests.fakes import WINE, wine

MODEL = ModelDescriptor("tree", "a tree", "wine", ModelType.PMML, b"<PMML/>", version="2")
ANSWER = ScoredRecord("wine", 5.0, "tree", "2", "d", 0, 0, 10, 20, 30)


class Anyone:
    """Whoever writes behind a number writes as the reader reads."""

    framed, away = True, ""

    def codec(self, _: int, reader: RecordSchema) -> Codec:
        return make_codec(reader)


def publish(connection: Connection, topic: str, *values: bytes, key: bytes | None = None) -> None:
    with make_producer(connection) as producer:
        for value in values:
            producer.send(topic, value=value, key=key)
        producer.flush()


@pytest.mark.broker
def test_every_message_is_shown_with_number_key_size_and_first_bytes(connection: Connection, topics: Topics) -> None:
    """What is on the topic byte by byte, and what it says."""
    publish(connection, topics.records, encode_wine(WINE), encode_wine(wine(alcohol=11.0)), key=b"wine")
    first, second = [seen for seen in read_topics(connection, topics) if seen.topic == topics.records]
    assert (first.number, first.partition, first.offset, first.key) == (1, 0, 0, b"wine")
    assert (first.size, first.first) == (len(encode_wine(WINE)), encode_wine(WINE)[:5])
    assert first.first[0] == 0x09
    assert (second.number, second.offset) == (2, 1)
    assert first.good
    assert "alcohol=9.4" in first.decoded
    assert "alcohol=11.0" in second.decoded


@pytest.mark.broker
def test_broken_messages_are_shown_not_raised(connection: Connection, topics: Topics) -> None:
    """Each with the reason; the next one is read all the same."""
    publish(connection, topics.records, b"\xff\xfe\xfd", b"", encode_wine(wine("../x")), encode_wine(WINE))
    seen = list(read_topics(connection, topics))
    assert [one.good for one in seen] == [False, False, False, True]
    assert [one.size for one in seen][:2] == [3, 0]
    assert "b'\\xff\\xfe\\xfd': no record of the workbook's own" in seen[0].decoded
    assert "empty" in seen[1].decoded
    assert "'../x' is not allowed" in seen[2].decoded


@pytest.mark.broker
def test_all_topics_are_read(connection: Connection, topics: Topics) -> None:
    """Models, commands, records, answers and dead letters, topic by topic, each decoded in its way."""
    publish(connection, topics.models, encode_descriptor(MODEL), key=b"wine")
    publish(connection, topics.control, encode_command(ModelCommand(Action.SHADOW, "wine", "ab" * 32, 5.0)))
    publish(connection, topics.records, encode_wine(WINE))
    publish(connection, topics.scored, encode_scored(ANSWER))
    publish(connection, topics.dead_letters, b"\xff")
    seen = list(read_topics(connection, topics))
    assert [one.topic for one in seen] == [
        topics.models, topics.control, topics.records, topics.scored, topics.dead_letters,
    ]  # fmt: skip
    assert all(one.good for one in seen)
    assert seen[0].decoded == "model tree 2 (pmml) for wine, 7 bytes: a tree"
    assert seen[1].decoded == "shadow 5 % wine, model abababababab…"
    assert "prediction=5.0" in seen[3].decoded


@pytest.mark.broker
def test_records_of_any_schema_are_shown_by_name(connection: Connection, topics: Topics) -> None:
    """And what is none says why; one behind the number of its schema, how such are read."""
    schema = RecordSchema("house", (Column("rooms", ColumnType.INT64),), "json")
    frame = write_frame(7, b'{"rooms": 5}')
    publish(connection, topics.records, b'{"rooms": 4}', b'{"rooms": "many"}', frame)
    good, bad, framed = read_topics(connection, topics, RecordDecoder([schema]))
    assert (good.good, good.decoded) == (True, "for house: {'rooms': 4}")
    assert (bad.good, bad.decoded) == (False, "rooms is 'many', which is no int64.")
    assert framed.decoded.endswith("It begins like a record of schema 7 in a registry: those are read with --framed.")
    assert "of schema 7 in a registry" in [*read_topics(connection, topics)][2].decoded
    found = [*read_topics(connection, topics, RecordDecoder([schema], writers=Anyone()))]
    assert [one.good for one in found] == [False, False, True]
    assert found[2].decoded == "for house: {'rooms': 5}"
    assert "--framed" not in found[0].decoded


@pytest.mark.broker
def test_empty_topics_have_nothing_to_show(connection: Connection, topics: Topics) -> None:
    """It ends, and does not wait for a first message."""
    assert list(read_topics(connection, topics)) == []


@pytest.mark.broker
def test_it_takes_nothing_from_a_server(connection: Connection, topics: Topics) -> None:
    """The original's reader shared the servers' group and took their data; ours belongs to none."""
    publish(connection, topics.records, encode_wine(WINE))
    list(read_topics(connection, topics))
    with make_consumer(connection, topics.records, group=topics.records, auto_offset_reset="earliest") as server:
        found: list[object] = []
        while not found:
            found = [message for part in server.poll(timeout_ms=1_000).values() for message in part]
    assert len(found) == 1


@pytest.mark.broker
def test_a_missing_topic_is_told(connection: Connection) -> None:
    """Who reads before anything was published learns what makes the topics."""
    with pytest.raises(KafkaError, match="there is no topic 'nowhere'"):
        list(read_decoded(connection, "nowhere", str))


@pytest.mark.parametrize(
    ("key", "first", "shown"),
    [
        (None, b"", "key none, 0 bytes, first none: said"),
        (b"wine", b"\x09\xff", "key wine, 0 bytes, first 09 ff: said"),
        (b"\xff", b"", r"key \xff, 0 bytes, first none: said"),
    ],
)
def test_a_line_says_it_all(key: bytes | None, first: bytes, shown: str) -> None:
    """Keys that are no text are shown escaped."""
    assert str(ReadMessage(1, "t", 0, 4, key, 0, first, "said", True)) == f"t #1: partition 0, offset 4, {shown}"
