"""What happens to an actor that fails: it is thrown away, and a new one of the same class takes its place.

*One for one*: the others never notice. The mailbox survives, the message on which it failed does not: it would only
kill the next one too. Whoever asked is told, and decides whether to send it again. Restarts come after a pause that
doubles, and are limited: an actor that fails again and again is given up, and says so.

Some messages bring what an actor dies of with them, and it is not the actor's fault: a record that nobody can score.
Such a kind of message has a field ``suspected``. One that was handled clears the actor of earlier deaths of its kind.
Who searches for what kills sends pieces with ``suspected=True``: when the actor has handled one of them, it is known
that it can, and deaths of further pieces are not held against it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from modelserving.actors.runtime.api import Actor, ActorStatus, Life
from modelserving.errors import ActorError, ActorFailed, ActorStopped
from modelserving.system.stopping import StopWaiting

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Policy:
    """How failures are dealt with.

    Args:
        restarts: so many restarts within ``within_s`` seconds are allowed; one more, and the actor is given up. What
            is not held against an actor is not counted here.
        within_s: seconds.
        first_pause_s: pause before the first restart, seconds; it doubles with each failure in a row,
        longest_pause_s: up to this.
    """

    restarts: int = 10
    within_s: float = 60.0
    first_pause_s: float = 0.05
    longest_pause_s: float = 2.0

    def pause(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        return min(self.first_pause_s * 2.0 ** (failures - 1), self.longest_pause_s)


DEFAULT_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class Failure:
    """Comes back in the place of an answer."""

    error: ActorError


class SupervisedActor:
    """Where an actor lives, and lives again. Runtimes call ``handle``, one message at a time.

    Args:
        name: of the actor.
        make: makes the actor; called again after each failure.
        policy: how failures are dealt with.
    """

    def __init__(self, name: str, make: Callable[[], Actor], policy: Policy = DEFAULT_POLICY) -> None:
        self.name = name
        self._make = make
        self._policy = policy
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._life = Life.RUNNING
        self._doing = ""
        self._since: float | None = None
        self._in_a_row = 0
        self._held_against: deque[tuple[float, str]] = deque(maxlen=policy.restarts or 1)
        self._is_proved = False
        self._restarts = self._dead_letters = 0
        self._last_error = ""
        self._actor: Actor | None = make()

    def handle(self, message: object) -> object:
        """Let the actor handle a message.

        Returns:
            Its answer, or a ``Failure``.
        """
        if self._actor is None:
            return self.refuse()
        self._doing = type(message).__name__
        self._since = time.monotonic()
        try:
            answer = self._actor.receive(message)
        except StopWaiting:  # all actors end: it has not failed, and is to save what it has
            return self.refuse()
        except BaseException as error:  # noqa: BLE001 - not even an actor that wants to exit ends the others
            return self._fail(message, error)
        finally:
            self._since = None
        self._in_a_row = 0
        self._clear(message)
        return answer

    def refuse(self) -> Failure:
        """What a message gets that comes too late."""
        self._dead_letters += 1
        reason = f": it failed too often, last with {self._last_error}" if self._life is Life.GIVEN_UP else ""
        life = "stopping" if self.is_stopping else self._life
        return Failure(ActorStopped(f"actor {self.name!r} is {life}{reason}."))

    def restarted(self) -> None:
        """Tell the actor that it takes the place of one that failed."""
        self._call("restarted")

    def status(self, waiting: int = 0) -> ActorStatus:
        """How it is. Any thread may ask."""
        since = self._since
        return ActorStatus(
            self.name,
            self._life,
            waiting,
            self._doing if since is not None else "",
            time.monotonic() - since if since is not None else 0.0,
            self._restarts,
            self._dead_letters,
            self._last_error,
        )

    @property
    def is_busy(self) -> bool:
        """Whether it is at work on a message. Any thread may ask."""
        return self._since is not None

    @property
    def is_stopping(self) -> bool:
        """Whether it was told to stop, and has not come to its end. Any thread may ask."""
        return self._stopping.is_set() and self._life in {Life.RUNNING, Life.RESTARTING}

    def interrupt(self) -> None:
        """Do not restart any more; a pause that is going on ends. Any thread may call this."""
        self._stopping.set()

    def close(self) -> None:
        """Let the actor give back what it holds. A second call does nothing."""
        self._stopping.set()
        try:
            self._discard()  # it may save: only when that is done may another take its name and its folder
        finally:
            if self._life is not Life.GIVEN_UP:
                self._life = Life.STOPPED
            self._ended.set()

    def wait(self, seconds: float) -> bool:
        """Wait until it is closed, also if that failed; and whether it is. Any thread may call this."""
        return self._ended.wait(seconds)

    def _fail(self, message: object, error: BaseException) -> Failure:
        kind = type(message).__name__
        self._dead_letters += 1
        log.error("actor %s failed on %s", self.name, kind, exc_info=error)
        self._start_again(error, message)
        said = str(self._last_error)
        told = ActorFailed(f"actor {self.name!r} failed on {kind}: {said}" + ("" if said.endswith(("!", ".")) else "."))
        told.__cause__ = error
        return Failure(told)

    def _start_again(self, error: BaseException, message: object) -> None:
        """Until it stands, or is given up: the constructor may fail, too, and that is never the message's fault."""
        failed: BaseException | None = error
        blamed = self._blame(message)
        while failed is not None:
            self._last_error = f"{type(failed).__name__}: {failed}"
            self._in_a_row += blamed
            self._discard()
            if blamed and self._is_too_often():
                self._life = Life.GIVEN_UP
                log.error("actor %s is given up after %d restarts: %s", self.name, self._restarts, self._last_error)
                return
            self._life = Life.RESTARTING
            if self._stopping.wait(self._policy.pause(max(1, self._in_a_row))):
                self._life = Life.STOPPED
                return
            if blamed:
                self._held_against.append((time.monotonic(), type(message).__name__))
            failed, blamed = self._replace(), True
        self._life = Life.RUNNING

    def _blame(self, message: object) -> bool:
        """Whether a death is held against the actor; and if so, it has to prove again that it can do its work."""
        blamed = not (self._policy.restarts and self._is_proved and getattr(message, "suspected", False))
        self._is_proved = self._is_proved and not blamed
        return blamed

    def _clear(self, message: object) -> None:
        """It has handled this: earlier deaths of that kind are not held against it any more."""
        suspected = getattr(message, "suspected", None)
        self._is_proved = self._is_proved or bool(suspected)
        if suspected is not None and self._held_against:
            kind = type(message).__name__
            others = [death for death in self._held_against if death[1] != kind]
            self._held_against = deque(others, self._held_against.maxlen)

    def _replace(self) -> BaseException | None:
        """Make the next one; and why that failed."""
        self._restarts += 1
        try:
            self._actor = self._make()
            self.restarted()
        except BaseException as error:  # as in ``handle``
            log.exception("actor %s cannot be started again", self.name)
            return error
        return None

    def _is_too_often(self) -> bool:
        if not self._policy.restarts:
            return True
        full = len(self._held_against) == self._policy.restarts
        return full and time.monotonic() - self._held_against[0][0] < self._policy.within_s

    def _discard(self) -> None:
        try:
            self._call("close")
        except BaseException:  # as in ``handle``
            log.exception("actor %s cannot be closed", self.name)
        self._actor = None

    def _call(self, hook: str) -> None:
        method = getattr(self._actor, hook, None)
        if method is not None:
            method()
