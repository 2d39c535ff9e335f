"""The serving actor: holds the models of one data type, and scores.

No lock, no thread, no framework: it handles one message after the other, so a model changes between two of them, and
nowhere else. Read ``receive``: it is all that the outside can want of it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from modelserving.actors.carrying import PackedChange, PackedModel, Workbench, pack_model
from modelserving.actors.messages import (
    Answers,
    Applied,
    Apply,
    ApplyPrepared,
    Describe,
    IsPrepared,
    Prepare,
    Restore,
    SaveWhenDue,
    ScoreBatch,
    Settled,
    Work,
)
from modelserving.actors.persistence import SavedState, StateFolder, set_aside
from modelserving.errors import ActorError, ModelError, StateError
from modelserving.models.changes import Change, KeepPrevious, Promote, StartShadow
from modelserving.models.served import ServedModel
from modelserving.models.shadow import ShadowWork
from modelserving.models.slot import ModelSlots
from modelserving.models.state import ServingState
from modelserving.stage.messages import Batch, ScoredBatch
from modelserving.stage.scoring import score_batch
from modelserving.statistics import Statistics

__all__ = ["ServingActor", "ServingSettings"]

log = logging.getLogger(__name__)

Score = Callable[[Batch, ModelSlots], ScoredBatch]


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
    """

    folder: Path
    save_every_s: float = 5.0
    score: Score = score_batch
    mailbox: int = 100
    workers: int = 1
    router: str = "round-robin"


class ServingActor:
    """Scores the records of one data type.

    Args:
        data_type: which.
        settings: how.
        keeps_books: whether it saves its state; of several workers, one does.
    """

    def __init__(self, data_type: str, settings: ServingSettings, keeps_books: bool = True) -> None:
        self.data_type = data_type
        self._slots = ModelSlots()
        self._score_with = settings.score
        self._folder = StateFolder(settings.folder, data_type)
        self._keeps_books = keeps_books
        self._save_every_s = settings.save_every_s
        self._saved_at = time.monotonic()
        self._unsaved = False
        self._workbench = Workbench()
        self._shadows: tuple[ShadowWork, ...] = ()
        self._remembered: SavedState | None = self._folder.load() if keeps_books else None

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
            case Describe():
                return self._slots.describe(self.data_type)
            case Restore():
                return self._restore()
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

    def _score(self, batch: Batch) -> Answers:
        done = self._score_with(batch, self._slots)
        self._shadows = done.shadows
        works = tuple(Work(s.served.data_type, s.served.digest, s.count, s.each_ns) for s in done.shares)
        return Answers(done.scored, done.keys, done.dead, done.skipped, works)

    def _settle(self, works: tuple[Work, ...]) -> None:
        """Only what is committed counts; and only then is there time for the shadow."""
        slot = self._slots.get(self.data_type) if self._keeps_books else None
        for work in works:
            for served in (slot.current, slot.previous) if slot else ():
                if served is not None and served.digest == work.digest:
                    served.statistics.record(work.each_ns, work.count)
                    break
        shadows, self._shadows = self._shadows, ()
        for shadow in shadows:
            shadow.run()
        self._unsaved = self._keeps_books
        self._save_when_due()

    def _apply(self, change: Change) -> Applied:
        done = self._slots.apply(self._with_statistics(change))
        self._save()
        return Applied(done, self._slots.describe(self.data_type))

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
            return Applied(False, self._slots.describe(self.data_type))

    def _with_statistics(self, change: Change) -> Change:
        """A model that was counted before this process began goes on being counted from there."""
        saved, self._remembered = self._remembered, None
        if not isinstance(change, Promote) or saved is None:
            return change
        for model in saved.models:
            if model.identity.digest == change.served.digest and model.statistics:
                change.served.statistics.merge(Statistics.decode(model.statistics))
        return change

    def _restore(self) -> ServingState | None:
        """Build the models that were saved, and put each in its place.

        A worker that does not keep the books reads what another writes: if that is just being changed, this fails, and
        the worker is started again.
        """
        saved = self._folder.load() if self._keeps_books else self._folder.peek()
        self._remembered = None
        try:
            if saved is not None:
                self._put_back(saved)
        except ModelError as error:
            self._slots.close()
            if self._keeps_books:
                set_aside(self._folder.path, f"a model in it cannot be built here ({error})")
        return self._slots.describe(self.data_type)

    def _put_back(self, saved: SavedState) -> None:
        if saved.current is not None:
            self._slots.apply(Promote(saved.current.unpack()))
            slot = self._slots.get(self.data_type)
            if slot is not None:
                slot.since_ms, slot.swaps = saved.since_ms, saved.swaps
        if saved.previous is not None:
            self._slots.apply(KeepPrevious(self.data_type, saved.previous.unpack()))
        if saved.shadow is not None:
            self._slots.apply(StartShadow(saved.shadow.unpack(), saved.percent))

    def _save_when_due(self) -> None:
        if self._unsaved and time.monotonic() - self._saved_at >= self._save_every_s:
            self._save()

    def _save(self) -> None:
        """Write the state. A full disk does not end the scoring: it is logged, and tried again."""
        if not self._keeps_books:
            return
        try:
            self._folder.save(self._state())
        except StateError as error:
            log.warning("%s", error)
        self._saved_at = time.monotonic()
        self._unsaved = False

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


def _pack(served: ServedModel | None) -> PackedModel | None:
    return pack_model(served) if served is not None else None
