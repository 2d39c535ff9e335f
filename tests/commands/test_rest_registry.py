"""What commands say of schemas to a registry with Confluent's REST interface, and to no broker."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from modelserving.commands.schemas.publish import _schema
from modelserving.commands.serve.launch import _answers_frame
from modelserving.errors import RegistryUnavailable
from modelserving.kafka import Connection
from modelserving.records import Topics
from modelserving.records.codecs import read_frames
from modelserving.registry import ConfluentRegistry
from tests.registry.fake import FakeRegistry

URL = "http://registry/ccompat"
NO_BROKER = Connection("127.0.0.1:9")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    """Behind every address, in this process."""
    fake = FakeRegistry()
    monkeypatch.setattr("modelserving.registry.ConfluentRegistry", partial(ConfluentRegistry, transport=fake.transport))
    return fake


def test_framed_answers_say_the_number_of_their_schema_in_the_registry(registry: FakeRegistry) -> None:
    """Each server asks once, when it starts; the second finds the schema of the first."""
    topics = Topics()
    frame = _answers_frame(URL, topics, NO_BROKER)
    [number] = registry.subjects[f"{topics.scored}-value"]
    found, problems = read_frames([frame + b"answer"], protobuf=True)
    assert (problems, found[0].schema_id, found[0].payload) == ({}, number, b"answer")
    assert _answers_frame(URL, topics, NO_BROKER) == frame


def test_records_say_the_number_of_their_schema_in_the_registry(registry: FakeRegistry, tmp_path: Path) -> None:
    """As ``publish --schema-id`` asks for: what the file holds is registered, and found there again."""
    file = tmp_path / "people.csv"
    file.write_text("age,name\n40,Ada\n,Bo\n", encoding="utf-8")
    schema, number = _schema("", file, True, URL, NO_BROKER)
    assert registry.subjects[schema.subject or schema.name] == [number]
    assert _schema("", file, True, URL, NO_BROKER)[1] == number


def test_a_registry_that_is_away_is_named(registry: FakeRegistry) -> None:
    """With its address; a server does not start without the number."""
    registry.down = True
    with pytest.raises(RegistryUnavailable, match="registry/ccompat"):
        _answers_frame(URL, Topics(), NO_BROKER)
