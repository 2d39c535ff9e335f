"""A life that outlasts the broker's restarts: session after session, each from what was committed."""

from __future__ import annotations

import gc
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import NoReturn

import anyio
from kafka.errors import FencedInstanceIdError, InvalidProducerEpochError, KafkaError, ProducerFencedError

from modelserving import jvm
from modelserving.errors import BrokerUnavailable, RegistryUnavailable, ServerError, first_error

log = logging.getLogger(__name__)

_FENCES = 3
_FENCED_WITHIN_S = 60.0
_RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0)


class FailureRate:
    """How often something failed lately.

    Args:
        count: so many failures,
        within_s: within so many seconds, are often.
    """

    def __init__(self, count: int, within_s: float) -> None:
        self._moments: deque[float] = deque(maxlen=count)
        self._within_s = within_s

    def note(self) -> None:
        """It failed now."""
        self._moments.append(time.monotonic())

    @property
    def often(self) -> bool:
        """Whether the last failures came one soon after the other; how long ago that was does not matter."""
        moments = self._moments
        return len(moments) == moments.maxlen and moments[-1] - moments[0] < self._within_s


async def run_sessions(
    session: Callable[[], Awaitable[None]],
    progress: Callable[[], object],
    pausing: Callable[[], object],
    broken: str = "results cannot be committed now",
) -> NoReturn:
    """Run one session after the other, until cancelled. The pauses grow while nothing is achieved.

    Args:
        session: scores until something breaks.
        progress: anything that is another thing when results were committed.
        pausing: called when a session has ended.
        broken: what that means, for the log.

    Raises:
        ServerError: another server goes by the same name.
    """
    failures = 0
    fences: list[float] = []
    while True:
        before = progress()
        try:
            await session()
        except* (KafkaError, BrokerUnavailable, RegistryUnavailable) as errors:
            reason = first_error(errors)
        fences = _count_fences(reason, fences)
        failures = 0 if progress() != before else failures + 1
        pausing()
        pause = _RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)]
        log.warning("%s (%r); again from the last commit in %g s", broken, reason, pause)
        await anyio.sleep(pause)


def _count_fences(reason: BaseException, before: list[float]) -> list[float]:
    """When another server has taken this one's name, lately; the first of two that see it thrice gives way.

    A broker that was away for long may fence a server once, without another one.

    Raises:
        ServerError: there is another one.
    """
    if not isinstance(reason, FencedInstanceIdError | ProducerFencedError | InvalidProducerEpochError):
        return []
    now = time.monotonic()
    fences = [*(moment for moment in before if now - moment < _FENCED_WITHIN_S), now]
    if len(fences) >= _FENCES:
        raise same_name(f"each took the other's place, {_FENCES} times in a row")
    log.warning("another server has taken this one's name in the group (%r)", reason)
    return fences


def same_name(what: str) -> ServerError:
    """What ends a server whose name in the group another one has, too.

    Args:
        what: has happened.
    """
    return ServerError(
        f"another server has the same name in the group: {what}. This one ends. "
        "Give each server an --instance of its own."
    )


def freeze_garbage_collection() -> None:
    """Take what is loaded so far, for good, out of what is searched for garbage, and leave Java's garbage to Java.

    TensorFlow alone brings a million objects. Searching them again and again, while records come and go, cost 40 % of
    the processor's time at full speed.
    """
    jvm.spare_collections()
    gc.collect()
    gc.freeze()
