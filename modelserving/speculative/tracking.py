"""How good participants turn out to be: the settings say where that begins, and truths that come late move it.

``serve monitor`` brings answers and their truths together on the topic ``judged``, however late; this server follows
that topic, from its beginning at a start, so it knows after a restart what it knew before. Only answers that were given
are judged: of a model that is never chosen nothing new is learned, and what the settings say of it stands.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from modelserving.errors import RecordError
from modelserving.kafka import Connection, Message
from modelserving.kafka.admin import create_named_topics, end_offsets
from modelserving.kafka.settings import KEPT
from modelserving.monitoring.replay.answers import AnswerValue
from modelserving.monitoring.truth.join import decode_judged
from modelserving.monitoring.truth.topic import error_of, judged_topic
from modelserving.records import Topics

log = logging.getLogger(__name__)

_BEGIN = 10.0
"""What the settings say counts as much as so many truths."""
_KEEP = 1 - 1 / 500
"""What lies five hundred truths back counts a third: a model that gets worse is found out."""


@dataclass(slots=True)
class _Fading:
    """A mean in which what is older counts less."""

    total: float = 0.0
    weight: float = 0.0

    def add(self, value: float) -> None:
        """One more."""
        self.total = self.total * _KEEP + value
        self.weight = self.weight * _KEEP + 1

    @property
    def mean(self) -> float:
        """Of what was added; there is something."""
        return self.total / self.weight


class QualityTracker:
    """Judges models by the truths that come. Any thread may add, any may ask.

    Of labels, quality is the share that is right. Of numbers it is what the model spares of the error of somebody who
    always answers the mean of the truths: 1 without any error, 0 for one who is no better.
    """

    def __init__(self) -> None:
        self.version = 0
        """Another number whenever something was added."""
        self._lock = threading.Lock()
        self._errors: dict[tuple[str, str], _Fading] = {}
        self._truths: dict[str, _Fading] = {}
        self._spreads: dict[str, _Fading] = {}

    def take(self, _topic: str, messages: Sequence[Message]) -> None:
        """Messages of the topic ``judged``; what is no pair is passed over, and said."""
        for message in messages:
            try:
                found = decode_judged(message.value)
                self.add(found.model.data_type, found.model.digest, found.answer, found.truth)
            except RecordError as error:
                log.warning("%s[%d]@%d is no pair: %s", message.topic, message.partition, message.offset, error)

    def add(self, data_type: str, digest: str, answer: AnswerValue, truth: AnswerValue) -> None:
        """An answer has met its truth.

        Args:
            data_type: of the record.
            digest: of the model that answered; empty: several did, and none of them is judged.
            answer: what was answered.
            truth: what is true.
        """
        with self._lock:
            self.version += 1
            if digest:
                self._errors.setdefault((data_type, digest), _Fading()).add(error_of(answer, truth))
            if not isinstance(answer, str) and not isinstance(truth, str):
                mean, spread = self._truths.setdefault(data_type, _Fading()), self._spreads.get(data_type)
                if mean.weight:
                    spread = self._spreads.setdefault(data_type, _Fading())
                    spread.add(abs(truth - mean.mean))
                mean.add(truth)

    def quality(self, data_type: str, digest: str, begin: float) -> float | None:
        """How good a model is, 0 to 1; ``None`` while none of its answers has met its truth.

        Args:
            data_type: of the records.
            digest: of the model.
            begin: what the settings say of it.
        """
        with self._lock:
            errors = self._errors.get((data_type, digest))
            if errors is None:
                return None
            spread = self._spreads.get(data_type)
            of = 1.0 if spread is None else spread.mean
            measured = max(0.0, 1 - errors.mean / of) if of else float(errors.mean == 0)
            return (begin * _BEGIN + measured * errors.weight) / (_BEGIN + errors.weight)


def create_judged_topic(connection: Connection, topics: Topics) -> None:
    """Make the topic of answers that have met their truth, as the monitor does; one that exists stays as it is.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: the broker refuses it.
    """
    partitions = len(end_offsets(connection, topics.scored))
    create_named_topics(connection, {judged_topic(topics): (partitions, KEPT)})
