"""What the models said of one record, and what is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from modelserving.models.info import ModelInfo
from modelserving.records.scored import Output


@dataclass(frozen=True, slots=True)
class Participant:
    """A model that takes part.

    Args:
        name: under which it is published: a data type of its own, such as ``hire-smart``.
        rank: its place in the order of preference, 0 for the best.
        quality: how good its answers are, 0 to 1.
    """

    name: str
    rank: int = 0
    quality: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Responder:
    """Who gave some answers, all at the same time; they share it.

    Args:
        name: of the participant.
        info: of the model that stood in its slot then.
        took_ns: from the arrival of the records to the arrival of the answers, nanoseconds.
        each_ns: each record's share of the time that the model itself took, nanoseconds.
    """

    name: str
    info: ModelInfo
    took_ns: int = 0
    each_ns: int = 0


class Answer(NamedTuple):
    """What one model said of one record.

    Args:
        value: the number; NaN for a label that spells none.
        label: the label; ``None`` for a model that answers numbers.
        confidence: how sure the model is, 0 to 1; 1 where it does not say.
        by: who said it.
        outputs: what it said beside its answer, where its descriptor asks for that: pairs of a name and a value.
    """

    value: float
    label: str | None
    confidence: float
    by: Responder
    outputs: tuple[tuple[str, Output], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Absence:
    """Why a participant has no answer for a record, and will have none.

    Args:
        kind: a word: ``failed``, ``left out``, ``no model``.
        reason: in full.
    """

    kind: str
    reason: str = ""


class Case(NamedTuple):
    """All that a decider sees of one record.

    Args:
        answers: what has come in time, the preferred participant's first.
        waiting: who may still answer in time, the preferred one first; empty: decide now, or not at all.
        participants: all of them, the preferred one first.
    """

    answers: tuple[Answer, ...]
    waiting: tuple[Participant, ...]
    participants: tuple[Participant, ...]

    def of(self, answer: Answer) -> Participant:
        """Who gave an answer, as the settings have it now."""
        return next(one for one in self.participants if one.name == answer.by.name)


class Choice(NamedTuple):
    """The one answer.

    Args:
        value: the number; NaN for a label that spells none.
        label: the label, or ``None``.
        reason: why this one, in a few words that many records share.
        by: whose it is; ``None``: it was made of several, or nobody gave it.
        outputs: what the model whose it is said beside it.
    """

    value: float
    label: str | None
    reason: str
    by: Responder | None = None
    outputs: tuple[tuple[str, Output], ...] = ()
