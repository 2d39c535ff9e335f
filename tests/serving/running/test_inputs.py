"""What an engine reads; with a broker that is a fake."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest
from kafka.errors import KafkaConnectionError

from modelserving.kafka import Connection
from modelserving.serving.running import asking
from modelserving.serving.running.inputs import InputTopics

_UNKNOWN = 3


def described(**ids: str) -> list[dict[str, Any]]:
    """Of each topic, its id; without one, there is no such topic."""
    return [{"name": name, "topic_id": one, "error_code": 0 if one else _UNKNOWN} for name, one in ids.items()]


def test_a_topic_that_goes_and_comes_is_another_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """While it is away that is said, and it is known as it was; a broker that is away changes nothing."""
    admin = Mock()
    monkeypatch.setattr(asking, "make_admin", lambda _: admin)
    topics = InputTopics(Connection("nowhere:1"), ("a", "b"))
    admin.describe_topics.side_effect = [
        described(a="1", b="2"),
        described(a="1", b="2"),
        described(a="1", b=""),
        KafkaConnectionError("away"),
        described(a="1", b="3"),
    ]
    seen = []
    for _ in range(5):
        topics.look()
        seen.append((topics.identities(), topics.missing))
    gone = "there is no topic b: it was deleted, and this server waits for it"
    assert [missing for _, missing in seen] == [(), (), (gone,), (gone,), ()]
    assert all(identities is seen[0][0] for identities, _ in seen[:4])
    assert [dict(seen[0][0]), dict(seen[4][0])] == [{"a": "1", "b": "2"}, {"a": "1", "b": "3"}]
    assert caplog.text.count("topic b was deleted and made anew") == 1
    admin.close.assert_called_once()
