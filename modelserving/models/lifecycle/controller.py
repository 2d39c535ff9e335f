"""Where messages about models end up, and models come from: from a message to an update that a server can apply.

It reads no topic itself, so that a consumer, a Kafka Streams global store or a test can bring the messages.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping

from modelserving.errors import BrokerUnavailable, CommandRefused, ModelRefused, ModelUnreachable
from modelserving.kafka.dead_letters import DeadLetter
from modelserving.kafka.gaps import Gap
from modelserving.kafka.messages import Message, dead_letter, letter_of
from modelserving.models.info import LoadedModel, SlotsUpdate
from modelserving.models.lifecycle.build import build_candidate
from modelserving.models.lifecycle.fetch import NOTHING_ALLOWED, FetchPolicy
from modelserving.models.lifecycle.history import History
from modelserving.models.lifecycle.order import LogPosition, ModelRef
from modelserving.models.lifecycle.reconcile import Build, Reconciler
from modelserving.models.store.repository import ModelRepository
from modelserving.records import ModelDescriptor, Topics, decode_command, decode_descriptor

log = logging.getLogger(__name__)

_KEPT_BYTES = 64 * 1024 * 1024
_COMMAND = 1
_AHEAD_MS = 60_000

Recall = Callable[[LogPosition], Message | None]
"""Reads a message of the models topic again; ``None`` if it is not there, ``BrokerUnavailable`` if nobody says so."""


def position_of(message: Message, topics: Topics) -> LogPosition:
    """The position of a message in the one order of models and commands."""
    rank = _COMMAND if message.topic == topics.control else 0
    return LogPosition(message.timestamp, rank, message.partition, message.offset)


class ModelController:
    """Takes messages of the models and the control topic; builds, checks and orders what follows from them.

    Any thread may call anything; one at a time builds, and one at a time applies updates.

    Args:
        topics: which topic is which.
        refuse: takes a dead letter for a model that is not fit to serve, or a command that cannot be followed.
        build: from a descriptor to a model that is fit to serve.
        repository: keeps what serves, and has what compaction took; or ``None``.
        fetch: which models by reference are fetched, and how often it is tried.
        recall: reads a message again whose bytes are not in memory any more.
    """

    def __init__(
        self,
        topics: Topics,
        refuse: Callable[[DeadLetter], object],
        *,
        build: Callable[[ModelDescriptor], LoadedModel] = build_candidate,
        repository: ModelRepository | None = None,
        fetch: FetchPolicy = NOTHING_ALLOWED,
        recall: Recall = lambda _: None,
    ) -> None:
        self._topics = topics
        self._refuse = refuse
        self._build = build
        self._repository = repository
        self._fetch = fetch
        self._recall = recall
        self._lock, self._applying = threading.RLock(), threading.Lock()
        self._reconciler = Reconciler(History(repository.find) if repository else History())
        self._messages: dict[LogPosition, Message] = {}
        self._commands: dict[LogPosition, Message] = {}
        self._live: set[LogPosition] = set()
        self._tries: dict[ModelRef, int] = {}
        self._due: dict[ModelRef, float] = {}
        self._waiting = False
        self._gone: dict[str, str] = {}
        self.refused = 0

    @property
    def overtaken(self) -> int:
        """How many models were overtaken by a newer one before they could serve."""
        return self._reconciler.overtaken

    @property
    def data_types(self) -> tuple[str, ...]:
        """The data types that the topics have spoken of, also those whose models are retired, in alphabetical order."""
        with self._lock:
            return tuple(sorted(self._reconciler.history.desired().slots))

    @property
    def absent(self) -> Mapping[str, str]:
        """For each data type whose last word means a model that is nowhere: what is wrong, and how to mend it."""
        with self._lock:
            desired = self._reconciler.history.desired()
            commanded = {name: desired.problems[position] for name, position in desired.absent.items()}
            return dict(sorted({**self._gone, **commanded}.items()))

    @property
    def pause(self) -> float | None:
        """Seconds until ``build`` is to be called again, for a source that did not answer; ``None``: there is none."""
        with self._lock:
            return max(min(self._due.values()) - time.monotonic(), 0.0) if self._waiting else None

    def take(self, message: Message, live: bool = True) -> None:
        """Note what a message says; one that says nothing becomes a dead letter.

        Args:
            message: of the models topic, or of the control topic.
            live: whether it came just now. A command of the past that cannot be followed any more is a dead letter
                only if the model that it names is wanted to this day.
        """
        position = position_of(message, self._topics)
        _warn_of_the_future(message)
        try:
            if position.rank == _COMMAND:
                self._take_command(message, position, live)
            else:
                self._take_model(message, position, live)
        except Exception as error:  # noqa: BLE001 - whatever a stranger wrote
            self._send_back(message, "control" if position.rank == _COMMAND else "model", error)

    def pass_over(self, gap: Gap) -> None:
        """Note what could not be read."""
        self.refused += 1
        log.warning("passed over: %s", gap)
        self._refuse(letter_of(gap))

    def update(self, only_current: bool = False) -> SlotsUpdate | None:
        """What the server has to apply now, and to report with ``done`` before it asks again; ``None``: nothing.

        It waits for no model that another thread builds meanwhile: a command that takes one away is obeyed at once.
        ``only_current`` as for ``settle``.
        """
        with self._lock:
            return self._reconciler.next_update(only_current, self._postponed())

    def build(self, only_current: bool = False) -> bool:
        """Build the next model that is wanted, or find it unfit. ``only_current`` as for ``settle``.

        Returns:
            Whether there is more to do: ask for updates, and call again. If not, all is as desired, but for models
            that are retried after a ``pause``.
        """
        with self._lock:
            postponed = self._postponed()
            step = self._reconciler.next_step(only_current, postponed)
            waiting = step is None and bool(postponed)
            self._waiting = waiting and self._reconciler.next_step(only_current) is not None
            failed = self._end_commands(only_current) if step is None and not self._waiting else []
        if isinstance(step, Build):
            self._try(step)
        for message, reason in failed:
            self._send_back(message, "control", CommandRefused(reason))
        return step is not None

    def done(self, update: SlotsUpdate) -> None:
        """An update was applied."""
        with self._lock:
            self._reconciler.done(update)

    def settle(self, apply: Callable[[SlotsUpdate], object], only_current: bool = False) -> None:
        """Work until all is as desired, but for models that are retried after a ``pause``.

        Args:
            apply: carries an update out.
            only_current: leave previous models and shadows for later.
        """
        self.apply_updates(apply, only_current)
        while self.build(only_current):
            self.apply_updates(apply, only_current)

    def apply_updates(self, apply: Callable[[SlotsUpdate], object], only_current: bool = False) -> None:
        """Do what needs no model to be built; also while another thread is in ``settle``. Arguments as there."""
        with self._applying:
            while (update := self.update(only_current)) is not None:
                apply(update)
                self.done(update)

    def close(self) -> None:
        """Close the models that were built and are in no slot yet. A second call does nothing."""
        with self._lock:
            self._reconciler.close()

    def _take_command(self, message: Message, position: LogPosition, live: bool) -> None:
        command = decode_command(message.value)
        with self._lock:
            self._reconciler.history.add_command(command, position)
            self._gone.pop(command.data_type, None)
            self._commands[position] = message
            if live:
                self._live.add(position)

    def _take_model(self, message: Message, position: LogPosition, live: bool) -> None:
        descriptor = decode_descriptor(message.value)
        with self._lock:
            publication = self._reconciler.history.add_model(descriptor, position)
            self._gone.pop(descriptor.data_type, None)
            if live:
                self._reconciler.expect(publication)
            self._messages[position] = message
            while sum(len(kept.value or b"") for kept in self._messages.values()) > _KEPT_BYTES:
                del self._messages[next(iter(self._messages))]

    def _try(self, step: Build) -> None:
        """Build a model, away from the lock: messages are taken meanwhile, and may say that it is not wanted."""
        message = None
        try:
            message = self._message(step.ref.position)
            descriptor = self._fetch.fetch(self._descriptor(step, message))
            served = self._build(descriptor)
        except BrokerUnavailable as error:  # the model is on its topic, and nobody can say so now
            log.warning("model %s… of %s waits: %s", step.ref.digest[:12], step.data_type, error)
            with self._lock:
                self._due[step.ref] = time.monotonic() + 1
            return
        except Exception as error:  # noqa: BLE001 - whatever an engine raises
            if not (isinstance(error, ModelUnreachable) and self._postpone(step.ref, message, error)):
                self._give_up(step, message, error)
            return
        with self._lock:
            self._reconciler.built(step, served)
        if self._repository is not None and step.ref.position is not None:
            self._repository.keep(descriptor, step.ref.position.timestamp_ms)

    def _message(self, position: LogPosition | None) -> Message | None:
        """The message that has a model, while it is there."""
        if position is None:
            return None
        with self._lock:
            kept = self._messages.pop(position, None)
        return kept or self._recall(position)

    def _descriptor(self, step: Build, message: Message | None) -> ModelDescriptor:
        if message is not None:
            return decode_descriptor(message.value)
        found = self._repository.load(step.data_type, step.ref) if self._repository else None
        if found is None:
            raise ModelRefused(
                f"the model with digest {step.ref.digest[:12]}… is not on {self._topics.models} any more, "
                "and no repository has it. Publish it again."
            )
        return found

    def _postponed(self) -> Collection[ModelRef]:
        """The models that wait for a further try, without those whose time has come."""
        now = time.monotonic()
        self._due = {ref: due for ref, due in self._due.items() if due > now}
        return self._due.keys()

    def _postpone(self, ref: ModelRef, message: Message | None, error: ModelUnreachable) -> bool:
        """Leave a model for later, unless it was tried often enough. Nobody waits here: other work goes on."""
        pauses = self._fetch.pauses
        with self._lock:
            tries = self._tries[ref] = self._tries.get(ref, 0) + 1
            if tries > len(pauses):
                return False
            self._due[ref] = time.monotonic() + pauses[tries - 1]
            if message is not None and ref.position is not None:
                self._messages[ref.position] = message
        log.info("try %d of %d, the next in %g seconds: %s", tries, len(pauses) + 1, pauses[tries - 1], error)
        return True

    def _give_up(self, step: Build, message: Message | None, error: Exception) -> None:
        with self._lock:
            if message is None and self._reconciler.history.desired().slots[step.data_type].current == step.ref:
                self._gone[step.data_type] = str(error)
            self._reconciler.refused(step)
            tries = self._tries.pop(step.ref, 1)
        if isinstance(error, ModelUnreachable) and tries > 1:
            error = ModelUnreachable(f"{error} It was tried {tries} times. Publish it again when its place answers.")
        if message is not None:
            self._send_back(message, "model", error)
        else:
            self.refused += 1
            log.warning("model %s… of %s is not fit to serve: %s", step.ref.digest[:12], step.data_type, error)
            if (at := step.ref.position) is not None:
                source = self._topics.models, at.partition, at.offset
                key = step.data_type.encode()  # a message without bytes needs one
                self._refuse(DeadLetter(None, key, *source, "model", type(error).__name__, str(error)))

    def _end_commands(self, only_current: bool) -> list[tuple[Message, str]]:
        """Commands that cannot be followed, with the reason: those that came just now, or whose model is missed.

        Those that were followed are settled.
        """
        desired = self._reconciler.history.desired()
        wanted = (self._live | set(desired.absent.values())) & desired.problems.keys()
        failed = [
            (self._commands.pop(position), desired.problems[position])
            for position in list(self._commands)
            if position in wanted
        ]
        if not only_current:  # a previous model or a shadow that is yet to be built may still change that
            self._commands.clear()
            self._live.clear()
            self._tries.clear()
        return failed

    def _send_back(self, message: Message, stage: str, error: Exception) -> None:
        self.refused += 1
        log.warning("%s at %s[%d]@%d refused: %s", stage, message.topic, message.partition, message.offset, error)
        self._refuse(dead_letter(message, stage, error))


def _warn_of_the_future(message: Message) -> None:
    """Say it when a publisher's clock runs ahead, which only a topic with its publishers' clocks lets through."""
    ahead = message.timestamp - time.time() * 1000
    if ahead > _AHEAD_MS:
        said = message.topic, message.partition, message.offset, ahead // 60_000
        log.warning(
            "%s[%d]@%d is stamped %d minutes ahead of this machine's clock: what older clients, or others, say on the "
            "other topic counts as earlier until then, and is overtaken. Let the topic take the broker's clock "
            "(message.timestamp.type=LogAppendTime; /healthz has the command), then publish the model again.",
            *said,
        )
