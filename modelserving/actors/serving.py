"""The serving actor: holds the models of one data type, and scores.

No lock, no thread, no framework: it handles one message after the other, so a model changes between two of them, and
nowhere else. Read ``receive``: it is all that the outside can want of it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from modelserving.actors.messages import (
    Answers,
    Applied,
    Apply,
    ApplyPrepared,
    Confirm,
    Describe,
    IsPrepared,
    Part,
    Prepare,
    Restore,
    Routed,
    SaveWhenDue,
    ScoreBatch,
    Settled,
    Work,
)
from modelserving.actors.persistence import SavedState, StateFolder
from modelserving.actors.shadowing import ShadowQueue
from modelserving.actors.transfer import PackedChange, PackedModel, Workbench, pack_model
from modelserving.datasets import default_schemas
from modelserving.errors import ActorError, ModelError, ModelServingError, StateError
from modelserving.models.info import LoadedModel, ModelInfo
from modelserving.models.lifecycle.changes import (
    Change,
    KeepPrevious,
    Promote,
    PromoteShadow,
    Retire,
    RollBack,
    SetShadow,
    StartShadow,
)
from modelserving.models.lifecycle.slots import ModelSlot, ModelSlots
from modelserving.records import RecordSchema
from modelserving.records.decoder import RecordDecoder
from modelserving.serving.messages import Batch, ScoredBatch
from modelserving.serving.scoring import score_batch
from modelserving.statistics import Statistics

__all__ = ["ServingActor", "ServingSettings"]

log = logging.getLogger(__name__)

Score = Callable[[Batch, ModelSlots, RecordDecoder], ScoredBatch]


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
    """

    folder: Path
    save_every_s: float = 5.0
    score: Score = score_batch
    mailbox: int = 100
    workers: int = 1
    router: str = "round-robin"
    schemas: tuple[RecordSchema, ...] = field(default_factory=default_schemas)


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
        self._decoder = RecordDecoder(settings.schemas, data_type)
        self._folder = StateFolder(settings.folder, data_type)
        self._keeps_books = persists_state
        self._save_every_s = settings.save_every_s
        self._saved_at = time.monotonic()
        self._unsaved = False
        self._workbench = Workbench()
        self._shadows = ShadowQueue()
        self._lacks_model = False
        self._saved = self._folder.load() if persists_state else None
        self._counted = _statistics(self._saved)

    def receive(self, message: object, /) -> object:
        """Handle a message; see ``messages.py`` for what each means."""
        match message:
            case ScoreBatch(messages):
                return self._score(Batch(messages))
            case Settled(works):
                self._settle(works)
            case SaveWhenDue():
                self._save_when_due()
            case Apply(change):
                return self._apply(change.unpack() if isinstance(change, PackedChange) else change)
            case Describe() | Restore():
                if isinstance(message, Restore):
                    self._restore(message.state)
                return self._slots.describe(self.data_type)
            case Confirm():
                return self._confirm(message)
            case Prepare() | IsPrepared() | ApplyPrepared():
                return self._build(message)
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
        done = self._score_with(batch, self._slots, self._decoder)
        if done.skipped and self._lacks_model:  # not "no model": these are to come again when it is there
            return Routed((Part(tuple(batch.messages), None),))
        name = self._shadows.keep(done.shadows)
        works = tuple(Work(s.served.data_type, s.served.digest, s.count, s.each_ns, name) for s in done.shares)
        return Answers(done.scored, done.keys, done.dead, done.skipped, works)

    def _settle(self, works: tuple[Work, ...]) -> None:
        """Only what is committed counts; and only then is there time for the shadow."""
        slot = self._slots.get(self.data_type) if self._keeps_books else None
        for work in works:
            for served in (slot.current, slot.previous) if slot else ():
                if served is not None and served.digest == work.digest:
                    served.statistics.record(work.each_ns, work.count)
                    break
        self._shadows.settle({work.batch for work in works})
        self._unsaved = self._keeps_books
        self._save_when_due()

    def _apply(self, change: Change) -> Applied:
        done = self._change(change)
        if done and isinstance(change, Promote | PromoteShadow | RollBack | Retire):
            self._lacks_model = False
        if self._serves_on():
            self._unsaved = self._keeps_books  # the disk has it; what else is there may still find its place
        else:
            self._save()
        return Applied(done, self._slots.describe(self.data_type))

    def _change(self, change: Change) -> bool:
        self._take_up_statistics(change)
        return self._slots.apply(change)

    def _build(self, message: Prepare | IsPrepared | ApplyPrepared) -> object:
        """A model that came as bytes is built beside the scoring, and applied when it is ready."""
        if isinstance(message, Prepare):
            self._workbench.begin(message.number, message.change)
        ready = self._workbench.is_ready(message.number)
        if not (ready and isinstance(message, ApplyPrepared)):
            return ready
        try:
            return self._apply(self._workbench.take(message.number))
        except ModelError as error:
            log.warning("a model of %s cannot be built here, the one before it stays: %s", self.data_type, error)
            return Applied(False, self._slots.describe(self.data_type), f"it cannot be built in the actor: {error}")

    def _take_up_statistics(self, change: Change) -> None:
        """A model that was counted before this process began goes on being counted from there, once."""
        places = self._places()
        if isinstance(change, PromoteShadow | RollBack | Retire) or (isinstance(change, Promote) and places.current):
            self._counted.clear()  # what there was at the start has its place; from now on, models are new
        served = _brought(change)
        if served is not None and (counted := self._counted.pop(served.digest, "")):
            served.statistics.merge(Statistics.decode(counted))

    def _serves_on(self) -> bool:
        """The model that was saved as the current one is the first one to be brought: it never ceased to serve."""
        saved, self._saved = self._saved, None
        slot = self._slots.get(self.data_type)
        if saved is None or slot is None or saved.current is None or _who(saved.current) != _who(slot.current):
            return False
        slot.since_ms, slot.swaps = saved.since_ms, saved.swaps
        return True

    def _places(self) -> Confirm:
        slot = self._slots.get(self.data_type) or ModelSlot()
        return Confirm(_who(slot.current), _who(slot.previous), _who(slot.shadow.served if slot.shadow else None))

    def _confirm(self, expected: Confirm) -> bool:
        here = self._places()
        if not (here.current or here.shadow):  # a previous model alone is nothing that anybody sees
            here = Confirm(None, None, None)
        if expected != here:
            return False
        self._lacks_model = False
        return True

    def _restore(self, wanted: SavedState | None = None) -> None:
        """Put each model in its place: those that are wanted, or those that were saved.

        Whoever has no model afterwards waits to be told that this is right: what was saved last may not have reached
        the disk. A worker that does not keep the books reads what another writes: if that is just being changed, this
        fails, and the worker is started again.
        """
        state = wanted
        if wanted is None:
            self._saved, self._counted = None, {}
            state = self._folder.load() if self._keeps_books else self._folder.peek()
        if state is not None:
            self._put_back(state)
        self._lacks_model = self._places().current is None
        if wanted is not None:
            self._save()

    def _put_back(self, state: SavedState) -> None:
        """Each for itself: a model that cannot be built costs no other its place."""
        if state.current is None and self._places().current is not None:
            self._change(Retire(self.data_type))
        if _who(state.current) != self._places().current and (served := self._rebuild(state.current)):
            self._change(Promote(served))
            slot = self._slots.get(self.data_type)
            if slot is not None:
                slot.since_ms, slot.swaps = state.since_ms, state.swaps
        if _who(state.previous) != self._places().previous:
            self._change(KeepPrevious(self.data_type, self._rebuild(state.previous)))
        if _who(state.shadow) != self._places().shadow:
            shadow = self._rebuild(state.shadow)
            self._change(StartShadow(shadow, state.percent) if shadow else SetShadow(self.data_type, 0.0))

    def _rebuild(self, model: PackedModel | None) -> LoadedModel | None:
        if model is None:
            return None
        try:
            return model.unpack()
        except ModelServingError as error:
            self._counted[model.identity.digest] = model.statistics
            log.warning(
                "model %s of %s cannot be built here, and is left out: %s", model.identity, self.data_type, error
            )
            if self._keeps_books:
                self._folder.set_model_aside(model.identity.digest)
            return None

    def _save_when_due(self) -> None:
        if self._unsaved and time.monotonic() - self._saved_at >= self._save_every_s:
            self._save()

    def _save(self) -> None:
        """Write the state. A full disk does not end the scoring: it is logged, and tried again."""
        if not self._keeps_books:
            return
        self._unsaved = True
        try:
            self._folder.save(self._state())
            self._unsaved = False
        except StateError as error:
            log.warning("%s", error)
        self._saved_at = time.monotonic()

    def _state(self) -> SavedState:
        slot = self._slots.get(self.data_type)
        if slot is None:
            return SavedState(self.data_type)
        shadow = slot.shadow
        return SavedState(
            self.data_type,
            slot.since_ms,
            slot.swaps,
            _pack(slot.current),
            _pack(slot.previous),
            _pack(shadow.served if shadow else None),
            shadow.percent if shadow else 0.0,
        )


def _who(model: LoadedModel | PackedModel | None) -> ModelInfo | None:
    return model.identity if model is not None else None


def _brought(change: Change) -> LoadedModel | None:
    return change.served if isinstance(change, Promote | KeepPrevious | StartShadow) else None


def _statistics(saved: SavedState | None) -> dict[str, str]:
    """What was counted for each model, by its digest; of two places with the same bytes, the one that serves."""
    return {model.identity.digest: model.statistics for model in reversed(saved.models)} if saved else {}


def _pack(served: LoadedModel | None) -> PackedModel | None:
    return pack_model(served) if served is not None else None
