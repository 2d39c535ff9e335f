"""Who of several workers scores what. A router is a plain class with one method, and knows no actors."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from modelserving.errors import ConfigError
from modelserving.kafka.messages import Message

Messages = Sequence[Message]


class Router(Protocol):
    """Deals out a batch."""

    def deal(self, messages: Messages, waiting: Sequence[int]) -> list[list[Message]]:
        """Say who scores what.

        Args:
            messages: a batch.
            waiting: how many messages wait for each worker, with the one that it has in hand.

        Returns:
            For each worker its records, in the order that they had; none, for many.
        """
        ...


class RoundRobin:
    """To each in turn: the batch in pieces of the same size, and the next batch begins with the next worker."""

    def __init__(self) -> None:
        self._next = 0

    def deal(self, messages: Messages, waiting: Sequence[int]) -> list[list[Message]]:
        """Each worker gets a piece."""
        hands: list[list[Message]] = [[] for _ in waiting]
        for piece in cut(messages, len(waiting)):
            hands[self._next % len(waiting)] += piece
            self._next += 1
        return hands


class SmallestMailbox:
    """To whom has least to do: the batch in pieces of the same size, each to the one with the shortest queue.

    Of those with equally short ones, each in turn.
    """

    def __init__(self) -> None:
        self._next = 0

    def deal(self, messages: Messages, waiting: Sequence[int]) -> list[list[Message]]:
        """A worker that is busy gets nothing while others are idle."""
        hands: list[list[Message]] = [[] for _ in waiting]
        load = list(waiting)
        for piece in cut(messages, len(waiting)):
            first = self._next % len(load)
            least = min((*range(first, len(load)), *range(first)), key=load.__getitem__)
            hands[least] += piece
            load[least] += 1
            self._next = least + 1
        return hands


class ByKey:
    """To the same worker, whatever has the same key: what is of one key is scored in its order, always."""

    def deal(self, messages: Messages, waiting: Sequence[int]) -> list[list[Message]]:
        """A message without a key goes where all of its partition go."""
        hands: list[list[Message]] = [[] for _ in waiting]
        for message in messages:
            key = message.key if message.key is not None else b"%d" % message.partition
            hands[zlib.crc32(key) % len(waiting)].append(message)
        return hands


ROUTERS: Mapping[str, Callable[[], Router]] = MappingProxyType(
    {"round-robin": RoundRobin, "smallest-mailbox": SmallestMailbox, "by-key": ByKey}
)
"""By the names that the command line has for them."""


def make_router(name: str) -> Router:
    """A router by its name.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in ROUTERS:
        raise ConfigError(f"there is no router {name!r}. Known: {', '.join(ROUTERS)}.")
    return ROUTERS[name]()


def cut(messages: Messages, pieces: int) -> list[Messages]:
    """Cut a batch into at most so many pieces, as equal as can be, in their order."""
    size = max(1, -(-len(messages) // pieces))
    return [messages[start : start + size] for start in range(0, len(messages), size)]
