"""Actors in processes of their own, on this machine or on many: Ray gives each a process and an address.

The same plain classes as on pykka. What differs: a message is a copy; an actor that takes its process with it is
started again by Ray, in a new process; and an optional package is needed: ``pip install 'modelserving[ray]'``.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from modelserving.actors.runtime.api import Actor, ActorStatus, Life, Ref
from modelserving.actors.runtime.ray_start import start_ray
from modelserving.actors.runtime.supervision import DEFAULT_POLICY, Failure, Policy, SupervisedActor
from modelserving.errors import ActorError, ActorFailed, ActorStopped, AskTimeout, MailboxFull
from modelserving.system.closing import Closing
from modelserving.system.waiting import poll

_ANSWER_SECONDS = 0.5
_START_SECONDS = 120.0
_STOP_SECONDS = 5.0
_LOOK_AGAIN_SECONDS = 0.1
_LONG_LIFE = 100


class _Process:
    """Ray's side of an actor, in its process."""

    def __init__(self, name: str, make: Callable[[], Actor], policy: Policy) -> None:
        import ray

        context = ray.get_runtime_context()
        died = int(ray._private.state.actors(context.get_actor_id()).get("NumRestarts", 0))
        if died:
            time.sleep(policy.pause(died))
        self._cell = SupervisedActor(name, make, policy)
        if died:
            self._cell.restarted()

    def handle(self, message: object) -> object:
        return self._cell.handle(message)

    def status(self) -> ActorStatus:
        return self._cell.status()

    def close(self) -> None:
        self._cell.close()

    def __repr__(self) -> str:
        return self._cell.name  # Ray shows it beside each line that the process logs


class _ProcessReply:
    """An answer on its way. It may be sent on: who gets it can wait for it, too."""

    def __init__(self, name: str, process: Any, answer: Any) -> None:
        self._name = name
        self._process = process
        self._answer = answer

    def result(self, timeout: float | None = None) -> Any:
        import ray
        from ray.exceptions import ActorUnavailableError, GetTimeoutError, RayActorError, RayError

        ends = time.monotonic() + (_START_SECONDS if timeout is None else timeout)
        try:
            answer = ray.get(self._answer, timeout=timeout)
        except GetTimeoutError as error:
            raise AskTimeout(f"actor {self._name!r} has not answered within {timeout:g} s.") from error
        except ActorUnavailableError as error:
            if not _is_back(self._process, ends):
                raise AskTimeout(f"actor {self._name!r} is being started again.") from error
            raise ActorFailed(f"the process of actor {self._name!r} ended while it worked on this.") from error
        except RayActorError as error:
            raise ActorStopped(f"actor {self._name!r} is gone: its process was stopped, or ended too often.") from error
        except RayError as error:
            raise ActorFailed(f"the answer of actor {self._name!r} is lost: {error}.") from error
        if isinstance(answer, Failure):
            raise answer.error
        return answer


def _is_back(process: Any, ends: float) -> bool:
    """Whether the next process answers, or is known never to come. What is sent before that would be lost, too."""
    import ray
    from ray.exceptions import ActorUnavailableError, GetTimeoutError, RayError

    def answers() -> bool:
        try:
            ray.get(process.status.remote(), timeout=max(0.0, ends - time.monotonic()))
        except (ActorUnavailableError, GetTimeoutError):
            return False
        except RayError:
            return True
        return True

    return poll(answers, ends - time.monotonic(), _LOOK_AGAIN_SECONDS)


