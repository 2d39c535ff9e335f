"""Asks the models about a batch, and waits until each record of it is decided.

::

    batch ─▶ decode ─▶ for each data type: who takes part? ─▶ executors (actors, all at once)
                                                                  │ answers, piece by piece
    ScoredBatch ◀─ outcome ◀─ collectors: one decision a record ◀─┘ or the deadline, or other settings

Where one stage has one function from a batch to what becomes of it (``serving/scoring.py``), this is another one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from modelserving.actors.runtime.api import Ref, Runtime
from modelserving.kafka.messages import Message, dead_letter
from modelserving.models.lifecycle.slots import ModelSlot, ModelSlots
from modelserving.records.decoder import RecordDecoder
from modelserving.serving.messages import Batch, ModelShare, ScoredBatch
from modelserving.speculative.answers import Absence
from modelserving.speculative.collector import AnswerCollector
from modelserving.speculative.executor import Arrival, Assignment, Clock, Inbox, ModelExecutor
from modelserving.speculative.health import ParticipantHealth
from modelserving.speculative.outcome import GatheredBatch
from modelserving.speculative.settings import ParticipantSettings, SpeculativeSettings
from modelserving.speculative.tracking import QualityTracker
from modelserving.system.stopping import pause

_LOOK_EVERY_S = 0.5
_SEVERAL = 1_000_000
"""An executor's mailbox has room for all that can come: who does not answer is left out before long."""


@dataclass(frozen=True, slots=True, eq=False)
class _Round:
    """Records of one data type, and who was asked about them."""

    data_type: str
    messages: Sequence[Message]
    collector: AnswerCollector
    asked: Mapping[str, ModelSlot]


class _Blank(NamedTuple):
    """A message that says nothing."""

    key: bytes | None = None
    value: bytes | None = b""


