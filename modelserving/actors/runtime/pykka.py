"""Actors on one machine: pykka gives each a thread and an address; the bound and the supervision are ours."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pykka

from modelserving.actors.runtime.api import Actor, ActorStatus, Life, Ref
from modelserving.actors.runtime.mailbox import Mailbox
from modelserving.actors.runtime.supervision import DEFAULT_POLICY, Failure, Policy, SupervisedActor
from modelserving.errors import ActorError, ActorStopped, AskTimeout
from modelserving.system.closing import Closing
from modelserving.system.stopping import stoppable

_STOP_SECONDS = 5.0


class _Thread(pykka.ThreadingActor):
    """pykka's side of an actor: takes messages out of the mailbox and hands them to the cell."""

    use_daemon_thread = True  # an actor that hangs does not keep the process from ending

    def __init__(self, cell: SupervisedActor, mailbox: Mailbox, ending: threading.Event) -> None:
        super().__init__()
        self._cell = cell
        self._ending = ending
        # pykka makes the mailbox by itself, without a bound; the address holds it, too.
        self.actor_inbox = mailbox
        self._actor_ref = pykka.ActorRef(self)

    def on_receive(self, message: object) -> object:
        with stoppable(self._ending):
            return self._cell.handle(message)

    def on_stop(self) -> None:
        self._cell.close()


class _ThreadReply:
    """pykka's future, with our errors."""

    def __init__(self, name: str, future: pykka.Future[object]) -> None:
        self._name = name
        self._future = future

    def result(self, timeout: float | None = None) -> Any:
        try:
            answer = self._future.get(timeout=timeout)
        except pykka.Timeout as error:
            raise AskTimeout(f"actor {self._name!r} has not answered within {timeout:g} s.") from error
        except pykka.ActorDeadError as error:
            raise ActorStopped(f"actor {self._name!r} has stopped.") from error
        if isinstance(answer, Failure):
            raise answer.error
        return answer


class _ThreadRef:
    """An address that a thread of this process can write to."""

    def __init__(self, ref: pykka.ActorRef[_Thread], cell: SupervisedActor, mailbox: Mailbox) -> None:
        self._ref = ref
        self._cell = cell
        self._mailbox = mailbox

    @property
    def name(self) -> str:
        return self._cell.name

    @property
    def waiting(self) -> int:
        return len(self._mailbox) + self._cell.is_busy  # the one in hand is work, too, and may be long

    def tell(self, message: object) -> None:
        try:
            self._ref.tell(message)
        except pykka.ActorDeadError as error:
            raise self._cell.refuse().error from error

    def request(self, message: object) -> _ThreadReply:
        if not self._ref.is_alive():
            raise self._cell.refuse().error
        return _ThreadReply(self.name, self._ref.ask(message, block=False))

    def ask(self, message: object, timeout: float = 5.0) -> Any:
        return self.request(message).result(timeout)

    def stop(self) -> None:
        self._cell.interrupt()
        self._mailbox.lift_bound()
        self._ref.stop(block=False)

    @property
    def is_stopping(self) -> bool:
        """Whether it was told to stop, and is not closed yet."""
        return self._cell.is_stopping

    def status(self) -> ActorStatus:
        return self._cell.status(len(self._mailbox))

    def wait(self, seconds: float) -> bool:
        """Wait for its end; and whether it came."""
        return self._cell.wait(seconds)  # pykka's own event is set before the actor saves

    def __repr__(self) -> str:
        return f"<actor {self.name}>"


class PykkaRuntime(Closing):
    """Runs each actor in a thread of this process. Messages are the sender's own objects, not copies.

    Args:
        policy: how failures are dealt with.
    """

    shares_memory = True

    def __init__(self, policy: Policy = DEFAULT_POLICY) -> None:
        self._policy = policy
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._refs: dict[str, _ThreadRef] = {}

    def spawn(self, cls: Callable[..., Actor], *args: Any, name: str, mailbox: int = 100) -> Ref:
        """Start an actor; its constructor runs in the caller's thread, and its errors are the caller's."""
        with self._lock:
            known = self._refs.get(name)
            if known is not None and known.status().life in {Life.RUNNING, Life.RESTARTING}:
                raise ActorError(
                    f"there is an actor {name!r} already, and it is stopping. Try again when it has ended."
                    if known.is_stopping
                    else f"there is an actor {name!r} already. Stop it first, or choose another name."
                )
        cell = SupervisedActor(name, lambda: cls(*args), self._policy)
        box = Mailbox(name, mailbox)
        ref = _ThreadRef(_Thread.start(cell, box, self._ending), cell, box)
        with self._lock:
            self._refs[name] = ref
        return ref

    def report(self) -> tuple[ActorStatus, ...]:
        """How the actors are, by name."""
        with self._lock:
            refs = list(self._refs.values())
        return tuple(sorted((ref.status() for ref in refs), key=lambda status: status.name))

    def close(self) -> None:
        """Stop all actors and wait for them; one that hangs is left behind. A second call does nothing.

        One that waits for somebody else, as ``system.stopping`` does, waits no longer. An actor that is stopped alone
        ends what it has in hand: others go on, and want the answer.
        """
        deadline = time.monotonic() + _STOP_SECONDS
        while refs := self._take_all():  # one that is still at work may spawn others
            for ref in refs:
                ref.stop()
            self._ending.set()
            for ref in refs:
                ref.wait(max(0.0, deadline - time.monotonic()))

    def _take_all(self) -> list[_ThreadRef]:
        """The actors that there are, the youngest first; after this they are not known here any more."""
        with self._lock:
            return [self._refs.pop(name) for name in reversed(list(self._refs))]
