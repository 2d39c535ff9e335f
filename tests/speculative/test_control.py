"""The topic of what is wanted: what it says is done, what says nothing becomes a dead letter."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest
from anyio.to_thread import run_sync

from modelserving.kafka import Connection, make_admin, make_producer
from modelserving.kafka.dead_letters import DeadLetter
from modelserving.records import Topics
from modelserving.speculative.control import (
    SettingsSource,
    create_settings_topic,
    read_settings,
    send_settings,
    settings_topic,
    take_settings,
)
from modelserving.speculative.settings import ParticipantSettings, SpeculativeSettings, encode_settings
from tests.fakes import FakeMessage
from tests.waiting import wait_until

WANTED = SpeculativeSettings("wine", (ParticipantSettings("smart"), ParticipantSettings("fast")), 50.0)


class Heard:
    """Notes what is wanted, and what says nothing."""

    def __init__(self) -> None:
        self.wanted: list[tuple[str, SpeculativeSettings | None]] = []
        self.refused: list[DeadLetter] = []

    def configure(self, data_type: str, settings: SpeculativeSettings | None) -> None:
        self.wanted.append((data_type, settings))


def take(key: bytes | None, value: bytes | None) -> Heard:
    heard = Heard()
    take_settings(FakeMessage(value, key=key, topic="settings"), heard.configure, heard.refused.append)
    return heard


def test_a_message_says_what_is_wanted_and_an_empty_one_that_nothing_is() -> None:
    """As compaction has it: no value, nothing known."""
    assert take(b"wine", encode_settings(WANTED)).wanted == [("wine", WANTED)]
    assert take(b"wine", None).wanted == [("wine", None)]


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (b"white", encode_settings(WANTED), "one of both"),
        (None, encode_settings(WANTED), "data type"),
        (b"../x", None, "data type"),
        (b"wine", b"junk", "JSON"),
        (b"\xff", b"", "data type"),
    ],
)
def test_a_message_that_says_nothing_is_a_dead_letter(key: bytes | None, value: bytes | None, reason: str) -> None:
    """With the reason; what was wanted before stays."""
    heard = take(key, value)
    assert heard.wanted == []
    (letter,) = heard.refused
    assert reason in letter.reason
    assert letter.stage == "control"


@pytest.mark.broker
def test_a_server_that_starts_reads_all_and_follows(connection: Connection, topics: Topics) -> None:
    """What was said before it began is there at once; what is said then, soon after."""
    create_settings_topic(connection, topics)
    send_settings(connection, topics, "wine", replace(WANTED, deadline_ms=10.0))
    send_settings(connection, topics, "white", replace(WANTED, data_type="white"))
    send_settings(connection, topics, "white", None)
    with make_producer(connection) as producer:
        producer.send(settings_topic(topics), key=b"wine", value=b"junk")
    send_settings(connection, topics, "wine", WANTED)
    heard = Heard()

    async def go() -> None:
        source = SettingsSource(connection, topics, heard.configure, heard.refused.append)
        async with source, anyio.create_task_group() as tasks:
            assert heard.wanted[-1] == ("wine", WANTED)
            assert ("white", None) in heard.wanted
            tasks.start_soon(source.follow)
            send_settings(connection, topics, "wine", None)
            await run_sync(wait_until, lambda: heard.wanted[-1] == ("wine", None), "the message")
            tasks.cancel_scope.cancel()

    anyio.run(go)
    assert [letter.value for letter in heard.refused] == [b"junk"]
    assert read_settings(connection, topics) == {}


@pytest.mark.broker
def test_a_topic_that_is_made_anew_under_a_server_is_read_from_its_beginning(
    connection: Connection, topics: Topics
) -> None:
    """It has as many messages as were read of the old one, whose settings stay until the new one says otherwise."""
    create_settings_topic(connection, topics)
    send_settings(connection, topics, "wine", WANTED)
    heard = Heard()

    async def go() -> None:
        source = SettingsSource(connection, topics, heard.configure, heard.refused.append)
        async with source, anyio.create_task_group() as tasks:
            tasks.start_soon(source.follow)
            await run_sync(make_anew, connection, settings_topic(topics))
            create_settings_topic(connection, topics)
            send_settings(connection, topics, "white", replace(WANTED, data_type="white"))
            await run_sync(wait_until, lambda: len(heard.wanted) == 2, "what the new one says")
            tasks.cancel_scope.cancel()

    anyio.run(go)
    assert [(data_type, settings is None) for data_type, settings in heard.wanted] == [
        ("wine", False),
        ("white", False),
    ]


def make_anew(connection: Connection, topic: str) -> None:
    """Delete a topic, and wait until it is gone."""
    admin = make_admin(connection)
    admin.delete_topics([topic])
    wait_until(lambda: topic not in admin.list_topics(), "the topic to go")
    admin.close()
