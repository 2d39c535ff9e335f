"""Reading that stands still is looked into, and said; a session that its group has lost ends."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from types import SimpleNamespace
from unittest.mock import MagicMock

import anyio
import pytest
from kafka.errors import TopicAuthorizationFailedError, UnknownError

from modelserving.errors import BrokerUnavailable
from modelserving.kafka import Connection, Gap
from modelserving.kafka.reading import Reread
from modelserving.serving.messages import Batch
from modelserving.serving.options import ServerOptions
from modelserving.serving.report.status import Health, Phase
from modelserving.serving.running import asking, gap_letters, membership
from modelserving.serving.running import watch as watch_module
from modelserving.serving.running.membership import Membership
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
    monkeypatch.setattr(watch_module, "_HAD_S", -1.0)
    monkeypatch.setattr(watch_module, "_EVERY_S", 0.01)
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
    monkeypatch.setattr(gap_letters, "make_producer", letters)
    asked.return_value = GAP
    watch = make_watch()
    look(watch, 4, 2)
    assert watch.pass_over("wine-records", 1, 4, "nothing comes") == 9
    assert letters.called


def test_where_offsets_jump_what_says_that_it_is_elsewhere_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bytes are a dead letter; and where nothing is wrong, nothing is said."""
    letters = MagicMock()
    monkeypatch.setattr(gap_letters, "make_producer", letters)
    well = Reread((), (), 4)
    wrong = Reread((Gap("wine-records", 1, 4, 6, "elsewhere", b"bytes"),), (), 6)
    monkeypatch.setattr(gap_letters, "reread", MagicMock(side_effect=[well, wrong]))
    watch = make_watch()
    assert watch.look_into("wine-records", 1, range(4, 9)) == well
    letters.assert_not_called()
    assert watch.look_into("wine-records", 1, range(4, 9)) == wrong
    letters.assert_called_once()
    assert watch.audit.positions == {1: 6}
    assert not watch.audit.lost


def test_what_was_lost_without_bytes_is_counted() -> None:
    """Of a batch that came, the bytes are in the dead letter; of what the broker does not give, nothing is left."""
    watch = make_watch()
    watch.audit.read((), (GAP, Gap("wine-records", 0, 2, 4, "cannot be read", b"bytes")))
    assert watch.audit.lost == {1: 5}


def group_with(admin: MagicMock, state: str, *members: str, group: str = ServerOptions().group) -> None:
    """Let the group of the server have these members, each with a partition of the records' topic."""
    described = [
        {
            "group_instance_id": name,
            "member_assignment": {"assigned_partitions": [{"topic": "wine-records", "partitions": [number]}]},
        }
        for number, name in enumerate(members)
    ]
    admin.describe_groups.return_value = {group: {"group_id": group, "group_state": state, "members": described}}


async def runs(watch: TopicWatch, seconds: float) -> bool:
    """Whether a session goes on for so long."""
    with anyio.move_on_after(seconds) as waited:
        await watch.end_when_outdated()
    return waited.cancelled_caught


def test_a_session_ends_that_its_group_has_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client of which the group knows nothing, though nothing is going on there, does not come back by itself."""
    monkeypatch.setattr(membership, "_LEFT_OUT_S", 0.05)
    watch, admin = make_watch(), MagicMock()
    for settled, *members in (("PreparingRebalance",), ("Stable", watch._options.member)):
        group_with(admin, settled, *members)
        list(watch._member.look(admin, 1))
        assert anyio.run(runs, watch, 0.5)
    group_with(admin, "Empty")
    list(watch._member.look(admin, 1))
    assert anyio.run(runs, watch, 0.5)  # that the watch itself was busy says nothing about the group
    monkeypatch.setattr(membership, "_LEFT_OUT_S", -1.0)
    list(watch._member.look(admin, 1))
    with pytest.raises(BrokerUnavailable, match="no member"):
        anyio.run(runs, watch, 60.0)


def test_another_server_whose_name_begins_alike_is_another() -> None:
    """``wine-10`` is not ``wine-1``; a number behind the name is a thread of the same server."""
    admin = MagicMock()
    for members, own in (
        (("wine-10", "wine-12"), frozenset()),
        (("wine-10", "wine-1"), {1}),
        (("wine-10", "wine-1-1", "wine-1-2"), {1, 2}),
        (("wine-1-1", "wine-1"), {1}),
    ):
        found = Membership(ServerOptions(group="wine", instance="1"))
        group_with(admin, "Stable", *members, group="wine")
        list(found.look(admin, 3))
        assert {part for part in range(3) if found.has_had(part, -1.0)} == own


@pytest.mark.parametrize(
    ("state", "members", "acts"),
    [
        ("Stable", ("wine-0",), True),
        ("Stable", ("wine-0", "wine-1"), True),
        ("Stable", ("wine-1", "wine-0"), True),
        ("Stable", ("a-server", "wine-0"), False),
        ("Stable", ("wine-0", "wine-1", "wine-2"), False),
        ("PreparingRebalance", ("wine-0",), False),
    ],
    ids=["alone", "of two", "whoever is first by name", "another does it", "all are shared", "they are being shared"],
)
def test_partitions_that_are_nobodys_are_shared_anew(
    state: str, members: tuple[str, ...], acts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes under a known name gets what that name had, also if it was nothing; and it is not said to be idle."""
    monkeypatch.setattr(membership, "_UNSHARED_S", -1.0)
    admin, found = MagicMock(), Membership(ServerOptions(group="wine", instance="0"))
    group_with(admin, state, *members, group="wine")
    for _ in range(2):
        assert not [*found.look(admin, 3)]
        found.share_anew(admin)
    assert admin.remove_group_members.called is acts
    if acts:
        name, (left,) = admin.remove_group_members.call_args.args
        assert (name, left.group_instance_id) == ("wine", "wine-0")


