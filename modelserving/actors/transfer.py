"""Models on a journey, to a disk or to another process: the bytes travel, and are built again where they arrive."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from modelserving.errors import ModelError
from modelserving.models.formats import factory
from modelserving.models.info import LoadedModel, ModelInfo
from modelserving.models.lifecycle.build import warm_up
from modelserving.models.lifecycle.changes import Change, KeepPrevious, Promote, StartShadow
from modelserving.models.model import NO_PARAMETERS
from modelserving.statistics import Statistics

__all__ = ["AnyChange", "PackedChange", "PackedModel", "Workbench", "pack", "pack_model"]


@dataclass(frozen=True, slots=True)
class PackedModel:
    """A model as data.

    Args:
        identity: who it is.
        data: its bytes.
        parameters: of the descriptor that it was first made of.
        statistics: what scoring with it took so far, as ``Statistics.encode`` writes it.
    """

    identity: ModelInfo
    data: bytes
    parameters: Mapping[str, str] = field(default_factory=lambda: NO_PARAMETERS)
    statistics: str = ""

    def unpack(self) -> LoadedModel:
        """Build it again, and warm it up. It was checked when it arrived on the topic.

        Raises:
            ModelError: it cannot be built.
        """
        who = self.identity
        model = factory.restore(who.type, self.data, self.parameters)
        warm_up(model)
        return LoadedModel(
            model,
            who.name,
            who.description,
            who.data_type,
            who.type,
            who.version,
            who.digest,
            statistics=Statistics.decode(self.statistics) if self.statistics else Statistics(),
            parameters=self.parameters,
        )


@dataclass(frozen=True, slots=True)
class PackedChange:
    """A change that brings a model, as data.

    Args:
        kind: which change.
        model: the model.
        percent: of the records, for a shadow.
    """

    kind: type[Promote] | type[KeepPrevious] | type[StartShadow]
    model: PackedModel
    percent: float = 0.0

    @property
    def data_type(self) -> str:
        """Whose models."""
        return self.model.identity.data_type

    def unpack(self) -> Change:
        """Build the model.

        Raises:
            ModelError: it cannot be built.
        """
        served = self.model.unpack()
        if self.kind is StartShadow:
            return StartShadow(served, self.percent)
        return Promote(served) if self.kind is Promote else KeepPrevious(self.data_type, served)


AnyChange: TypeAlias = Change | PackedChange
"""With a model that is ready, or with its bytes, or with none."""


def pack_model(served: LoadedModel) -> PackedModel:
    """A model as data."""
    return PackedModel(served.identity, served.model.to_bytes(), dict(served.parameters), served.statistics.encode())


def pack(change: AnyChange) -> AnyChange:
    """A change as data; one that brings no model is data already."""
    match change:
        case Promote(served):
            return PackedChange(Promote, pack_model(served))
        case KeepPrevious(_, served) if served is not None:
            return PackedChange(KeepPrevious, pack_model(served))
        case StartShadow(served, percent):
            return PackedChange(StartShadow, pack_model(served), percent)
        case _:
            return change


class Workbench:
    """Builds models beside the scoring, in a thread of its own, in an actor's process."""

    def __init__(self) -> None:
        self._ready: dict[int, Change | ModelError] = {}
        self._begun: set[int] = set()

    def begin(self, number: int, change: PackedChange) -> None:
        """Begin to build; a second call with the same number does nothing."""
        if number not in self._begun:
            self._begun.add(number)
            threading.Thread(target=self._build, args=(number, change), name=f"build-{number}", daemon=True).start()

    def is_ready(self, number: int) -> bool | None:
        """Whether it is built, or cannot be; ``None``: it was never begun here."""
        return number in self._ready if number in self._begun else None

    def take(self, number: int) -> Change:
        """What was built.

        Raises:
            ModelError: it could not be built.
        """
        found = self._ready.pop(number)
        self._begun.discard(number)
        if isinstance(found, ModelError):
            raise found
        return found

    def _build(self, number: int, change: PackedChange) -> None:
        try:
            self._ready[number] = change.unpack()
        except ModelError as error:
            self._ready[number] = error
        except Exception as error:  # noqa: BLE001 - told to who takes it
            self._ready[number] = ModelError(f"{type(error).__name__}: {error}")
