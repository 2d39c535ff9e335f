"""Answers side by side: numbers differ by so much, labels are the same or not."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple, TypeAlias

from modelserving.errors import RecordError
from modelserving.kafka import Connection, read_topic
from modelserving.records import ScoredRecord, decode_scored

AnswerValue: TypeAlias = float | str
"""What a model answered: a number, or the text of a label that spells none."""

_CLOSE_ENOUGH = 1e-6


class RecordPosition(NamedTuple):
    """Where a record is in its topic."""

    partition: int
    offset: int


def answer_of(scored: ScoredRecord) -> AnswerValue:
    """What a scored record answers."""
    label: str = getattr(scored, "label", "") or ""
    return label if label and math.isnan(scored.prediction) else scored.prediction


def difference(one: AnswerValue, other: AnswerValue) -> float:
    """How far two answers are apart: of numbers, to within a millionth, the distance; of labels 0 or 1."""
    if isinstance(one, str) or isinstance(other, str):
        return float(one != other)
    apart = abs(one - other)
    return 0.0 if apart <= _CLOSE_ENOUGH else apart


def read_answers(connection: Connection, topic: str) -> Iterator[ScoredRecord]:
    """All answers on a topic now; what somebody else wrote among them is passed over.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: there is no such topic.
    """
    for message in read_topic(connection, topic):
        with suppress(RecordError):
            yield decode_scored(message.value)
