"""Messages of some topics as they come. Who watches does not fall behind: what is too much is passed over, counted.

So is what cannot be read, or taken: it is named in the log, and watching goes on behind it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError

from modelserving.errors import BrokerUnavailable, RegistryUnavailable
from modelserving.kafka import Connection, Message, make_consumer

log = logging.getLogger(__name__)

_POLL_MS = 250
_MOST = 1_000
_AGAIN_S = 2.0
_LOOK_EVERY_S = 3.0
"""New partitions are taken up within seconds, not in the library's five minutes."""


class TopicTail:
    """Reads alone: no group, nothing is committed, nobody's share is taken.

    Args:
        connection: to the cluster.
        topics: which.
        take: gets the messages of one poll, topic by topic, in the reading thread.
        whole: those of them that are read from their beginning, and to their end; of the others, what is new.
        most_behind: so many messages of a partition may wait; of more, only the newest are read.
    """

    def __init__(
        self,
        connection: Connection,
        topics: Sequence[str],
        take: Callable[[str, Sequence[Message]], object],
        whole: Collection[str] = (),
        most_behind: int = 20_000,
    ) -> None:
        self._connection = connection
        self._topics = tuple(topics)
        self._take = take
        self._whole = frozenset(whole)
        self._most_behind = most_behind
        self._positions: dict[TopicPartition, int] = {}
        self._ids: dict[str, object] = {}
        self._began = False
        self.passed_over: Counter[str] = Counter()
        """Of each topic, how many messages were too many."""
        self.unreadable: Counter[str] = Counter()
        """Of each topic, how many batches could not be read, and messages not be taken."""
        self.away = ""
        """Why nothing is read now; empty while it is."""

    def run(self, stop: threading.Event) -> None:
        """Read until ``stop`` is set. While the broker is away it is asked again and again."""
        while not stop.is_set():
            try:
                with make_consumer(
                    self._connection, max_poll_records=_MOST, metadata_max_age_ms=int(_LOOK_EVERY_S * 1000)
                ) as consumer:
                    self._follow(consumer, stop)
            except (KafkaError, BrokerUnavailable, RegistryUnavailable, OSError) as error:
                self.away = f"the topics cannot be read: {error}"
                log.warning("%s; again in %g s", self.away, _AGAIN_S)
                stop.wait(_AGAIN_S)

    def _follow(self, consumer: Any, stop: threading.Event) -> None:
        self._assign(consumer)
        looked = time.monotonic()
        while not stop.is_set():
            found: Mapping[TopicPartition, Sequence[Message]] = consumer.poll(timeout_ms=_POLL_MS)
            for tp, messages in found.items():
                self._hand_over(tp, messages)
                self._positions[tp] = messages[-1].offset + 1
            for gap in consumer.take_gaps():
                log.warning("passed over: %s", gap)
                self.unreadable[gap.topic] += 1
            self.away = ""
            if time.monotonic() - looked > _LOOK_EVERY_S:
                self._assign(consumer)
                looked = time.monotonic()
            self._catch_up(consumer, [tp for tp in found if tp.topic not in self._whole])

    def _hand_over(self, tp: TopicPartition, messages: Sequence[Message]) -> None:
        """Have messages taken. What nobody foresaw ends no watching; a registry that is away is asked for them again.

        Raises:
            BrokerUnavailable, RegistryUnavailable: nobody can say what they are.
        """
        try:
            self._take(tp.topic, messages)
        except (BrokerUnavailable, RegistryUnavailable):
            raise
        except Exception:
            first, last = messages[0].offset, messages[-1].offset
            log.exception("%s, partition %d, offset %d to %d: not watched", tp.topic, tp.partition, first, last)
            self.unreadable[tp.topic] += len(messages)

    def _assign(self, consumer: Any) -> None:
        """Take all partitions that there are now; go on where it was, also after the broker was away.

        What is there at the beginning is not watched; all of a partition is that comes later, or with a topic that was
        made anew.
        """
        partitions = [
            TopicPartition(topic, number)
            for topic in self._topics
            for number in sorted(consumer.partitions_for_topic(topic) or ())
        ]
        if not self._note_made_anew(consumer) and set(partitions) == set(consumer.assignment()):
            return
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        for tp in partitions:
            begin = 0 if self._began or tp.topic in self._whole else ends[tp]
            consumer.seek(tp, min(self._positions.setdefault(tp, begin), ends[tp]))
        self._began = True

    def _note_made_anew(self, consumer: Any) -> bool:
        """Forget the positions in topics that are others than those of the same name before; whether there are any."""
        anew = set()
        for topic in self._topics:
            found = consumer._cluster.topic_id(topic)
            if found is not None and self._ids.setdefault(topic, found) != found:
                self._ids[topic] = found
                anew.add(topic)
                log.warning("topic %s was deleted and made anew: it is watched from its beginning", topic)
        self._positions = {tp: at for tp, at in self._positions.items() if tp.topic not in anew}
        return bool(anew)

    def _catch_up(self, consumer: Any, partitions: Sequence[TopicPartition]) -> None:
        """Where too much waits, go on near the end."""
        for tp in partitions:
            end = consumer.highwater(tp)
            behind = 0 if end is None else end - self._positions[tp]
            if behind > self._most_behind:
                begin = end - _MOST
                self.passed_over[tp.topic] += begin - self._positions[tp]
                self._positions[tp] = begin
                consumer.seek(tp, begin)
