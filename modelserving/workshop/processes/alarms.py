"""A second application, on Kafka Streams: joins answers with a table of limits; an alarm for each wine below its limit.

``python -m modelserving.workshop.processes.alarms SCORED LIMITS TARGET NAME`` runs until its input closes. It knows the
model server by the topic of its answers only. Alarms and its place are one transaction of the engine's, so it may be
killed.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from modelserving.broker import use_broker
from modelserving.kafka import Connection, read_topic
from modelserving.records import ScoredRecord, decode_scored, encode_scored
from modelserving.system.parent import when_parent_is_gone
from modelserving.workshop.processes.child import ChildProcess


def find_alarms(scored: Sequence[ScoredRecord], limits: Mapping[str, float]) -> list[bytes]:
    """The join: each answer meets the limit of its data type; one without a limit meets none, and is no alarm."""
    return [
        f"{one.data_type} {one.partition}:{one.offset} has {one.prediction:g}".encode()
        for one in scored
        if one.data_type in limits and one.prediction < limits[one.data_type]
    ]


def read_limits(connection: Connection, topic: str) -> dict[str, float]:
    """The table: of each key, the newest value."""
    return {record.key.decode(): float(record.value) for record in read_topic(connection, topic)}


class AlarmApplication(ChildProcess):
    """The application as a process of its own.

    Args:
        words: as on its command line.
    """

    module = "modelserving.workshop.processes.alarms"

    def __init__(self, *words: str) -> None:
        super().__init__(words)

    def _extra(self) -> Sequence[str]:
        return ()


def make_topology(scored: str, limits: str, target: str) -> Any:
    """The join on Kafka Streams: a stream of answers, and a table that each instance has as a whole.

    Args:
        scored: the topic of the answers; what is none is passed over.
        limits: that of the table: for each data type, the grade below which an alarm is wanted.
        target: gets the alarms.
    """
    from modelserving.kstreams import StreamsBuilder, java, raw, serde, text

    answers = serde(encode_scored, decode_scored)
    builder = StreamsBuilder()
    table = builder.globalTable(limits, java.Consumed.with_(text(), text()))
    stream = builder.stream(scored, java.Consumed.with_(raw(), answers))
    met = stream.join(table, lambda _key, one: one.data_type, lambda one, limit: (one, {one.data_type: float(limit)}))
    alarms = met.flatMapValues(lambda pair: find_alarms([pair[0]], pair[1]))
    alarms.to(target, java.Produced.with_(raw(), raw()))
    return builder.build()


def _run(connection: Connection, said: argparse.Namespace, stop: threading.Event) -> None:
    from modelserving.kstreams import KafkaStreams, streams_config

    settings = streams_config(
        connection,
        application_id=said.name,
        main_consumer_group_instance_id=said.name,  # who is killed and comes back has its place at once
        processing_guarantee="exactly_once_v2",
        deserialization_exception_handler="LogAndContinueExceptionHandler",
        commit_interval_ms=100,
        poll_ms=20,
    )
    with KafkaStreams(make_topology(said.scored, said.limits, said.target), settings) as streams:
        while not stop.wait(0.2):
            streams.raise_error()


def main() -> int:
    """Run until the input closes.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser()
    for word in ("scored", "limits", "target", "name"):
        parser.add_argument(word)
    said, stop = parser.parse_args(), threading.Event()
    when_parent_is_gone(stop.set)
    with use_broker() as connection:
        _run(connection, said, stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
