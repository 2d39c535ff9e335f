"""Every exercise proves itself: each answer that people get wrong is told what is wrong with it.

That its stub counts as not attempted and stops nothing, and that its reference passes, is proved where both stand: in
the lessons and their solutions, which ``tests/notebooks`` runs.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from modelserving.errors import ConfigError
from modelserving.workshop import Lesson
from modelserving.workshop.authoring.source import LessonSource, lesson_files, lesson_sources, read_lesson
from modelserving.workshop.exercises import all_exercises, find_exercise
from modelserving.workshop.lesson.exercise import Exercise, Outcome, Verdict, WrongAnswer, judge

EACH = pytest.mark.parametrize("exercise", all_exercises(), ids=lambda exercise: exercise.id)
FIRST = all_exercises()[0]
"""What `make check` tries, too; wrong answers to the others take a minute and a half: `make test` does."""


def tried(exercise: Exercise) -> Any:
    """As a parameter."""
    return pytest.param(exercise, id=exercise.id, marks=() if exercise is FIRST else pytest.mark.slow)


@pytest.mark.parametrize("exercise", [tried(exercise) for exercise in all_exercises()])
@pytest.mark.broker
def test_each_wrong_answer_fails_with_its_own_message(exercise: Exercise, begin: Callable[[str], Lesson]) -> None:
    """A mistake that people make gets the message written for it, and not one that was written for another mistake.

    They are checked one after the other in one lesson, as somebody makes them who tries until it is right.
    """
    lesson = begin(exercise.lesson)
    for wrong in exercise.wrong:
        verdict = answered(exercise, wrong.code, lesson)
        assert verdict.outcome is Outcome.FAILED, wrong.code
        assert wrong.message in verdict.message
        assert not [other.message for other in others(exercise, wrong) if other.message in verdict.message]


@EACH
def test_an_exercise_helps_in_steps(exercise: Exercise) -> None:
    """Each exercise has two or three hints, at least two known mistakes, and an answer that the stub defines."""
    assert 2 <= len(exercise.hints) <= 3
    assert len(exercise.wrong) >= 2
    assert exercise.answer in definitions(exercise.stub)
    assert exercise.answer in definitions(exercise.reference)


@pytest.mark.xdist_group("lessons")
def test_every_exercise_stands_in_its_lesson() -> None:
    """No exercise is without a place, and none stands in two."""
    directives = [cell.directive for source in lesson_sources() for cell in source.cells]
    placed = [directive[1][0] for directive in directives if directive and directive[0] == "exercise"]
    assert sorted(placed) == sorted(exercise.id for exercise in all_exercises())


def test_an_unknown_exercise_is_refused_with_the_known_ones() -> None:
    """A name that was mistyped gets the names that there are."""
    with pytest.raises(ConfigError, match="hello-broker"):
        find_exercise("helo-broker")


def answered(exercise: Exercise, code: str, lesson: Lesson) -> Verdict:
    """The verdict on an answer, given in a namespace as the notebook has it at that place."""
    namespace: dict[str, Any] = {"lesson": lesson}
    for definition in before(exercise):
        run(definition, namespace)
    run(code, namespace)
    return judge(exercise, lesson, namespace[exercise.answer])


def before(exercise: Exercise) -> Iterator[str]:
    """Imports and functions of the lesson's cells above the exercise; nothing that does anything."""
    for cell in source_of(exercise).cells:
        if cell.directive == ("exercise", (exercise.id,)):
            return
        if cell.kind == "code" and not cell.directive:
            kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
            yield "\n\n".join(ast.unparse(node) for node in ast.parse(cell.text).body if isinstance(node, kinds))


def source_of(exercise: Exercise) -> LessonSource:
    return read_lesson(next(path for path in lesson_files() if path.name.startswith(exercise.lesson)))


def run(code: str, namespace: dict[str, Any]) -> None:
    """Run code so that ``inspect`` finds its source, as it does in a notebook."""
    name = f"<answer {len(linecache.cache)}>"
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    exec(compile(code, name, "exec"), namespace)


def others(exercise: Exercise, wrong: WrongAnswer) -> list[WrongAnswer]:
    return [other for other in exercise.wrong if other.message != wrong.message]


def definitions(code: str) -> set[str]:
    body = ast.parse(code).body
    named = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)}
    assigned = [target for node in body if isinstance(node, ast.Assign) for target in node.targets]
    return named | {target.id for target in assigned if isinstance(target, ast.Name)}
