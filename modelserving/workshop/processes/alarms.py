"""A second application: joins answers with a table of limits, and raises an alarm for each wine below its limit.

``python -m modelserving.workshop.processes.alarms SCORED LIMITS TARGET NAME`` runs until its input closes. It knows the
model server by the topic of its answers only. Alarms and its place are one transaction, so it may be killed.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from kafka import OffsetAndMetadata, TopicPartition

from modelserving.broker import use_broker
from modelserving.kafka import Connection, make_consumer, make_producer, read_topic
from modelserving.records import ScoredRecord, decode_scored
from modelserving.workshop.processes.process import ChildProcess

__all__ = ["AlarmApplication", "find_alarms", "read_limits"]


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


def _run(connection: Connection, said: argparse.Namespace, stop: threading.Event) -> None:
    limits = read_limits(connection, said.limits)
    with (
        make_consumer(connection, said.scored, group=said.name, group_instance_id=said.name) as consumer,
        make_producer(connection, transactional_id=said.name, linger_ms=0, retry_backoff_ms=5) as producer,
    ):
        producer.init_transactions()
        while not stop.is_set():
            records: list[Any] = [record for part in consumer.poll(timeout_ms=200).values() for record in part]
            if not records:
                continue
            producer.begin_transaction()
            for alarm in find_alarms([decode_scored(record.value) for record in records], limits):
                producer.send(said.target, value=alarm)
            places = {TopicPartition(r.topic, r.partition): OffsetAndMetadata(r.offset + 1, "", -1) for r in records}
            producer.send_offsets_to_transaction(places, consumer.group_metadata())
            producer.commit_transaction()


def _stop_with_parent(stop: threading.Event) -> None:
    while os.read(0, 1024):
        pass
    stop.set()


def main() -> int:
    """Run until the input closes.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser()
    for word in ("scored", "limits", "target", "name"):
        parser.add_argument(word)
    said, stop = parser.parse_args(), threading.Event()
    threading.Thread(target=_stop_with_parent, args=(stop,), name="parent-watch", daemon=True).start()
    with use_broker() as connection:
        _run(connection, said, stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
