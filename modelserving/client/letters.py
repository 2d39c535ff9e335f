"""Dead letters on their topic: which there are, which are meant, which were sent again.

Where a letter is on the dead-letter topic is its name: ``0:17``, partition and offset.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from modelserving.errors import ConfigError, KafkaError
from modelserving.kafka import Connection, DeadLetter, list_topics, read_topic
from modelserving.kafka.admin import topic_id
from modelserving.kafka.dead_letters import letter_in

LetterPosition = tuple[int, int]
"""Partition and offset of a letter on the dead-letter topic."""


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """A dead letter, and where it is.

    Args:
        position: on the dead-letter topic.
        written_ms: when it was written there, milliseconds since 1970.
        letter: what it says.
        replayed: whether it was sent again.
    """

    position: LetterPosition
    written_ms: int
    letter: DeadLetter
    replayed: bool = False

    @property
    def name(self) -> str:
        """The position, as a person types it."""
        return ":".join(map(str, self.position))

    @property
    def origin(self) -> str:
        """Where its message was read: topic, partition and offset."""
        one = self.letter
        return f"{one.topic} {one.partition}:{one.offset}" if one.topic else "unknown"


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which letters are meant; all of it must hold, and what is empty always does.

    Args:
        stage: what was done with the message: ``decode``, ``score``, ``model``, ``control``, ``read``.
        reason: is in the error's class or in its reason, whichever case.
        topics: the message was read from one of these.
        since_ms: written then or later, milliseconds since 1970.
        until_ms: written before.
        positions: one of these.
    """

    stage: str = ""
    reason: str = ""
    topics: Collection[str] = ()
    since_ms: int = 0
    until_ms: int | None = None
    positions: Collection[LetterPosition] = ()

    def takes(self, kept: KeptLetter) -> bool:
        """Whether this letter is meant."""
        one = kept.letter
        return (
            self.stage in ("", one.stage)
            and (not self.topics or one.topic in self.topics)
            and self.reason.lower() in f"{one.error}: {one.reason}".lower()
            and self.since_ms <= kept.written_ms
            and (self.until_ms is None or kept.written_ms < self.until_ms)
            and (not self.positions or kept.position in self.positions)
        )


def parse_position(text: str) -> LetterPosition:
    """A position as a person types it.

    Raises:
        ConfigError: it is none.
    """
    partition, colon, offset = text.rpartition(":")
    if not offset.isdecimal() or (colon and not partition.isdecimal()):
        raise ConfigError(f"{text!r} names no dead letter. `modelserving deadletters list` shows names such as 0:17.")
    return int(partition or 0), int(offset)


def each_letter(connection: Connection, topic: str, wanted: LetterFilter) -> Iterator[KeptLetter]:
    """The letters that are meant, one after the other: all together may not fit into memory.

    Args:
        connection: the broker.
        topic: with the dead letters.
        wanted: which of them.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: there is no such topic.
    """
    marks = read_marks(connection, topic)
    for record in read_topic(connection, topic):
        position = record.partition, record.offset
        kept = KeptLetter(position, record.timestamp, letter_in(record), position in marks)
        if wanted.takes(kept):
            yield kept


def marks_topic(topic: str) -> str:
    """Name of the compacted topic that says which letters of a topic were sent again."""
    return f"{topic}-replayed"


def read_marks(connection: Connection, topic: str) -> set[LetterPosition]:
    """The positions of the letters that were sent again.

    A topic that was deleted and made anew counts from 0 again, so a mark holds for the topic that it was written for.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: there is no such topic.
    """
    names = list_topics(connection)
    if topic not in names:
        raise KafkaError(
            f"there is no topic {topic!r} at {connection.bootstrap_servers}, so there are no dead letters. "
            "Is it another --prefix?"
        )
    if marks_topic(topic) not in names:
        return set()
    own = topic_id(connection, topic)
    marks = (mark.key.decode("ascii", "replace").split("/") for mark in read_topic(connection, marks_topic(topic)))
    return {parse_position(position) for of, position in (mark for mark in marks if len(mark) == 2) if of == own}
