"""Whether the records' topic is the one that an application's state belongs to."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from modelserving.errors import ServerError
from modelserving.serving import ServerOptions
from modelserving.streams_server import StoreKind, records_topic
from modelserving.streams_server.records_topic import RecordsTopic


def test_a_folder_without_room_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full says neither where, nor what to do."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(records_topic, "write_atomically", full)
    topic = RecordsTopic(ServerOptions(), tmp_path, StoreKind.STANDARD)
    with pytest.raises(ServerError, match="Make room there") as found:
        topic.check(("an-id", 1))
    assert str(tmp_path) in str(found.value)
