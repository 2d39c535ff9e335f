"""What an actor is, and what it needs to live: four words, ``spawn``, ``tell``, ``ask``, ``stop``.

An actor is a plain object that is sent messages, and handles one after the other. Nobody else touches it, so it needs
no locks. Who runs it (a thread here, a process on another machine) is a *runtime's* business: ``pykka.py`` and
``ray.py`` offer the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, Self


class Actor(Protocol):
    """What a class must have to become an actor: one method.

    Two more are called where they exist: ``restarted()``, in a new object that takes the place of one that failed, and
    ``close()``, in an object whose time is over.
    """

    def receive(self, message: Any, /) -> object:
        """Handle a message.

        Args:
            message: what was sent; a frozen dataclass, so that nobody changes it afterwards.

        Returns:
            The answer, for who asked.
        """
        ...


class Reply(Protocol):
    """An answer that may not be there yet."""

    def result(self, timeout: float | None = None) -> Any:
        """Wait for the answer.

        Args:
            timeout: seconds; ``None``: for ever.

        Raises:
            ActorFailed: the actor failed on the message.
            ActorStopped: there is no such actor any more.
            AskTimeout: there is no answer yet; it may come.
        """
        ...


class Ref(Protocol):
    """An actor's address: all that anybody else has of it."""

    @property
    def name(self) -> str:
        """Of the actor."""
        ...

    @property
    def waiting(self) -> int:
        """How many messages wait for it, with the one that it has in hand, as far as this side knows."""
        ...

    def tell(self, message: object) -> None:
        """Send a message, and go on.

        Raises:
            MailboxFull: there is no room for it. The sender decides what to do about that: wait, keep it, or drop it.
            ActorStopped: there is no such actor any more.
        """
        ...

    def request(self, message: object) -> Reply:
        """Send a message that will be answered, and go on.

        Raises:
            As ``tell``.
        """
        ...

    def ask(self, message: object, timeout: float = 5.0) -> Any:
        """Send a message, and wait for the answer, at most ``timeout`` seconds.

        Raises:
            As ``tell``, and as ``Reply.result``.
        """
        ...

    def stop(self) -> None:
        """End the actor when it has handled what is in its mailbox. A second call does nothing."""
        ...


class Life(StrEnum):
    """How an actor is."""

    RUNNING = "running"
    RESTARTING = "restarting"
    GIVEN_UP = "given up"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ActorStatus:
    """An actor at one moment.

    Args:
        name: of the actor.
        life: how it is.
        waiting: messages in its mailbox.
        doing: the kind of message that it is handling, or empty.
        busy_s: for how long, seconds.
        restarts: how often it was started again.
        dead_letters: messages on which it failed, and those that came too late.
        last_error: why it failed last, or empty.
    """

    name: str
    life: Life = Life.RUNNING
    waiting: int = 0
    doing: str = ""
    busy_s: float = 0.0
    restarts: int = 0
    dead_letters: int = 0
    last_error: str = ""


class Runtime(Protocol):
    """Runs actors."""

    @property
    def shares_memory(self) -> bool:
        """Whether a message is the sender's own object, so that it can carry a model that is ready; else a copy."""
        ...

    def spawn(self, cls: Callable[..., Actor], *args: Any, name: str, mailbox: int = 100) -> Ref:
        """Start an actor.

        Args:
            cls: its class.
            args: for the class; the same ones when it is started again after a failure.
            name: by which people know it; one at a time may have it.
            mailbox: how many messages may wait; one more is refused.

        Raises:
            ActorError: there is an actor of that name.
        """
        ...

    def report(self) -> tuple[ActorStatus, ...]:
        """How the actors are that this runtime has started, by name."""
        ...

    def close(self) -> None:
        """Stop all its actors. A second call does nothing."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...
