"""What the broker has, asked of a real one."""

from __future__ import annotations

from contextlib import closing

import pytest

from modelserving.kafka import Connection, make_consumer, make_producer
from modelserving.monitoring.overview import ClusterState, ClusterWatch
from modelserving.records import Topics
from modelserving.system.ports import free_port
from tests.waiting import wait_until


@pytest.mark.broker
def test_it_tells_what_waits_for_a_group(connection: Connection, topics: Topics) -> None:
    """Ends of topics; members of groups; what these have not dealt with. None of Kafka's own topics."""
    with make_producer(connection) as producer:
        for _ in range(5):
            producer.send(topics.records, value=b"x")
        producer.flush()
    with (
        closing(ClusterWatch(connection)) as watch,
        make_consumer(connection, topics.records, group=topics.records, group_instance_id="me") as consumer,
    ):
        wait_until(lambda: consumer.poll(timeout_ms=100, max_records=3), "the first ones")
        consumer.commit()
        state = watch.look()
    assert state.away == ""
    assert {topic.name: dict(topic.ends) for topic in state.topics}[topics.records] == {0: 5}
    assert not [topic.name for topic in state.topics if topic.name.startswith("__")]
    (group,) = (group for group in state.groups if group.name == topics.records)
    assert (group.state, group.members, group.lag) == ("Stable", ("me",), {topics.records: 2})


def test_a_broker_that_is_away_is_an_answer() -> None:
    """And no error."""
    port = free_port()
    with closing(ClusterWatch(Connection(f"127.0.0.1:{port}"))) as watch:
        assert watch.look() == ClusterState(away=f"the broker at 127.0.0.1:{port} does not answer")
