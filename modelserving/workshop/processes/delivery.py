"""Three ways to deal with a batch, and a worker that one can kill in the middle of one.

``python -m modelserving.workshop.processes.delivery MODE SOURCE TARGET NAME`` reads what is on the source, writes an
answer to each record to the target topic, and ends. With ``--halt N`` it stands still in its Nth batch, where the steps
of the mode meet, says so, and goes on when a line comes: so a lesson hits that moment each time, and not by chance.
"""

from __future__ import annotations

import argparse
import http.client
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from kafka import KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError

from modelserving.broker import use_broker
from modelserving.errors import WaitTimeout
from modelserving.kafka import Connection, end_offsets, make_consumer, make_producer
from modelserving.kafka.corrections import Consumer
from modelserving.workshop.processes.child import ChildProcess

HALTED, FENCED = "halted", "fenced"
_BATCH = 10
_PATIENCE_S = 60.0


@dataclass(slots=True)
class DeliveryWork:
    """What a mode works with.

    Args:
        consumer: reads, as a member of a group.
        producer: writes.
        target: the topic of the answers.
        pause: called where the steps of a mode meet.
        call: told of each record: a call to somebody outside of Kafka.
    """

    consumer: Consumer
    producer: KafkaProducer
    target: str
    pause: Callable[[], object] = lambda: None
    call: Callable[[Any], object] = lambda _: None

    def answer(self, batch: Sequence[Any]) -> None:
        """Write the answers, and wait until the broker has them."""
        for record in batch:
            self.call(record)
            self.producer.send(self.target, value=b"score of " + record.value)
        self.producer.flush()

    def offsets(self, batch: Sequence[Any]) -> Mapping[TopicPartition, OffsetAndMetadata]:
        """Where the group goes on when this batch is done: the offset after the last one."""
        return {TopicPartition(r.topic, r.partition): OffsetAndMetadata(r.offset + 1, "", -1) for r in batch}


def at_most_once(work: DeliveryWork, batch: Sequence[Any]) -> None:
    """First the offset, then the answers: who dies in between has lost them."""
    work.consumer.commit(dict(work.offsets(batch)))
    work.pause()
    work.answer(batch)


def at_least_once(work: DeliveryWork, batch: Sequence[Any]) -> None:
    """First the answers, then the offset: who dies in between gives them twice."""
    work.answer(batch)
    work.pause()
    work.consumer.commit(dict(work.offsets(batch)))


def effectively_once(work: DeliveryWork, batch: Sequence[Any]) -> None:
    """Answers and offset in one transaction: who dies in between has done nothing."""
    work.producer.begin_transaction()
    work.answer(batch)
    work.producer.send_offsets_to_transaction(work.offsets(batch), work.consumer.group_metadata())
    work.pause()
    work.producer.commit_transaction()


Mode = Callable[[DeliveryWork, Sequence[Any]], None]
MODES: dict[str, Mode] = {
    "at-most-once": at_most_once,
    "at-least-once": at_least_once,
    "effectively-once": effectively_once,
}
"""By the name that is typed."""


@dataclass(slots=True)
class _Halt:
    """Stands still once, in the batch of that number, until a line comes; without one there is nobody any more."""

    number: int
    batches: int = field(default=0, init=False)

    def __call__(self) -> None:
        self.batches += 1
        if self.batches == self.number:
            _say(HALTED)
            if not sys.stdin.readline():
                os._exit(1)


def deal_with_all(
    connection: Connection,
    mode: str,
    source: str,
    target: str,
    name: str,
    *,
    size: int = _BATCH,
    pause: Callable[[], object] = lambda: None,
    call: Callable[[Any], object] = lambda _: None,
) -> float:
    """Deal with all records that are on a topic now and were not dealt with before.

    Args:
        connection: the broker.
        mode: one of ``MODES``.
        source: a topic of one partition.
        target: the topic of the answers.
        name: of the group, of its one member, and of its transactions: whoever comes next under that name is the same.
        size: records in a batch.
        pause: as in ``DeliveryWork``.
        call: as in ``DeliveryWork``.

    Returns:
        Seconds from the first batch on.

    Raises:
        kafka.errors.KafkaError: the broker refuses; it has fenced this producer, perhaps.
        WaitTimeout: not all was read within a minute.
    """
    end = end_offsets(connection, source)[0]
    options = {"transactional_id": name} if mode == "effectively-once" else {}
    with (
        make_producer(connection, linger_ms=0, retry_backoff_ms=5, **options) as producer,
        make_consumer(connection, source, group=name, group_instance_id=name, max_poll_records=size) as consumer,
    ):
        if options:
            producer.init_transactions()
        work = DeliveryWork(consumer, producer, target, pause, call)
        # Who joins a group before it knows the topic gets nothing, and under a name of its own keeps that.
        consumer.partitions_for_topic(source)
        done = consumer.committed(TopicPartition(source, 0)) or 0
        begun = None
        deadline = time.monotonic() + _PATIENCE_S
        while done < end and time.monotonic() < deadline:
            batch = [record for part in consumer.poll(timeout_ms=200).values() for record in part]
            if batch:
                begun = begun or time.perf_counter()
                MODES[mode](work, batch)
                done, deadline = batch[-1].offset + 1, time.monotonic() + _PATIENCE_S
        if done < end:
            raise WaitTimeout(
                f"{source} was read to offset {done} of {end}, and for {_PATIENCE_S:g} s nothing more came, as {name}."
            )
    return time.perf_counter() - begun if begun else 0.0


class DeliveryWorker(ChildProcess):
    """The worker as a process of its own.

    Args:
        words: as on its command line.
    """

    module = "modelserving.workshop.processes.delivery"

    def __init__(self, *words: str) -> None:
        super().__init__(words)

    def _extra(self) -> Sequence[str]:
        return ()

    @property
    def halted(self) -> bool:
        """Whether it stands still in the middle of its batch."""
        return HALTED in self.log()

    @property
    def fenced(self) -> str:
        """What the broker told it, if it was locked out."""
        return next((line for line in self.log() if line.startswith(FENCED)), "")

    def go_on(self) -> None:
        """Let it go on where it stands; one that has gone on and ended stays as it is."""
        assert self._process.stdin is not None
        if self.running:
            self._process.stdin.write(b"go on\n")
            self._process.stdin.flush()


def _caller(url: str) -> Callable[[Any], object]:
    """A call to somebody over HTTP for each record, with a key that names the record."""
    target = urlsplit(url)
    connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=10)

    def call(record: Any) -> None:
        key = f"{record.topic}/{record.partition}/{record.offset}"
        connection.request("POST", target.path or "/", body=record.value, headers={"Idempotency-Key": key})
        connection.getresponse().read()

    return call


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Work until the source is at its end.

    Returns:
        The exit status: 3 where the broker refused, since somebody else has the name; 4 where not all was read.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=MODES)
    for word in ("source", "target", "name"):
        parser.add_argument(word)
    parser.add_argument("--halt", type=int, default=0)
    parser.add_argument("--call", default="")
    said = parser.parse_args()
    call = _caller(said.call) if said.call else lambda _: None
    with use_broker() as connection:
        try:
            deal_with_all(connection, said.mode, said.source, said.target, said.name, pause=_Halt(said.halt), call=call)
        except KafkaError as error:
            _say(f"{FENCED}: {type(error).__name__}: {error}")
            return 3
        except WaitTimeout as error:
            _say(str(error))
            return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
