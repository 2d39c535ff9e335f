"""The processor that scores: what the custom stage does with a batch, as a node of a Kafka Streams topology."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

import numpy as np

from modelserving.errors import BrokerUnavailable, RegistryUnavailable, ServerError
from modelserving.kafka.dead_letters import headers
from modelserving.kafka.messages import MessageColumns, MessageRow
from modelserving.kstreams import Record
from modelserving.kstreams.bridge.batches import BatchContext, BatchProcessor
from modelserving.kstreams.bridge.collector import Columns
from modelserving.kstreams.bridge.partition import SamePartition
from modelserving.models.lifecycle.shadow import ShadowWork
from modelserving.records import ScoredColumns, encode_scored_batch, preload_encoder
from modelserving.records.decoder import RecordDecoder
from modelserving.serving import Batch, Counts, ScoredBatch, score_batch
from modelserving.serving.report.meter import BatchOutcome, Meter, outcome_of
from modelserving.serving.running.audit import OffsetAudit
from modelserving.serving.traces import BatchTracer
from modelserving.streams_server.distribution import Models
from modelserving.streams_server.stores import STORE, CustomStatistics, add_to
from modelserving.system.stopping import StopWaiting, stoppable
from modelserving.tracing import other_headers

log = logging.getLogger(__name__)

SCORED = "scored"
DEAD_LETTERS = "dead-letters"
_AGAIN_SECONDS = 1.0
_WAIT_SECONDS = 120.0
"""Less than the engine waits for a thread that does not poll."""


class Tally:
    """What became of the records, all tasks of this process together; only what is committed.

    ``ending`` is set while the engine ends: nobody waits any more.

    Args:
        audit: told of what is read.
    """

    def __init__(self, audit: OffsetAudit | None = None) -> None:
        self.meter = Meter()
        self.ending = threading.Event()
        self.audit = audit or OffsetAudit("")

    @property
    def counts(self) -> Counts:
        """What became of the records."""
        return self.meter.counts


@dataclass(frozen=True, slots=True)
class _Open:
    """What belongs to the commit that comes."""

    outcome: BatchOutcome = field(default_factory=BatchOutcome)
    shadows: tuple[ShadowWork, ...] = ()
    told: tuple[Callable[[], None], ...] = ()

    def and_then(self, more: _Open) -> _Open:
        """What belongs to this commit, and more of it."""
        return _Open(self.outcome + more.outcome, (*self.shadows, *more.shadows), (*self.told, *more.told))


class ScoringProcessor(BatchProcessor):
    """Scores batches with the models that are in their slots now. A swap takes effect between two batches.

    Args:
        topic: the records' topic.
        models: the models.
        tally: counts what became of the records.
        partitions: sends an answer to the partition of its record.
        max_records: the most records in a batch.
        linger: seconds that a record waits for others at most.
        decoder: reads the records; by the workbook's own schema where none is given.
        frame: what stands before each answer, see ``encode_scored_batch``.
        tracer: makes spans; ``None``: what came with a record goes on with its answer, as all its headers do.
    """

    def __init__(
        self,
        topic: str,
        models: Models,
        tally: Tally,
        partitions: SamePartition,
        max_records: int,
        linger: float,
        decoder: RecordDecoder | None = None,
        frame: bytes = b"",
        tracer: BatchTracer | None = None,
    ) -> None:
        super().__init__(max_records, linger)
        self._tracer = tracer
        self._frame = frame
        self._decoder = decoder
        self._topic = topic
        self._models = models
        self._tally = tally
        self._partitions = partitions

    def init(self, context: BatchContext) -> None:
        """Wait for the models: no record is scored before all that were published are in their slots."""
        super().init(context)
        preload_encoder()
        self._open = self._committing = _Open()
        self._partition = context.partition()
        with self._while_wanted():
            self._acquired = self._models.acquire(self._partition)
        self._store = context.getStateStore(STORE)

    def process_batch(self, batch: Columns) -> None:
        """Score, hand on, count."""
        messages = self._read(batch)
        self._tally.audit.read(messages)
        result = self._follow(Batch(messages))
        self._models.note_skipped(result.skipped_types, self._partition)
        self._partitions.go_to(self._partition)
        self._hand_on(batch, result)
        for share in result.shares:
            add_to(self._store, share.served.info.data_type, share.served.info.digest, share.each_ns, share.count)
        self._open = self._open.and_then(_Open(outcome_of(result), result.shadows, result.on_commit))

    def _follow(self, batch: Batch) -> ScoredBatch:
        """Score; records that came with a trace have answers that carry it on."""
        started = time.time_ns()
        result = self._score(batch)
        return result if self._tracer is None else self._tracer.follow(batch, result, started)

    def _score(self, batch: Batch) -> ScoredBatch:
        """Score; while nobody can say how the records were written, they wait, as the task does.

        Raises:
            RegistryUnavailable, BrokerUnavailable: that took too long; another thread goes on with the same records.
            ServerError: the engine ends, while a model waits for its service.
        """
        until = time.monotonic() + _WAIT_SECONDS
        while True:
            try:
                with self._while_wanted():
                    return score_batch(batch, self._acquired.slots, self._decoder)
            except (BrokerUnavailable, RegistryUnavailable) as error:
                log.warning("records wait: %s", error)
                if time.monotonic() > until or self._tally.ending.wait(_AGAIN_SECONDS):
                    raise

    @contextmanager
    def _while_wanted(self) -> Iterator[None]:
        """Waits end with the engine, and nothing of the batch is committed."""
        try:
            with stoppable(self._tally.ending):
                yield
        except StopWaiting:
            raise ServerError("the engine ends: these records wait for whoever scores them next.") from None

    def before_commit(self) -> None:
        """What our own store has to log belongs to this commit."""
        if isinstance(self._store, CustomStatistics):
            self._store.log_changes()
        self._committing, self._open = self._committing.and_then(self._open), _Open()

    def after_commit(self) -> None:
        """Count; and let the shadows work, now that the answers are out."""
        done, self._committing = self._committing, _Open()
        self._tally.meter.add(done.outcome)
        for tell in done.told:
            tell()
        with suppress(StopWaiting), stoppable(self._tally.ending):
            for work in done.shadows:
                work.run()

    def close(self) -> None:
        """The task goes; its models may, too."""
        self._models.release(self._partition, self._acquired)

    def _read(self, batch: Columns) -> MessageColumns:
        asked = self._tracer is not None or (self._decoder is not None and self._decoder.reads_headers)

        def row(at: int) -> MessageRow:
            position = self._topic, self._partition, batch.offsets[at], batch.timestamps[at]
            said = self.context.headers(at) if asked else ()
            return MessageRow(*position, batch.keys[at], batch.values[at], said)

        partitions = np.full(len(batch.offsets), self._partition, np.int64)
        offsets, timestamps = np.array(batch.offsets, np.int64), np.array(batch.timestamps, np.int64)
        return MessageColumns(batch.values, batch.keys, partitions, offsets, timestamps, row)

    def _hand_on(self, batch: Columns, result: ScoredBatch) -> None:
        row_of = {offset: row for row, offset in enumerate(batch.offsets)}
        rows = [row_of[offset] for offset in ScoredColumns.of(result.scored).offsets]
        for row, note in zip(rows, result.notes, strict=False):
            if note:
                self.context.set_headers(row, (*other_headers(self.context.headers(row)), *note))
        self.context.forward_values(rows, encode_scored_batch(result.scored, self._frame), SCORED)
        for letter in result.dead:
            row = row_of[letter.offset]
            whole = replace(letter, headers=self.context.headers(row))
            record = Record(letter.label, letter.body, batch.timestamps[row], tuple(headers(whole)))
            self.context.forward(record, DEAD_LETTERS)
