"""Stand-ins that tests drive by hand: a model in plain Python, messages without Kafka, a server that serves nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from modelserving.models.formats.inputs import to_batch
from modelserving.models.info import LoadedModel, ModelInfo, Slots, SlotsUpdate
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.models.lifecycle.state import ServingState
from modelserving.models.model import Records, Scores
from modelserving.records import ModelType, WineRecord, encode_wine
from modelserving.serving import Counts, Health, Meter, Phase

WINE = WineRecord(7.4, 0.7, 0.0, 1.9, 0.076, 11.0, 34.0, 0.9978, 3.51, 0.56, 9.4)


class FakeModel:
    """A model that answers with the alcohol times a factor, and notes what is done to it.

    Args:
        factor: of the answer.
        problems: rows that get no answer, and why.
        error: raised instead of an answer.
        during: called in the middle of each score.
    """

    inputs = ("alcohol",)

    def __init__(
        self,
        factor: float = 1.0,
        problems: Mapping[int, str] | None = None,
        error: Exception | None = None,
        during: Callable[[], object] = lambda: None,
    ) -> None:
        self._factor = factor
        self._problems = problems or {}
        self._error = error
        self._during = during
        self.closes = 0
        self.batches: list[int] = []

    def score(self, records: Records) -> Scores:
        """Answer, unless it was closed: that is what no server may do."""
        assert not self.closes, "scored after it was closed"
        self.batches.append(len(records))
        self._during()
        if self._error is not None:
            raise self._error
        assert not self.closes, "closed while it was scoring"
        values = to_batch(records)["alcohol"].to_numpy() * self._factor
        problems = {row: reason for row, reason in self._problems.items() if row < len(records)}
        values[list(problems)] = np.nan
        return Scores(values, problems)

    def to_bytes(self) -> bytes:
        """No bytes make this model."""
        return b""

    def close(self) -> None:
        """Count."""
        self.closes += 1


def served_by(
    model: FakeModel | None = None, name: str = "fake", data_type: str = "wine", digest: str = ""
) -> LoadedModel:
    """A model that is fit to serve."""
    info = ModelInfo(name, f"about {name}", data_type, ModelType.PMML, "1", digest or f"digest of {name}")
    return LoadedModel(model or FakeModel(), info)


def update(
    current: LoadedModel, previous: LoadedModel | None = None, shadow: LoadedModel | None = None, percent: float = 0.0
) -> SlotsUpdate:
    """What the slots of the current model's data type hold from now on."""
    return SlotsUpdate(current.info.data_type, Slots(current, previous, shadow, percent))


def wine(data_type: str = "wine", **changes: float) -> WineRecord:
    """A good record, with some fields changed."""
    return replace(WINE, data_type=data_type, **changes)


@dataclass(frozen=True, slots=True)
class FakeMessage:
    """A message of a topic that never was."""

    value: bytes | None
    offset: int = 0
    partition: int = 0
    key: bytes | None = None
    topic: str = "wine-records"
    timestamp: int = 1_700_000_000_000
    headers: Sequence[tuple[str, bytes]] = ()


def messages(values: Iterable[bytes | WineRecord | None], partition: int = 0) -> list[FakeMessage]:
    """Messages with these values (a record is encoded), at offsets 0, 1, 2 ..."""
    return [
        FakeMessage(encode_wine(value) if isinstance(value, WineRecord) else value, offset, partition)
        for offset, value in enumerate(values)
    ]


@dataclass(slots=True)
class FakeServer:
    """A server that only stands there."""

    slots: ModelSlots = field(default_factory=ModelSlots)
    counts: Counts = field(default_factory=Counts)
    meter: Meter = field(default_factory=Meter)
    lag: Mapping[int, int] = field(default_factory=dict)
    phase: Phase = Phase.SERVING
    models_refused: int = 0
    models_absent: Mapping[str, str] = field(default_factory=dict)

    lost: Mapping[int, int] = field(default_factory=dict)

    @property
    def data_types(self) -> tuple[str, ...]:
        return self.slots.data_types

    @property
    def latest(self) -> str | None:
        return self.slots.latest_type

    def describe(self, data_type: str) -> ServingState | None:
        return self.slots.describe(data_type)

    def health(self) -> Health:
        return Health(self.phase is Phase.SERVING, self.phase, ("all is well",))
