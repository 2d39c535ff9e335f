"""What an application leaves behind goes; its progress goes only when that is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

from modelserving.errors import ServerError
from modelserving.kafka import Connection, list_topics, make_admin, make_consumer
from modelserving.kafka.admin import create_named_topics
from modelserving.records import Topics
from modelserving.streams_server.reset import internal_topics, reset_application

pytestmark = pytest.mark.broker


def test_the_state_of_an_application_of_a_longer_name_stays() -> None:
    """What belongs to ``scoring-b`` begins with ``scoring-``; a group of another kind takes nothing away."""
    own = ["scoring-statistics-changelog", "scoring-by-key-repartition"]
    topics = [
        *own,
        "scoring-b-statistics-changelog",
        "scoring-changelog",
        "scoring-records",
        "wine-statistics-changelog",
    ]
    groups = ["scoring", "scoring-b", "scoring-statistics", "wine"]
    assert internal_topics(topics, "scoring", groups) == own
    assert internal_topics(topics, "scoring-b", groups) == ["scoring-b-statistics-changelog"]


@pytest.mark.parametrize("from_beginning", [False, True])
def test_changelogs_and_local_state_go_and_progress_if_wanted(
    connection: Connection, topics: Topics, tmp_path: Path, from_beginning: bool
) -> None:
    """Topics of others that only begin alike stay; an application that runs is left alone.

    Servers of several kinds may have had the name.
    """
    application, partition = f"{topics.records}-app", TopicPartition(topics.records, 0)
    internal, other = f"{application}-statistics-changelog", f"{application}-records"
    create_named_topics(connection, {internal: (1, {}), other: (1, {})})
    folders = [tmp_path / kind / application for kind in ("streams", "monitor", "heating")]
    for folder in folders[1:]:
        (folder / "0").mkdir(parents=True)
    with make_consumer(connection, topics.records, group=application) as consumer:
        while not consumer.assignment():
            consumer.poll(timeout_ms=200)
        consumer.commit({partition: OffsetAndMetadata(7, "", -1)})
        with pytest.raises(ServerError, match="Stop its servers first"):
            reset_application(connection, application, folders, from_beginning=from_beginning)
    done = reset_application(connection, application, folders, from_beginning=from_beginning)
    assert (done.topics, done.folders, done.progress) == ((internal,), tuple(folders[1:]), from_beginning)
    assert not any(folder.exists() for folder in folders)
    assert other in list_topics(connection)
    admin = make_admin(connection)
    kept = admin.list_group_offsets({application: [partition]})[application][partition].offset
    admin.delete_topics([other])
    admin.close()
    assert kept == (-1 if from_beginning else 7)
