"""How the models of one data type are doing: what servers show, wherever their models live."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelserving.models.info import ModelInfo, Slots
from modelserving.models.lifecycle.shadow import ShadowComparison
from modelserving.statistics import StatisticsSnapshot


@dataclass(frozen=True, slots=True)
class ServingState:
    """The models of one data type at one moment.

    Args:
        identity: of the model that serves; ``None`` while only a shadow is there.
        since_ms: since when it serves, milliseconds since 1970.
        swaps: how many models were put in its slot so far.
        statistics: how long it took to score.
        previous: the model that a rollback would bring back, or ``None``.
        shadow: what scores beside it, and how the two compare, or ``None``.
    """

    identity: ModelInfo | None
    since_ms: int = 0
    swaps: int = 0
    statistics: StatisticsSnapshot = field(default_factory=StatisticsSnapshot)
    previous: ModelInfo | None = None
    shadow: ShadowComparison | None = None

    @property
    def slots(self) -> Slots[ModelInfo]:
        """Who is in which slot."""
        beside = self.shadow
        return Slots(
            self.identity, self.previous, beside.identity if beside else None, beside.percent if beside else 0.0
        )
