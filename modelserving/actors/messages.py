"""What the actors of this server say to each other. Frozen: a message is not changed by anybody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from modelserving.actors.runtime.api import Reply
from modelserving.actors.state.persistence import SavedState
from modelserving.actors.state.transfer import AnyModel, PackedModel
from modelserving.kafka.dead_letters import DeadLetter
from modelserving.kafka.messages import Message
from modelserving.models.info import ModelInfo, Slots
from modelserving.models.lifecycle.state import ServingState
from modelserving.records import ScoredRecord


@dataclass(frozen=True, slots=True)
class ScoreBatch:
    """Score these. To a serving actor, answered by ``Answers``; to the manager or a pool, answered by ``Routed``.

    Args:
        messages: of the records topic, in the order of their offsets, partition by partition.
        suspected: an actor failed on them before, so one of them may be what it died of; see ``supervision.py``.
        data_type: to the manager: whose actor is to score them; empty: that of each data type that they are for.
    """

    messages: tuple[Message, ...]
    suspected: bool = False
    data_type: str = ""


@dataclass(frozen=True, slots=True)
class ModelWork:
    """How long one model worked on one batch.

    Args:
        data_type: of the model.
        digest: of the model.
        count: records that it scored.
        each_ns: nanoseconds for each of them.
        batch: by which the actor finds again what its shadow has to do for this batch; empty: nothing.
    """

    data_type: str
    digest: str
    count: int
    each_ns: int
    batch: str = ""


@dataclass(frozen=True, slots=True)
class Answers:
    """What became of a batch: every message of it is scored, dead or skipped.

    Args:
        scored: the answers.
        keys: the key of each scored record's message, in the order of ``scored``.
        dead: messages that could not be decoded or scored, with the reason.
        skipped: how many records found no model.
        skipped_types: their data types.
        works: which model worked how long.
    """

    scored: tuple[ScoredRecord, ...] = ()
    keys: tuple[bytes | None, ...] = ()
    dead: tuple[DeadLetter, ...] = ()
    skipped: int = 0
    skipped_types: tuple[str, ...] = ()
    works: tuple[ModelWork, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """Messages that were handed on to another actor.

    Args:
        messages: which.
        reply: what will become of them; ``None``: nothing yet, they are to be sent again. There was no room in the
            mailbox, or the actor waits for the model that it had before it failed.
        data_type: whose actor that is; empty: that of the messages that they are part of.
    """

    messages: tuple[Message, ...]
    reply: Reply | None
    data_type: str = ""


@dataclass(frozen=True, slots=True)
class Routed:
    """What a router did with a batch.

    Args:
        parts: for other actors.
        here: what needed no other actor: garbage, and records without a model.
    """

    parts: tuple[Part, ...]
    here: Answers = Answers()


@dataclass(frozen=True, slots=True)
class SetSlots:
    """Have these models from now on, between two messages. Answered by ``Applied``.

    Args:
        slots: all models; of those that came before, the bytes are enough to find them.
    """

    slots: Slots[AnyModel]


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of it.

    Args:
        state: of the data type, afterwards.
        problem: what did not take effect, and why; empty: all of it did.
    """

    state: ServingState | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Prepare:
    """Begin to build the models that are not there yet, beside the scoring; for an actor in another process.

    Args:
        number: by which they will be asked for.
        slots: as they are to be set.
    """

    number: int
    slots: Slots[PackedModel]


@dataclass(frozen=True, slots=True)
class IsPrepared:
    """Is it built? Answered by yes, no, or ``None``: never heard of it."""

    number: int


@dataclass(frozen=True, slots=True)
class SetPrepared:
    """As ``SetSlots``, with what was prepared."""

    number: int


@dataclass(frozen=True, slots=True)
class SaveWhenDue:
    """Save what has been counted, if that was long ago: so that nothing waits for a record that may never come."""


@dataclass(frozen=True, slots=True)
class Committed:
    """The results of a batch are committed: only now does the work count. No answer."""

    works: tuple[ModelWork, ...]


@dataclass(frozen=True, slots=True)
class Describe:
    """How are the models doing? Answered by ``ServingState``, or ``None`` where there is none."""


@dataclass(frozen=True, slots=True)
class Restore:
    """Take up a state; slots that are as they should be are left alone. Answered as ``Describe``.

    Args:
        state: which; ``None``: the one that was saved.
    """

    state: SavedState | None = None


@dataclass(frozen=True, slots=True)
class Confirm:
    """Are these your models? Answered by yes or no. An actor that came back without its model waits for a yes.

    Args:
        slots: who should be there.
    """

    slots: Slots[ModelInfo]


@dataclass(frozen=True, slots=True)
class AskType:
    """To the manager: ask the actor of a data type this. Answered by ``Delivery``."""

    data_type: str
    message: object


@dataclass(frozen=True, slots=True)
class TellType:
    """To the manager: tell the actor of a data type this."""

    data_type: str
    message: object


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a router did with a question.

    Args:
        known: whether there is an actor of that data type.
        reply: what it will answer; ``None``: there was no room in its mailbox.
    """

    known: bool
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class Deferred:
    """In the place of an answer: those who will give it, and how one answer is made of theirs.

    Args:
        replies: theirs; at least one.
        combine: makes one answer of all, in their order.
    """

    replies: tuple[Reply, ...]
    combine: Callable[[Sequence[Any]], Any]


@dataclass(frozen=True, slots=True)
class RestoreAll:
    """To the manager: take up what was saved of the data types that have no actor yet, but not of ``without``.

    Answered by the data types that were taken up.
    """

    without: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ReportActors:
    """To the manager: how are your actors? Answered by a tuple of ``ActorStatus``."""
