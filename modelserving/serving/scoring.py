"""Decode and score one batch. No Kafka, no asyncio: a function from messages to answers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias

import numpy as np

from modelserving.datasets import default_schemas
from modelserving.errors import ScoringError
from modelserving.kafka.dead_letters import DeadLetter
from modelserving.kafka.messages import MessageColumns, dead_letter
from modelserving.models.info import LoadedModel
from modelserving.models.lifecycle.shadow import ShadowWork
from modelserving.models.lifecycle.slots import ModelSlot, ModelSlots
from modelserving.models.model import Scores, limit_texts
from modelserving.records import ScoredColumns, ScoredRun
from modelserving.records.decoder import RecordDecoder
from modelserving.serving.messages import Batch, ModelShare, ScoredBatch
from modelserving.serving.words import read_words

log = logging.getLogger(__name__)

Score: TypeAlias = Callable[[Batch, ModelSlots], ScoredBatch]
"""What a server does with a batch: to score it with the models that are in the slots now."""


@dataclass(slots=True)
class _Tally:
    """The batch's results while they come together."""

    scored: list[ScoredRun] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    shares: list[ModelShare] = field(default_factory=list)
    shadows: list[ShadowWork] = field(default_factory=list)
    skipped: int = 0
    skipped_types: list[str] = field(default_factory=list)


def score_batch(batch: Batch, slots: ModelSlots, decoder: RecordDecoder | None = None) -> ScoredBatch:
    """Score a batch with the models that are in the slots now.

    Each data type's records go to its model together, as columns. A record that cannot be decoded or scored becomes a
    dead letter, a record whose data type has no model is counted as skipped; neither disturbs the others.

    Args:
        batch: the messages; an empty batch gives an empty result.
        slots: the models. Each is leased while it scores, so that a swap cannot close it.
        decoder: reads the messages; by the workbook's own schema where none is given.
    """
    tally = _Tally(dead=list(batch.letters))
    messages = MessageColumns.of(batch.messages)
    decoded = (decoder or _default_decoder()).decode(messages)
    tally.dead.extend(dead_letter(messages[row], "decode", error) for row, error in decoded.problems.items())
    for group in decoded.groups:
        slot = slots.get(group.data_type)
        if slot is None:
            _skip(group.data_type, len(group.rows), tally)
            continue
        with slot.lease() as served:
            if served is None:
                _skip(group.data_type, len(group.rows), tally)
            else:
                _score_rows(served, messages.take(group.rows), group.records, tally, slot)
    return ScoredBatch(
        scored=ScoredColumns(tally.scored) if tally.scored else (),
        keys=tuple(tally.keys),
        dead=tuple(tally.dead),
        skipped=tally.skipped,
        skipped_types=tuple(tally.skipped_types),
        positions=batch.positions,
        shares=tuple(tally.shares),
        group=batch.group,
        shadows=tuple(tally.shadows),
    )


@cache
def _default_decoder() -> RecordDecoder:
    return RecordDecoder(default_schemas())


def _skip(data_type: str, count: int, tally: _Tally) -> None:
    log.info("%d records of data type %r skipped: it has no model yet", count, data_type)
    tally.skipped += count
    tally.skipped_types.append(data_type)


def _score_rows(served: LoadedModel, messages: MessageColumns, records: Any, tally: _Tally, slot: ModelSlot) -> None:
    started = time.perf_counter_ns()
    try:
        scores = limit_texts(served.model.score(records))
    except Exception as error:  # noqa: BLE001
        tally.dead.extend(dead_letter(message, "score", error) for message in messages)
        return
    each_ns = (time.perf_counter_ns() - started) // len(records)
    tally.shares.append(ModelShare(served, len(records) - len(scores.problems), each_ns))
    _collect(served, messages, scores, each_ns, tally)
    if slot.shadow is not None:
        partitions, offsets = messages.partitions.tolist(), messages.offsets.tolist()
        tally.shadows.append(ShadowWork(slot, records, partitions, offsets, scores.values, scores.labels))


def _collect(served: LoadedModel, messages: MessageColumns, scores: Scores, each_ns: int, tally: _Tally) -> None:
    who, problems = served.info, scores.problems
    run = ScoredRun(
        (who.data_type, who.name, who.version, who.digest, each_ns, time.time_ns()),
        scores.values,
        messages.partitions,
        messages.offsets,
        messages.timestamps,
        [*read_words(scores)] if scores.labels is not None or scores.outputs else (),
    )
    keys = messages.keys
    for index in sorted(problems):
        reason = f"model {who.name!r} gave no score: {problems[index]}."
        tally.dead.append(dead_letter(messages[index], "score", ScoringError(reason)))
    if problems:
        answered = np.delete(np.arange(len(messages)), [*problems])
        run, keys = run.take(answered), [keys[row] for row in answered.tolist()]
    if len(run):
        tally.scored.append(run)
        tally.keys.extend(keys)
