"""A lesson in a kernel: its environment, and its exercises with hints, verdicts and progress."""

from __future__ import annotations

import atexit
import sys
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

from modelserving.broker import use_broker
from modelserving.broker.state import FileLock
from modelserving.config import Settings, load_settings
from modelserving.errors import ConfigError
from modelserving.kafka import Connection
from modelserving.widgets.dock import show_below
from modelserving.widgets.page_style import style_page
from modelserving.widgets.waiting import count_waits, waiting
from modelserving.workshop.display.boxes import Box, Folded, Table, Tone
from modelserving.workshop.display.predictions import Asked, Predictions
from modelserving.workshop.display.questions import find_question
from modelserving.workshop.exercises import find_exercise
from modelserving.workshop.lesson.environment import CLOSED, LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, Outcome, Verdict, code_of, judge
from modelserving.workshop.lesson.kept import take_turn
from modelserving.workshop.lesson.notebook import has_widgets, prepare_kernel, value_in_notebook, why_undefined
from modelserving.workshop.lesson.panel import Button, CheckResult, SideBySide, verdict_box
from modelserving.workshop.lesson.progress import Progress
from modelserving.workshop.lesson.reset import Reset, carry_out, plan_exercise_reset, plan_lesson_reset

_GONE_WITHIN_S = 5.0
_open: dict[str, Lesson] = {}
_HAPPENS_WITHIN_S = 90.0
_OTHERWISE = (
    "That happens when a cell was run twice, or left out, or a live view was stopped: open the view again, if there is "
    "one, and run the cells of this section again, from its first one. "
    "If it stays so, the lesson is wrong: please tell us."
)