class Starter:
    """From a batch to one answer for each of its records. One thread scores; any thread may configure, or look.

    Args:
        runtime: runs the executors; its messages are not copies.
        decoder: reads the messages.
        clock: the time.
    """

    def __init__(self, runtime: Runtime, decoder: RecordDecoder, clock: Clock = time.monotonic_ns) -> None:
        self._runtime = runtime
        self._decoder = decoder
        self._clock = clock
        self.tracker = QualityTracker()
        """How good the participants turn out to be."""
        self._digests: dict[str, str] = {}
        self._tracked: dict[str, tuple[object, SpeculativeSettings]] = {}
        self._lock = threading.Lock()
        self._settings: dict[str, SpeculativeSettings] = {}
        self._health: dict[tuple[str, str], ParticipantHealth] = {}
        self._executors: dict[str, Ref] = {}
        self._inbox = Inbox()

    @property
    def configured(self) -> Mapping[str, SpeculativeSettings]:
        """What is wanted, for each data type of which something was said."""
        with self._lock:
            return dict(self._settings)

    def configure(self, data_type: str, settings: SpeculativeSettings | None) -> None:
        """Something else is wanted of a data type from now on, also of the records that wait.

        Args:
            data_type: whose records.
            settings: what is wanted; ``None``: what every other server does.
        """
        with self._lock:
            if settings is None:
                self._settings.pop(data_type, None)
            else:
                self._settings[data_type] = settings
        self._inbox.put(None)

    def preload(self) -> None:
        """Load what the first batch would wait for: that is no time of its deadline."""
        self._decoder.decode([_Blank()])

    def settings_of(self, data_type: str) -> SpeculativeSettings:
        """What is wanted of a data type now; where quality decides, with the quality that is tracked."""
        with self._lock:
            settings = self._settings.get(data_type)
        if settings is None:
            return SpeculativeSettings.alone(data_type)
        return self._with_tracked(settings) if settings.uses_quality else settings

    def _with_tracked(self, settings: SpeculativeSettings) -> SpeculativeSettings:
        """The same object for as long as nothing has changed: what it has computed is kept."""
        data_type = settings.data_type
        digests = tuple([self._digests.get(one.name, "") for one in settings.participants])
        state = settings, digests, self.tracker.version
        known = self._tracked.get(data_type)
        if known is None or known[0] != state:
            participants = tuple(
                replace(one, quality=one.quality if (found := self._quality(data_type, digest, one)) is None else found)
                for one, digest in zip(settings.participants, digests, strict=True)
            )
            known = self._tracked[data_type] = state, replace(settings, participants=participants)
        return known[1]

    def _quality(self, data_type: str, digest: str, one: ParticipantSettings) -> float | None:
        return self.tracker.quality(data_type, digest, one.quality)

    def health(self, data_type: str, name: str) -> ParticipantHealth:
        """How a participant has done with the records of a data type."""
        with self._lock:
            return self._health.setdefault((data_type, name), ParticipantHealth(name))

    def score(self, batch: Batch, slots: ModelSlots) -> ScoredBatch:
        """Ask all participants about a batch; return when each record is decided.

        Args:
            batch: the messages; they have arrived now.
            slots: where the participants' models are.
        """
        arrived_ns = self._clock()
        outcome = GatheredBatch(batch)
        inbox = self._inbox = Inbox()
        rounds: list[_Round] = []
        for data_type, messages, records in self._decode(batch, outcome):
            found = self._begin(data_type, messages, records, slots, arrived_ns, inbox)
            if found is None:
                outcome.skip(data_type, len(records))
            else:
                rounds.append(found)
        self._collect(rounds, inbox, outcome)
        for one in rounds:
            self._end(one, outcome)
        return outcome.done()

    def _decode(self, batch: Batch, outcome: GatheredBatch) -> list[tuple[str, Sequence[Message], Any]]:
        messages = batch.messages
        decoded = self._decoder.decode(messages)
        outcome.dead.extend(dead_letter(messages[row], "decode", error) for row, error in decoded.problems.items())
        return [
            (
                group.data_type,
                messages if len(group.rows) == len(messages) else [messages[row] for row in group.rows],
                group.records,
            )
            for group in decoded.groups
        ]

    def _begin(
        self,
        data_type: str,
        messages: Sequence[Message],
        records: Any,
        slots: ModelSlots,
        arrived_ns: int,
        inbox: Inbox,
    ) -> _Round | None:
        """Ask who is to be asked; ``None``: nobody has a model."""
        settings, count = self.settings_of(data_type), len(records)
        filled: dict[str, ModelSlot] = {}
        for one in settings.ranked:
            slot = slots.get(one.name)
            if slot and (model := slot.current):
                filled[one.name] = slot
                self._digests[one.name] = model.info.digest
        if not filled:
            return None
        settings = self.settings_of(data_type)  # whose models these are is known now
        allowed = {name: slot for name, slot in filled.items() if self._may_answer(self.health(data_type, name), name)}
        asked = allowed or filled  # whoever is late is better than nobody
        absent = {
            one.name: Absence("left out" if one.name in filled else "no model")
            for one in settings.ranked
            if one.name not in asked
        }
        collector = AnswerCollector(count, settings, arrived_ns, asked, absent)
        for name in absent.keys() & filled:
            self.health(data_type, name).count(left_out=count)
        slowed = {one.name: round(one.slowed_ms * 1e6) for one in settings.participants}
        for name, slot in asked.items():
            health = self.health(data_type, name)
            health.count(asked=count)
            self._executor(name).tell(Assignment(name, slot, records, collector, inbox, health, slowed[name]))
        return _Round(data_type, messages, collector, asked)

    def _may_answer(self, health: ParticipantHealth, name: str) -> bool:
        """Whether a participant is asked: it is not left out, or its time has come, and it is not stuck in old work."""
        breaker = health.breaker
        return breaker.allows(self._clock()) and not (breaker.pauses and self._executor(name).waiting)

    def _executor(self, name: str) -> Ref:
        """The actor that asks a participant's model, whichever data types' records that scores."""
        if name not in self._executors:
            actor = f"executor-{name}"
            self._executors[name] = self._runtime.spawn(ModelExecutor, self._clock, name=actor, mailbox=_SEVERAL)
        return self._executors[name]

    def _collect(self, rounds: Sequence[_Round], inbox: Inbox, outcome: GatheredBatch) -> None:
        try:
            while any(one.collector.open for one in rounds):
                pause(0)
                arrivals = inbox.take(self._patience(rounds))
                for arrival in arrivals:
                    arrival.collector.answer(arrival.name, arrival.rows, arrival.said, arrival.at_ns)
                    self._share(arrival, outcome)
                now_ns = self._clock()
                for one in rounds:
                    settings = self.settings_of(one.data_type)
                    if settings == one.collector.settings:
                        one.collector.tick(now_ns)
                    else:
                        one.collector.reconfigure(settings, now_ns)
        finally:
            inbox.close()

    def _patience(self, rounds: Sequence[_Round]) -> float:
        """Seconds until something is due, or it is time to see whether the answers are still wanted."""
        due = [due for one in rounds if (due := one.collector.due_ns) is not None]
        return min(_LOOK_EVERY_S, max(0, min(due) - self._clock()) / 1e9) if due else _LOOK_EVERY_S

    def _share(self, arrival: Arrival, outcome: GatheredBatch) -> None:
        if arrival.served is not None:
            outcome.shares.append(ModelShare(arrival.served, len(arrival.said), arrival.each_ns))

    def _end(self, one: _Round, outcome: GatheredBatch) -> None:
        """Take the decisions, and note who was late or failed."""
        collector, now_ns = one.collector, self._clock()
        settings, due = collector.settings, collector.settings.due_ns(collector.arrived_ns)
        for name in one.asked:
            breaker = self.health(one.data_type, name).breaker
            if collector.has_failed(name) or (due is not None and now_ns >= due and collector.is_waiting(name)):
                breaker.missed(now_ns, settings.patience, settings.pause_ns)
            elif not collector.is_waiting(name):
                breaker.good()
        chosen = outcome.take(one.data_type, one.messages, collector)
        for by, count in chosen.items():
            self.health(one.data_type, by).count(chosen=count)
