"""The serving actor: holds the models of one data type, and scores.

No lock, no thread, no framework: it handles one message after the other, so a model changes between two of them, and
nowhere else. Read ``receive``: it is all that the outside can want of it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from modelserving.actors.messages import (
    Answers,
    Applied,
    Committed,
    Confirm,
    Describe,
    IsPrepared,
    ModelWork,
    Part,
    Prepare,
    Restore,
    Routed,
    SaveWhenDue,
    ScoreBatch,
    SetPrepared,
    SetSlots,
)
from modelserving.actors.state.persistence import SavedState, StateFolder
from modelserving.actors.state.shadowing import ShadowQueue
from modelserving.actors.state.transfer import AnyModel, BackgroundBuilder, PackedModel, load, pack
from modelserving.datasets import default_schemas
from modelserving.errors import ActorError, BrokerUnavailable, ModelError, RegistryUnavailable, StateError
from modelserving.models.info import LoadedModel, Slots, SlotsUpdate
from modelserving.models.lifecycle.slots import ModelSlot, ModelSlots
from modelserving.records import RecordSchema
from modelserving.records.codecs.written import WriterCodecs
from modelserving.records.decoder import RecordDecoder
from modelserving.serving.messages import Batch, ScoredBatch
from modelserving.serving.scoring import score_batch
from modelserving.statistics import Statistics

log = logging.getLogger(__name__)

DecodeAndScore = Callable[[Batch, ModelSlots, RecordDecoder], ScoredBatch]


@dataclass(frozen=True, slots=True)
class ServingSettings:
    """How serving actors work.

    Args:
        folder: where their state is saved.
        save_every_s: the statistics on disk are about so many seconds old at most.
        score: what is done with a batch.
        mailbox: how many messages may wait for each.
        workers: how many actors score one data type.
        router: which of them scores what.
        schemas: of the records.
        writers: knows the schemas that records name by number.
    """

    folder: Path
    save_every_s: float = 5.0
    score: DecodeAndScore = score_batch
    mailbox: int = 100
    workers: int = 1
    router: str = "round-robin"
    schemas: tuple[RecordSchema, ...] = field(default_factory=default_schemas)
    writers: WriterCodecs | None = None


class ServingActor:
    """Scores the records of one data type.

    Args:
        data_type: which.
        settings: how.
        persists_state: whether it saves its state; of several workers, one does.
    """

    def __init__(self, data_type: str, settings: ServingSettings, persists_state: bool = True) -> None:
        self.data_type = data_type
        self._slots = ModelSlots()
        self._score_with = settings.score
        self._decoder = RecordDecoder(settings.schemas, data_type, settings.writers)
        self._folder = StateFolder(settings.folder, data_type)
        self._persists_state = persists_state
        self._save_every_s = settings.save_every_s
        self._saved_at = time.monotonic()
        self._unsaved = False
        self._builder = BackgroundBuilder()
        self._shadows = ShadowQueue()
        self._lacks_model = False
        self._saved = self._folder.load() if persists_state else None
        self._counted = _statistics(self._saved)

    def receive(self, message: object, /) -> object:
        """Handle a message; see ``messages.py`` for what each means."""
        match message:
            case ScoreBatch(messages):
                return self._score(Batch(messages))
            case Committed(works):
                self._on_commit(works)
            case SaveWhenDue():
                self._save_when_due()
            case SetSlots(slots):
                return self._set(slots)
            case Prepare() | IsPrepared() | SetPrepared():
                return self._build(message)
            case Describe() | Restore():
                if isinstance(message, Restore):
                    self._restore(message.state)
                return self._slots.describe(self.data_type)
            case Confirm():
                return self._confirm(message)
            case _:
                raise ActorError(f"a serving actor cannot do anything with {type(message).__name__}.")
        return None

    def restarted(self) -> None:
        """Take the place of one that failed: with the models that it had."""
        self._restore()

    def close(self) -> None:
        """Save the statistics, and close the models."""
        if self._unsaved:
            self._save()
        self._slots.close()

    def _score(self, batch: Batch) -> Answers | Routed:
        try:
            done = self._score_with(batch, self._slots, self._decoder)
        except (BrokerUnavailable, RegistryUnavailable) as error:  # no fault of these: they are to come again
            log.warning("records of %s wait: %s", self.data_type, error)
            return Routed((Part(tuple(batch.messages), None),))
        if done.skipped and self._lacks_model:  # not "no model": these are to come again when it is there
            return Routed((Part(tuple(batch.messages), None),))
        name = self._shadows.keep(done.shadows)
        works = tuple(
            ModelWork(s.served.info.data_type, s.served.info.digest, s.count, s.each_ns, name) for s in done.shares
        )
        return Answers(tuple(done.scored), tuple(done.keys), done.dead, done.skipped, done.skipped_types, works)

    def _on_commit(self, works: tuple[ModelWork, ...]) -> None:
        """Only what is committed counts; and only then is there time for the shadow."""
        counted = (self._slot.current, self._slot.previous) if self._persists_state else ()
        for work in works:
            for loaded in counted:
                if loaded is not None and loaded.info.digest == work.digest:
                    loaded.statistics.record(work.each_ns, work.count)
                    break
        self._shadows.on_commit({work.batch for work in works})
        self._unsaved = self._persists_state
        self._save_when_due()

    def _build(self, message: Prepare | IsPrepared | SetPrepared) -> object:
        """Models that came as bytes are built beside the scoring, and set when they are ready."""
        if isinstance(message, Prepare):
            self._builder.begin(message.number, message.slots, self._slot.slots)
        ready = self._builder.is_ready(message.number)
        return self._set(self._builder.take(message.number)) if ready and isinstance(message, SetPrepared) else ready

    def _set(self, slots: Slots[AnyModel]) -> Applied:
        """Have these models, all at once. Without the current one nothing changes; of the others, each may fail."""
        problems: list[str] = []
        here = self._slot.slots
        loaded = load(slots, here, lambda model, error: problems.append(f"{model.info} cannot be built: {error}"))
        problem = " ".join(problems)
        if problem:
            log.warning("in the actor of %s: %s", self.data_type, problem)
        if slots.current is not None and loaded.current is None:
            for spare in {*loaded} - {*here}:
                spare.close()
        else:
            self._change(loaded)
            self._lacks_model = False
            if self._serves_on():
                self._unsaved = self._persists_state  # the disk has it; what else is there may still find its slot
            else:
                self._save()
        return Applied(self._slots.describe(self.data_type), problem)

    @property
    def _slot(self) -> ModelSlot:
        return self._slots.get(self.data_type) or ModelSlot()

    def _change(self, slots: Slots[LoadedModel]) -> bool:
        self._take_up_statistics(slots)
        return self._slots.apply(SlotsUpdate(self.data_type, slots))

    def _take_up_statistics(self, slots: Slots[LoadedModel]) -> None:
        """A model that was counted before this process began goes on being counted from there, once."""
        here = self._slot.slots
        if here.current is not None and slots.current is not here.current:
            self._counted.clear()  # what there was at the start has its slot; from now on, models are new
        for loaded in slots:
            if loaded not in {*here} and (counted := self._counted.pop(loaded.info.digest, "")):
                loaded.statistics.merge(Statistics.decode(counted))

    def _serves_on(self) -> bool:
        """The model that was saved as the current one is the first one to be brought: it never ceased to serve."""
        saved, self._saved = self._saved, None
        slot = self._slot
        if saved is None or saved.slots.current is None or slot.current is None:
            return False
        if saved.slots.current.info != slot.current.info:
            return False
        slot.since_ms, slot.swaps = saved.since_ms, saved.swaps
        return True

    def _confirm(self, expected: Confirm) -> bool:
        here = self._slot.slots.map(lambda loaded: loaded.info)
        if not (here.current or here.shadow):  # a previous model alone is nothing that anybody sees
            here = Slots()
        if expected.slots != here:
            return False
        self._lacks_model = False
        return True

    def _restore(self, desired: SavedState | None = None) -> None:
        """Put each model in its slot: those that are desired, or those that were saved.

        Whoever has no model afterwards waits to be told that this is right: what was saved last may not have reached
        the disk. A worker that does not persist the state reads what another writes: if that is just being changed,
        this fails, and the worker is started again.
        """
        state = desired
        if desired is None:
            self._saved, self._counted = None, {}
            state = self._folder.load() if self._persists_state else self._folder.peek()
        if state is not None:
            self._put_back(state)
        self._lacks_model = self._slot.current is None
        if desired is not None:
            self._save()

    def _put_back(self, state: SavedState) -> None:
        """Each for itself: a model that cannot be built costs no other its slot, nor the one that serves meanwhile."""
        here = self._slot.slots
        slots = load(state.slots.map(lambda model: model), here, self._set_aside)
        if slots.current is None and state.slots.current is not None:
            slots = replace(slots, current=here.current)
        if self._change(slots) and slots.current is not None:
            self._slot.since_ms, self._slot.swaps = state.since_ms, state.swaps

    def _set_aside(self, model: PackedModel, error: ModelError) -> None:
        self._counted[model.info.digest] = model.statistics
        log.warning("model %s of %s cannot be built here, and is left out: %s", model.info, self.data_type, error)
        if self._persists_state:
            self._folder.set_model_aside(model.info.digest)

    def _save_when_due(self) -> None:
        if self._unsaved and time.monotonic() - self._saved_at >= self._save_every_s:
            self._save()

    def _save(self) -> None:
        """Write the state. A full disk does not end the scoring: it is logged, and retried."""
        if not self._persists_state:
            return
        self._unsaved = True
        try:
            self._folder.save(self._state())
            self._unsaved = False
        except StateError as error:
            log.warning("%s", error)
        self._saved_at = time.monotonic()

    def _state(self) -> SavedState:
        slot = self._slot
        return SavedState(self.data_type, slot.since_ms, slot.swaps, slot.slots.map(pack))


def _statistics(saved: SavedState | None) -> dict[str, str]:
    """What was counted for each model, by its digest; of two slots with the same bytes, the one that serves."""
    return {model.info.digest: model.statistics for model in reversed([*saved.slots])} if saved else {}
