"""The exercises, a file each. A new file is found by itself: its ``EXERCISE`` is all that it must have."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from modelserving.errors import ConfigError
from modelserving.workshop.lesson.exercise import Exercise

__all__ = ["all_exercises", "find_exercise"]


@cache
def all_exercises() -> tuple[Exercise, ...]:
    """Every exercise, by lesson and name."""
    modules = (import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    exercises: list[Exercise] = [module.EXERCISE for module in modules]
    return tuple(sorted(exercises, key=lambda exercise: (exercise.lesson, exercise.id)))


def find_exercise(name: str) -> Exercise:
    """The exercise with this id. Its own module is looked into first, and alone: some others bring an engine along.

    Raises:
        ConfigError: there is none.
    """
    module = name.replace("-", "_")
    if module in (found.name for found in pkgutil.iter_modules(__path__)):
        found: Exercise = import_module(f"{__name__}.{module}").EXERCISE
        return found
    for exercise in all_exercises():
        if exercise.id == name:
            return exercise
    known = ", ".join(exercise.id for exercise in all_exercises())
    raise ConfigError(f"There is no exercise {name!r}. Known: {known}.")
