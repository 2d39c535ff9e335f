"""A pool: several workers for one data type, and a router that deals out the work.

Each record is scored by one worker, each model is given to all of them. Worth it where scoring leaves the interpreter
to the others (TensorFlow, Java, another process); for a model in plain Python on threads it costs and brings nothing.

To everybody else a pool looks like one serving actor. The first worker persists the state: it is the one that counts,
saves and answers for all.

A pool that takes the place of one that failed starts its workers when those of the other have ended, and not before:
they have the same names, and the same folder. Until then it has no room for anything, and who asks it asks again.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from modelserving.actors.children import Child
from modelserving.actors.messages import (
    Committed,
    Confirm,
    Deferred,
    Describe,
    IsPrepared,
    Part,
    Prepare,
    Restore,
    Routed,
    SaveWhenDue,
    ScoreBatch,
    SetPrepared,
    SetSlots,
)
from modelserving.actors.routers import make_router
from modelserving.actors.runtime.api import Life, Runtime
from modelserving.actors.runtime.supervision import Failure
from modelserving.actors.serving import ServingActor, ServingSettings
from modelserving.actors.state.transfer import share
from modelserving.errors import ActorError, MailboxFull
from modelserving.kafka.messages import Message
from modelserving.models.lifecycle.state import ServingState
from modelserving.statistics import StatisticsSnapshot


class WorkerPool:
    """Scores the records of one data type with several actors.

    Args:
        runtime: runs the workers.
        data_type: which records.
        settings: how many workers, which router, and how they work.
    """

    def __init__(self, runtime: Runtime, data_type: str, settings: ServingSettings) -> None:
        self._runtime = runtime
        self._data_type = data_type
        self._settings = settings
        self._router = make_router(settings.router)
        self._names = [f"serving {data_type}/{number}" for number in range(settings.workers)]
        self._workers: list[Child] = []
        self._untold: list[object] = []
        self._has_workers()

    def receive(self, message: object, /) -> object:
        """Handle a message; see ``messages.py`` for what each means."""
        return self._handle(message) if self._has_workers() else self._put_off(message)

    def restarted(self) -> None:
        """Take the place of one that failed: with the models that its workers had."""
        if self._workers:
            self._give_all([Restore()] * len(self._workers))
        else:
            self._untold.append(Restore())

    def close(self) -> None:
        """Stop the workers."""
        for worker in self._workers:
            worker.ref.stop()

    def _handle(self, message: object) -> object:
        match message:
            case ScoreBatch(messages, suspected):
                return self._route(messages, suspected)
            case Committed():
                for worker in self._workers:
                    worker.tell(message)
            case SaveWhenDue() if not self._workers[0].ref.waiting:
                self._workers[0].tell(message)
            case SaveWhenDue():
                pass  # it has work to do, and thinks of it by itself
            case SetSlots(slots):
                return self._give_all([SetSlots(own) for own in share(slots, len(self._workers))])
            case Prepare() | SetPrepared() | Restore():
                return self._give_all([message] * len(self._workers))
            case IsPrepared() | Confirm():
                return self._ask_all(message, all_yes)
            case Describe():
                return self._ask_all(message, merge_states)
            case _:
                raise ActorError(f"a pool cannot do anything with {type(message).__name__}.")
        return None

    def _has_workers(self) -> bool:
        """Whether there are workers; if not, and nothing is in the way of them, they are started now."""
        if not self._workers and not self._is_waiting_for_others():
            try:
                for number in range(len(self._names)):
                    self._workers.append(self._start_worker(number))
            except BaseException:
                self.close()  # nobody else knows of those that stand already
                raise
            for news in self._untold:
                for worker in self._workers:
                    worker.tell(news)
            self._untold.clear()
        return bool(self._workers)

    def _is_waiting_for_others(self) -> bool:
        alive = (status.name for status in self._runtime.report() if status.life in {Life.RUNNING, Life.RESTARTING})
        return not set(self._names).isdisjoint(alive)

    def _start_worker(self, number: int) -> Child:
        settings, name = self._settings, self._names[number]
        return Child(
            self._runtime.spawn(
                ServingActor, self._data_type, settings, number == 0, name=name, mailbox=settings.mailbox
            )
        )

    def _put_off(self, message: object) -> object:
        """What becomes of a message as long as there are no workers."""
        match message:
            case ScoreBatch(messages):
                return Routed((Part(messages, None),))
            case Committed():
                self._untold.append(message)
            case SaveWhenDue():
                pass  # there is nothing yet
            case _:
                reason = f"the workers of {self._data_type!r} that were here before have not ended yet. Ask again."
                return Failure(MailboxFull(reason))
        return None

    def _route(self, messages: tuple[Message, ...], suspected: bool) -> Routed:
        hands = self._router.deal(messages, [worker.ref.waiting for worker in self._workers])
        return Routed(
            tuple(
                Part(tuple(hand), worker.request(ScoreBatch(tuple(hand), suspected)))
                for worker, hand in zip(self._workers, hands, strict=True)
                if hand
            )
        )

    def _ask_all(self, question: object, combine: Callable[[Sequence[Any]], Any]) -> Deferred | Failure:
        replies = [worker.request(question) for worker in self._workers]
        given = tuple(reply for reply in replies if reply is not None)
        return Deferred(given, combine) if len(given) == len(replies) else _no_room()

    def _give_all(self, messages: Sequence[object]) -> Deferred | Failure:
        """To all or to none: the first answers for all, and the others are told as soon as they have room."""
        reply = self._workers[0].request(messages[0])
        if reply is None:
            return _no_room()
        for worker, message in zip(self._workers[1:], messages[1:], strict=True):
            worker.tell(message)
        return Deferred((reply,), operator.itemgetter(0))


def _no_room() -> Failure:
    return Failure(MailboxFull("a worker of the pool has no room. Ask again."))


def all_yes(answers: Sequence[bool | None]) -> bool | None:
    """Yes, if all say so; else the first other answer."""
    return next((answer for answer in answers if not answer), True)


def merge_states(states: Sequence[ServingState | None]) -> ServingState | None:
    """The state of the first worker, who counts for all; but each has compared the shadow with what it has scored."""
    first = states[0]
    if first is None or first.shadow is None:
        return first
    same = [s.shadow for s in states if s and s.shadow and s.shadow.identity == first.shadow.identity]
    compared = sum(shadow.compared for shadow in same)
    return replace(
        first,
        shadow=replace(
            first.shadow,
            compared=compared,
            equal=sum(shadow.equal for shadow in same),
            mean_difference=sum(shadow.mean_difference * shadow.compared for shadow in same) / (compared or 1),
            max_difference=max(shadow.max_difference for shadow in same),
            errors=sum(shadow.errors for shadow in same),
            statistics=_merge_snapshots([shadow.statistics for shadow in same]),
        ),
    )


def _merge_snapshots(seen: Sequence[StatisticsSnapshot]) -> StatisticsSnapshot:
    """Of several histograms' figures; of the percentiles, the largest is true for all of them together."""
    some = [one for one in seen if one.count]
    if not some:
        return StatisticsSnapshot()
    return StatisticsSnapshot(
        sum(one.count for one in some),
        sum(one.sum_ns for one in some),
        min(one.min_ns for one in some),
        *(max(getattr(one, name) for one in some) for name in ("max_ns", "p50_ns", "p90_ns", "p99_ns")),
    )
