"""Messages as columns."""

from __future__ import annotations

import pytest

from modelserving.kafka.messages import MessageColumns
from tests.fakes import FakeMessage

MESSAGES = [
    FakeMessage(b"v%d" % number, number // 2, number % 2, key=None if number % 3 else b"k", timestamp=number)
    for number in range(10)
]


def test_columns_are_the_messages_that_they_were_made_of() -> None:
    """One by itself is the very message, with its headers; columns of columns are themselves."""
    columns = MessageColumns.of(MESSAGES)
    assert MessageColumns.of(columns) is columns
    assert [*columns] == [columns[row] for row in range(10)] == MESSAGES
    assert (columns[-1], columns[2:4]) == (MESSAGES[-1], MESSAGES[2:4])
    assert (columns.values[3], columns.keys[3], columns.timestamps.tolist()) == (b"v3", b"k", [*range(10)])
    with pytest.raises(IndexError):
        columns[10]


def test_some_of_the_messages_are_columns_again() -> None:
    """Taken twice, a number still means the message that it meant; all of them are not copied."""
    some = MessageColumns.of(MESSAGES).take([1, 5, 8])
    assert [*some.take([0, 2])] == [MESSAGES[1], MESSAGES[8]]
    assert (some.offsets.tolist(), some.partitions.tolist()) == ([0, 2, 4], [1, 1, 0])
    assert some.take(range(3)) is some


def test_offsets_are_told_partition_by_partition() -> None:
    """However the partitions are mixed."""
    columns = MessageColumns.of(MESSAGES)
    assert {part: found.tolist() for part, found in columns.by_partition()} == {0: [*range(5)], 1: [*range(5)]}
    assert [part for part, _ in columns.take([1, 3]).by_partition()] == [1]
    assert [*columns.take([]).by_partition()] == []


def test_headers_are_told_without_a_message_being_made() -> None:
    """Where a client knows them all; else each message says its own."""
    columns = MessageColumns.of([FakeMessage(b"a", headers=[("x", b"1")]), FakeMessage(b"b")])
    assert [*columns.headers()] == [[("x", b"1")], ()]
    assert [*columns.take([1]).headers()] == [()]
