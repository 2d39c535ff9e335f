"""What the actor of a data type was given: enough to give it again, should it come back without it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import anyio

from modelserving.actors.messages import Confirm
from modelserving.actors.persistence import SavedState
from modelserving.actors.transfer import PackedModel
from modelserving.models.info import ModelInfo
from modelserving.models.lifecycle.state import ServingState

__all__ = ["Placement", "confirmation"]


@dataclass(slots=True)
class Placement:
    """The models of one data type, as they should be.

    Args:
        state: after the last change.
        lock: held by who changes or checks them.
    """

    state: ServingState | None = None
    lock: anyio.Lock = field(default_factory=anyio.Lock)
    _models: dict[ModelInfo, PackedModel] = field(default_factory=dict)

    def note(self, state: ServingState | None, models: Iterable[PackedModel]) -> None:
        """A change took effect; models that have no place afterwards are forgotten.

        Args:
            state: afterwards.
            models: that the change has brought.
        """
        self.state = state
        # An actor that gets a model back has counted for it already, or knows what it had counted.
        self._models |= {model.identity: replace(model, statistics="") for model in models}
        places = self.confirm()
        kept = {who for who in (places.current, places.previous, places.shadow) if who is not None}
        self._models = {who: model for who, model in self._models.items() if who in kept}

    def confirm(self) -> Confirm:
        """The question whether all is as it should be."""
        return confirmation(self.state)

    def to_restore(self, data_type: str) -> SavedState:
        """The state as it should be, as far as the bytes of its models are known."""
        state, places = self.state or ServingState(None), self.confirm()
        return SavedState(
            data_type,
            state.since_ms,
            state.swaps,
            self._find(places.current),
            self._find(places.previous),
            self._find(places.shadow),
            state.shadow.percent if state.shadow else 0.0,
        )

    def _find(self, who: ModelInfo | None) -> PackedModel | None:
        return self._models.get(who) if who is not None else None


def confirmation(state: ServingState | None) -> Confirm:
    """The question whether an actor has the models of this state."""
    if state is None:
        return Confirm(None, None, None)
    return Confirm(state.identity, state.previous, state.shadow.identity if state.shadow else None)
