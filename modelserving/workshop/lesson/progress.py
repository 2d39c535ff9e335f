"""Which exercises are solved, and how many hints were taken: a small local file that can be deleted at any time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from modelserving.config import Settings
from modelserving.workshop.lesson.exercise import Outcome, Verdict
from modelserving.workshop.lesson.kept import KeptFile


@dataclass(frozen=True, slots=True)
class ExerciseStep:
    """How far one exercise is.

    Args:
        outcome: of the latest check.
        attempts: checks of an answer that was filled in.
        hints: hints shown.
        solution_seen: whether the solution was unfolded before it passed.
    """

    outcome: str = Outcome.NOT_ATTEMPTED.value
    attempts: int = 0
    hints: int = 0
    solution_seen: bool = False

    @property
    def solved(self) -> bool:
        """Whether the latest check passed."""
        return self.outcome == Outcome.PASSED.value


class Progress:
    """The progress file.

    Args:
        path: where it is; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept = KeptFile(path)

    @classmethod
    def of(cls, settings: Settings) -> Progress:
        """The progress file of a home folder."""
        return cls(settings.home / "progress.json")

    def step(self, exercise: str) -> ExerciseStep:
        """How far an exercise is."""
        return self.steps().get(exercise, ExerciseStep())

    def steps(self) -> dict[str, ExerciseStep]:
        """All exercises that were begun, by id. A file that cannot be read counts as none."""
        return _steps(self._kept.read())

    def note(self, verdict: Verdict) -> None:
        """Write down what a check found. A stub that was merely run, or a broker that was away, changes nothing."""
        if verdict.outcome in {Outcome.NOT_ATTEMPTED, Outcome.CANNOT_CHECK}:
            return
        self._change(
            verdict.exercise, lambda step: replace(step, outcome=verdict.outcome.value, attempts=step.attempts + 1)
        )

    def note_hint(self, exercise: str) -> int:
        """Count one more hint.

        Returns:
            How many there were before this one.
        """
        before = self.step(exercise).hints
        self._change(exercise, lambda step: replace(step, hints=step.hints + 1))
        return before

    def note_solution(self, exercise: str) -> None:
        """Write down that the solution was shown."""
        self._change(exercise, lambda step: replace(step, solution_seen=step.solution_seen or not step.solved))

    def forget(self, *exercises: str) -> None:
        """Forget these exercises."""
        self._kept.change(lambda stored: {name: step for name, step in stored.items() if name not in exercises})

    def _change(self, exercise: str, change: Callable[[ExerciseStep], ExerciseStep]) -> None:
        def changed(stored: Mapping[str, Any]) -> dict[str, Any]:
            steps = _steps(stored)
            now = change(steps.get(exercise, ExerciseStep()))
            return {name: asdict(step) for name, step in {**steps, exercise: now}.items()}

        self._kept.change(changed)


def _steps(stored: Mapping[str, Any]) -> dict[str, ExerciseStep]:
    """As they stand in the file; of one that somebody spoiled, none."""
    try:
        return {name: ExerciseStep(**fields) for name, fields in stored.items()}
    except TypeError:
        return {}
