"""From what is desired to what is there: what has to be built, and what has to be set, one step at a time.

The slots follow the history, whatever happens on the way: a model that is not fit to serve is dropped from it, and the
next step is another; one that was overtaken by a newer one while it was loading serves until that one is ready, so that
models which are published faster than they are built do not keep each other from serving; one that a command took away
meanwhile serves no more, and one that was retired not even until its successor is built.

What is built is set before anything else is built, and data types take turns: whose models come faster than they are
built keeps no other from being served.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from modelserving.models.info import LoadedModel, Slots, SlotsUpdate
from modelserving.models.lifecycle.history import History
from modelserving.models.lifecycle.order import LogPosition, ModelRef, Publication

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
    """Compares what is desired with what is there. No thread, no clock, no Kafka: it is told what happened.

    Args:
        history: says what is desired; whoever adds to it, or drops from it, asks for the next step again.
    """

    def __init__(self, history: History) -> None:
        self.history = history
        self.actual: dict[str, Slots[ModelRef]] = {}
        self.overtaken = 0
        self._loaded: dict[tuple[str, ModelRef], LoadedModel] = {}
        self._waiting: dict[str, dict[LogPosition, ModelRef]] = {}
        self._turns: dict[str, int] = {}

    def expect(self, publication: Publication) -> None:
        """A model was published just now: if another serves before it, it is counted as overtaken."""
        if not publication.shadow_percent:
            self._waiting.setdefault(publication.data_type, {})[publication.position] = publication.ref

    def next_step(self, only_current: bool = False, later: Collection[ModelRef] = ()) -> Build | SlotsUpdate | None:
        """What has to be done next, or ``None`` when all is as desired.

        Updates come before builds, and of the data types that need a build, the one that was given none for longest.

        Args:
            only_current: leave previous models and shadows for later.
            later: models that are not to be built now. What depends on them stays as it is.
        """
        first: Build | None = None
        for step in self._steps(only_current, later):
            if isinstance(step, SlotsUpdate):
                return step
            first = first or step
        if first is not None:
            self._turns[first.data_type] = max(self._turns.values(), default=0) + 1
        return first

    def next_update(self, only_current: bool = False, later: Collection[ModelRef] = ()) -> SlotsUpdate | None:
        """What can be set now, whatever is being built at this moment; arguments as for ``next_step``."""
        return next((step for step in self._steps(only_current, later) if isinstance(step, SlotsUpdate)), None)

    def built(self, build: Build, loaded: LoadedModel) -> None:
        """A model is ready; the next step says where it goes, if anywhere."""
        self._loaded[build.data_type, build.ref] = loaded

    def refused(self, build: Build) -> None:
        """A model is not fit to serve."""
        self.history.drop(build.ref)
        if build.ref.position is not None:
            self._waiting.get(build.data_type, {}).pop(build.ref.position, None)

    def done(self, update: SlotsUpdate) -> None:
        """An update that ``next_step`` gave has reached the server, which closes its models from now on."""
        name, before = update.data_type, self.actual.get(update.data_type, Slots())
        refs = {loaded: ref for (data_type, ref), loaded in self._loaded.items() if data_type == name}
        after = self.actual[name] = update.slots.map(refs.__getitem__)
        for ref in {*before} - {*after}:
            del self._loaded[name, ref]
        waiting = self._waiting.get(name, {})
        for position in [position for position, ref in waiting.items() if ref == after.current]:
            del waiting[position]

    def close(self) -> None:
        """Close the models that are built and were not handed over. A second call does nothing."""
        for key in self._spare(()):
            self._loaded.pop(key).close()

    def _steps(self, only_current: bool, later: Collection[ModelRef]) -> Iterator[Build | SlotsUpdate]:
        """What each data type needs next, the one first that was given a build for longest ago."""
        self._close_unwanted()
        desired = self.history.desired().slots
        for data_type in sorted(desired, key=lambda name: (self._turns.get(name, 0), name)):
            if (step := self._step(data_type, desired[data_type], only_current, later)) is not None:
                yield step

    def _step(
        self, data_type: str, desired: Slots[ModelRef], only_current: bool, later: Collection[ModelRef]
    ) -> Build | SlotsUpdate | None:
        """Set at once what is built; build one of the others."""
        actual = self.actual.get(data_type, Slots())
        meanwhile = self._meanwhile(data_type, desired)
        if meanwhile is not None:
            return self._update(data_type, actual.promote(meanwhile))
        if not self._is_built(data_type, desired.current):
            if self._is_retired(data_type, actual.current):
                return self._update(data_type, Slots())
            if not only_current and desired.shadow in (None, actual.shadow):  # ended, or given another share
                still = actual.start_shadow(desired.shadow, desired.percent)
                if still != actual:
                    return self._update(data_type, still)
            return Build(data_type, desired.current) if desired.current and desired.current not in later else None
        possible = self._possible(data_type, desired, actual, only_current)
        if possible != actual:
            return self._update(data_type, possible)
        self._settle(data_type, desired.current)
        rest = () if only_current else (desired.previous, desired.shadow)
        lacking = (ref for ref in rest if ref is not None and ref not in later and not self._is_built(data_type, ref))
        return next((Build(data_type, ref) for ref in lacking), None)

    def _possible(
        self, data_type: str, desired: Slots[ModelRef], actual: Slots[ModelRef], only_current: bool
    ) -> Slots[ModelRef]:
        """The slots as they are desired, as far as the models are built; the others stay as they are."""
        if desired.current is None:
            slots = Slots[ModelRef]() if actual.current else actual
        else:
            slots = actual if desired.current == actual.current else actual.promote(desired.current)
        if only_current:
            return slots
        if self._is_built(data_type, desired.previous):
            slots = replace(slots, previous=desired.previous)
        if self._is_built(data_type, desired.shadow):
            slots = slots.start_shadow(desired.shadow, desired.percent)
        return slots

    def _update(self, data_type: str, slots: Slots[ModelRef]) -> SlotsUpdate:
        return SlotsUpdate(data_type, slots.map(lambda ref: self._loaded[data_type, ref]))

    def _meanwhile(self, data_type: str, desired: Slots[ModelRef]) -> ModelRef | None:
        """The model to serve until the current one is built: the last that it overtook, if newer than what serves."""
        if self._is_built(data_type, desired.current):
            return None
        serves = self.actual.get(data_type, Slots()).current
        for ref in reversed(self.history.desired().overtaken.get(data_type, ())):
            if ref == serves:
                return None
            if self._is_built(data_type, ref):
                return ref
        return None

    def _is_retired(self, data_type: str, serves: ModelRef | None) -> bool:
        """Whether a command retired what serves, and nothing brought it back since."""
        returned = self.history.desired().returned.get(data_type)
        return serves is not None and returned is not None and serves not in returned

    def _is_built(self, data_type: str, ref: ModelRef | None) -> bool:
        """Whether a slot can be set to this; it always can be empty."""
        return ref is None or (data_type, ref) in self._loaded

    def _close_unwanted(self) -> None:
        """Models that were built for a slot which the history has given to another meanwhile."""
        desired = self.history.desired().slots
        wanted = {(data_type, ref) for data_type, slots in desired.items() for ref in slots}
        wanted |= {
            (data_type, ref) for data_type, slots in desired.items() if (ref := self._meanwhile(data_type, slots))
        }
        for key in self._spare(wanted):
            self._loaded.pop(key).close()

    def _spare(self, wanted: Collection[tuple[str, ModelRef]]) -> list[tuple[str, ModelRef]]:
        """Models that are built, in no slot, and not wanted."""
        in_slots = {(data_type, ref) for data_type, slots in self.actual.items() for ref in slots}
        return [key for key in self._loaded if key not in in_slots and key not in wanted]

    def _settle(self, data_type: str, current: ModelRef | None) -> None:
        """Of the models that waited for their turn, all but the one that serves now were overtaken by it."""
        lost = [ref for ref in self._waiting.pop(data_type, {}).values() if ref != current]
        self.overtaken += len(lost)
        for ref in lost:
            log.info("model %s… of %s was overtaken before it could serve", ref.digest[:12], data_type)
