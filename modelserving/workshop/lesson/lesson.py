"""A lesson in a kernel: the broker, topics and groups of its own, what runs behind its cells, and its exercises."""

from __future__ import annotations

import atexit
import secrets
import shutil
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Any, Self

from kafka import KafkaConsumer, KafkaProducer

from modelserving.broker import EmbeddedKafka, stop, use_broker
from modelserving.config import Settings, load_settings
from modelserving.errors import ConfigError
from modelserving.kafka import Connection, create_topics, make_admin, make_consumer, make_producer
from modelserving.records import TOPICS
from modelserving.workshop.display.boxes import Box, Folded, Table, Tone, verdict_box
from modelserving.workshop.display.predictions import Asked, Predictions
from modelserving.workshop.exercises import find_exercise
from modelserving.workshop.lesson import lesson_topics
from modelserving.workshop.lesson.exercise import Exercise, judge
from modelserving.workshop.lesson.notebook import show_errors_short
from modelserving.workshop.lesson.progress import Progress
from modelserving.workshop.lesson.reset import Reset, carry_out, plan_exercise_reset, plan_lesson_reset
from modelserving.workshop.processes.background import BackgroundTask

__all__ = ["Lesson", "start"]

_open: dict[str, Lesson] = {}


class Lesson:
    """One lesson in one kernel. ``start`` makes it.

    Args:
        number: two digits, as in the notebook's name.
        connection: the way to the broker.
        settings: where local files go.
        stack: what the lesson stands on, such as the connection; ``close`` closes it.
        fast: whether nobody watches, so that waits and repetitions may be short.
    """

    def __init__(
        self, number: str, connection: Connection, settings: Settings, stack: ExitStack, *, fast: bool = False
    ) -> None:
        self.number = number
        self.prefix = f"lesson-{number}"
        self.topics = TOPICS.prefixed(self.prefix)
        self.connection = connection
        self.settings = settings
        self.fast = fast
        self.progress = Progress.of(settings)
        self.predictions = Predictions(number, settings.home / "predictions.json")
        self._busy: tuple[str, ...] = ()
        self._named: dict[str, ExitStack] = {}
        self._stack = stack
        # Below all that is managed later, so that a broker that was started again outlives its users here too.
        self._restarted = stack.enter_context(ExitStack())
        self._admin = make_admin(connection)
        self._stack.callback(self._admin.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<lesson {self.number}: topics {self.prefix}-*>"

    @property
    def folder(self) -> Path:
        """A folder for files of this lesson's own; ``reset()`` deletes it."""
        path = self.settings.home / "lessons" / self.prefix
        path.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def external(self) -> bool:
        """Whether the broker is a cluster that somebody else runs, so that the lesson cannot stop it."""
        return self.settings.bootstrap_servers is not None

    def group(self, name: str) -> str:
        """The name of a consumer group of this lesson's own, which has read nothing yet."""
        full = f"{self.prefix}-{name}"
        # Asked by name: a broker that has only just started does not list all the groups that it knows.
        busy = full in self._busy or lesson_topics.forget_groups(self._admin, [full])
        return f"{full}-{secrets.token_hex(2)}" if busy else full

    def topic(self, name: str, *, partitions: int = 1, compacted: bool = False) -> str:
        """Make one more topic of this lesson's own, empty.

        Args:
            name: its name after the prefix.
            partitions: how many.
            compacted: whether only the newest record of each key is to stay.

        Returns:
            Its full name.
        """
        full = f"{self.prefix}-{name}"
        if compacted and not self.external:
            lesson_topics.hurry_compaction(self._admin)
        lesson_topics.make_topic(self._admin, full, partitions=partitions, compacted=compacted)
        return full

    def scratch_topic(self, *, partitions: int = 1, compacted: bool = False) -> str:
        """Make a topic under a name that nobody had before; it is deleted when the lesson closes."""
        return self.topic(f"scratch-{secrets.token_hex(4)}", partitions=partitions, compacted=compacted)

    def producer(self) -> KafkaProducer:
        """A producer that sends each record at once, and is closed with the lesson, or when there is a newer one."""
        made: KafkaProducer = self.manage(lambda: make_producer(self.connection, linger_ms=0), name="producer")
        return made

    def consumer(self, topic: str, name: str, *, group: str | None = None) -> KafkaConsumer:
        """A consumer that begins at the start of a topic, and is closed with the lesson, or when there is a newer one.

        Args:
            topic: what to read.
            name: what to call it; a newer one of the same name takes its place.
            group: whom to share the topic with; none: it reads alone.
        """
        made: KafkaConsumer = self.manage(
            lambda: make_consumer(self.connection, topic, group=group), name=f"consumer {name}"
        )
        # Without the topic's partitions at hand, a group's first member joins for nothing, and joins again.
        made.partitions_for_topic(topic)
        return made

    def manage(self, resource: Any, name: str | None = None) -> Any:
        """Let something end with the lesson.

        Args:
            resource: a context manager, something with ``close()``, or a function that makes one of these.
            name: with a name, the former one of that name is ended first, so that a cell can be run twice.

        Returns:
            The resource; of a context manager, what it gives.
        """
        stack = self._stack
        if name is not None:
            self._end(name)
            stack = self._named[name] = self._stack.enter_context(ExitStack())
        made = resource() if callable(resource) else resource
        if hasattr(made, "__enter__"):
            return stack.enter_context(made)
        stack.callback(made.close)
        return made

    def background(self, function: Callable[[Event], object], name: str) -> BackgroundTask:
        """Run a function behind the cells until it ends, or the lesson does, or the same name is run again.

        Args:
            function: takes an event and returns soon after the event is set. It must not print.
            name: for messages.
        """
        task: BackgroundTask = self.manage(lambda: BackgroundTask(function, name), name=name)
        return task

    def wait_for(self, condition: Callable[[], Any], what: str, seconds: float = 30) -> Any:
        """Wait until ``condition()`` is true, and return what it said.

        Raises:
            KafkaError: it was not true in time; the message names ``what``.
        """
        return lesson_topics.wait_until(condition, what, seconds)

    def stop_broker(self) -> Box:
        """Stop the broker for everybody, as ``modelserving broker stop`` does in a terminal."""
        if self.external:
            return Box(
                "Not stopped", "The broker is a cluster that others run; this lesson leaves it alone.", Tone.WARN
            )
        stopped = stop(self.settings.home)
        return Box("Broker", "It is down: nothing answers any more." if stopped else "It was down already.", Tone.WARN)

    def start_broker(self) -> Box:
        """Start the broker again, as ``modelserving broker start`` does, but only until the lesson ends."""
        if not self.external:
            self._restarted.close()
            self._restarted.enter_context(EmbeddedKafka(home=self.settings.home))
        return Box("Broker", f"It answers at {self.connection.bootstrap_servers}.", Tone.GOOD)

    def predict(self, question: str, guess: str | float | None = None) -> Asked:
        """Ask what will happen, before it does; ``guess`` is the answer where there is nothing to click."""
        return self.predictions.ask(question, guess)

    def tell(self, question: str) -> Box:
        """What just happened, beside what was predicted; worked out with the variables of the cell that calls it."""
        return self.predictions.tell(question, sys._getframe(1).f_globals)

    def recap(self) -> Table:
        """All predictions of this lesson, and what came of them."""
        return self.predictions.recap()

    def check(self, exercise: str, answer: Any) -> Box:
        """Judge the answer to an exercise, and write the verdict down."""
        verdict = judge(self._exercise(exercise), self, answer)
        self.progress.note(verdict)
        return verdict_box(verdict)

    def hint(self, exercise: str) -> Box:
        """The next hint; after the last one, the last one again."""
        hints = self._exercise(exercise).hints
        number = min(self.progress.note_hint(exercise), len(hints) - 1)
        return Box(f"Hint {number + 1} of {len(hints)}", hints[number], Tone.QUIET)

    def solution(self, exercise: str) -> Folded:
        """A right answer, folded."""
        found = self._exercise(exercise)
        self.progress.note_solution(exercise)
        return Folded(f"One right answer to {exercise}: click to unfold", found.reference)

    def reset(self, exercise: str | None = None) -> None:
        """Say what goes, then delete it.

        Args:
            exercise: the exercise to begin again; none: this lesson's topics, groups, state and progress.
        """
        if exercise is not None:
            self._carry_out(plan_exercise_reset(self._exercise(exercise), self.settings))
            return
        for name in list(self._named):
            self._end(name)
        self._carry_out(plan_lesson_reset(self.number, self._admin, self.settings))
        self.predictions.forget()
        self.prepare()

    def prepare(self) -> int:
        """Make the lesson's topics anew, empty; forget its groups, and delete its files.

        Returns:
            How many topics an earlier run had left.
        """
        shutil.rmtree(self.settings.home / "lessons" / self.prefix, ignore_errors=True)
        left = lesson_topics.find_leftovers(self._admin, self.prefix)
        servers = (f"{self.prefix}-{kind}" for kind in ("stage", "actor", "streams"))
        self._busy = lesson_topics.delete(self._admin, left) + lesson_topics.forget_groups(self._admin, servers)
        create_topics(self.connection, self.topics)
        return len(left.topics)

    def close(self) -> None:
        """End what runs behind the cells. The topics stay until the next start. A second call does nothing."""
        if _open.get(self.number) is self:
            del _open[self.number]
        self._stack.close()

    def _exercise(self, name: str) -> Exercise:
        exercise = find_exercise(name)
        if exercise.lesson != self.number:
            raise ConfigError(f"Exercise {name!r} belongs to lesson {exercise.lesson}; this is lesson {self.number}.")
        return exercise

    def _end(self, name: str) -> None:
        if name in self._named:
            self._named.pop(name).close()

    def _carry_out(self, reset: Reset) -> None:
        print(reset)  # noqa: T201
        carry_out(reset, self._admin, self.settings)


def start(lesson: str, *, fast: bool = False, keep: bool = False, settings: Settings | None = None) -> Lesson:
    """Begin a lesson: find or start the broker, and give the lesson empty topics of its own.

    It prints three lines: which broker, what is the lesson's own, and how to begin again. Run it twice, and the second
    run ends what the first one left behind the cells, and empties the topics.

    Args:
        lesson: its number, two digits.
        fast: whether nobody watches, so that waits and repetitions may be short.
        keep: leave topics and groups of an earlier run as they are.
        settings: of the broker and the local files; the environment's by default.

    Raises:
        BrokerStartError: the embedded broker cannot start.
        BrokerUnavailable: no broker answers at the address in the settings.
    """
    show_errors_short()
    settings = settings or load_settings()
    stack = ExitStack()
    try:
        connection = stack.enter_context(use_broker(settings))
        if former := _open.get(lesson):  # not before: the broker would end and start again in between
            former.close()
        begun = Lesson(lesson, connection, settings, stack, fast=fast)
        left = 0 if keep else begun.prepare()
    except BaseException:
        stack.close()
        raise
    _open[lesson] = begun
    atexit.register(begun.close)
    _tell(begun, left)
    return begun


def _tell(lesson: Lesson, left: int) -> None:
    kind = "your cluster" if lesson.external else "started for this checkout, shared by its notebooks and servers"
    again = f" ({left} topics of an earlier run were emptied)" if left else ""
    lines = (
        f"Broker   Apache Kafka at {lesson.connection.bootstrap_servers}: {kind}",
        f"Yours    topics and consumer groups that begin with {lesson.prefix}-{again}",
        "Reset    run this cell again, or lesson.reset(): it says what it deletes",
    )
    print("\n".join(lines))  # noqa: T201
