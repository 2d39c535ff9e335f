"""Two models before the same judge: each record whose truth is known is scored by both, again, as a server would.

A shadow's answers go nowhere, and what served then may have been a third model. The log has the records: so both are
asked now, about the same ones, and what is compared are pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from modelserving.kafka import Connection, Message, read_topic
from modelserving.models.info import LoadedModel
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.monitoring.replay.answers import AnswerValue, RecordPosition, answer_of
from modelserving.monitoring.replay.window import chunks, window_of
from modelserving.monitoring.truth.quality import Improvement, Quality, improvement
from modelserving.monitoring.truth.topic import Truth, error_of, read_truths
from modelserving.records import Topics
from modelserving.serving import Batch, Score, ScoredBatch, score_batch


@dataclass(slots=True)
class Judgement:
    """What came out.

    Args:
        truths: that are known, of whatever record.
        old: how good the one model is,
        new: and how good the other, on the records that both answered.
        improvement: from the one to the other.
    """

    truths: int
    old: Quality = field(default_factory=Quality)
    new: Quality = field(default_factory=Quality)
    improvement: Improvement = field(default_factory=lambda: improvement((), ()))


def judge_log(
    connection: Connection, topics: Topics, old: LoadedModel, new: LoadedModel, score: Score = score_batch
) -> Judgement:
    """Judge two models by all truths that are known now.

    Args:
        connection: to the cluster.
        topics: reads the records, and the topic of truths beside the answers.
        old: a model that is fit to serve.
        new: another one, for the same data type.
        score: what a server does with a batch.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: a topic does not exist.
    """
    truths = list(read_truths(connection, topics))
    positions = [one.position for one in truths if one.position is not None]
    window = window_of(positions) if len(positions) == len(truths) else None  # some name records by their keys
    return judge(read_topic(connection, topics.records, window=window), truths, old, new, score)


def judge(
    messages: Iterable[Message], truths: Iterable[Truth], old: LoadedModel, new: LoadedModel, score: Score = score_batch
) -> Judgement:
    """The same, of messages and truths that are here: no broker. A record with two truths has the later one."""
    known = {one.position or one.key: one.truth for one in truths}
    found = Judgement(len(known))
    errors: tuple[list[float], list[float]] = [], []
    slots = ModelSlots(), ModelSlots()
    for one, model in zip(slots, (old, new), strict=True):
        one.swap(model)
    wanted = (message for message in messages if _truth_of(message, known) is not None)
    for chunk in chunks(wanted):
        before, after = (_answers(score(Batch(chunk), one)) for one in slots)
        for message in chunk:
            position, truth = RecordPosition(message.partition, message.offset), _truth_of(message, known)
            if truth is not None and position in before and position in after:
                found.old.add(before[position], truth)
                found.new.add(after[position], truth)
                errors[0].append(error_of(before[position], truth))
                errors[1].append(error_of(after[position], truth))
    found.improvement = improvement(*errors)
    return found


def _answers(done: ScoredBatch) -> dict[RecordPosition, AnswerValue]:
    return {RecordPosition(one.partition, one.offset): answer_of(one) for one in done.scored}


def _truth_of(message: Message, known: Mapping[RecordPosition | bytes | None, AnswerValue]) -> AnswerValue | None:
    found = known.get(RecordPosition(message.partition, message.offset))
    return found if found is not None or message.key is None else known.get(message.key)