def test_what_nobody_has_for_a_moment_is_left_to_the_group() -> None:
    """It shares by itself what was added, as a rule; and one that has nothing, where all is shared, is idle."""
    admin, found = MagicMock(), Membership(ServerOptions(group="wine", instance="0"))
    group_with(admin, "Stable", "wine-0", group="wine")
    list(found.look(admin, 2))
    found.share_anew(admin)
    assert not admin.remove_group_members.called
    described = admin.describe_groups.return_value["wine"]["members"]
    described[0]["member_assignment"]["assigned_partitions"] = []
    described += [
        {
            "group_instance_id": "x",
            "member_assignment": {"assigned_partitions": [{"topic": "wine-records", "partitions": [0, 1]}]},
        }
    ]
    assert "nothing to score" in "".join(found.look(admin, 2))


def test_who_has_nothing_to_do_is_told_to_add_partitions_only_where_the_topic_is_there() -> None:
    """Of one that was deleted there are none to share, and that it is gone is said already."""
    admin, found = MagicMock(), Membership(ServerOptions(group="wine", instance="0"))
    group_with(admin, "Stable", "wine-0", "x", group="wine")
    admin.describe_groups.return_value["wine"]["members"][0]["member_assignment"] = {"assigned_partitions": []}
    assert not [*found.look(admin, 0)]
    admin.describe_groups.return_value["wine"]["members"][1]["member_assignment"]["assigned_partitions"] = [
        {"topic": "wine-records", "partitions": [0]}
    ]
    (line,) = found.look(admin, 1)
    assert "add partitions" in line


def test_another_group_whose_name_begins_alike_is_said() -> None:
    """Its servers answer the same records once more; servers of the own group, that just ended perhaps, do not."""
    admin, found = MagicMock(), Membership(ServerOptions(group="wine", instance="0"))
    producer = SimpleNamespace(producer_id=1, last_timestamp=math.inf)
    admin.describe_producers.return_value = {0: SimpleNamespace(active_producers=[producer])}
    admin.list_groups.return_value = [{"group_id": name} for name in ("wine", "wine-2", "other")]
    for name, is_other in (("wine-0", False), ("wine-7", False), ("wine-2-0", True), ("other-0", True), ("x", True)):
        admin.list_transactions.return_value = {0: [SimpleNamespace(transactional_id=name)]}
        assert [name in line for line in found.others(admin, [MagicMock()])] == [True] * is_other


def test_a_session_ends_that_waits_for_what_is_there(asked: MagicMock) -> None:
    """Not one whose partitions are another server's, nor one that is at work and has not asked."""
    asked.return_value = MagicMock()  # a record
    admin = MagicMock()

    def try_out(waits: bool, *members: str) -> TopicWatch:
        watch = make_watch()
        group_with(admin, "Stable", *members)
        list(watch._member.look(admin, 2))
        watch._waits_since = -1_000.0 if waits else None
        return watch

    async def ends(watch: TopicWatch) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(runs, watch, 60.0)
            await anyio.sleep(0)
            look(watch, 4, 2)

    own = ServerOptions().member
    with pytest.RaisesGroup(pytest.RaisesExc(BrokerUnavailable, match="partition 1, offset 4.*waited for records")):
        anyio.run(ends, try_out(True, "another", own))
    for watch in (try_out(True, own, "another"), try_out(False, "another", own)):
        look(watch, 4, 2)
        assert watch._missed is None


