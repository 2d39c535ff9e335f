"""A message of a topic, whoever read it, and what is left of one that failed."""

from __future__ import annotations

from typing import Protocol

from modelserving.kafka.dead_letters import DeadLetter
from modelserving.kafka.gaps import Gap

__all__ = ["Message", "dead_letter", "letter_of"]


class Message(Protocol):
    """A message of a topic; kafka-python's ``ConsumerRecord`` is one, and so is any named tuple with these fields."""

    @property
    def topic(self) -> str:
        """Where it was read."""
        ...

    @property
    def partition(self) -> int:
        """The partition of the topic."""
        ...

    @property
    def offset(self) -> int:
        """Its place in the partition, counted from 0."""
        ...

    @property
    def timestamp(self) -> int:
        """When it was published, milliseconds since 1970."""
        ...

    @property
    def key(self) -> bytes | None:
        """Its key, if it has one."""
        ...

    @property
    def value(self) -> bytes | None:
        """Its bytes."""
        ...


def dead_letter(message: Message, stage: str, error: Exception) -> DeadLetter:
    """What is left of a message that failed.

    Args:
        message: the message; its headers are kept where it has any.
        stage: what was tried: ``decode``, ``score``, ``model`` or ``control``.
        error: why it failed.
    """
    return DeadLetter(
        value=message.value,
        key=message.key,
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        stage=stage,
        error=type(error).__name__,
        reason=str(error),
        headers=tuple(getattr(message, "headers", None) or ()),
    )


def letter_of(gap: Gap) -> DeadLetter:
    """What is left of messages that could not even be taken out of their batch."""
    return DeadLetter(
        gap.value, None, gap.topic, gap.partition, gap.start, "read", "UnreadableBatch", str(gap), cut=True
    )
