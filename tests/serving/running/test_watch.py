"""Reading that stands still is looked into, and said; a session that its group has lost ends."""

from __future__ import annotations

from unittest.mock import MagicMock

import anyio
import pytest
from kafka.errors import UnknownError

from modelserving.errors import BrokerUnavailable
from modelserving.kafka import Connection, Gap
from modelserving.serving.options import ServerOptions
from modelserving.serving.running import watch as watch_module
from modelserving.serving.running.watch import TopicWatch

GAP = Gap("wine-records", 1, 4, 9, "that log is damaged")


def make_watch(*, fast: bool = False) -> TopicWatch:
    watch = TopicWatch(Connection("127.0.0.1:1"), ServerOptions(fast=fast))
    watch.lag = {0: 0, 1: 20}
    return watch


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> MagicMock:
    """What tries whether a place can be read; and nothing is waited for."""
    found = MagicMock(return_value=None)
    monkeypatch.setattr(watch_module, "find_silence", found)
    monkeypatch.setattr(watch_module, "_STANDS_S", 0.0)
    monkeypatch.setattr(watch_module, "_LISTEN_AGAIN_S", 0.0)
    return found


def look(watch: TopicWatch, at: int, times: int = 1) -> None:
    for _ in range(times):
        watch._listen({0: 7, 1: at}, {})


def test_a_silent_place_is_said_until_reading_is_behind_it(asked: MagicMock) -> None:
    """It is tried where there is more to read and nothing was read since the last look; once found, no more."""
    watch = make_watch()
    look(watch, 3)
    look(watch, 4)
    assert not asked.called
    asked.return_value = GAP
    look(watch, 4, 3)
    assert [call.args[1:] for call in asked.call_args_list] == [("wine-records", 1, 4)]
    assert watch.details == (str(GAP),)
    assert watch.silences() == [("wine-records", 1, range(4, 9))]
    look(watch, 9)
    assert not watch.silent


@pytest.mark.parametrize("fast", [False, True])
def test_only_librdkafka_is_suspected_where_a_place_can_be_read(asked: MagicMock, fast: bool) -> None:
    """And not at once: a server may be slow."""
    asked.return_value = MagicMock()  # a record
    watch = make_watch(fast=fast)
    look(watch, 4, 2)
    assert not watch.silent
    look(watch, 4)
    assert ["without --fast" in line for line in watch.details] == [True] * fast
    assert asked.call_count == 2
    assert not any(offsets for *_, offsets in watch.silences())  # nobody is moved by a suspicion


def test_nothing_is_suspected_where_only_marks_of_transactions_are(asked: MagicMock) -> None:
    """They count as lag, and nobody ever reads them."""
    watch = make_watch(fast=True)
    look(watch, 4, 5)
    assert asked.called
    assert not watch.silent


def test_what_the_broker_fails_to_read_is_said_and_moves_nobody(asked: MagicMock) -> None:
    """It may fail for the moment only; that it is away is another matter."""
    asked.side_effect = UnknownError("the disk")
    watch = make_watch()
    look(watch, 4, 2)
    assert "the disk" in watch.details[0]
    assert not any(offsets for *_, offsets in watch.silences())


def test_a_silence_that_is_known_is_passed_over_as_a_whole(asked: MagicMock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked for afresh, each readable record in it would be one that cannot be read."""
    letters = MagicMock()
    monkeypatch.setattr(watch_module, "make_producer", letters)
    asked.return_value = GAP
    watch = make_watch()
    look(watch, 4, 2)
    assert watch.pass_over("wine-records", 1, 4, "nothing comes") == 9
    assert letters.called


def test_what_was_lost_without_bytes_is_counted() -> None:
    """Of a batch that came, the bytes are in the dead letter; of what the broker does not give, nothing is left."""
    watch = make_watch()
    watch.audit.read((), (GAP, Gap("wine-records", 0, 2, 4, "cannot be read", b"bytes")))
    assert watch.audit.lost == {1: 5}


def test_a_session_ends_that_its_group_has_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client of which the group knows nothing, though nothing is going on there, does not come back by itself."""
    monkeypatch.setattr(watch_module, "_LEFT_OUT_S", 0.05)
    watch = make_watch()
    admin = MagicMock()
    group: dict[str, object] = {"group_id": watch._options.group, "group_state": "Empty", "members": []}
    admin.describe_groups.return_value = {watch._options.group: group}

    async def wait(seconds: float) -> bool:
        with anyio.move_on_after(seconds) as waited:
            await watch.end_when_outdated()
        return waited.cancelled_caught

    for settled, member in (("PreparingRebalance", ""), ("Stable", watch._options.member)):
        group["group_state"], group["members"] = settled, [{"group_instance_id": member}] * bool(member)
        list(watch._idle(admin))
        assert anyio.run(wait, 0.5)
    group["group_state"], group["members"] = "Empty", []
    list(watch._idle(admin))
    assert anyio.run(wait, 0.5)  # that the watch itself was busy says nothing about the group
    monkeypatch.setattr(watch_module, "_LEFT_OUT_S", -1.0)
    list(watch._idle(admin))
    with pytest.raises(BrokerUnavailable, match="no member"):
        anyio.run(wait, 60.0)
