"""Where the dead letters of models and commands go: each once, however often a server starts and reads them again."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from contextlib import suppress
from typing import TypeAlias

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from modelserving.errors import BrokerUnavailable
from modelserving.kafka import Connection, make_producer
from modelserving.kafka.dead_letters import DeadLetter, each_dead_letter, headers
from modelserving.records import Topics

log = logging.getLogger(__name__)

_CLOSE_SECONDS = 2.0
_LOOK_SECONDS = 20.0

_Mark: TypeAlias = tuple[str, int, int, bytes]
"""Topic, partition, offset, and a digest of the bytes: a topic that is made anew counts from 0 again."""


class RefusalWriter:
    """Writes dead letters for messages about models. Any thread may call it.

    A server reads the topics about models from their beginning at each start, and finds again what it refused before.
    So the first refusal looks up what is on the dead-letter topic already.

    Args:
        connection: to the cluster.
        topics: ``dead_letters`` is read and written.
        also: further topics that are read from their beginning at each start.
    """

    def __init__(self, connection: Connection, topics: Topics, also: tuple[str, ...] = ()) -> None:
        self._connection = connection
        self._topics = topics
        self._also = also
        self._lock = threading.Lock()
        self._producer: KafkaProducer | None = None
        self._written: set[_Mark] | None = None

    def write(self, letter: DeadLetter) -> None:
        """Write a letter, unless it is there already. What hinders is logged: it is no reason for a server to end."""
        with self._lock:
            if self._written is None:
                self._written = self._look_up()
            mark = _mark(letter)
            if mark in self._written:
                return
            try:
                self._producer = self._producer or make_producer(self._connection)
                sent = self._producer.send(
                    self._topics.dead_letters, value=letter.body, key=letter.label, headers=headers(letter)
                )
            except (BrokerUnavailable, KafkaError) as failure:  # too large for that topic, or no broker for long
                log.error("dead letter for that not written: %s", failure)  # noqa: TRY400
                return
            self._written.add(mark)
        sent.add_errback(lambda failure: log.error("dead letter for that not written: %s", failure))

    def close(self) -> None:
        """Send what is on its way, and let go of the broker. A second call does nothing."""
        with self._lock:
            producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaTimeoutError):  # each letter that is lost is told by itself
                producer.close(timeout=_CLOSE_SECONDS)

    def _look_up(self) -> set[_Mark]:
        """The letters about models and commands that are on the topic; a letter too many is better than none."""
        own, found = (self._topics.models, self._topics.control, *self._also), set[_Mark]()
        deadline = time.monotonic() + _LOOK_SECONDS
        try:
            for letter in each_dead_letter(self._connection, self._topics.dead_letters):
                if letter.topic in own:
                    found.add(_mark(letter))
                if time.monotonic() > deadline:
                    raise BrokerUnavailable("there are too many.")
        except (BrokerUnavailable, KafkaError) as failure:
            log.info("not all dead letters of earlier starts can be read, some may be written again: %s", failure)
        return found


def _mark(letter: DeadLetter) -> _Mark:
    return letter.topic, letter.partition, letter.offset, hashlib.sha256(letter.body or b"").digest()
