"""One record, and the answer to it: what a program does that uses a model server as it would a function."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from modelserving.client.files import FileMessage
from modelserving.errors import KafkaError, RecordError
from modelserving.kafka import Connection, DeadLetter, make_consumer, make_producer
from modelserving.kafka.dead_letters import letter_in
from modelserving.records import ScoredRecord, Topics, decode_scored

if TYPE_CHECKING:
    from kafka import KafkaConsumer, KafkaProducer

_POLL_MS = 50
_SENT_WITHIN_S = 30.0


class Asker:
    """Publishes records and waits for what becomes of each. Not for several threads at once.

    Args:
        connection: to the cluster.
        topics: of the pipeline; they exist.
        consumer: reads the answers and the dead letters, from now on.
        producer: writes the records.
    """

    def __init__(self, topics: Topics, consumer: KafkaConsumer, producer: KafkaProducer) -> None:
        self._topics = topics
        self._consumer = consumer
        self._producer = producer

    @classmethod
    @contextmanager
    def open(cls, connection: Connection, topics: Topics) -> Iterator[Asker]:
        """One that is closed at the end.

        Raises:
            BrokerUnavailable: no broker answers.
        """
        from kafka import TopicPartition

        with make_consumer(connection) as consumer, make_producer(connection) as producer:
            partitions = [
                TopicPartition(topic, partition)
                for topic in (topics.scored, topics.dead_letters)
                for partition in consumer.partitions_for_topic(topic) or ()
            ]
            consumer.assign(partitions)
            consumer.seek_to_end()
            for partition in partitions:
                consumer.position(partition)  # only now is it where it will begin
            yield cls(topics, consumer, producer)

    def ask(self, message: FileMessage, seconds: float = 30.0) -> ScoredRecord | DeadLetter:
        """Publish a record and wait for its answer, or for its dead letter.

        Args:
            message: the record.
            seconds: how long at most.

        Raises:
            KafkaError: the broker does not take it, or nothing becomes of it in time.
        """
        from kafka.errors import KafkaError as ClientError

        sending = self._producer.send(
            self._topics.records, key=message.key, value=message.value, headers=list(message.headers)
        )
        try:
            sent = sending.get(timeout=_SENT_WITHIN_S)
        except ClientError as error:
            raise KafkaError(f"the broker does not take the record for {self._topics.records}: {error!r}.") from error
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for found in self._read():
                if (found.partition, found.offset) == (sent.partition, sent.offset):
                    return found
        raise KafkaError(
            f"no answer to the record at {self._topics.records}, partition {sent.partition}, offset {sent.offset}, "
            f"after {seconds:g} s. Does a server run, and has it a model for these records?"
        )

    def _read(self) -> Iterator[ScoredRecord | DeadLetter]:
        for partition, messages in self._consumer.poll(timeout_ms=_POLL_MS).items():
            yield from self._letters(messages) if partition.topic == self._topics.dead_letters else _answers(messages)

    def _letters(self, messages: Sequence[Any]) -> Iterator[DeadLetter]:
        letters = map(letter_in, messages)
        return (letter for letter in letters if letter.topic == self._topics.records)


def _answers(messages: Sequence[Any]) -> Iterator[ScoredRecord]:
    for message in messages:
        try:
            yield decode_scored(message.value)
        except RecordError:
            continue  # somebody else's, and no answer
