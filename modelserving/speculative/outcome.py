"""From decisions to what is published: answers with an account in their headers, or dead letters."""

from __future__ import annotations

import json
import logging
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelserving.errors import ScoringError
from modelserving.kafka.dead_letters import DeadLetter
from modelserving.kafka.messages import Message, dead_letter
from modelserving.records import ScoredRecord
from modelserving.serving.messages import Batch, ModelShare, ScoredBatch
from modelserving.speculative.answers import Choice
from modelserving.speculative.collector import Account, AnswerCollector
from modelserving.system.nesting import read_json

log = logging.getLogger(__name__)

ACCOUNT_HEADER = "speculative"
"""Header of a scored record's message: who had answered, how late the others were, and why this answer; JSON."""


@dataclass(frozen=True, slots=True)
class AnswerAccount:
    """What the header of a scored record says.

    Args:
        why: this answer.
        chosen: whose it is, by the participant's name; empty: it was made of several, or nobody gave it.
        answered_ms: who had answered in time, and how long after the record's arrival, milliseconds.
        absent: what became of the others: ``late``, ``failed``, ``left out``, ``no model``, ``not needed``.
        after_ms: how long after the record's arrival it was decided, milliseconds. Who is late had not answered then.
        label: the answer, where it is a label; ``None`` where it is a number.
    """

    why: str
    chosen: str
    answered_ms: Mapping[str, float]
    absent: Mapping[str, str]
    after_ms: float
    label: str | None = None


def read_account(headers: Sequence[tuple[str, bytes | None]]) -> AnswerAccount | None:
    """What the headers of a scored record's message say, or ``None`` where they say nothing of this kind."""
    for name, value in headers:
        if name == ACCOUNT_HEADER and value:
            return AnswerAccount(**read_json(value))
    return None


class GatheredBatch:
    """What becomes of a batch, while it comes together.

    Args:
        batch: the messages.
    """

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self.dead: list[DeadLetter] = list(batch.letters)
        self.shares: list[ModelShare] = []
        self._scored: list[ScoredRecord] = []
        self._keys: list[bytes | None] = []
        self._notes: list[list[tuple[str, bytes]]] = []
        self._skipped: Counter[str] = Counter()

    def skip(self, data_type: str, count: int) -> None:
        """Records of a data type for which nobody has a model."""
        log.info("%d records of data type %r skipped: no participant has a model yet", count, data_type)
        self._skipped[data_type] += count

    def take(self, data_type: str, messages: Sequence[Message], collector: AnswerCollector) -> Mapping[str, int]:
        """The decisions about some messages.

        Returns:
            How often whose answer was chosen.
        """
        chosen: Counter[str] = Counter()
        shared: dict[tuple[object, ...], tuple[Any, ...]] = {}
        now_ns = time.time_ns()
        for message, decision in zip(messages, collector.decisions, strict=True):
            assert decision is not None
            choice, account = decision
            if choice is None:
                self.dead.append(dead_letter(message, "score", ScoringError(_nobody(data_type, collector, account))))
                continue
            key = id(account), choice.reason, id(choice.by), choice.label
            same = shared.get(key)
            if same is None:
                same = shared[key] = (*_who(choice), [(ACCOUNT_HEADER, _write(choice, account))])
            name, version, digest, each_ns, by, note = same
            chosen[by] += 1
            self._scored.append(
                ScoredRecord(
                    data_type,
                    choice.value,
                    name,
                    version,
                    digest,
                    message.partition,
                    message.offset,
                    each_ns,
                    now_ns,
                    message.timestamp,
                    choice.label if math.isnan(choice.value) else None,
                    choice.outputs,
                )
            )
            self._keys.append(message.key)
            self._notes.append(note)
        chosen.pop("", None)
        return chosen

    def done(self) -> ScoredBatch:
        """All of it."""
        return ScoredBatch(
            scored=tuple(self._scored),
            keys=tuple(self._keys),
            dead=tuple(self.dead),
            skipped=self._skipped.total(),
            skipped_types=tuple(self._skipped),
            positions=self._batch.positions,
            shares=tuple(self.shares),
            group=self._batch.group,
            notes=tuple(self._notes),
        )


def _who(choice: Choice) -> tuple[str, str, str, int, str]:
    """Name, version and digest of the model, its time for a record, and the participant; of several: what was done."""
    by = choice.by
    if by is None:
        return choice.reason, "", "", 0, ""
    return by.info.name, by.info.version, by.info.digest, by.each_ns, by.name


def _write(choice: Choice, account: Account) -> bytes:
    return json.dumps(
        {
            "why": choice.reason,
            "chosen": choice.by.name if choice.by else "",
            "answered_ms": {by.name: _ms(by.took_ns) for by in account.answered},
            "absent": dict(account.absent),
            "after_ms": _ms(account.after_ns),
            "label": choice.label,
        }
    ).encode()


def _ms(duration_ns: int) -> float:
    return round(duration_ns / 1e6, 3)


def _nobody(data_type: str, collector: AnswerCollector, account: Account) -> str:
    """Why there is no answer."""
    deadline = collector.settings.deadline_ms
    within = f" within {deadline:g} ms" if deadline else ""
    said = [f"{by.name} answered" for by in account.answered]
    said += [
        f"{name} {what}" + (f" ({account.reasons[name]})" if name in account.reasons else "")
        for name, what in account.absent.items()
    ]
    decider = collector.settings.decider
    return f"no answer to a record of {data_type!r}{within}, and no fallback: {', '.join(said)}; decider: {decider}."
