"""What ``modelserving reader`` prints."""

from __future__ import annotations

from modelserving.client import ReadMessage
from modelserving.commands.records.reading import show_topics
from modelserving.records import TOPICS


def seen(number: int, topic: str, good: bool = True) -> ReadMessage:
    return ReadMessage(number, topic, 0, number - 1, None, 3, b"abc", "said", good)


def printed(messages: list[ReadMessage], limit: int = 10) -> list[str]:
    lines: list[str] = []
    show_topics(iter(messages), TOPICS, limit, lines.append)
    return lines


def test_each_message_is_a_line_and_each_topic_a_count() -> None:
    """Messages first, then how many there are, also where there are none."""
    first = seen(1, TOPICS.records)
    assert printed([first]) == [
        str(first),
        "wine-models: 0 messages",
        "wine-records: 1 messages",
        "wine-scored: 0 messages",
        "wine-dead-letters: 0 messages",
    ]


def test_the_limit_is_that_of_each_topic_and_changes_no_count() -> None:
    """The first so many of each topic are shown; all are counted."""
    messages = [seen(n, TOPICS.models) for n in (1, 2, 3)] + [seen(n, TOPICS.records) for n in (1, 2, 3, 4)]
    lines = printed(messages, limit=2)
    assert [line.split(":")[0] for line in lines[:4]] == [
        "wine-models #1", "wine-models #2", "wine-records #1", "wine-records #2",
    ]  # fmt: skip
    assert lines[4:6] == ["wine-models: 3 messages", "wine-records: 4 messages"]


def test_broken_ones_are_counted_beyond_the_limit_too() -> None:
    """A broken message that is not shown is not hidden."""
    messages = [seen(n, TOPICS.records, good=n != 5) for n in range(1, 7)]
    assert "wine-records: 6 messages, 1 of them cannot be decoded" in printed(messages, limit=1)
