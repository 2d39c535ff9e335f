"""What was lost, and what only looks like it."""

from __future__ import annotations

from modelserving.kafka.gaps import Gap
from modelserving.serving.running.audit import OffsetAudit
from tests.fakes import FakeMessage


def read(audit: OffsetAudit, *offsets: int, partition: int = 0) -> None:
    audit.read([FakeMessage(b"", offset, partition) for offset in offsets])


def lost(found: tuple[Gap, ...]) -> list[tuple[int, int, int]]:
    return [(gap.partition, gap.start, gap.end) for gap in found]


def test_what_was_cut_before_the_start_is_lost_from_the_last_commit_on() -> None:
    """The group goes on at 10 and the broker begins at 20; another partition has all; and it is told once."""
    audit = OffsetAudit("t")
    assert lost(audit.look({0: 20, 1: 0}, {0: 30, 1: 5}, {0: 10, 1: 3})) == [(0, 10, 20)]
    read(audit, *range(20, 30))
    assert audit.look({0: 20, 1: 0}, {0: 30, 1: 5}, {0: 30, 1: 3}) == ()
    assert audit.lost == {0: 10}


def test_a_jump_is_a_loss_as_far_as_the_broker_has_nothing_left() -> None:
    """Offsets 5 to 9 of a transaction's marks are none; of deleted records they are, up to where these end."""
    audit = OffsetAudit("t")
    audit.look({0: 0}, {0: 0}, {})
    read(audit, 0, 1, 2, 3, 4, 10)
    assert audit.look({0: 0}, {0: 11}, {0: 11}) == ()
    read(audit, 30)
    assert lost(audit.look({0: 25}, {0: 31}, {0: 31})) == [(0, 11, 25)]


def test_a_batch_without_gaps_is_none_and_one_over_two_partitions_is_read_in_both() -> None:
    """Both ways to look through a batch note the same."""
    audit = OffsetAudit("t")
    audit.look({0: 0, 1: 0}, {0: 0, 1: 0}, {})
    audit.read([FakeMessage(b"", 0, 0), FakeMessage(b"", 1, 0), FakeMessage(b"", 0, 1)])
    read(audit, 2, 3)
    read(audit, 1, 2, partition=1)
    assert audit.look({0: 4, 1: 3}, {0: 4, 1: 3}, {}) == ()


def test_what_is_cut_while_nothing_comes_is_told_when_it_is_seen_twice() -> None:
    """Once may be a batch that is being worked on."""
    audit = OffsetAudit("t")
    audit.look({0: 0}, {0: 3}, {})
    assert audit.look({0: 3}, {0: 3}, {}) == ()
    assert lost(audit.look({0: 3}, {0: 3}, {})) == [(0, 0, 3)]
    assert audit.look({0: 3}, {0: 3}, {}) == ()


def test_a_batch_on_its_way_while_its_offsets_are_cut_is_no_loss() -> None:
    """It was read before; the next look knows."""
    audit = OffsetAudit("t")
    audit.look({0: 0}, {0: 3}, {})
    audit.look({0: 3}, {0: 3}, {})
    read(audit, 0, 1, 2)
    assert audit.look({0: 3}, {0: 3}, {}) == ()
    assert audit.lost == {}


def test_what_another_server_of_the_group_has_scored_is_no_loss() -> None:
    """The partition was elsewhere meanwhile; its progress tells."""
    audit = OffsetAudit("t")
    audit.look({0: 0}, {0: 3}, {})
    audit.look({0: 0}, {0: 100}, {0: 90})
    read(audit, 90)
    assert audit.look({0: 50}, {0: 91}, {0: 91}) == ()


def test_what_is_read_while_the_broker_is_asked_is_not_behind_the_end_of_the_topic() -> None:
    """It came after the broker had said where that is. Nor is it read from the beginning once more."""
    audit = OffsetAudit("t")
    audit.look({0: 0}, {0: 30}, {0: 30})
    before = audit.positions
    read(audit, 30, 31)
    assert audit.look({0: 0}, {0: 30}, {0: 30}, before) == ()
    assert audit.positions == {0: 32}


def test_a_jump_that_is_seen_while_the_broker_is_asked_is_judged_by_its_next_answer() -> None:
    """What was cut after the broker had said where it begins is no mark of a transaction."""
    audit = OffsetAudit("t")
    audit.look({0: 0}, {0: 1}, {})
    read(audit, 0)
    before = audit.positions
    read(audit, 6, 8)
    assert audit.look({0: 0}, {0: 9}, {}, before) == ()
    assert lost(audit.look({0: 6}, {0: 9}, {}, audit.positions)) == [(0, 1, 6)]


def test_a_topic_that_ends_before_what_was_read_is_told() -> None:
    """It was made anew, or cut: no number, but a line; and it is read from its beginning."""
    audit = OffsetAudit("t")
    audit.look({0: 0}, {0: 30}, {0: 30})
    (gap,) = audit.look({0: 0}, {0: 5}, {})
    assert "made anew" in gap.reason
    read(audit, 0, 1)
    assert audit.look({0: 0}, {0: 5}, {}) == ()


def test_what_cannot_be_read_was_read() -> None:
    """It is a dead letter, not a loss."""
    audit = OffsetAudit("t")
    audit.look({0: 0}, {0: 3}, {})
    audit.read([], [Gap("t", 0, 0, 3, "corrupt", b"")])
    assert audit.look({0: 3}, {0: 3}, {}) == ()
    assert audit.look({0: 3}, {0: 3}, {}) == ()


def test_what_was_read_as_something_else_than_it_is_is_lost_and_said_once() -> None:
    """A jump is looked into; that of a mark, of what was passed over with a word, or was cut, is not."""
    audit, asked = OffsetAudit("t"), list[tuple[int, int]]()
    audit.look({0: 0}, {0: 0}, {})
    read(audit, 0, 1, 3)
    audit.read([FakeMessage(b"", 4), FakeMessage(b"", 9)], [Gap("t", 0, 5, 9, "damaged", b"")])
    read(audit, 10, 14)
    read(audit, 15, 20)

    def find(part: int, offset: int) -> object:
        asked.append((part, offset))
        return Gap("t", 0, 11, 12, "elsewhere", b"") if offset == 11 else FakeMessage(b"", 20)

    audit.look({0: 0}, {0: 21}, {0: 0})
    assert lost(tuple(audit.find_misread(find))) == [(0, 11, 14)]
    assert asked == [(0, 11), (0, 16)]
    assert audit.lost == {0: 3}
    assert not tuple(audit.find_misread(find))
    read(audit, 21, 24)
    audit.look({0: 0}, {0: 25}, {0: 0})
    assert not tuple(audit.find_misread(find))
    assert len(asked) == 2, "small jumps in a partition in which one was well: its publishers use transactions"


def test_what_is_lost_without_bytes_counts_behind_messages_of_the_same_poll_too() -> None:
    """In the order of offsets, not in that in which they are told."""
    audit = OffsetAudit("t")
    audit.read([FakeMessage(b"", 0), FakeMessage(b"", 4)], [Gap("t", 0, 1, 4, "silent")])
    assert audit.lost == {0: 3}
