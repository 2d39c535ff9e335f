"""What becomes of a record belongs to the trace that the record came with."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from modelserving.kafka import Headers
from modelserving.kafka.messages import MessageColumns
from modelserving.records import ScoredRecord
from modelserving.serving.messages import Batch, ScoredBatch
from modelserving.tracing import RecordTracer, carried
from modelserving.tracing.spans import Processing

_Offset: TypeAlias = tuple[int, int]
"""A message's partition and offset; all are of one topic."""
_SHORT = 12


@dataclass(frozen=True, slots=True)
class BatchTracer:
    """Follows the records of a batch that came with a trace; of the others it costs a look at their headers.

    Args:
        tracer: makes spans; ``None``: what came with a record goes on with its answer, as it is.
        records: the topic of the records.
        answers: the topic of the answers.
        group: which consumer group works here.
    """

    tracer: RecordTracer | None
    records: str
    answers: str
    group: str

    def follow(self, batch: Batch, result: ScoredBatch, started_ns: int) -> ScoredBatch:
        """The same result, whose answers carry the trace on. Spans end when it is committed.

        Args:
            batch: what was worked on.
            result: what became of it.
            started_ns: when that began, nanoseconds since 1970.
        """
        found = dict(_traced(batch))
        if not found:
            return result
        if self.tracer is None:
            return _with_headers(result, {at: carried(headers) for at, headers in found.items()})
        scored = {(one.partition, one.offset): one for one in result.scored}
        spans = {
            at: self.tracer.process(
                self.records, self.answers, headers, {**self._where(at), **_who(scored.get(at))}, started_ns
            )
            for at, headers in found.items()
        }
        ended = partial(_end, spans, scored.keys(), _problems(result))
        traced = _with_headers(result, {at: span.headers for at, span in spans.items()})
        return replace(traced, on_commit=(*result.on_commit, ended))

    def _where(self, at: _Offset) -> dict[str, str | int]:
        return {
            "messaging.consumer.group.name": self.group,
            "messaging.destination.partition.id": str(at[0]),
            "messaging.kafka.offset": at[1],
        }


def _traced(batch: Batch) -> Iterator[tuple[_Offset, Headers]]:
    """The messages that came with a trace, and their headers."""
    messages = MessageColumns.of(batch.messages)
    for row, headers in enumerate(messages.headers()):
        if headers and carried(headers):
            yield (int(messages.partitions[row]), int(messages.offsets[row])), headers


def _who(scored: ScoredRecord | None) -> dict[str, str | int]:
    """Which model gave the answer, if there is one."""
    if scored is None:
        return {}
    return {
        "modelserving.data_type": scored.data_type,
        "modelserving.model": scored.model_name,
        "modelserving.version": scored.model_version,
        "modelserving.digest": scored.model_digest[:_SHORT],
    }


def _with_headers(result: ScoredBatch, headers: Mapping[_Offset, list[tuple[str, bytes]]]) -> ScoredBatch:
    """The answers' headers, behind those that they have."""
    before = result.notes or ([],) * len(result.scored)
    notes = (
        [*note, *headers.get((one.partition, one.offset), ())] for note, one in zip(before, result.scored, strict=True)
    )
    return replace(result, notes=tuple(notes))


def _problems(result: ScoredBatch) -> dict[_Offset, str]:
    """What went wrong with each message that became a dead letter."""
    return {(one.partition, one.offset): f"{one.stage}: {one.error}: {one.reason}" for one in result.dead}


def _end(spans: Mapping[_Offset, Processing], answered: Collection[_Offset], problems: Mapping[_Offset, str]) -> None:
    for at, span in spans.items():
        span.end(at in answered, problems.get(at, ""))
