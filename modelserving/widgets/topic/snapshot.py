"""How a topic stands at one moment: values that a picture is drawn from, and that a lesson asserts on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

SHOWN = 20
"""Offsets of a partition that are looked at, the newest ones."""


class RecordState(Enum):
    """What has become of a record, in words."""

    COMMITTED = "committed"
    OPEN = "in a transaction that is still open"
    ABORTED = "aborted"
    GONE = "no longer kept"


@dataclass(frozen=True, slots=True)
class SeenRecord:
    """One record.

    Args:
        offset: in its partition.
        key: as text; empty for none.
        state: what has become of it.
    """

    offset: int
    key: str
    state: RecordState


@dataclass(frozen=True, slots=True)
class Lane:
    """One partition.

    Args:
        number: of the partition.
        begin: offset of the first record that is kept.
        end: offset that the next record will get.
        records: of the last ``SHOWN`` offsets, oldest first. An offset without a record is the mark of a transaction.
        owner: the member of the group that reads it; empty: nobody, or nobody knows.
        bookmarks: by name, the offset that comes next.
        behind: records that the group has not committed; ``None`` without a group.
    """

    number: int
    begin: int = 0
    end: int = 0
    records: tuple[SeenRecord, ...] = ()
    owner: str = ""
    bookmarks: tuple[tuple[str, int], ...] = ()
    behind: int | None = None

    @property
    def first(self) -> int:
        """The first offset that is looked at."""
        return max(0, self.end - SHOWN)


@dataclass(frozen=True, slots=True)
class TopicSnapshot:
    """A topic.

    Args:
        topic: its name.
        lanes: its partitions.
        keys: those that were seen, the first one first; of very many the newest, among them all that are shown.
        members: names of the group's members.
        away: whether the broker does not answer.
    """

    topic: str
    lanes: tuple[Lane, ...] = ()
    keys: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    away: bool = False

    def count(self, state: RecordState) -> int:
        """How many of the records that are looked at are in a state."""
        return sum(record.state is state for lane in self.lanes for record in lane.records)

    @property
    def behind(self) -> int:
        """Records of all partitions that the group has not committed."""
        return sum(lane.behind or 0 for lane in self.lanes)