def test_a_session_goes_on_for_which_it_came_in_the_end(asked: MagicMock) -> None:
    """The watch and whoever reads may find the same record at the same moment."""
    watch = make_watch()
    watch._waits_since = None

    def is_taken() -> bool:
        return watch._missed is None

    async def go() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch.end_when_outdated)
            await anyio.sleep(0)
            for _ in range(2):  # that the second is looked at shows that the first ended nothing
                watch._missed = Gap("wines", 1, 4, 4, "missed")
                while not is_taken():
                    await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()

    anyio.run(go)


def test_what_reads_is_known_to_wait_until_something_comes() -> None:
    """From the moment on in which it asks for the next batch."""
    watch = make_watch()

    async def batches() -> AsyncIterator[Batch]:
        for _ in range(2):
            assert watch._waits_for(-1.0)
            yield Batch(())

    async def go() -> None:
        async for _ in watch.note(batches()):
            assert not watch._waits_for(-1.0)

    anyio.run(go)


def test_an_answer_that_nobody_foresaw_ends_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group of the same name may be of another kind of client, with members that are described in its own way."""
    admin = MagicMock()
    admin.describe_topics.side_effect = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "of a stranger")
    monkeypatch.setattr(asking, "make_admin", lambda _: admin)
    watch = make_watch()
    watch.look()
    assert admin.close.called
    assert not watch.away


def test_who_begins_looks_until_the_broker_says_where_the_group_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that has just started does not at once, and later nobody knows what was cut off before."""
    monkeypatch.setattr(watch_module, "_EVERY_S", 0.0)
    watch, said = make_watch(), ["not yet", "nor now", "", "later"]
    monkeypatch.setattr(watch, "look", lambda: setattr(watch, "away", said.pop(0)))
    anyio.run(watch.begin)
    assert (watch.away, said) == ("", ["later"])
    monkeypatch.setattr(watch_module, "_BEGUN_WITHIN_S", 0.0)
    anyio.run(watch.begin)
    assert (watch.away, said) == ("later", [])


def test_a_partition_is_a_servers_since_it_took_it_over() -> None:
    """Whoever has just taken one over may have to wait for the transaction of the one before."""
    admin, found = MagicMock(), Membership(ServerOptions())
    group_with(admin, "Stable", ServerOptions().member)
    list(found.look(admin, 2))
    assert found.has_had(0, -1.0)
    assert not found.has_had(0, 3600.0)
    group_with(admin, "Stable", "another")
    list(found.look(admin, 2))
    assert not found.has_had(0, -1.0)


@pytest.mark.parametrize("denied", ["describe_configs", "describe_producers", "describe_topics"])
def test_a_broker_that_denies_a_look_is_there_and_the_server_serves(
    monkeypatch: pytest.MonkeyPatch, denied: str
) -> None:
    """Whoever gave it the rights to read and to write may have given no others; what is not seen is said."""
    admin = MagicMock()
    group_with(admin, "Stable", ServerOptions().member)
    admin.describe_topics.return_value = [
        {"name": name, "topic_id": 1, "error_code": 0, "partitions": [{"partition_index": 0}]}
        for name in ServerOptions().topics.names
    ]
    admin.list_topics.return_value = list(ServerOptions().topics.names)
    admin.describe_configs.return_value = admin.describe_producers.return_value = {}
    getattr(admin, denied).side_effect = TopicAuthorizationFailedError("no")
    monkeypatch.setattr(asking, "make_admin", lambda *_: admin)
    watch = make_watch()
    watch.look()
    assert watch.away == ""
    assert watch.judge(Health(True, Phase.SERVING)).ok
    assert any("does not let this server's user see" in line for line in watch.details)


def test_a_topic_that_was_deleted_is_said_while_it_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing comes from it, and nothing else would tell why."""
    admin, topics = MagicMock(), ServerOptions().topics
    group_with(admin, "Stable", ServerOptions().member)
    admin.describe_topics.return_value = [{"name": name, "error_code": 3, "partitions": []} for name in topics.names]
    admin.list_topics.return_value = []
    monkeypatch.setattr(asking, "make_admin", lambda *_: admin)
    watch = make_watch()
    watch.look()
    assert watch.away == ""
    assert [line for line in watch.details if "there is no topic" in line and topics.records in line]
