"""What can be asked of any server, by its HTTP face and by whatever watches it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from modelserving.models.lifecycle.state import ServingState
from modelserving.serving.report.meter import Meter
from modelserving.serving.report.status import Counts, Health


class ServerView(Protocol):
    """What the face needs to know of a server, wherever its models live."""

    @property
    def counts(self) -> Counts:
        """What became of the records."""
        ...

    @property
    def meter(self) -> Meter:
        """What was counted of them, by model and by error."""
        ...

    @property
    def lag(self) -> Mapping[int, int]:
        """How many records its group has not dealt with yet, by partition; empty while the broker does not say."""
        ...

    @property
    def models_refused(self) -> int:
        """How many messages about models could not be followed: no model fit to serve, or no command that can be."""
        ...

    @property
    def models_absent(self) -> Mapping[str, str]:
        """For each data type whose last command names a model that is nowhere: what is wrong, and how to mend it."""
        ...

    @property
    def lost(self) -> Mapping[int, int]:
        """How many records the broker let go before they were scored, by partition."""
        ...

    @property
    def data_types(self) -> tuple[str, ...]:
        """The data types that have a model, in alphabetical order."""
        ...

    @property
    def latest(self) -> str | None:
        """The data type whose model changed last, or ``None`` before any model."""
        ...

    def describe(self, data_type: str) -> ServingState | None:
        """How the models of a data type are doing, or ``None`` when it has none."""
        ...

    def health(self) -> Health:
        """Whether it serves."""
        ...