class Lesson(LessonEnvironment):
    """One lesson in one kernel, with its exercises and predictions. ``start`` makes it.

    Its arguments are those of ``LessonEnvironment``.
    """

    def __init__(
        self, number: str, connection: Connection, settings: Settings, stack: ExitStack, *, fast: bool = False
    ) -> None:
        super().__init__(number, connection, settings, stack, fast=fast)
        self.predictions = Predictions.made_in(number, settings)

    @property
    def progress(self) -> Progress:
        """What was solved so far."""
        return Progress.of(self.settings)

    def close(self) -> None:
        """End what runs behind the cells. The topics stay until the next start. A second call does nothing."""
        if _open.get(self.number) is self:
            del _open[self.number]
        try:
            super().close()
        finally:
            show_below("")

    def predict(self, question: str, guess: str | float | None = None) -> Asked:
        """Ask what will happen, before it does; ``guess`` is the answer where there is nothing to click."""
        return self.predictions.ask(question, guess)

    def tell(self, question: str) -> Box:
        """What just happened, beside what was predicted; worked out with the variables of the cell that calls it.

        Raises:
            AssertionError: a claim of the lesson does not hold, and nobody watches. To a person it is said in a box.
            WaitTimeout: the text waits for something, and that does not happen.
        """
        names = sys._getframe(1).f_globals
        if (asked := find_question(self.number, question)).until:
            self.wait_for(partial(asked.has_happened, names), "it to happen", _HAPPENS_WITHIN_S)
        try:
            return self.predictions.tell(question, names)
        except AssertionError as error:
            if self.fast:
                raise
            return Box("It came out otherwise here", f"{error} {_OTHERWISE}", Tone.WARN)

    def recap(self) -> Table:
        """All predictions of this lesson, and what came of them."""
        return self.predictions.recap()

    def check(self, exercise: str, answer: Any) -> CheckResult:
        """Judge the answer to an exercise, and write the verdict down.

        The broker is started again first where it is down: that is no fault of the answer.
        """
        found = self._exercise(exercise)
        verdict = self._judge(found, answer)
        self.progress.note(verdict)
        show_below(verdict_box(verdict)._repr_html_())
        beside = SideBySide(code_of(answer), found.reference) if verdict.passed else None
        return CheckResult(verdict, beside, () if self.fast or not has_widgets() else self._buttons(found))

    def _judge(self, exercise: Exercise, answer: Any) -> Verdict:
        if self.closed:
            return Verdict(exercise.id, Outcome.CANNOT_CHECK, CLOSED)
        if why := why_undefined(exercise.answer):
            return Verdict(exercise.id, Outcome.NOT_ATTEMPTED, why)
        with waiting(f"the check of {exercise.id}"):
            mended = self.mend_broker()
            verdict = judge(exercise, self, answer)
            if verdict.outcome is Outcome.CANNOT_CHECK:
                mended = self.mend_broker() or mended
                return replace(verdict, message=f"{verdict.message} {mended} Run this cell again.".replace("  ", " "))
        return replace(verdict, message=f"{verdict.message} ({mended})") if mended else verdict

    def hint(self, exercise: str) -> Box:
        """The next hint; after the last one, the last one again, and what comes after it."""
        hints = self._exercise(exercise).hints
        asked = self.progress.note_hint(exercise)
        number = min(asked, len(hints) - 1)
        last = f" That was the last one; `lesson.solution({exercise!r})` shows a right answer."
        return Box(
            f"Hint {number + 1} of {len(hints)}", hints[number] + (last if asked >= len(hints) else ""), Tone.QUIET
        )

    def solution(self, exercise: str) -> Folded:
        """A right answer, folded."""
        found = self._exercise(exercise)
        self.progress.note_solution(exercise)
        return Folded(f"One right answer to {exercise}: click to unfold", found.reference)

    def _buttons(self, exercise: Exercise) -> tuple[Button, ...]:
        """The same functions, to click."""
        name = exercise.id

        def check() -> CheckResult:
            return self.check(name, value_in_notebook(exercise.answer))

        def again() -> Folded:
            self.progress.forget(name)
            return Folded(
                "The progress of this exercise is forgotten. Its cell, as it was: click to unfold", exercise.stub
            )

        return (
            Button("Check", "Judge the answer as it is now; run its cell first", check),
            Button("Hint", "The next hint", lambda: self.hint(name)),
            Button("Solution", "One right answer, folded", lambda: self.solution(name)),
            Button("Reset", "Forget the progress of this exercise, and show its cell as it was", again),
        )

    def reset(self, exercise: str | None = None) -> None:
        """Say what goes, then delete it.

        Args:
            exercise: the exercise to begin again; none: this lesson's topics, groups, state and progress.
        """
        if exercise is not None:
            self._carry_out(plan_exercise_reset(self._exercise(exercise), self.settings))
            return
        for name in reversed(self._named.copy()):  # as at the end: what was begun last may use what was there before
            self._end(name)
        self._carry_out(plan_lesson_reset(self.number, self._admin, self.settings))
        self.prepare()

    def _exercise(self, name: str) -> Exercise:
        exercise = find_exercise(name)
        if exercise.lesson != self.number:
            raise ConfigError(f"Exercise {name!r} belongs to lesson {exercise.lesson}; this is lesson {self.number}.")
        return exercise

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
        keep: leave topics and groups of an earlier run as they are, or share those of a kernel that has it open.
        settings: of the broker and the local files; the environment's by default.

    Raises:
        ConfigError: another kernel of this home has the lesson open, and would lose its topics.
        BrokerStartError: the embedded broker cannot start.
        BrokerUnavailable: no broker answers at the address in the settings.
    """
    prepare_kernel()
    count_waits(not fast)
    settings = settings or load_settings()
    stack = ExitStack()
    try:
        with waiting("the broker"):
            connection = stack.enter_context(use_broker(settings))
        if former := _open.get(lesson):  # not before: the broker would end and start again in between
            former.close()
        shared = not _claim(lesson, settings, stack)
        if shared and not keep:
            raise ConfigError(
                f"Lesson {lesson} is open in another kernel, and starting it here would empty its topics there. Go on "
                "there; or end it there (its clean-up cell, or Kernel, Shut Down Kernel), and run this cell again."
            )
        begun = Lesson(lesson, connection, settings, stack, fast=fast)
        left = 0 if keep else begun.prepare()
    except BaseException:
        stack.close()
        raise
    _open[lesson] = begun
    atexit.register(begun.close)
    _tell(begun, left, shared)
    return begun


def _claim(lesson: str, settings: Settings, stack: ExitStack) -> bool:
    """Have a lesson for this kernel alone, until it is closed or the kernel ends, however that ends.

    A kernel that is just being restarted may take a moment to be gone.

    Returns:
        Whether no other has it.
    """
    folder = settings.home / "open"
    folder.mkdir(parents=True, exist_ok=True)
    lock = stack.enter_context(FileLock(folder / f"lesson-{lesson}"))
    return take_turn(lock, folder, _GONE_WITHIN_S)


def _tell(lesson: Lesson, left: int, shared: bool) -> None:
    kind = "your cluster" if lesson.external else "started for this checkout, shared by its notebooks and servers"
    again = f" ({left} topics of an earlier run were emptied)" if left else ""
    if shared:
        again = " (shared with another kernel, which has this lesson open)"
    lines = (
        f"Broker   Apache Kafka at {lesson.connection.bootstrap_servers}: {kind}",
        f"Yours    topics and consumer groups that begin with {lesson.prefix}-{again}",
        "Reset    run this cell again, or lesson.reset(): it says what it deletes",
    )
    print("\n".join(lines))  # noqa: T201
    style_page()
