"""What can happen to the models of a data type, as data. A server that is ready applies each between two records.

Whoever reads the topics makes them (``stage.model_source``), ``ModelSlots.apply`` carries them out: the model that a
change brings is built, checked and warm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from modelserving.models.info import LoadedModel

__all__ = ["Change", "KeepPrevious", "Promote", "PromoteShadow", "Retire", "RollBack", "SetShadow", "StartShadow"]


@dataclass(frozen=True, slots=True)
class Promote:
    """A new model serves; the one before it becomes the previous one."""

    served: LoadedModel

    @property
    def data_type(self) -> str:
        """Whose models."""
        return self.served.data_type


@dataclass(frozen=True, slots=True)
class PromoteShadow:
    """The shadow serves; the model before it becomes the previous one.

    Args:
        data_type: whose models.
        digest: of the shadow that is meant; empty: whichever there is.
    """

    data_type: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class RollBack:
    """The previous model serves again, and the current one becomes the previous one."""

    data_type: str


@dataclass(frozen=True, slots=True)
class KeepPrevious:
    """A model is put in the place of the previous one, ready to be rolled back to: after a restart, for example.

    Args:
        data_type: whose models.
        served: the model; ``None`` leaves the place empty.
    """

    data_type: str
    served: LoadedModel | None


@dataclass(frozen=True, slots=True)
class StartShadow:
    """A model scores some of the records beside the one that serves; nobody sees its answers.

    Args:
        served: the shadow.
        percent: of the records, more than 0.
    """

    served: LoadedModel
    percent: float

    @property
    def data_type(self) -> str:
        """Whose models."""
        return self.served.data_type


@dataclass(frozen=True, slots=True)
class SetShadow:
    """The shadow scores another share of the records; 0 ends it."""

    data_type: str
    percent: float


@dataclass(frozen=True, slots=True)
class Retire:
    """No model serves this data type any more: current, previous and shadow go."""

    data_type: str


Change: TypeAlias = Promote | PromoteShadow | RollBack | KeepPrevious | StartShadow | SetShadow | Retire
"""Any of them; each has a ``data_type``."""
