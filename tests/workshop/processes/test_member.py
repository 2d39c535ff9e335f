"""A member of a group as a process of its own."""

from __future__ import annotations

import psutil
import pytest

from modelserving.errors import ServerError
from modelserving.kafka import Connection
from modelserving.workshop import GroupMember, Lesson, lag

pytestmark = pytest.mark.broker


@pytest.mark.slow
def test_members_share_and_a_killed_ones_share_is_taken_over(lesson: Lesson) -> None:
    """No partition is without a reader for longer than a session, and no record is left out."""
    topic, group = lesson.topic("shared", partitions=3), lesson.group("g")
    with GroupMember(lesson.connection, topic, group) as ann, GroupMember(lesson.connection, topic, group) as bob:
        ann.wait_for_partitions(1, 2)
        bob.wait_for_partitions(1, 2)
        bob.kill()
        assert ann.wait_for_partitions(3) == (0, 1, 2)
        producer = lesson.producer()
        for partition in range(3):
            producer.send(topic, partition=partition, value=b"x")
        lesson.wait_for(lambda: not any(lag(lesson.connection, group, topic).values()), "no lag")
        assert sorted(ann.records) == [(0, 0), (1, 0), (2, 0)]
        assert "3 records" in repr(ann)


def test_a_closed_member_leaves_nothing(lesson: Lesson) -> None:
    """Its process is gone, and a second close does nothing."""
    member = GroupMember(lesson.connection, lesson.topics.records, lesson.group("g"))
    member.wait_for_partitions(1)
    member.close()
    member.close()
    assert not psutil.pid_exists(member.pid)
    assert "gone" in repr(member)


def test_a_member_that_finds_no_broker_says_so(lesson: Lesson) -> None:
    """Whoever waits for its partitions gets the reason, and does not wait in vain."""
    with (
        GroupMember(Connection("127.0.0.1:1"), lesson.topics.records, lesson.group("g")) as member,
        pytest.raises(ServerError, match=r"no Kafka broker answers at 127\.0\.0\.1:1"),
    ):
        member.wait_for_partitions(1)


def test_a_member_that_pauses_keeps_its_partitions_and_falls_behind(lesson: Lesson) -> None:
    """It stays in the group and deals with nothing; then it goes on where it was."""
    topic, group = lesson.topic("pausing"), lesson.group("pausing")
    with GroupMember(lesson.connection, topic, group) as ann:
        ann.wait_for_partitions(1)
        ann.pause()
        lesson.producer().send(topic, value=b"x").get(timeout=60)
        assert lag(lesson.connection, group, topic) == {0: 1}
        assert ann.partitions == (0,)
        ann.resume()
        lesson.wait_for(lambda: not any(lag(lesson.connection, group, topic).values()), "no lag")
        assert ann.records == ((0, 0),)
    with pytest.raises(ServerError, match="cannot pause"):
        ann.pause()
