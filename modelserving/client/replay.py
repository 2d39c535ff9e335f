"""Send dead letters again: byte for byte, to the partition that they came from, each at most once.

A letter's message and the mark that says that it was sent again are one transaction, so whenever a replay is killed,
the next one knows exactly what was sent. Two replays of one topic have the same name at the broker: the second one ends
the first one's transaction, and locks it out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from kafka import KafkaProducer
from kafka.errors import KafkaError as KafkaClientError
from kafka.errors import ProducerFencedError

from modelserving.client.letters import KeptLetter, LetterFilter, each_letter, marks_topic, read_marks
from modelserving.errors import KafkaError
from modelserving.kafka import Connection, end_offsets, list_topics, make_producer
from modelserving.kafka.admin import create_named_topics, topic_id

_COMPACTED = {"cleanup.policy": "compact"}
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of the letters that were meant.

    Args:
        sent: names of those that were sent again, or would be in a dry run.
        before: how many had been sent before, and were left alone.
        kept: names of those that cannot be sent again as they came, each with the reason.
    """

    sent: tuple[str, ...] = ()
    before: int = 0
    kept: tuple[tuple[str, str], ...] = ()

    @property
    def reasons(self) -> Counter[str]:
        """Why letters were kept, and how many for each reason."""
        return Counter(reason for _, reason in self.kept)


def replay(
    connection: Connection,
    topic: str,
    targets: Collection[str],
    wanted: LetterFilter | None = None,
    *,
    again: bool = False,
    dry_run: bool = False,
    at_once: int = _AT_ONCE,
    note: Callable[[KeptLetter], object] = lambda _: None,
) -> Replayed:
    """Send letters again to where they came from: value, key, headers, topic and partition as they were.

    The time is not: it is that of the replay. What was on the topic when the replay began is looked at, so what fails
    once more is another letter, and not sent again by this replay.

    Args:
        connection: the broker.
        topic: with the dead letters.
        targets: topics that may be written to. Where a letter came from is what its headers say, which is believed only
            for these: what was refused as a model or as a command is not to be published by accident.
        wanted: which letters; all by default.
        again: also those that were sent again before.
        dry_run: only say what would be done.
        at_once: so many letters are one transaction.
        note: told of each letter that is sent, before its transaction ends.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: there is no such topic, the broker refuses, or another replay of it has begun.
    """
    wanted = wanted or LetterFilter()
    if dry_run:
        return _sort(each_letter(connection, topic, wanted), _Targets(connection, targets), again)
    read_marks(connection, topic)  # that there is such a topic, before anything is made
    create_named_topics(connection, {marks_topic(topic): (1, _COMPACTED)})
    producer = make_producer(connection, transactional_id=f"replay-{topic}", linger_ms=0)
    try:
        # Ends what a replay that was killed left open; only then are all marks to be seen.
        producer.init_transactions()
        letters = each_letter(connection, topic, wanted)
        sender = _Sender(producer, topic, topic_id(connection, topic), _Targets(connection, targets))
        parts = [sender.send(part, again, note) for part in _parts(letters, at_once)]
    except ProducerFencedError as error:
        raise KafkaError(f"another replay of {topic} has begun; it goes on, this one has ended.") from error
    except KafkaClientError as error:
        raise KafkaError(f"the replay of {topic} has ended, nothing was sent twice: {error}. Run it again.") from error
    finally:
        producer.close(timeout=5)
    return Replayed(
        tuple(name for part in parts for name in part.sent),
        sum(part.before for part in parts),
        tuple(one for part in parts for one in part.kept),
    )


def _parts(letters: Iterator[KeptLetter], size: int) -> Iterator[list[KeptLetter]]:
    while part := list(islice(letters, size)):
        yield part


@dataclass(frozen=True, slots=True)
class _Sender:
    """Sends letters, some in each transaction."""

    producer: KafkaProducer
    topic: str
    topic_id: str
    targets: _Targets

    def send(self, letters: Iterable[KeptLetter], again: bool, note: Callable[[KeptLetter], object]) -> Replayed:
        chosen = list(letters)
        done = _sort(chosen, self.targets, again)
        sent = set(done.sent)
        if not sent:
            return done
        self.producer.begin_transaction()
        for kept in chosen:
            if kept.name in sent:
                self._send(kept)
                note(kept)
        self.producer.commit_transaction()
        return done

    def _send(self, kept: KeptLetter) -> None:
        one = kept.letter
        self.producer.send(one.topic, one.value, one.key, list(one.headers), one.partition)
        mark = f"{self.topic_id}/{kept.name}".encode()
        self.producer.send(marks_topic(self.topic), str(kept.written_ms).encode(), mark)


class _Targets:
    """Where letters may go.

    Args:
        connection: the broker.
        allowed: names of topics.
    """

    def __init__(self, connection: Connection, allowed: Collection[str]) -> None:
        there = set(list_topics(connection)) & set(allowed)
        self._allowed = allowed
        self._partitions = {topic: end_offsets(connection, topic).keys() for topic in there}

    def objection(self, kept: KeptLetter) -> str:
        """Why a letter cannot be sent again as it came; nothing if it can."""
        one = kept.letter
        if not one.topic or one.partition < 0:
            return "it does not say where it came from"
        if one.topic not in self._allowed:
            return f"it came from {one.topic}, which is written to only if it is named: --topic {one.topic}"
        if one.cut:
            return "it is not all of the message that failed"
        if one.topic not in self._partitions:
            return f"there is no topic {one.topic} any more"
        if one.partition not in self._partitions[one.topic]:
            return f"{one.topic} has no partition {one.partition} any more"
        return ""


def _sort(letters: Iterable[KeptLetter], targets: _Targets, again: bool) -> Replayed:
    """Which of the letters are to be sent."""
    sent: list[str] = []
    kept: list[tuple[str, str]] = []
    before = 0
    for one in letters:
        if one.replayed and not again:
            before += 1
        elif objection := targets.objection(one):
            kept.append((one.name, objection))
        else:
            sent.append(one.name)
    return Replayed(tuple(sent), before, tuple(kept))
