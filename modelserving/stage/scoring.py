"""Decode and score one batch. No Kafka, no asyncio: a function from messages to answers."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from modelserving.errors import RecordError, ScoringError
from modelserving.kafka.dead_letters import DeadLetter
from modelserving.models.base import Scores
from modelserving.models.slot import ModelSlots, ServedModel
from modelserving.records import ScoredRecord, WineRecord, decode_wine
from modelserving.stage.messages import Batch, Message, Place, ScoredBatch, Share, dead_letter

__all__ = ["score_batch"]

log = logging.getLogger(__name__)

Row = tuple[Message, WineRecord]


@dataclass(slots=True)
class _Tally:
    """The batch's results while they come together."""

    scored: list[ScoredRecord] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    shares: list[Share] = field(default_factory=list)
    skipped: int = 0


def score_batch(batch: Batch, slots: ModelSlots) -> ScoredBatch:
    """Score a batch with the models that are in the slots now.

    Each data type's records go to its model together. A record that cannot be decoded or scored becomes a dead letter,
    a record whose data type has no model is counted as skipped; neither disturbs the others.

    Args:
        batch: the messages; an empty batch gives an empty result.
        slots: the models. Each is leased while it scores, so that a swap cannot close it.
    """
    tally = _Tally()
    for data_type, rows in _decode(batch.messages, tally).items():
        slot = slots.get(data_type)
        if slot is None:
            _skip(data_type, rows, tally)
            continue
        with slot.lease() as served:
            if served is None:
                _skip(data_type, rows, tally)
            else:
                _score_rows(served, rows, tally)
    return ScoredBatch(
        scored=tuple(tally.scored),
        keys=tuple(tally.keys),
        dead=tuple(tally.dead),
        skipped=tally.skipped,
        positions=_positions(batch.messages),
        shares=tuple(tally.shares),
        group=batch.group,
    )


def _decode(messages: Sequence[Message], tally: _Tally) -> dict[str, list[Row]]:
    """Sort the records by data type; what cannot be decoded is dead."""
    groups: dict[str, list[Row]] = {}
    for message in messages:
        try:
            record = decode_wine(message.value)
        except RecordError as error:
            tally.dead.append(dead_letter(message, "decode", error))
        else:
            groups.setdefault(record.data_type, []).append((message, record))
    return groups


def _skip(data_type: str, rows: list[Row], tally: _Tally) -> None:
    log.info("%d records of data type %r skipped: it has no model yet", len(rows), data_type)
    tally.skipped += len(rows)


def _score_rows(served: ServedModel, rows: list[Row], tally: _Tally) -> None:
    started = time.perf_counter_ns()
    try:
        scores = served.model.score([record for _, record in rows])
    except Exception as error:  # noqa: BLE001
        tally.dead.extend(dead_letter(message, "score", error) for message, _ in rows)
        return
    each_ns = (time.perf_counter_ns() - started) // len(rows)
    tally.shares.append(Share(served, len(rows) - len(scores.problems), each_ns))
    _collect(served, rows, scores, each_ns, tally)


def _collect(served: ServedModel, rows: list[Row], scores: Scores, each_ns: int, tally: _Tally) -> None:
    now = time.time_ns()
    problems = scores.problems
    data_type, name, version, digest = served.data_type, served.name, served.version, served.digest
    for index, ((message, _), value) in enumerate(zip(rows, scores.values.tolist(), strict=True)):
        if index in problems:
            reason = f"model {name!r} gave no score: {problems[index]}."
            tally.dead.append(dead_letter(message, "score", ScoringError(reason)))
            continue
        tally.keys.append(message.key)
        tally.scored.append(
            ScoredRecord(
                data_type,
                value,
                name,
                version,
                digest,
                message.partition,
                message.offset,
                each_ns,
                now,
                message.timestamp,
            )
        )


def _positions(messages: Sequence[Message]) -> dict[Place, int]:
    """The offset after the last message of each place."""
    return {(message.topic, message.partition): message.offset + 1 for message in messages}
