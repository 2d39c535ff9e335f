"""From the plan to the places: what has to be built, and which change comes next, one step at a time.

The slots follow the plan, whatever happens on the way: a model that is not fit to serve is dropped from the history,
and the plan is made again; a model that was overtaken while it was loading is not put in the place that it lost.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from modelserving.models.info import LoadedModel
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
from modelserving.models.lifecycle.history import History, LogPosition, ModelRef, Publication, Slots

__all__ = ["Build", "Reconciler"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Build:
    """The next step is to build a model.

    Args:
        data_type: whose.
        ref: which.
    """

    data_type: str
    ref: ModelRef


class Reconciler:
    """Compares the plan with what is in the places. No thread, no clock, no Kafka: it is told what happened.

    Args:
        history: where the plan comes from; whoever adds to it, or drops from it, asks for the next step again.
    """

    def __init__(self, history: History) -> None:
        self.history = history
        self.placed: dict[str, Slots] = {}
        self.overtaken = 0
        self._ready: dict[tuple[str, ModelRef], LoadedModel] = {}
        self._waiting: dict[str, dict[LogPosition, ModelRef]] = {}

    def expect(self, publication: Publication) -> None:
        """A model was published just now: if another serves before it, it is counted as overtaken."""
        if not publication.shadow_percent:
            self._waiting.setdefault(publication.data_type, {})[publication.stamp] = publication.ref

    def next_step(self, only_current: bool = False, later: Collection[ModelRef] = ()) -> Build | Change | None:
        """What has to be done next, or ``None`` when all is as planned.

        Args:
            only_current: leave previous models and shadows for later.
            later: models that are not to be built now. Their places, and what depends on them, stay as they are.
        """
        plan = self.history.plan().places
        self._close_unwanted()
        for data_type in sorted(plan):
            wanted, placed = plan[data_type], self.placed.get(data_type, Slots())
            step = self._step_current(data_type, wanted, placed)
            if step is None:
                self._settle(data_type, wanted.current)
                step = None if only_current else self._step_beside(data_type, wanted, placed)
            if step is not None and not (isinstance(step, Build) and step.ref in later):
                return step
        return None

    def built(self, build: Build, served: LoadedModel) -> None:
        """A model is ready; the next step says where it goes, if anywhere."""
        self._ready[build.data_type, build.ref] = served

    def refused(self, build: Build) -> None:
        """A model is not fit to serve."""
        self.history.drop(build.ref)
        if build.ref.stamp is not None:
            self._waiting.get(build.data_type, {}).pop(build.ref.stamp, None)

    def done(self, change: Change) -> None:
        """A change that ``next_step`` gave has reached the server, which closes the model from now on."""
        data_type = change.data_type
        placed = self.placed.get(data_type, Slots())
        match change:
            case Promote(served):
                after = placed.promote(self._hand_over(served))
            case PromoteShadow() if placed.shadow is not None:
                after = placed.promote(placed.shadow)
            case RollBack() if placed.previous is not None:
                after = placed.promote(placed.previous)
            case KeepPrevious(_, served):
                after = replace(placed, previous=self._hand_over(served) if served else None)
            case StartShadow(served, percent):
                after = placed.start_shadow(self._hand_over(served), percent)
            case SetShadow(_, percent):
                after = placed.start_shadow(placed.shadow, percent)
            case _:
                after = Slots()
        self.placed[data_type] = after

    def close(self) -> None:
        """Close the models that are built and were not handed over. A second call does nothing."""
        while self._ready:
            self._ready.popitem()[1].close()

    def _step_current(self, data_type: str, plan: Slots, placed: Slots) -> Build | Change | None:
        if plan.current == placed.current:
            return None
        if plan.current is None:
            return Retire(data_type)
        if plan.current == placed.shadow:
            return PromoteShadow(data_type, plan.current.digest)
        if plan.current == placed.previous:
            return RollBack(data_type)
        served = self._ready.get((data_type, plan.current))
        return Promote(served) if served else Build(data_type, plan.current)

    def _step_beside(self, data_type: str, plan: Slots, placed: Slots) -> Build | Change | None:
        if plan.previous != placed.previous:
            if plan.previous is None:
                return KeepPrevious(data_type, None)
            served = self._ready.get((data_type, plan.previous))
            return KeepPrevious(data_type, served) if served else Build(data_type, plan.previous)
        if plan.shadow == placed.shadow:
            return None if plan.percent == placed.percent else SetShadow(data_type, plan.percent)
        if plan.shadow is None:
            return SetShadow(data_type, 0.0)
        served = self._ready.get((data_type, plan.shadow))
        return StartShadow(served, plan.percent) if served else Build(data_type, plan.shadow)

    def _hand_over(self, served: LoadedModel) -> ModelRef:
        (key,) = [key for key, ready in self._ready.items() if ready is served]
        del self._ready[key]
        return key[1]

    def _close_unwanted(self) -> None:
        """Models that were built for a place which the plan has given to another meanwhile."""
        for key in list(self._unwanted()):
            self._ready.pop(key).close()

    def _unwanted(self) -> Iterator[tuple[str, ModelRef]]:
        plan = self.history.plan().places
        for data_type, ref in self._ready:
            if ref not in plan.get(data_type, Slots()).lacking(self.placed.get(data_type, Slots())):
                yield data_type, ref

    def _settle(self, data_type: str, current: ModelRef | None) -> None:
        """Of the models that waited for their turn, all but the one that serves now were overtaken by it."""
        lost = [ref for ref in self._waiting.pop(data_type, {}).values() if ref != current]
        self.overtaken += len(lost)
        for ref in lost:
            log.info("model %s… of %s was overtaken before it could serve", ref.digest[:12], data_type)
