"""A topic as it is seen from outside, on a real broker."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace

import pytest
from kafka import TopicPartition

from modelserving.kafka import Connection, make_consumer, make_producer
from modelserving.records import Topics
from modelserving.widgets import RecordState, TopicView
from modelserving.widgets.topic import feed as topic_feed
from modelserving.widgets.topic.chart import render_topic
from modelserving.widgets.topic.feed import TopicFeed
from modelserving.widgets.topic.snapshot import Lane, TopicSnapshot
from tests.waiting import wait_until


class _Ann:
    partitions = (0,)


@pytest.fixture
def view(connection: Connection, topics: Topics) -> Iterator[TopicView]:
    """A view of a topic, with a group of one member."""
    group = f"{topics.records}-watchers"
    marks = {"alarm": {0: 1}}
    with TopicView(connection, topics.records, group, members={"Ann": _Ann()}, bookmarks=marks) as view:
        yield view


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("minutes-acef5930-ae4a-4ab0-a297-e2430dd82d3b-StreamThread-1-consumer", "minutes"),
        ("lesson-09-streams-one-1", "lesson-09-streams-one"),
        ("Ann", "Ann"),
    ],
)
def test_a_member_has_the_name_that_people_gave_it(name: str, shown: str) -> None:
    """Kafka Streams makes names of 70 letters, which tell nobody anything."""
    assigned = {"assigned_partitions": [{"topic": "bottles", "partitions": [0]}]}
    member = {"group_instance_id": None, "client_id": name, "member_assignment": assigned}
    admin = SimpleNamespace(describe_groups=lambda groups: {groups[0]: {"members": [member]}})
    assert topic_feed._assigned(admin, "group", "bottles") == {0: shown}


def test_an_hour_of_records_with_keys_of_their_own_leaves_no_heap() -> None:
    """What is not looked at any more is forgotten; each record that is shown has its key, and its colour."""
    feed, tp = TopicFeed(Connection("127.0.0.1:1"), "bottles"), TopicPartition("bottles", 0)
    for end in range(20, 5000, 5):
        feed._forget({tp: end})
        seen = {(0, offset): f"bottle-{offset}" for offset in range(end - 20, end)}
        lane = feed._lane(tp, 0, end, seen, seen, {tp: end}, None)
    assert len(lane.records) == 20
    assert len(feed._known) <= 40
    assert len(feed._keys) <= 250
    render_topic(TopicSnapshot("bottles", (lane,), tuple(feed._keys)))


@pytest.mark.broker
def test_transactions_are_seen_open_committed_and_aborted(
    connection: Connection, topics: Topics, view: TopicView
) -> None:
    """What is not committed is shown as such; what was aborted stays in the topic, crossed out."""
    with make_producer(connection, transactional_id=topics.records, linger_ms=0) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(topics.records, key=b"red", value=b"1").get(timeout=60)
        view.wait_for(lambda s: s.count(RecordState.OPEN) == 1)
        producer.commit_transaction()
        view.wait_for(lambda s: s.count(RecordState.COMMITTED) == 1 and not s.count(RecordState.OPEN))
        producer.begin_transaction()
        producer.send(topics.records, key=b"white", value=b"2").get(timeout=60)
        producer.abort_transaction()
        seen = view.wait_for(lambda s: s.count(RecordState.ABORTED) == 1)
    assert [(record.offset, record.key) for record in seen.lanes[0].records] == [(0, "red"), (2, "white")]
    assert seen.keys == ("red", "white")


def test_a_broker_that_is_gone_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clients wait for it, half a minute long; the picture of before would say that all is well."""
    looks = 0

    def look(*_: object) -> TopicSnapshot:
        nonlocal looks
        looks += 1
        return TopicSnapshot("bottles", (Lane(0),))

    with closing(socket.create_server(("127.0.0.1", 0))) as broker:
        feed = TopicFeed(Connection(f"127.0.0.1:{broker.getsockname()[1]}"), "bottles")
        monkeypatch.setattr(topic_feed, "make_admin", lambda _: SimpleNamespace(close=int))
        monkeypatch.setattr(topic_feed, "make_consumer", lambda *_, **__: SimpleNamespace(close=lambda **_: None))
        monkeypatch.setattr(feed, "_look", look)
        feed.start()
        wait_until(lambda: looks > 1, "a look")
        assert not feed.snapshot().away
    wait_until(lambda: feed.snapshot().away, "the view to say so")
    assert feed.snapshot().lanes == (Lane(0),)
    feed.close()


@pytest.mark.broker
def test_a_groups_bookmark_and_lag_are_seen(connection: Connection, topics: Topics, view: TopicView) -> None:
    """Lag is the distance from the bookmark to the end; the owner is who has the partition."""
    with make_producer(connection, linger_ms=0) as producer:
        for _ in range(3):
            producer.send(topics.records, value=b"x").get(timeout=60)
    view.wait_for(lambda s: s.behind == 3)
    with make_consumer(connection, topics.records, group=f"{topics.records}-watchers") as consumer:
        while not consumer.poll(timeout_ms=200, max_records=2):
            pass
        consumer.commit()
    seen = view.wait_for(lambda s: s.behind == 1)
    assert seen.lanes[0].owner == "Ann"
    assert seen.lanes[0].bookmarks == (("alarm", 1), ("group", 2))
