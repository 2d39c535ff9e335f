"""What is wanted of the models in use, as a message: bytes to dataclass and back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from google.protobuf.message import DecodeError as ProtobufDecodeError

from modelserving.errors import DecodeError, FieldError
from modelserving.records.fields import check_data_type, check_digest, check_percent
from modelserving.records.wire import control_pb2 as wire


class Action(IntEnum):
    """What is wanted, with its number on the wire."""

    PROMOTE = 1
    ROLL_BACK = 2
    SHADOW = 3
    RETIRE = 4

    @property
    def slug(self) -> str:
        """How people write it: ``promote``, ``roll back``, ``shadow``, ``retire``."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True, slots=True)
class PartitionSeen:
    """How far a partition of the models topic went when a command was given.

    Args:
        partition: which.
        end: the offset after its last message.
        newest_ms: the latest time of a message on it, milliseconds since 1970.
    """

    partition: int
    end: int
    newest_ms: int


@dataclass(frozen=True, slots=True)
class ModelCommand:
    """A command about the models of one data type.

    Args:
        action: what is wanted.
        data_type: whose models.
        digest: SHA-256 of the model that is meant, hexadecimal. Empty means, for ``PROMOTE`` and ``SHADOW``, the
            shadow; for ``ROLL_BACK``, whichever was there before. With a digest, a command that comes twice does what
            it does once. ``RETIRE`` needs none.
        percent: of the records, for ``SHADOW``; 0 ends the shadow.
        issued_ms: when, milliseconds since 1970 by the clock of who issued it; 0 for unknown. Nothing is ordered by it.
        issued_by: who wants it, free text.
        seen: the models topic as it was then. What is before these ends was published before the command, whatever the
            clock of its publisher said; empty where that is not known.
    """

    action: Action
    data_type: str
    digest: str = ""
    percent: float = 0.0
    issued_ms: int = 0
    issued_by: str = ""
    seen: tuple[PartitionSeen, ...] = ()

    @property
    def key(self) -> bytes:
        """The key of its message."""
        return self.data_type.encode()


def decode_command(value: bytes | None) -> ModelCommand:
    """Read a command from the bytes of a message.

    Raises:
        DecodeError: the bytes are no ``ModelCommand``; nor is an empty message.
        FieldError: the action, the data type, the digest or the percentage is not allowed.
    """
    if not value:
        raise DecodeError("the message is empty; a command about models was expected.")
    try:
        w = wire.ModelCommand.FromString(value)
    except ProtobufDecodeError as error:
        raise DecodeError(f"{len(value)} bytes, first {value[:5].hex(' ')}, are no command: {error}.") from error
    try:
        action = Action(w.action)
    except ValueError:
        known = ", ".join(f"{a.value} {a.slug}" for a in Action)
        raise FieldError(f"action {w.action} of a command is unknown. Known: {known}.") from None
    return ModelCommand(
        action,
        check_data_type(w.data_type),
        check_digest(w.digest),
        check_percent(w.percent),
        w.issued_ms,
        w.issued_by,
        tuple(PartitionSeen(one.partition, one.end, one.newest_ms) for one in w.seen),
    )


def encode_command(command: ModelCommand) -> bytes:
    """Write a command as the bytes of a message."""
    c = command
    return wire.ModelCommand(
        action=wire.ModelCommand.Action.ValueType(int(c.action)),
        data_type=c.data_type,
        digest=c.digest,
        percent=c.percent,
        issued_ms=c.issued_ms,
        issued_by=c.issued_by,
        seen=[wire.PartitionSeen(partition=one.partition, end=one.end, newest_ms=one.newest_ms) for one in c.seen],
    ).SerializeToString()
