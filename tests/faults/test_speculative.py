"""Several models, and a server that is really killed: every record has one answer or one dead letter."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator

import pytest

from modelserving.broker import EmbeddedKafka
from modelserving.kafka import Connection, create_topics, delete_topics, read_topic
from modelserving.records import Topics, decode_scored
from modelserving.speculative.control import create_settings_topic, send_settings
from modelserving.speculative.outcome import read_account
from modelserving.speculative.settings import ParticipantSettings, SpeculativeSettings
from modelserving.workshop.processes.process import ServerProcess
from tests.contract.servers import Pipeline, constant_model, published
from tests.waiting import let_commits_arrive, wait_until

pytestmark = [pytest.mark.broker, pytest.mark.slow]

RECORDS = 600
SLOW = SpeculativeSettings(
    "wine",
    (ParticipantSettings("smart", slowed_ms=80.0), ParticipantSettings("fast")),
    30.0,
    fallback=4.0,
    patience=1000,
)
"""On a machine that stands still for a moment the fast model is late, too: then there is the fallback."""


@pytest.fixture
def pipeline(kafka: EmbeddedKafka, connection: Connection) -> Iterator[Pipeline]:
    """Two models, of which the preferred one is late; and what is wanted is on the topic before a server starts."""
    environ = {"KAFKA_BOOTSTRAP_SERVERS": connection.bootstrap_servers, "MODELSERVING_HOME": str(kafka.home)}
    made = Pipeline("speculative", connection, Topics().prefixed(f"s{secrets.token_hex(4)}"), environ)
    create_topics(connection, made.topics)
    create_settings_topic(connection, made.topics)
    send_settings(connection, made.topics, "wine", SLOW)
    for name, answer in (("smart", 7.0), ("fast", 5.0)):
        made.send_model(*published(constant_model(answer, name, name)), key=name.encode())
    yield made
    delete_topics(connection, made.topics)


def participants(server: ServerProcess) -> dict[str, dict[str, object]]:
    """What the server says of those that are asked, by name."""
    found = server.get("/speculative/wine")["participants"]
    assert isinstance(found, list)
    return {one["name"]: one for one in found}


def answers(pipeline: Pipeline) -> Counter[tuple[int, float]]:
    """How often each record, by offset, has which answer."""
    messages = read_topic(pipeline.connection, pipeline.topics.scored)
    return Counter((one.offset, one.prediction) for one in (decode_scored(message.value) for message in messages))


def test_a_server_killed_in_the_middle_answers_each_record_once(pipeline: Pipeline) -> None:
    """``kill -9``, garbage, then other settings while it runs: nothing lost, nothing doubled."""
    server = pipeline.serve("--max-records", "20", "--isolate", "smart")
    pipeline.send_wines(RECORDS)
    wait_until(lambda: pipeline.answered() > 40, "some answers")
    server.kill()
    server.close()
    pipeline.send_records(b"\xff\xfe")
    with pipeline.serve("--max-records", "20", "--isolate", "smart") as server:
        wait_until(lambda: len(answers(pipeline)) == RECORDS, "an answer to each record")
        asked = participants(server)
        assert (asked["smart"]["chosen"], asked["smart"]["model"]) == (0, "smart")
        assert int(str(asked["smart"]["late"])) > 0
        send_settings(
            pipeline.connection, pipeline.topics, "wine", SpeculativeSettings("wine", SLOW.participants, 20_000.0)
        )
        wait_until(lambda: server.get("/speculative/wine")["deadline_ms"] == 20_000, "the other settings")
        pipeline.send_wines(10)
        wait_until(lambda: len(answers(pipeline)) == RECORDS + 10, "an answer to each further record")
    let_commits_arrive(pipeline.connection, pipeline.topics.scored)
    found = answers(pipeline)
    assert set(found.values()) == {1}
    later = range(RECORDS + 1, RECORDS + 11)
    assert {offset for offset, _ in found} == {*range(RECORDS), *later}
    assert {value for offset, value in found if offset < RECORDS} <= {4.0, 5.0}
    assert {value for offset, value in found if offset in later} == {7.0}
    assert [letter.offset for letter in pipeline.dead()] == [RECORDS]
    messages = read_topic(pipeline.connection, pipeline.topics.scored)
    accounts = [account for message in messages if (account := read_account(message.headers))]
    assert len(accounts) == found.total()
    assert {account.chosen for account in accounts} <= {"smart", "fast", ""}
    assert all(account.absent["smart"] == "late" for account in accounts if account.chosen == "fast")
    assert all(account.after_ms >= 30 for account in accounts if account.chosen != "smart")
