"""What a model would have answered: the log is scored again, as a server would, and compared with what was served.

::

    records ─▶ score_batch, with the model that never served ─┐
    scored  ─▶ what was served, by partition and offset ──────┴─▶ agreement, by model and hour

It reads alone and writes nothing: no group, no answer, no command. Whatever is live does not notice.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heappush, heappushpop

from modelserving.kafka import Connection, Message, read_topic
from modelserving.models.info import LoadedModel
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.monitoring.replay.answers import AnswerValue, RecordPosition, answer_of, difference, read_answers
from modelserving.monitoring.replay.window import chunks
from modelserving.records import ScoredRecord, Topics
from modelserving.serving import Batch, ModelKey, Score, score_batch

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Served:
    """What was served for a record.

    Args:
        answer: the number or label.
        model: who gave it.
    """

    answer: AnswerValue
    model: ModelKey


@dataclass(slots=True)
class Agreement:
    """How the answers of two models compare.

    Args:
        pairs: records that both answered.
        equal: of these, those with the same answer: numbers to within a millionth.
        sum: of the absolute differences; of a pair of labels, 0 or 1.
        largest: of them.
    """

    pairs: int = 0
    equal: int = 0
    sum: float = 0.0
    largest: float = 0.0

    def add(self, apart: float) -> None:
        """Count a pair of answers that are so far apart."""
        self.pairs += 1
        self.equal += not apart
        self.sum += apart
        self.largest = max(self.largest, apart)

    @property
    def share(self) -> float:
        """Which part of the answers is the same; NaN without any pair."""
        return self.equal / self.pairs if self.pairs else math.nan

    @property
    def mean(self) -> float:
        """The mean absolute difference; NaN without any pair."""
        return self.sum / self.pairs if self.pairs else math.nan


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """A record on which the two do not agree.

    Args:
        apart: by how much.
        position: where the record is.
        served: what was answered.
        now: what the model would have answered.
    """

    apart: float
    position: RecordPosition
    served: AnswerValue = field(compare=False)
    now: AnswerValue = field(compare=False)


@dataclass(slots=True)
class Backtest:
    """What came out.

    Args:
        records: that were read.
        scored: that the model answered.
        skipped: of other data types.
        failed: that it could not score, by the class of the error.
        unserved: that it answered, and nobody else had.
        by_group: agreement with each model that served, by hour (milliseconds since 1970, UTC).
        differences: the largest, the largest first.
    """

    records: int = 0
    scored: int = 0
    skipped: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    unserved: int = 0
    by_group: dict[tuple[ModelKey, int], Agreement] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    @property
    def total(self) -> Agreement:
        """All together."""
        return _sum(self.by_group.values())

    @property
    def by_model(self) -> Mapping[ModelKey, Agreement]:
        """For each model that served, all hours together."""
        return {
            model: _sum(found for (one, _), found in self.by_group.items() if one == model)
            for model, _ in sorted(self.by_group)
        }

    @property
    def by_hour(self) -> Mapping[int, Agreement]:
        """For each hour, all models together."""
        return {
            hour: _sum(found for (_, one), found in self.by_group.items() if one == hour)
            for hour in sorted({hour for _, hour in self.by_group})
        }


def read_served(
    connection: Connection, topic: str, window: Mapping[int, tuple[int, int]], data_type: str
) -> dict[RecordPosition, Served]:
    """What was served for the records of a stretch; of a record that was answered twice, the later answer.

    Args:
        connection: to the cluster.
        topic: of the answers.
        window: of the records, by partition: from which offset, and before which one.
        data_type: of the records that matter.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: there is no such topic.
    """
    known: dict[ModelKey, ModelKey] = {}  # one object for each model, not one for each record
    found: dict[RecordPosition, Served] = {}
    for one in read_answers(connection, topic):
        first, last = window.get(one.partition, (0, 0))
        if one.data_type == data_type and first <= one.offset < last:
            model = ModelKey(one.data_type, one.model_name, one.model_version, one.model_digest)
            found[RecordPosition(one.partition, one.offset)] = Served(answer_of(one), known.setdefault(model, model))
    return found


def backtest(
    connection: Connection,
    topics: Topics,
    model: LoadedModel,
    window: Mapping[int, tuple[int, int]],
    most: int = 10,
    score: Score = score_batch,
) -> Backtest:
    """Score a stretch of the log again.

    Args:
        connection: to the cluster.
        topics: reads ``records`` and ``scored``.
        model: one that is fit to serve; it stays open.
        window: by partition, from which offset, and before which one.
        most: how many differences are told.
        score: what a server does with a batch.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: a topic does not exist.
    """
    served = read_served(connection, topics.scored, window, model.info.data_type)
    return compare(read_topic(connection, topics.records, window=window), model, served, most, score)


def compare(
    messages: Iterable[Message],
    model: LoadedModel,
    served: Mapping[RecordPosition, Served],
    most: int = 10,
    score: Score = score_batch,
) -> Backtest:
    """The same, of messages that are here: no broker."""
    slots, result = ModelSlots(), Backtest()
    slots.swap(model)
    for chunk in chunks(messages):
        done = score(Batch(chunk), slots)
        result.records += len(chunk)
        result.scored += len(done.scored)
        result.skipped += done.skipped
        result.failed.update(letter.error for letter in done.dead)
        for scored in done.scored:
            _pair(scored, served, result, most)
    result.differences.sort(reverse=True)
    return result


def _pair(scored: ScoredRecord, served: Mapping[RecordPosition, Served], result: Backtest, most: int) -> None:
    position = RecordPosition(scored.partition, scored.offset)
    before = served.get(position)
    if before is None:
        result.unserved += 1
        return
    now = answer_of(scored)
    apart = difference(before.answer, now)
    hour = scored.published_ms // _HOUR_MS * _HOUR_MS
    result.by_group.setdefault((before.model, hour), Agreement()).add(apart)
    if apart:
        found = Difference(apart, position, before.answer, now)
        if len(result.differences) < most:
            heappush(result.differences, found)
        elif most:
            heappushpop(result.differences, found)


def _sum(parts: Iterable[Agreement]) -> Agreement:
    total = Agreement()
    for one in parts:
        total.pairs += one.pairs
        total.equal += one.equal
        total.sum += one.sum
        total.largest = max(total.largest, one.largest)
    return total