class _ProcessRef:
    """An address that any process of the cluster can write to."""

    def __init__(self, name: str, process: Any) -> None:
        self._name = name
        self._process = process
        self._sent: deque[tuple[Any, str, float]] = deque()
        self._lock = threading.Lock()
        self._stopped = False

    @property
    def name(self) -> str:
        return self._name

    @property
    def waiting(self) -> int:
        with self._lock:
            self._forget_answered()
            return len(self._sent)

    def tell(self, message: object) -> None:
        self._send(message)

    def request(self, message: object) -> _ProcessReply:
        return _ProcessReply(self._name, self._process, self._send(message))

    def ask(self, message: object, timeout: float = 5.0) -> Any:
        return self.request(message).result(timeout)

    def stop(self) -> None:
        import ray
        from ray.exceptions import RayError

        self._stopped = True
        with suppress(RayError):  # it hangs, its mailbox is full, or it is gone
            ray.get(self._process.close.remote(), timeout=_STOP_SECONDS)
        ray.kill(self._process, no_restart=True)

    def status(self) -> ActorStatus:
        """How it is: by its own word if it has time for one, else by that of the cluster."""
        import ray
        from ray.exceptions import RayError

        known = ray._private.state.actors(self._process._actor_id.hex())
        died = int(known.get("NumRestarts", 0))
        try:
            own: ActorStatus = ray.get(self._process.status.remote(), timeout=_ANSWER_SECONDS)
        except RayError:
            return self._status_from_outside(str(known.get("State")), died)
        return replace(own, restarts=own.restarts + died, waiting=self.waiting)

    def _status_from_outside(self, state: str, died: int) -> ActorStatus:
        dead = Life.STOPPED if self._stopped else Life.GIVEN_UP
        life = {"ALIVE": Life.RUNNING, "DEAD": dead}.get(state, Life.RESTARTING)
        with self._lock:
            self._forget_answered()
            oldest = self._sent[0] if self._sent else None
            waiting = max(0, len(self._sent) - 1)
        if oldest is None:
            return ActorStatus(self._name, life, restarts=died)
        return ActorStatus(self._name, life, waiting, oldest[1], time.monotonic() - oldest[2], died)

    def _send(self, message: object) -> Any:
        from ray.exceptions import PendingCallsLimitExceeded

        try:
            answer = self._process.handle.remote(message)
        except PendingCallsLimitExceeded as error:
            raise MailboxFull(f"the mailbox of actor {self._name!r} is full.") from error
        with self._lock:
            self._sent.append((answer, type(message).__name__, time.monotonic()))
            self._forget_answered()
        return answer

    def _forget_answered(self) -> None:
        """Who looks at the oldest finds one that is not answered. The lock is held."""
        import ray

        while self._sent and ray.wait([self._sent[0][0]], timeout=0)[0]:
            self._sent.popleft()

    def __repr__(self) -> str:
        return f"<actor {self._name}>"


class RayRuntime(Closing):
    """Runs each actor in a process of its own. Messages are copies.

    It may be an argument of an actor, which then spawns others from its own process.

    Args:
        address: of a cluster that is there; ``None``: one is started on this machine, for this process alone.
        policy: how failures are dealt with. Of processes that end, Ray counts all of an actor's life, however far
            apart and whatever was done between them: a hundred times ``restarts`` is the limit.

    Raises:
        SetupError: Ray is not installed.
    """

    shares_memory = False

    def __init__(self, address: str | None = None, policy: Policy = DEFAULT_POLICY) -> None:
        self._policy = policy
        self._refs: dict[str, _ProcessRef] = {}
        self._ray = start_ray(address)

    def spawn(self, cls: Callable[..., Actor], *args: Any, name: str, mailbox: int = 100) -> Ref:
        """Start an actor, and wait until it stands."""
        from ray.exceptions import RayError

        known = self._refs.get(name)
        if known is not None and known.status().life in {Life.RUNNING, Life.RESTARTING}:
            raise ActorError(f"there is an actor {name!r} already. Stop it first, or choose another name.")
        options = {
            "num_cpus": 0,  # actors wait more than they work: the system shares the processors out
            "max_restarts": self._policy.restarts * _LONG_LIFE,
            "max_task_retries": 0,  # whether a message is sent again is for its sender to decide
            "max_pending_calls": mailbox,
        }
        process = self._ray.remote(_Process).options(**options).remote(name, partial(cls, *args), self._policy)
        try:
            self._ray.get(process.status.remote(), timeout=_START_SECONDS)
        except RayError as error:
            raise ActorError(f"actor {name!r} cannot be started: {error}") from error
        self._refs[name] = _ProcessRef(name, process)
        return self._refs[name]

    def report(self) -> tuple[ActorStatus, ...]:
        """How the actors are that were spawned from this process, by name."""
        return tuple(ref.status() for _, ref in sorted(self._refs.items()))

    def close(self) -> None:
        """Stop all actors, and what was started for them. A second call does nothing."""
        while self._refs:
            self._refs.popitem()[1].stop()
        if self._ray.is_initialized():
            self._ray.shutdown()

    def __reduce__(self) -> tuple[Callable[..., RayRuntime], tuple[Policy]]:
        return _runtime_inside, (self._policy,)


def _runtime_inside(policy: Policy) -> RayRuntime:
    """The runtime, as an actor has it that is run by it."""
    return RayRuntime(policy=policy)
