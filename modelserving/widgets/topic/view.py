"""The live view of a topic."""

from __future__ import annotations

from collections.abc import Mapping

from modelserving.kafka import Connection
from modelserving.widgets.live import LiveView
from modelserving.widgets.topic.chart import topic_frame
from modelserving.widgets.topic.feed import Member, TopicFeed
from modelserving.widgets.topic.snapshot import TopicSnapshot


class TopicView(LiveView[TopicSnapshot]):
    """Partitions as lanes, the newest records in them, who reads what, and how far they are.

    It reads alone, commits nothing, and sees what is not committed as such.

    Args:
        connection: to the broker.
        topic: its name.
        group: whose bookmarks and lag are shown; ``None``: nobody's.
        members: of the group, by name; the mapping may change while it is watched. ``None``: whom the broker names.
        bookmarks: of readers without a group, by name, the next offset of each partition; may change, too.
    """

    def __init__(
        self,
        connection: Connection,
        topic: str,
        group: str | None = None,
        *,
        members: Mapping[str, Member] | None = None,
        bookmarks: Mapping[str, Mapping[int, int]] | None = None,
    ) -> None:
        feed = TopicFeed(connection, topic, group, members, bookmarks)
        super().__init__(feed, topic_frame, name=f"topic {topic}")
