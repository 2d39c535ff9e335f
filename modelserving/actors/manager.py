"""The manager: one serving actor per data type, made when the first model of that type appears.

It never waits. What it hands on is answered by whoever it was handed on to: the manager's own answer is where that
answer will be. So one data type that is slow, or hangs, does not keep the others from being asked and answered. (The
server around it waits for all parts of a batch before the next one, and for one change of models before the next: a
data type that hangs holds these up until it is mended, and is seen at ``/healthz``.)
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from modelserving.actors.children import Child
from modelserving.actors.messages import (
    Answers,
    AskType,
    Delivery,
    Part,
    Prepare,
    ReportActors,
    Restore,
    RestoreAll,
    Routed,
    SaveWhenDue,
    ScoreBatch,
    SetSlots,
    TellType,
)
from modelserving.actors.pool import WorkerPool
from modelserving.actors.runtime.api import Life, Ref, Runtime
from modelserving.actors.serving import ServingActor, ServingSettings
from modelserving.actors.state.persistence import find_saved
from modelserving.errors import ActorError, BrokerUnavailable, RegistryUnavailable
from modelserving.kafka.dead_letters import DeadLetter
from modelserving.kafka.messages import Message
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.records.decoder import RecordDecoder
from modelserving.serving.messages import Batch
from modelserving.serving.scoring import score_batch

log = logging.getLogger(__name__)


class ManagerActor:
    """Routes records and models to the actors of their data types.

    Args:
        runtime: runs those actors.
        settings: for them.
    """

    def __init__(self, runtime: Runtime, settings: ServingSettings) -> None:
        self._runtime = runtime
        self._settings = settings
        self._decoder = RecordDecoder(settings.schemas, writers=settings.writers)
        self._children: dict[str, Child] = {}

    def receive(self, message: object, /) -> object:
        """Handle a message; see ``messages.py`` for what each means."""
        match message:
            case ScoreBatch():
                return self._route(message)
            case AskType(data_type, question):
                return self._ask(data_type, question)
            case TellType(data_type, news):
                self._tell(data_type, news)
            case RestoreAll(without):
                return self._restore_all(without)
            case ReportActors():
                return self._runtime.report()
            case _:
                raise ActorError(f"the manager cannot do anything with {type(message).__name__}.")
        return None

    def restarted(self) -> None:
        """Take the place of one that failed: the actors that it had were stopped, and come back with their state."""
        self._restore_all(frozenset())

    def close(self) -> None:
        """Stop the serving actors."""
        for child in self._children.values():
            child.ref.stop()
        self._children.clear()

    def _route(self, batch: ScoreBatch) -> Routed:
        """Garbage is dead, and records of a type that has no actor are skipped: both need no model.

        While nobody can say how records were written, all of them come again.
        """
        try:
            return self._route_known(batch)
        except (BrokerUnavailable, RegistryUnavailable) as error:
            log.warning("records wait: %s", error)
            return Routed((Part(batch.messages, None),))

    def _route_known(self, batch: ScoreBatch) -> Routed:
        parts: list[Part] = []
        dead: tuple[DeadLetter, ...] = ()
        skipped, skipped_types = 0, list[str]()
        for data_type, group in self._sort(batch).items():
            child = self._children.get(data_type)
            if not data_type:
                dead = score_batch(Batch(group), ModelSlots(), self._decoder).dead
            elif child is None:
                skipped += len(group)
                skipped_types.append(data_type)
            else:
                asked = ScoreBatch(tuple(group), batch.suspected)
                parts.append(Part(asked.messages, child.request(asked), data_type))
        return Routed(tuple(parts), Answers(dead=dead, skipped=skipped, skipped_types=tuple(skipped_types)))

    def _sort(self, batch: ScoreBatch) -> Mapping[str, Sequence[Message]]:
        return {batch.data_type: batch.messages} if batch.data_type else self._decoder.sort(batch.messages)

    def _ask(self, data_type: str, question: object) -> Delivery:
        child = self._child_for(data_type, question)
        return Delivery(True, child.request(question)) if child else Delivery(False)

    def _tell(self, data_type: str, news: object) -> None:
        child = self._children.get(data_type)
        if child is None or (isinstance(news, SaveWhenDue) and child.ref.waiting):
            return  # who has work to do thinks of saving by itself
        child.tell(news)

    def _child_for(self, data_type: str, question: object) -> Child | None:
        """The actor of a data type. A new model makes one, where there is none or the one there was is given up."""
        child = self._children.get(data_type)
        if isinstance(question, SetSlots | Prepare | Restore) and (child is None or self._is_given_up(child)):
            if child is not None:
                child.ref.stop()
            child = self._children[data_type] = Child(self._spawn(data_type))
        return child

    def _is_given_up(self, child: Child) -> bool:
        return any(status.name == child.ref.name and status.life is Life.GIVEN_UP for status in self._runtime.report())

    def _spawn(self, data_type: str) -> Ref:
        settings, name = self._settings, f"serving {data_type}"
        if settings.workers > 1:
            return self._runtime.spawn(
                WorkerPool, self._runtime, data_type, settings, name=name, mailbox=settings.mailbox
            )
        return self._runtime.spawn(ServingActor, data_type, settings, name=name, mailbox=settings.mailbox)

    def _restore_all(self, without: frozenset[str]) -> tuple[str, ...]:
        saved = [name for name in find_saved(self._settings.folder) if name not in {*without, *self._children}]
        for data_type in saved:
            self._ask(data_type, Restore())
        return tuple(saved)
