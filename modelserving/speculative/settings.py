"""What is wanted for one data type: who takes part, how long one waits, and how one answer is made. It is data."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from modelserving.errors import DecodeError, FieldError
from modelserving.records import check_data_type
from modelserving.speculative.answers import Choice, Participant
from modelserving.speculative.deciders import Decider, parse_decider
from modelserving.system.nesting import read_json

_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class ParticipantSettings:
    """What is wanted of one participant.

    Args:
        name: the data type under which its model is published.
        quality: how good its answers are, 0 to 1; truths that come late move it (``tracking.py``).
        slowed_ms: hold its answers back for so long, milliseconds: to see what a slow model does.
    """

    name: str
    quality: float = 1.0
    slowed_ms: float = 0.0


@dataclass(frozen=True)
class SpeculativeSettings:
    """What is wanted for the records of one data type.

    Args:
        data_type: whose records.
        participants: the models that are asked, the preferred one first.
        deadline_ms: an answer leaves so long after its record has arrived, milliseconds; 0: all are waited for.
        decider: how one answer is made of several, as ``parse_decider`` reads it.
        fallback: the answer when nobody answers in time, a number or a label; ``None``: the record is a dead letter.
        patience: a participant is left out when it was late or failed so often in a row, counted by batches.
        pause_ms: for how long, the first time, milliseconds; each further time it is twice as long.

    Raises:
        FieldError: a field is out of its range.
        ConfigError: there is no such decider.
    """

    data_type: str
    participants: tuple[ParticipantSettings, ...]
    deadline_ms: float = 0.0
    decider: str = "best"
    fallback: float | str | None = None
    patience: int = 5
    pause_ms: float = 1000.0

    def __post_init__(self) -> None:
        check_data_type(self.data_type)
        names = [check_data_type(one.name) for one in self.participants]
        _check(bool(names), "participants", names, "at least one model")
        _check(len(set(names)) == len(names), "participants", names, "each model once")
        for one in self.participants:
            _check(0 <= one.quality <= 1, f"quality of {one.name}", one.quality, "0 to 1")
            _check_time(f"slowed_ms of {one.name}", one.slowed_ms)
        _check_time("deadline_ms", self.deadline_ms)
        _check_time("pause_ms", self.pause_ms)
        _check(self.patience >= 1, "patience", self.patience, "1 or more")
        _check(
            not isinstance(self.fallback, float) or math.isfinite(self.fallback), "fallback", self.fallback, "finite"
        )
        parse_decider(self.decider)

    @classmethod
    def alone(cls, data_type: str) -> SpeculativeSettings:
        """Where nothing was set: the model of the data type is asked, and waited for, as in every other server."""
        return cls(data_type, (ParticipantSettings(data_type),))

    @cached_property
    def ranked(self) -> tuple[Participant, ...]:
        """The participants, as deciders see them."""
        return tuple(Participant(one.name, rank, one.quality) for rank, one in enumerate(self.participants))

    @cached_property
    def decide(self) -> Decider:
        """The decider."""
        return parse_decider(self.decider)

    @cached_property
    def uses_quality(self) -> bool:
        """Whether the decider, or one of them, asks how good the participants are."""
        return "quality" in (part.strip() for part in self.decider.split(","))

    @property
    def pause_ns(self) -> int:
        """The first pause of a participant that is left out, nanoseconds."""
        return round(self.pause_ms * _NS_PER_MS)

    def due_ns(self, arrived_ns: int) -> int | None:
        """When a record that arrived then has to be answered, nanoseconds; ``None``: when all have answered."""
        return arrived_ns + round(self.deadline_ms * _NS_PER_MS) if self.deadline_ms else None

    def fall_back(self) -> Choice | None:
        """The answer when nobody answers, if there is one."""
        if self.fallback is None:
            return None
        if isinstance(self.fallback, str):
            return Choice(math.nan, self.fallback, "the fallback: nobody answered")
        return Choice(float(self.fallback), None, "the fallback: nobody answered")


def encode_settings(settings: SpeculativeSettings) -> bytes:
    """Write settings as the bytes of a message: JSON, so that people can read the topic."""
    return json.dumps(asdict(settings), ensure_ascii=False, allow_nan=False).encode()


def decode_settings(value: bytes) -> SpeculativeSettings:
    """Read settings from the bytes of a message.

    Raises:
        DecodeError: the bytes are no settings.
        FieldError: a field is missing, of another kind, unknown, or out of its range.
        ConfigError: there is no such decider.
    """
    try:
        found = read_json(value)
    except ValueError as error:
        raise DecodeError(f"{len(value)} bytes, first {value[:20]!r}, are no JSON: {error}.") from error
    own = _Fields(found, "settings")
    listed = own.take("participants", list, required=True)
    participants = tuple(_participant(_Fields(one, f"participant {at}")) for at, one in enumerate(listed))
    made = SpeculativeSettings(
        own.take("data_type", str, required=True),
        participants,
        own.take("deadline_ms", float, 0.0),
        own.take("decider", str, "best"),
        own.take("fallback", (float, str), None),
        own.take("patience", int, 5),
        own.take("pause_ms", float, 1000.0),
    )
    own.end()
    return made


def _participant(own: _Fields) -> ParticipantSettings:
    made = ParticipantSettings(
        own.take("name", str, required=True), own.take("quality", float, 1.0), own.take("slowed_ms", float, 0.0)
    )
    own.end()
    return made


class _Fields:
    """The fields of a JSON object, each taken once, and of the kind that it must have."""

    def __init__(self, found: object, what: str) -> None:
        if not isinstance(found, Mapping):
            raise DecodeError(f"{what}: a JSON object was expected, not {found!r:.60}.")
        self._left = dict(found)
        self._what = what

    def take(self, name: str, kind: Any, default: Any = None, *, required: bool = False) -> Any:
        """A field, or its default where it is missing or null."""
        value = self._left.pop(name, None)
        if value is None:
            _check(not required, name, None, "that it is there")
            return default
        if isinstance(value, int) and not isinstance(value, bool) and kind is not int:
            value = float(value)
        _check(isinstance(value, kind) and not isinstance(value, bool), name, value, "another kind of value")
        return value

    def end(self) -> None:
        """No field may be left: a word that is written wrongly would say nothing."""
        _check(not self._left, self._what, sorted(self._left), "no such fields")


def _check(good: bool, name: str, value: object, expected: str) -> None:
    if not good:
        raise FieldError(f"{name} is {value!r:.80}; expected: {expected}.")


def _check_time(name: str, value: float) -> None:
    _check(0 <= value <= 3_600_000, name, value, "0 to 3,600,000 milliseconds")
