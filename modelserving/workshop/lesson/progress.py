"""Which exercises are solved, and how many hints were taken: a small local file that can be deleted at any time."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from modelserving.config import Settings
from modelserving.system import write_atomically
from modelserving.workshop.lesson.exercise import Outcome, Verdict


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

    @classmethod
    def of(cls, settings: Settings) -> Progress:
        """The progress file of a home folder."""
        return cls(settings.home / "progress.json")

    def step(self, exercise: str) -> ExerciseStep:
        """How far an exercise is."""
        return self.steps().get(exercise, ExerciseStep())

    def steps(self) -> dict[str, ExerciseStep]:
        """All exercises that were begun, by id. A file that cannot be read counts as none."""
        try:
            stored = json.loads(self.path.read_text(encoding="utf-8"))
            return {name: ExerciseStep(**fields) for name, fields in stored.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def note(self, verdict: Verdict) -> None:
        """Write down what a check found. A stub that was merely run, or a broker that was away, changes nothing."""
        if verdict.outcome in {Outcome.NOT_ATTEMPTED, Outcome.CANNOT_CHECK}:
            return
        step = self.step(verdict.exercise)
        self._put(verdict.exercise, replace(step, outcome=verdict.outcome.value, attempts=step.attempts + 1))

    def note_hint(self, exercise: str) -> int:
        """Count one more hint.

        Returns:
            How many there were before this one.
        """
        step = self.step(exercise)
        self._put(exercise, replace(step, hints=step.hints + 1))
        return step.hints

    def note_solution(self, exercise: str) -> None:
        """Write down that the solution was shown."""
        step = self.step(exercise)
        self._put(exercise, replace(step, solution_seen=step.solution_seen or not step.solved))

    def forget(self, *exercises: str) -> None:
        """Forget these exercises."""
        self._write({name: step for name, step in self.steps().items() if name not in exercises})

    def _put(self, exercise: str, step: ExerciseStep) -> None:
        self._write({**self.steps(), exercise: step})

    def _write(self, steps: dict[str, ExerciseStep]) -> None:
        text = json.dumps({name: asdict(step) for name, step in sorted(steps.items())}, indent=1)
        write_atomically(self.path, text + "\n")
