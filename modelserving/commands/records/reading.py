"""What ``modelserving reader`` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from modelserving.client import ReadMessage
from modelserving.records import Topics


def show_topics(seen: Iterable[ReadMessage], topics: Topics, limit: int, write: Callable[[str], None]) -> None:
    """Write a line for each of the first messages of a topic, and then the counts.

    Args:
        seen: the messages, topic by topic.
        topics: those that were read, for the counts.
        limit: how many messages of each topic are written.
        write: takes a line.
    """
    found: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    for one in seen:
        found[one.topic] += 1
        broken[one.topic] += not one.good
        if one.number <= limit:
            write(str(one))
    commands = [topics.control] if found[topics.control] else []
    for topic in (topics.models, *commands, topics.records, topics.scored, topics.dead_letters):
        note = f", {broken[topic]} of them cannot be decoded" if broken[topic] else ""
        write(f"{topic}: {found[topic]} messages{note}")
