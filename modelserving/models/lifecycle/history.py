"""What was published and commanded so far, and which models that puts in which slot: a pure function of it.

Two servers that have seen the same messages agree, whichever way the messages reached them and however long their
models took to build: a server that starts replays the topics, and ends where one stands that was running all the time.

Two things are on no topic: which models were found unfit, and what compaction took away. So a command should name the
model that it means by its digest; then it leads to the same slots, if need be with the repository's copy.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeAlias

from modelserving.models.info import Slots, fingerprint
from modelserving.models.lifecycle.order import CommandEvent, Event, LogPosition, ModelRef, Publication, in_order
from modelserving.records import Action, ModelCommand, ModelDescriptor


@dataclass(frozen=True, slots=True)
class DesiredState:
    """Where a history leads.

    Args:
        slots: for each data type that ever had a model.
        problems: for each command that could not be followed, why.
        absent: for each data type whose last word was a command that names a model which is nowhere: that command.
        overtaken: for each data type, the models that were current since its last command, each until the next was
            published; in the order in which they were. While the current one is being built, the last may serve.
        returned: for each data type that was retired once, the models that were current since; no other may serve,
            whatever is still to be built.
    """

    slots: Mapping[str, Slots[ModelRef]]
    problems: Mapping[LogPosition, str]
    absent: Mapping[str, LogPosition]
    overtaken: Mapping[str, Sequence[ModelRef]]
    returned: Mapping[str, Collection[ModelRef]]


Library: TypeAlias = Callable[[str, str, int], ModelRef | None]
"""Finds a model that is on no topic any more, by data type and digest, if it was published by then (milliseconds)."""


def _no_library(_data_type: str, _digest: str, _by_ms: int) -> None:
    """Finds nothing."""


class History:
    """Publications and commands, in the order of their positions.

    Args:
        library: where models are looked for that commands name and no topic has.
    """

    def __init__(self, library: Library = _no_library) -> None:
        self._library = library
        self._events: list[Event] = []
        self._dropped: set[LogPosition] = set()
        self._found: dict[tuple[str, str, int], ModelRef | None] = {}
        self._desired: DesiredState | None = None

    def add_model(self, descriptor: ModelDescriptor, position: LogPosition) -> Publication:
        """Note that a model was published."""
        ref = ModelRef(fingerprint(descriptor), descriptor.digest, position)
        publication = Publication(position, ref, descriptor.data_type, descriptor.shadow_percent)
        self._add(publication)
        return publication

    def add_command(self, command: ModelCommand, position: LogPosition) -> CommandEvent:
        """Note that a command was given."""
        event = CommandEvent(position, command)
        self._add(event)
        return event

    def drop(self, ref: ModelRef) -> None:
        """Forget a model that is not fit to serve: what is desired is as if it had never been published."""
        self._desired = None
        if ref.position is None:
            self._found = {key: None if found == ref else found for key, found in self._found.items()}
        else:
            self._dropped.add(ref.position)

    def desired(self) -> DesiredState:
        """Which model belongs where, after all of it."""
        if self._desired is None:
            events = (event for event in in_order(self._events) if event.position not in self._dropped)
            self._desired = _Fold(self._find).run(events)
        return self._desired

    def _add(self, event: Event) -> None:
        self._events.append(event)
        self._desired = None

    def _find(self, data_type: str, digest: str, by_ms: int) -> ModelRef | None:
        """Ask the library, once for each command: what is desired is asked often, and must not change by itself."""
        key = data_type, digest, by_ms
        if key not in self._found:
            self._found[key] = self._library(*key)
        return self._found[key]


class _Fold:
    """Goes through events in their order."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._known: dict[tuple[str, str], ModelRef] = {}
        self._slots: dict[str, Slots[ModelRef]] = {}
        self._problems: dict[LogPosition, str] = {}
        self._absent: dict[str, LogPosition] = {}
        self._overtaken: dict[str, list[ModelRef]] = {}
        self._returned: dict[str, set[ModelRef]] = {}

    def run(self, events: Iterable[Event]) -> DesiredState:
        """The state that they lead to."""
        for event in events:
            if isinstance(event, Publication):
                self._publish(event)
            else:
                self._obey(event)
            current = self._slots.get(event.data_type, Slots()).current
            if current is not None and event.data_type in self._returned:
                self._returned[event.data_type].add(current)
        return DesiredState(
            MappingProxyType(self._slots),
            MappingProxyType(self._problems),
            MappingProxyType(self._absent),
            MappingProxyType(self._overtaken),
            MappingProxyType(self._returned),
        )

    def _publish(self, model: Publication) -> None:
        slots = self._slots.get(model.data_type, Slots())
        self._absent.pop(model.data_type, None)
        self._known[model.data_type, model.ref.digest] = model.ref
        if slots.current is not None and not model.shadow_percent:
            self._overtaken.setdefault(model.data_type, []).append(slots.current)
        self._slots[model.data_type] = (
            slots.start_shadow(model.ref, model.shadow_percent) if model.shadow_percent else slots.promote(model.ref)
        )

    def _obey(self, event: CommandEvent) -> None:
        command = event.command
        slots = self._slots.get(command.data_type, Slots())
        after = self._after(event, slots)
        if isinstance(after, str):
            self._problems[event.position] = (
                f"cannot {command.action.slug} for data type {command.data_type!r}: {after}"
            )
            if command.digest:  # without one, it asked for whichever there was, and there was none
                self._absent[command.data_type] = event.position
            return
        self._absent.pop(command.data_type, None)
        if command.action is Action.RETIRE:
            self._returned[command.data_type] = set()
        if command.action is not Action.SHADOW:
            self._overtaken.pop(command.data_type, None)
        if after != slots:
            self._slots[command.data_type] = after

    def _after(self, event: CommandEvent, slots: Slots[ModelRef]) -> Slots[ModelRef] | str:
        """The slots when a command was followed, or why it cannot be."""
        command = event.command
        if command.action is Action.RETIRE:
            return Slots()
        if command.action is Action.SHADOW:
            return self._shadow(event, slots)
        if not command.digest:
            back = command.action is Action.ROLL_BACK
            ref = slots.previous if back else slots.shadow
            return _MISSING[command.action] if ref is None else slots.promote(ref)
        target = self._target(event, slots)
        return target if isinstance(target, str) else slots.promote(target)

    def _shadow(self, event: CommandEvent, slots: Slots[ModelRef]) -> Slots[ModelRef] | str:
        """Another share, another shadow, or an end of it."""
        command = event.command
        if not command.percent:
            return slots.start_shadow(None, 0.0)
        if slots.shadow is not None and command.digest in ("", slots.shadow.digest):
            return replace(slots, percent=command.percent)
        if not command.digest:
            return _MISSING[Action.SHADOW]
        target = self._target(event, slots)
        return target if isinstance(target, str) else slots.start_shadow(target, command.percent)

    def _target(self, event: CommandEvent, slots: Slots[ModelRef]) -> ModelRef | str:
        """The model that a command names: one that is in a slot, was published before, or is in the repository."""
        data_type, digest = event.command.data_type, event.command.digest
        for ref in (slots.current, slots.shadow, slots.previous, self._known.get((data_type, digest))):
            if ref is not None and ref.digest == digest:
                return ref
        found = self._library(data_type, digest, event.position.timestamp_ms)
        return found or (
            f"no model with digest {digest[:12]}… was published for it, and the repository has none. "
            "`modelserving models list` shows the known ones; publish the model again."
        )


_NAME_ONE = "`modelserving models list` shows the known ones: name one by its digest."
_MISSING = {
    Action.ROLL_BACK: f"there is no previous model. {_NAME_ONE}",
    Action.PROMOTE: f"there is no shadow. {_NAME_ONE}",
    Action.SHADOW: f"there is no shadow yet. {_NAME_ONE}",
}
