"""What cannot be read is named in the log, kept as a dead letter, and counted; whoever reads goes on behind it."""

from __future__ import annotations

import logging
from collections import Counter

from modelserving.kafka import Connection, Gap, headers, make_producer
from modelserving.kafka.messages import letter_of
from modelserving.kafka.reading import Reread, find_gap, reread

log = logging.getLogger(__name__)

_LETTER_WITHIN_S = 30.0


class GapLetters:
    """For applications of Kafka Streams, whose clients stop at what they cannot read; see ``kstreams/bridge/clients``.

    Args:
        connection: to the cluster.
        topic: of the dead letters.
    """

    def __init__(self, connection: Connection, topic: str) -> None:
        self._connection = connection
        self._topic = topic
        self.counts: Counter[str] = Counter()
        """Of each topic, how often something was passed over."""

    def pass_over(self, topic: str, partition: int, offset: int, reason: str) -> int:
        """Keep what cannot be read, and tell where reading goes on.

        Args:
            topic: where.
            partition: of it.
            offset: the first that cannot be read.
            reason: why.

        Raises:
            BrokerUnavailable: the broker does not answer.
        """
        gap = find_gap(self._connection, topic, partition, offset, reason)
        self.keep(gap)
        return gap.end

    def look_into(self, topic: str, partition: int, offsets: range) -> Reread:
        """What is there in truth, where offsets jump; what cannot be read as what it says is kept.

        Raises:
            BrokerUnavailable: the broker does not answer.
        """
        found = reread(self._connection, topic, partition, offsets)
        for gap in found.gaps:
            self.keep(gap)
        return found

    def keep(self, gap: Gap) -> None:
        """Say what cannot be read, and keep its bytes as a dead letter.

        Raises:
            BrokerUnavailable, kafka.errors.KafkaError: the broker does not answer, or does not take it.
        """
        log.warning("passed over: %s", gap)
        letter = letter_of(gap)
        with make_producer(self._connection) as producer:
            told = producer.send(self._topic, value=letter.body, key=letter.label, headers=headers(letter))
            told.get(_LETTER_WITHIN_S)
        self.counts[gap.topic] += 1
