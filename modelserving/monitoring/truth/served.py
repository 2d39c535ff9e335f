"""How good the answers were that were served, by model, where the truth is known; from the topics as they are."""

from __future__ import annotations

from modelserving.kafka import Connection, read_topic
from modelserving.monitoring.replay.answers import RecordPosition, answer_of, read_answers
from modelserving.monitoring.truth.quality import Quality
from modelserving.monitoring.truth.topic import read_truths
from modelserving.records import Topics
from modelserving.serving import ModelKey


def served_quality(connection: Connection, topics: Topics, data_type: str) -> dict[ModelKey, Quality]:
    """How good each model was that served.

    Args:
        connection: to the cluster.
        topics: reads the answers, the records' keys, and the topic of truths.
        data_type: whose answers.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: a topic does not exist.
    """
    by_position, by_key = {}, {}
    for one in read_truths(connection, topics):
        if one.position is not None:
            by_position[one.position] = one.truth
        else:
            by_key[one.key] = one.truth
    if by_key:
        for message in read_topic(connection, topics.records):
            if message.key in by_key:
                by_position.setdefault(RecordPosition(message.partition, message.offset), by_key[message.key])
    found: dict[ModelKey, Quality] = {}
    for scored in read_answers(connection, topics.scored):
        truth = by_position.get(RecordPosition(scored.partition, scored.offset))
        if truth is not None and scored.data_type == data_type:
            model = ModelKey(scored.data_type, scored.model_name, scored.model_version, scored.model_digest)
            found.setdefault(model, Quality()).add(answer_of(scored), truth)
    return found
