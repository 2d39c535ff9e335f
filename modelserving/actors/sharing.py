"""One model in several hands: the workers of a farm in one process score with the same object."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from modelserving.actors.transfer import AnyChange
from modelserving.models.info import LoadedModel
from modelserving.models.lifecycle.changes import KeepPrevious, Promote, StartShadow
from modelserving.models.model import Model

__all__ = ["share"]


def share(change: AnyChange, holders: int) -> list[AnyChange]:
    """The same change for several workers; a model that it brings is closed when the last of them closes it."""
    match change:
        case Promote(served):
            return [Promote(own) for own in _split(served, holders)]
        case KeepPrevious(data_type, served) if served is not None:
            return [KeepPrevious(data_type, own) for own in _split(served, holders)]
        case StartShadow(served, percent):
            return [StartShadow(own, percent) for own in _split(served, holders)]
        case _:
            return [change] * holders


def _split(served: LoadedModel, holders: int) -> list[LoadedModel]:
    open_yet = _Countdown(holders, served.close)
    return [replace(served, model=_Shared(served.model, open_yet), _once=threading.Lock()) for _ in range(holders)]


class _Countdown:
    """Calls a function when it has been counted down."""

    def __init__(self, count: int, at_zero: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._count = count
        self._at_zero = at_zero

    def count(self) -> None:
        with self._lock:
            self._count -= 1
            done = self._count == 0
        if done:
            self._at_zero()


class _Shared:
    """A model in several hands. All that it can do, the model does."""

    def __init__(self, model: Model, open_yet: _Countdown) -> None:
        self._model = model
        self._open_yet = open_yet

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def close(self) -> None:
        self._open_yet.count()
